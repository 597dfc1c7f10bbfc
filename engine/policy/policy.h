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
#include "engine/model/config.h"
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

// What a policy remembers during one pass, such as sums over steps. Policies derive from it.
class PassState {
 public:
  virtual ~PassState() = default;
};

// A layer at a decision point, as a policy sees it.
struct LayerView {
  const DecisionPoint& point;
  const ModelConfig& config;
  // Of it only the point's own layer may be read: in step 0 the others may have been cut by earlier
  // decisions or, where several runs share the prefill, may yet be whole.
  const KvCache& cache;
  const AttentionStatistics& statistics;  // with at least what needs() asked for
  PassState* state = nullptr;             // what start_pass() made, null where it made nothing

  // Cached rows of one KV head of the layer, oldest first.
  std::span<const int32_t> positions(int kv_head) const {
    return cache.positions(point.layer, kv_head);
  }
  // Keys (rotary phase of their position applied) and values of the same rows, in host memory and
  // fp32: [rows, head_dim].
  std::vector<float> keys(int kv_head) const;
  std::vector<float> values(int kv_head) const;
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

  // Throws UsageError where the policy cannot run on this model, such as for a layer that it lacks.
  virtual void check(const ModelConfig&) const {}

  // Memory for one pass, handed back in LayerView::state; null for policies that need none. One
  // policy serves many passes, so a policy itself remembers nothing.
  virtual std::unique_ptr<PassState> start_pass(const ModelConfig&,
                                                int64_t /*prompt_tokens*/) const {
    return nullptr;
  }

  // One decision for all KV heads of the layer, or one for each. Layers decide in ascending order;
  // in step 0 decisions never change what later layers see, because prefill attends to every key.
  virtual std::vector<Decision> decide(const LayerView& layer) const = 0;
};

}  // namespace kvreel::engine
