// The model function: one step of a decoder-only transformer, prefill and decode alike.
#pragma once

#include <cstdint>
#include <span>

#include "engine/backend/backend.h"
#include "engine/observer.h"
#include "engine/policy/policy.h"

namespace kvreel::engine {

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

// Runs `tokens`, whose first has original position `first_position`, through every layer. Each
// layer attends to all that its cache holds; then the policy decides and the cache is cut, before
// the next layer runs, so that the peak shows the saving.
ForwardResult forward(const ForwardContext& context, StepId at, std::span<const int32_t> tokens,
                      int64_t first_position);

// Now, in the observers' clock.
int64_t now_ns();

}  // namespace kvreel::engine
