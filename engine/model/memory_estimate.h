// How much memory a recording will take, said before anything is loaded.
#pragma once

#include <cstdint>
#include <string>

#include "engine/model/config.h"
#include "engine/statistics.h"
#include "kernels/types.h"

namespace kvreel::engine {

struct MemoryEstimate {
  uint64_t weights = 0;      // bytes read for every token: they must stay in memory to be fast
  uint64_t cache = 0;        // the longest prompt's full cache and what it generates, twice where
                             // caches of runs are made from an uncut one
  uint64_t activations = 0;  // hidden states and workspace
  uint64_t statistics = 0;   // of one layer's attention, and decisions that wait for their run
  // The sum, and the parts, stay at 2^64 - 1 where they would be more.
  uint64_t total() const;
};

struct WorkloadShape {
  int64_t longest_prompt = 0;  // tokens
  int64_t max_new_tokens = 0;
  int64_t chunk_rows = 0;
  int64_t sharers = 0;             // most runs of one prefill; 0: every run cuts its own cache
  int64_t fidelity_steps = 0;      // decode steps by which the uncut cache grows
  StatisticsRequest statistics{};  // all that is asked for of one layer
  kernels::DType cache_dtype = kernels::DType::f32;
};

MemoryEstimate estimate_memory(const ModelConfig& config, const WorkloadShape& shape);

// Memory that this process may still take: MemAvailable, or what its control group leaves where
// that is less. 0 where the system does not tell.
uint64_t available_memory();

// Throws Error, with the numbers and what to do, where `estimate` is more than `available`.
void require_memory(const MemoryEstimate& estimate, uint64_t available);

}  // namespace kvreel::engine
