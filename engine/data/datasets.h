// Data sets by name: "gsm8k:test.jsonl" becomes prompts with answers, metrics and a length.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/dataset_preset.h"
#include "engine/data/haystack.h"
#include "engine/data/prompts.h"

namespace kvreel::engine {

// Whose lengths: those of ReFreeKV (arXiv 2502.16886), or LongBench's for its own sets.
enum class LengthPreset : uint8_t { refreekv, longbench };

// What --dataset names.
struct DatasetSpec {
  std::string name;  // a set's; "longbench" is already the set that the file holds
  std::filesystem::path path;
  std::string options;  // needle and ruler: what follows the file, "context=4096"
};

// Reads "NAME:FILE" or "needle:FILE,option=value,...". Opens the file for "longbench:FILE" only.
// Throws UsageError for an unknown name, with the nearest one.
DatasetSpec parse_dataset_spec(std::string_view text);

struct DatasetOptions {
  LengthPreset lengths = LengthPreset::refreekv;
  std::optional<std::string> format;  // instead of the set's template
  std::optional<std::string> system;  // instead of the set's system message
  bool chat = false;                  // without: the system message goes before the prompt
  uint64_t seed = 0;                  // of what is drawn: options' order, hidden facts
  int64_t offset = 0;                 // records to skip, of those that can be asked
  int64_t limit = 0;                  // 0: all
  CountTokens count_tokens;           // needed by needle and ruler
  int64_t positions = 0;              // of the model, which no made context may exceed; 0: unknown
};

// A data set made ready, with what belongs in the trace about it.
struct Dataset {
  DatasetPreset preset;  // with the options applied
  int64_t max_new_tokens = 0;
  std::vector<PromptRecord> prompts;
  int64_t records = 0;   // in the file, those left out included
  int64_t left_out = 0;  // that cannot be asked
  std::string left_out_why;
};

// Throws Error with file, place and remedy for another layout, missing fields, answers of the wrong
// type, and ids that are there twice. Not for "jsonl", which is read_prompts().
Dataset load_dataset(const DatasetSpec& spec, const DatasetOptions& options);

}  // namespace kvreel::engine
