// Retrieval from long texts: facts hidden in a text of your own.
//
// "needle" hides one fact at given depths, after the test by Kamradt (2023, "Needle in a haystack:
// pressure testing LLMs"); "ruler" hides several at depths drawn at random and asks for some of
// them, after the multi-key and multi-query tasks of RULER (Hsieh et al. 2024, arXiv 2404.06654).
// The words are kvreel's own, so scores are comparable with each other, not with those papers'.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/dataset_file.h"

namespace kvreel::engine {

struct HaystackOptions {
  int64_t context = 1024;                                // most prompt tokens
  std::vector<double> depths = {0, 0.25, 0.5, 0.75, 1};  // needle: share of the text before it
  int64_t count = 1;    // prompts for each depth; ruler: prompts in all
  int64_t keys = 4;     // ruler: facts hidden
  int64_t queries = 1;  // ruler: facts asked for
};

// Reads "context=4096,depths=0%+50%+100%,count=2,keys=4,queries=2"; "" is all defaults. `ruler`:
// its options, and a count of 10 by default. Throws UsageError for what does not fit.
HaystackOptions parse_haystack_options(std::string_view text, bool ruler);

// How many tokens the model reads for a text, special tokens included.
using CountTokens = std::function<int64_t(std::string_view text)>;

// Makes the prompts' fields: {context}, {key} or {keys}, and "depth". `format` is the template that
// they will fill: with it every prompt has at most options.context tokens, and one more sentence
// would not fit. `text` is repeated where it is too short. The same seed makes the same prompts.
// Throws Error where not one sentence fits.
DatasetRecords make_haystack(std::string_view text, const std::string& origin, bool ruler,
                             const HaystackOptions& options, const std::string& format,
                             uint64_t seed, const CountTokens& count_tokens);

}  // namespace kvreel::engine
