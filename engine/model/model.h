// A model directory, opened: configuration, weights and tokenizer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "engine/model/config.h"
#include "engine/model/weights.h"
#include "engine/tokenizer/tokenizer.h"

namespace kvreel::engine {

struct LoadOptions {
  bool dummy_weights = false;  // made from `seed`, so that a config.json alone can be profiled
  uint64_t seed = 0;
};

struct Model {
  std::filesystem::path directory;
  ModelConfig config;
  Weights weights;
  std::optional<Tokenizer> tokenizer;  // none where the directory has no tokenizer.json
};

// Configuration and tokenizer alone: enough to prepare prompts and to estimate memory. Throws Error
// where a file is missing, malformed, or disagrees with another.
Model open_model(const std::filesystem::path& directory);

// Maps, or makes, the weights of an opened model.
void load_model_weights(Model& model, const LoadOptions& options);

// Both.
Model load_model(const std::filesystem::path& directory, const LoadOptions& options);

}  // namespace kvreel::engine
