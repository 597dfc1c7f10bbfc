// How far a run's next-token distributions are from the full cache's, and how much attention the
// full cache pays to what the run has evicted.
//
// Both read the reference run's tokens (teacher forcing), so that every step compares the same
// context, and one early wrong token does not hide what follows.
#pragma once

#include <cstdint>
#include <span>

#include "engine/generate/pass.h"
#include "engine/policy/policy.h"

namespace kvreel::engine {

// KL(p || q) in nats of two softmaxes at temperature 1, p from `full` and q from `run`: [vocab]
// logits each. In double, with the largest logit subtracted. At least 0.
double kl_divergence(std::span<const float> full, std::span<const float> run);

struct FidelityTask {
  const SampleContext& context;
  KvCache& full;  // the prompt's, uncut; grows on the way and is cut back to the prompt
  int32_t run = 0;
  const Policy& policy;
  PassState* state = nullptr;  // of the policy, the prompt's decisions made
  const PromptDecisions& decisions;
  std::span<const int32_t> tokens;  // of the reference run
  int64_t most_steps = 0;
};

// Announces one FidelityEvent for each step 1 .. tokens - 1, at most `most_steps`, and one
// LostAttentionEvent for each of its layers. The run's cache is made anew from its decisions; a
// policy that evicts while decoding acts again. Lost is what the full cache's row pays to positions
// that the run does not hold when it attends in the same step. Returns false when `stop` ended it
// early.
bool measure_fidelity(const FidelityTask& task);

}  // namespace kvreel::engine
