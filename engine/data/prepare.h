// From a prompt record to the tokens that are run: chat template, special tokens, truncation.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/data/prompts.h"
#include "engine/generate/generate.h"
#include "engine/model/model.h"

namespace kvreel::engine {

enum class Truncation : uint8_t { refuse, middle };

struct PrepareOptions {
  bool chat = false;   // render with the model's chat template; always so for records with messages
  std::string system;  // a system message before the user's, where not empty
  int64_t max_prompt_tokens =
      0;  // most prompt tokens; 0: what the model's positions leave beside max_new_tokens
  int64_t max_new_tokens = 64;
  Truncation truncation = Truncation::refuse;
  std::vector<std::string> metrics;  // of every sample with answers
  bool score_first_line = false;
};

// Throws Error where the prompt does not fit (and truncation is refused), where the model has no
// tokenizer or chat template and one is needed, and where the text is not UTF-8. Middle truncation
// keeps the first and the last half of the text's tokens and tokenizes the joined text again, as
// LongBench does.
Sample prepare_sample(const PromptRecord& record, const Model& model,
                      const PrepareOptions& options);

}  // namespace kvreel::engine
