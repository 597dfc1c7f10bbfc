// The decisions that a policy made for one pass at the end of prefill, with what they refer to.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "exports/figures/pass_choice.h"

namespace kvreel::exports {

struct PrefillDecision {
  int32_t layer = 0;
  int32_t kv_head = -1;  // -1: all heads of the layer
  int8_t reason = 0;     // kReasonNames
  int32_t cached = 0;    // positions before the decision
  int32_t kept = 0;
  int32_t cut = 0;             // candidates evicted
  int32_t halt_position = -1;  // -1: none
  double threshold = std::numeric_limits<double>::quiet_NaN();
  int64_t ranking = -1;              // row of rankings
  int64_t curve = -1;                // row of curves
  std::vector<int32_t> kept_ranges;  // pairs [begin, end), ascending

  bool by_threshold() const { return reason == kReasonThreshold; }
  bool exempt() const { return reason == kReasonExempt; }
  bool evicts() const { return kept < cached; }

  static constexpr int8_t kReasonExempt = 1;
  static constexpr int8_t kReasonThreshold = 3;
};

struct PassDecisions {
  std::vector<PrefillDecision> at_prefill;  // of step 0, by layer, then KV head
  bool later = false;                       // a later step evicted something, too
};

// Throws Error where a decision's positions are not within what was cached, or more was cached than
// the prompt has tokens.
PassDecisions read_decisions(const Source& source, const PassAt& pass);

// Candidates in the order of eviction; empty where the decision has no ranking. Throws Error for a
// row that the trace does not have.
std::vector<int32_t> read_ranking(const Source& source, const PrefillDecision& decision);

// The norm curve that the run's cuts were made on: value i is the drop of the norm when the first i
// candidates go. Its base is the norm over the candidates, or that over all positions where the
// run's parameter `base` says so. Empty where the decision has none.
std::vector<float> read_curve(const Source& source, const PrefillDecision& decision, bool base_all);
bool base_is_all(const FigureRun& run);

enum class TokenKind : uint8_t { evicted, kept, sink };

// One per position that was cached. A sink is a position before the first that any ranking of
// `layer`'s decisions holds: the policy never evicts it. Layers that rank nothing have none.
std::vector<TokenKind> token_kinds(const Source& source, const PrefillDecision& decision,
                                   int32_t sinks);
int32_t sinks_of_layer(const Source& source, const std::vector<PrefillDecision>& decisions,
                       int32_t layer);

// The token at which a decision halted, as markup: "'The' (position 8)"; "" where it did not halt.
std::string halt_text(const Source& source, const PassAt& pass, const PrefillDecision& decision);

// 0.01 -> "T = 1 %".
std::string threshold_text(double threshold);

}  // namespace kvreel::exports
