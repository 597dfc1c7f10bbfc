// What is fixed for each known data set: layout, prompt, length, metrics.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvreel::engine {

enum class DatasetLayout : uint8_t {
  gsm8k,
  gpqa,
  theoremqa,
  truthfulqa,
  coqa,
  longbench,  // {input, context, answers, all_classes}, one object per line
  qmsum,      // meetings with their queries, or LongBench's
  trec,       // "NUM:dist How far ...", or LongBench's
  hotpotqa,   // questions with paragraphs, or LongBench's
  needle,     // made from any text
  ruler
};

struct DatasetPreset {
  std::string name;
  DatasetLayout layout;
  std::string title;                 // one line for help
  std::string format;                // the prompt, a template over the loader's fields
  std::vector<std::string> metrics;  // the first is the set's own
  int64_t max_new_tokens;            // ReFreeKV's (arXiv 2502.16886) where it uses the set
  int64_t longbench_tokens = 0;      // LongBench's where it differs, else 0
  bool truncate = false;             // cut out a long prompt's middle, as LongBench does
  bool first_line = false;           // only the answer's first line is scored
  bool in_chat = true;               // false: LongBench never wraps this set's prompts in a chat
  std::string system;                // system message; goes before the prompt without --chat
};

// All of them, in the order in which help lists them.
std::span<const DatasetPreset> dataset_presets();

// Throws UsageError for an unknown name with the nearest one, and for the Chinese sets of LongBench
// whose scores need a word segmenter.
const DatasetPreset& find_dataset(std::string_view name);

}  // namespace kvreel::engine
