// One pass: a prompt is prefilled, cut by a policy, and continued token by token.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/generate/sampler.h"
#include "engine/model/config.h"
#include "engine/observer.h"
#include "engine/policy/policy.h"
#include "engine/tokenizer/tokenizer.h"

namespace kvreel::engine {

struct GenerateOptions {
  int64_t max_new_tokens = 64;
  std::vector<int32_t> stop_ids;
  SamplingOptions sampling;
  kernels::DType cache_dtype = kernels::DType::f32;
  int32_t page_rows = 32;  // positions per page of the KV cache
};

// A prompt made ready: tokens, and what is known about it.
struct Sample {
  std::string id;
  std::string text;
  std::vector<int32_t> tokens;
  std::vector<std::string> pieces;  // bytes of each token
  std::vector<std::string>
      answers;           // as the model's tokenizer would write them, special tokens left out
  std::string metadata;  // JSON object
  int64_t original_tokens = 0;
  std::vector<std::string> metrics;      // names of scores/metrics.h, for PassEvent::scores
  std::vector<std::string> all_classes;  // what the metric "classification" chooses from
  bool score_first_line = false;         // only the text's first line is scored
};

struct PassResult {
  FinishReason finish = FinishReason::stop_token;
  std::vector<int32_t> tokens;  // generated, the stop token included
  std::string text;
  double budget = 1;
};

// Runs one pass and announces it. `tokenizer` may be null: pieces and text are then empty. When
// `stop` becomes true the pass ends after the step in progress with FinishReason::interrupted.
PassResult run_pass(const ModelConfig& config, Backend& backend, const Tokenizer* tokenizer,
                    const Sample& sample, const Policy& policy, const GenerateOptions& options,
                    int32_t run_index, int32_t sample_index, Observer& observer,
                    const std::atomic<bool>& stop);

// 1 where the text equals one of the answers, surrounding white space aside; 0 where not; -1
// without answers.
int exact_match(std::string_view text, std::span<const std::string> answers);

}  // namespace kvreel::engine
