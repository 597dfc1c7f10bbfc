// The model function: one step of a decoder-only transformer, prefill and decode alike.
#pragma once

#include <cstdint>
#include <span>

#include "engine/backend/backend.h"
#include "engine/generate/timed.h"
#include "engine/observer.h"
#include "engine/policy/policy.h"

namespace kvreel::engine {

// What happens beside the arithmetic when a layer has attended.
class LayerHook {
 public:
  virtual ~LayerHook() = default;
  // Statistics of the layer's attention that attended() reads.
  virtual StatisticsRequest needs(const DecisionPoint& point) const = 0;
  // The layer has attended to all that its cache holds, the step's rows among it. The cache may be
  // cut here, before the next layer runs.
  virtual void attended(const DecisionPoint& point, const AttentionStatistics& statistics) = 0;
};

struct StepContext {
  Backend& backend;
  KvCache& cache;
  Observer& observer;  // of spans and attention
  const ModelConfig& config;
  int64_t prompt_tokens = 0;
};

// Runs `tokens`, whose first has original position `first_position`, through every layer. Returns
// the logits of the last row: [vocab], valid until the backend's next call.
std::span<const float> run_layers(const StepContext& context, StepId at,
                                  std::span<const int32_t> tokens, int64_t first_position,
                                  LayerHook& hook);

struct ForwardContext {
  Backend& backend;
  KvCache& cache;
  const Policy& policy;
  Observer& observer;
  const ModelConfig& config;
  PassState* state = nullptr;  // of the policy
  int64_t prompt_tokens = 0;
};

struct ForwardResult {
  std::span<const float> logits;  // [vocab] of the last row, valid until the backend's next call
  int64_t decide_ns = 0;          // deciding and compacting
};

// run_layers() under a policy: when a layer has attended, the policy decides and the cache is cut,
// so that the peak shows the saving. Memory and decisions are announced too.
ForwardResult forward(const ForwardContext& context, StepId at, std::span<const int32_t> tokens,
                      int64_t first_position);

}  // namespace kvreel::engine
