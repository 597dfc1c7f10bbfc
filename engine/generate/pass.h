// One pass in the making: its prefill, own or shared, then decode steps until something ends it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "engine/backend/backend.h"
#include "engine/generate/cut.h"
#include "engine/generate/generate.h"
#include "engine/observer.h"
#include "engine/policy/policy.h"

namespace kvreel::engine {

// What the passes of one sample have in common. All that it names outlives them.
struct SampleContext {
  const ModelConfig& config;
  Backend& backend;
  const Tokenizer* tokenizer;  // null: pieces and text are empty
  const Sample& sample;
  int32_t sample_index = 0;
  const GenerateOptions& options;
  Observer& observer;
  const std::atomic<bool>& stop;

  int64_t prompt_tokens() const { return static_cast<int64_t>(sample.tokens.size()); }
  KvCache::Shape cache_shape() const;
};

// A prefill that was shared, as one of its runs finds it.
struct PrefillShare {
  const KvCache& full;               // the prompt's, uncut
  const PromptDecisions& decisions;  // of this run
  std::unique_ptr<PassState> state;  // of its policy, the decisions made
  Sampled first;                     // the token that the prompt leads to
  int64_t start_ns = 0;
  int64_t model_ns = 0;  // to the first token, nobody's deciding included
  int32_t owner = 0;     // the run that announced the model's part
};

class Pass {
 public:
  // Throws Error where the prompt has no tokens.
  Pass(const SampleContext& context, int32_t run, const Policy& policy);

  // Step 0: the model reads the prompt.
  void prefill();
  // Step 0: the model has read it, and the cache becomes what prefill() would have left.
  void prefill(PrefillShare share);
  // The steps after it. When `stop` becomes true, the step in progress is the last one.
  void decode();
  // Gives the cache's memory back.
  void release();
  // The pass counts as not finished.
  void interrupt() { result_.finish = FinishReason::interrupted; }
  // Announces the pass.
  PassResult finish();

  const PassResult& result() const { return result_; }

 private:
  StepId at(int32_t step) const { return {run_, context_.sample_index, step}; }
  Sampled sample_at(int32_t step, std::span<const float> logits) const;
  void announce_step(int32_t step, int64_t rows, const Sampled& sampled, int64_t start,
                     int64_t end) const;
  void note_prefill(int64_t prefill_ns, int64_t decide_ns);
  bool ends();

  const SampleContext& context_;
  int32_t run_;
  const Policy& policy_;
  std::unique_ptr<PassState> state_;
  std::optional<KvCache> cache_;
  int64_t position_ = 0;  // of the next token to be read
  PassResult result_;
  PassEvent event_;
};

}  // namespace kvreel::engine
