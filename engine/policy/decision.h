// What a policy decided for one layer (or one KV head of it): which positions stay, in which order
// they would go, and the curve that the cut was read from.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

namespace kvreel::engine {

struct PositionRange {
  int32_t begin = 0;  // first original position
  int32_t end = 0;    // one past the last
  bool operator==(const PositionRange&) const = default;
};

// A set of original positions: disjoint ascending ranges that do not touch.
class KeptSet {
 public:
  static KeptSet all(std::span<const int32_t> positions);
  // Any order; duplicates count once.
  static KeptSet of(std::vector<int32_t> positions);

  const std::vector<PositionRange>& ranges() const { return ranges_; }
  int64_t count() const;
  bool contains(int32_t position) const;
  bool operator==(const KeptSet&) const = default;

 private:
  std::vector<PositionRange> ranges_;
};

enum class Reason : uint8_t {
  keeps_all,       // the policy never evicts
  exempt_layer,    // the policy leaves this layer whole
  too_short,       // fewer positions than the policy protects
  threshold,       // cut where the curve crosses the threshold
  fixed_budget,    // cut to a size given beforehand
  attention_mass,  // cut to the fewest positions that hold a given share of the attention
};

// The drop of the attention norm if the first i candidates of the ranking are evicted, i = 0 ..
// candidates - 1: distance[i] = (F - S_i) / F with norms over the candidates; distance_all[i] the
// same with the norm over all positions as the base (the paper's formula as printed). A policy may
// measure otherwise (norm_curve.h, CurveRule); base norms are then of that measure. Non-decreasing.
struct NormCurve {
  std::vector<float> distance;      // [candidates]
  std::vector<float> distance_all;  // [candidates]
  double base_norm = 0;             // mean over query heads of the norm over the candidates
  double base_norm_all = 0;         // the same over all positions
};

struct Decision {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  int layer = -1;    // -1: the layer of the point; an earlier one where budgets cascade
  int kv_head = -1;  // -1: every KV head of the layer
  Reason reason = Reason::keeps_all;
  int64_t cached = 0;  // positions before the decision
  KeptSet kept;
  // Candidates in the order of eviction, first to go first; null where the policy ranks nothing.
  // Shared by the layers and heads that rank alike.
  std::shared_ptr<const std::vector<int32_t>> ranking;
  // What the candidates were ranked by, in the order of the ranking; null where it is position.
  std::shared_ptr<const std::vector<float>> scores;
  std::shared_ptr<const NormCurve> curve;  // null where the policy measures nothing
  double threshold = kNone;    // of the norm's drop, or the share of attention that stays
  int64_t cut = 0;             // candidates evicted: ranking[0, cut)
  int32_t halt_position = -1;  // ranking[cut], the candidate at which eviction stopped; -1: none
  double temperature = kNone;  // by which logits were divided before they were compared
  // The cache is cut, and nobody is told: a later decision of the same step about the same layer
  // takes its place, and states the whole ranking and `cached` of before the first cut.
  bool provisional = false;
};

}  // namespace kvreel::engine
