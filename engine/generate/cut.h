// Decisions made, the cache that they cut, and the cutting of another cache by them again.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/cache/kv_cache.h"
#include "engine/observer.h"
#include "engine/policy/decision.h"
#include "engine/policy/policy.h"

namespace kvreel::engine {

// What a policy decided when a layer had attended: about that layer, and about earlier ones where
// budgets cascade.
struct LayerDecisions {
  int layer = 0;                    // whose turn it was
  std::vector<Decision> decisions;  // in the order in which they cut the cache
  int64_t start_ns = 0;             // of deciding
  int64_t end_ns = 0;

  int64_t decide_ns() const { return end_ns - start_ns; }
};

// Ascending by layer; layers at which the policy does not act are missing.
using PromptDecisions = std::vector<LayerDecisions>;

// Lets the policy decide. Reads the clock around it and announces nothing.
LayerDecisions decide(const Policy& policy, const LayerView& view);

// Cuts the cache and announces it: the keep span, the decisions, the bytes that remain. Returns the
// time that the cutting took.
int64_t cut_and_announce(const LayerDecisions& decided, KvCache& cache, StepId at,
                         Observer& observer);

// Makes the empty `cache` what a prefill with these decisions leaves behind, and has it hold the
// same bytes at every moment on the way: each layer is copied whole from `full`, the uncut cache of
// the same prompt, and then cut. Announces the bytes and the cuts as a prefill does. Returns the
// time that the cutting took, copies left out.
int64_t replay(const PromptDecisions& decided, const KvCache& full, KvCache& cache, StepId at,
               Observer& observer);

void announce_memory(const KvCache& cache, StepId at, int layer, MemoryCause cause,
                     Observer& observer);

}  // namespace kvreel::engine
