// Where the prompts of a recording come from: a data set, a prompt file, or the command line.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/record_options.h"
#include "engine/data/prepare.h"
#include "engine/model/model.h"

namespace kvreel::cli {

struct RecordPrompts {
  std::vector<engine::PromptRecord> records;
  engine::PrepareOptions prepare;  // options given win over the data set's own
  nlohmann::json provenance;       // {"dataset", "path", "sha256", "metrics", "template", ...}
  std::vector<std::string> notes;  // what a person should know: records left out, and the like
};

// Throws UsageError for options that contradict each other, Error for files that do not fit.
// `model` needs no weights.
RecordPrompts collect_prompts(const RecordOptions& options, const engine::Model& model);

// The samples of the prompts. Adds to provenance and notes how many were shortened.
std::vector<engine::Sample> prepare_samples(RecordPrompts& prompts, const engine::Model& model);

// The text of --list-datasets: sets, lengths, metrics.
std::string list_datasets();

}  // namespace kvreel::cli
