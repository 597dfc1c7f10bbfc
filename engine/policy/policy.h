// A policy decides which cached positions go, and when. One file and one registration line each
// (registry.h).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/cache/kv_cache.h"
#include "engine/policy/decision.h"
#include "engine/statistics.h"

namespace kvreel::engine {

// A point at which a policy may decide: a layer has attended in a step, and its cache holds all of
// the step's rows.
struct DecisionPoint {
  int step = 0;  // 0: the end of prefill
  int layer = 0;
  int layers = 0;
  int64_t prompt_tokens = 0;
};

class Policy {
 public:
  virtual ~Policy() = default;

  // Every parameter with its value, defaults included, as the trace records it.
  virtual std::vector<std::pair<std::string, std::string>> parameters() const = 0;

  // Whether the policy decides at this point. The engine calls decide() where it does.
  virtual bool acts(const DecisionPoint& point) const { return point.step == 0; }

  // Statistics of the point's attention that decide() reads. Called before the attention is
  // computed.
  virtual StatisticsRequest needs(const DecisionPoint&) const { return {}; }

  // One decision for all KV heads of the layer, or one for each.
  virtual std::vector<Decision> decide(const DecisionPoint& point, const KvCache& cache,
                                       const AttentionStatistics& statistics) const = 0;
};

// The positions in a half-open interval of the cached rows, oldest first; what most policies call
// their candidates.
std::vector<int32_t> candidate_positions(std::span<const int32_t> cached, int64_t protected_first,
                                         int64_t protected_last);

}  // namespace kvreel::engine
