// Norm curves of a pass, merged into the thresholds at which its cache gets smaller.
#include "viewer/data/threshold_steps.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace kvreel::viewer {
namespace {

constexpr int8_t kReasonThreshold = 3;  // exports::kReasonNames

// Ascending runs, of which run i ends at ends[i], merged into one.
void merge_runs(std::vector<float>& values, std::vector<size_t> ends) {
  const auto at = [&](size_t i) { return values.begin() + static_cast<std::ptrdiff_t>(i); };
  while (ends.size() > 1) {
    std::vector<size_t> merged;
    size_t begin = 0;
    for (size_t i = 0; i + 1 < ends.size(); i += 2) {
      std::inplace_merge(at(begin), at(ends[i]), at(ends[i + 1]));
      begin = ends[i + 1];
      merged.push_back(begin);
    }
    if (ends.size() % 2 != 0) merged.push_back(ends.back());
    ends = std::move(merged);
  }
}

// The thresholds at which a curve gives up one candidate more, ascending.
void append_drops(const std::vector<float>& curve, std::vector<float>& drops) {
  // Nothing is evicted, ever, where nothing was measured (engine/policy/norm_curve.h, cut_at).
  if (curve.empty() || std::isnan(curve[0])) return;
  float most = curve[0];
  for (size_t i = 1; i < curve.size(); ++i) {
    if (std::isnan(curve[i])) most = std::numeric_limits<float>::infinity();
    most = std::max(most, curve[i]);
    drops.push_back(most);
  }
}

}  // namespace

CurveBase curve_base(const RunInfo& run) {
  return run.parameter("base") == "all" ? CurveBase::all : CurveBase::candidates;
}

const std::vector<float>* curve_of(const Decision& decision, CurveBase base) {
  return base == CurveBase::all ? decision.curve_all.get() : decision.curve.get();
}

bool follows_threshold(const Decision& decision, CurveBase base) {
  const std::vector<float>* curve = curve_of(decision, base);
  return decision.reason == kReasonThreshold && curve != nullptr && !curve->empty() &&
         decision.ranking != nullptr;
}

int64_t ThresholdSteps::rows_at(double threshold) const {
  int64_t rows = whole_rows;
  for (const Group& group : groups) {
    const auto above = std::upper_bound(
        group.drops.begin(), group.drops.end(), threshold,
        [](double limit, float drop) { return limit < static_cast<double>(drop); });
    rows -= group.rows * (above - group.drops.begin());
  }
  return rows;
}

uint64_t ThresholdSteps::bytes() const {
  uint64_t bytes = sizeof(ThresholdSteps);
  for (const Group& group : groups) bytes += sizeof(Group) + group.drops.size() * sizeof(float);
  return bytes;
}

ThresholdSteps threshold_steps(std::span<const Decision> decisions, int32_t prompt_tokens,
                               int layers, int kv_heads, CurveBase base) {
  ThresholdSteps steps;
  for (const Decision& decision : decisions) {
    layers = std::max(layers, decision.layer + 1);
    const bool follows = follows_threshold(decision, base);
    if (decision.step > 0 ? follows : !follows && decision.reason == kReasonThreshold) {
      steps.known = false;
    }
  }
  const auto heads = static_cast<size_t>(std::max(kv_heads, 1));
  const int64_t lanes = int64_t{std::max(layers, 0)} * static_cast<int64_t>(heads);
  steps.full_rows = lanes * prompt_tokens;

  // The last decision about a KV head is the one that holds.
  std::vector<const Decision*> of_lane(static_cast<size_t>(lanes), nullptr);
  for (const Decision& decision : decisions) {
    if (decision.step != 0 || decision.layer < 0) continue;
    const Decision** const first = &of_lane[static_cast<size_t>(decision.layer) * heads];
    if (decision.kv_head < 0) {
      std::fill_n(first, heads, &decision);
    } else if (static_cast<size_t>(decision.kv_head) < heads) {
      first[decision.kv_head] = &decision;
    }
  }
  // KV heads that are ranked apart share a curve, and are cut together.
  std::vector<const std::vector<float>*> curves;  // in the order of layers
  std::map<const std::vector<float>*, int64_t> rows_of;
  for (const Decision* decision : of_lane) {
    if (decision == nullptr) {
      steps.whole_rows += prompt_tokens;
    } else if (!follows_threshold(*decision, base)) {
      steps.whole_rows += decision->kept;
    } else {
      steps.whole_rows += decision->cached;
      const std::vector<float>* curve = curve_of(*decision, base);
      if (rows_of[curve]++ == 0) curves.push_back(curve);
    }
  }
  struct Runs {
    std::vector<float> drops;
    std::vector<size_t> ends;
  };
  std::map<int64_t, Runs> groups;  // by rows
  for (const std::vector<float>* curve : curves) {
    Runs& runs = groups[rows_of[curve]];
    append_drops(*curve, runs.drops);
    runs.ends.push_back(runs.drops.size());
  }
  for (auto& [rows, runs] : groups) {
    merge_runs(runs.drops, std::move(runs.ends));
    runs.drops.shrink_to_fit();
    steps.groups.push_back({rows, std::move(runs.drops)});
  }
  return steps;
}

}  // namespace kvreel::viewer
