// Passes made in memory, small enough to check by hand or random ones for brute force.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "viewer/data/trace_data.h"

namespace kvreel::viewer::testing {

// `kept_ranges` of positions that are not among the first `cut` of the ranking.
inline std::vector<Range> ranges_without(int32_t cached, const std::vector<int32_t>& ranking,
                                         int32_t cut) {
  // A later step ranks positions beyond the number that are still cached.
  for (const int32_t position : ranking) cached = std::max(cached, position + 1);
  std::vector<uint8_t> kept(static_cast<size_t>(cached), 1);
  for (int32_t i = 0; i < cut; ++i) kept[static_cast<size_t>(ranking[static_cast<size_t>(i)])] = 0;
  std::vector<Range> ranges;
  for (int32_t at = 0; at < cached; ++at) {
    if (!kept[static_cast<size_t>(at)]) continue;
    if (!ranges.empty() && ranges.back().end == at) {
      ++ranges.back().end;
    } else {
      ranges.push_back({at, at + 1});
    }
  }
  return ranges;
}

struct RankedSpec {
  int16_t layer = 0;
  int16_t kv_head = -1;
  int8_t reason = 3;  // threshold
  int32_t cached = 0;
  std::vector<int32_t> ranking;
  std::vector<float> curve;  // empty: none
  int32_t cut = 0;
  double threshold = 0.01;
  int32_t step = 0;
};

inline Decision ranked(RankedSpec spec) {
  Decision decision;
  decision.step = spec.step;
  decision.layer = spec.layer;
  decision.kv_head = spec.kv_head;
  decision.reason = spec.reason;
  decision.cached = spec.cached;
  decision.kept = spec.cached - spec.cut;
  decision.candidates = static_cast<int32_t>(spec.ranking.size());
  decision.cut = spec.cut;
  decision.kept_ranges = ranges_without(spec.cached, spec.ranking, spec.cut);
  if (static_cast<size_t>(spec.cut) < spec.ranking.size()) {
    decision.halt_position = spec.ranking[static_cast<size_t>(spec.cut)];
  }
  decision.threshold =
      spec.curve.empty() ? std::numeric_limits<double>::quiet_NaN() : spec.threshold;
  decision.ranking = std::make_shared<const std::vector<int32_t>>(std::move(spec.ranking));
  if (!spec.curve.empty()) {
    std::vector<float> all = spec.curve;
    for (float& value : all) value /= 2;
    decision.curve = std::make_shared<const std::vector<float>>(std::move(spec.curve));
    decision.curve_all = std::make_shared<const std::vector<float>>(std::move(all));
  }
  return decision;
}

inline Decision unranked(int16_t layer, int32_t cached, std::vector<Range> kept_ranges,
                         int32_t step = 0) {
  Decision decision;
  decision.step = step;
  decision.layer = layer;
  decision.reason = 4;
  decision.cached = cached;
  for (const Range& range : kept_ranges) decision.kept += range.end - range.begin;
  decision.kept_ranges = std::move(kept_ranges);
  decision.threshold = std::numeric_limits<double>::quiet_NaN();
  return decision;
}

inline std::shared_ptr<const PassDetail> made_pass(int32_t tokens,
                                                   std::vector<Decision> decisions) {
  auto pass = std::make_shared<PassDetail>();
  pass->info.prompt_tokens = tokens;
  pass->decisions = std::move(decisions);
  return pass;
}

// Layers of random rankings and rising curves; every other layer by KV head.
inline std::shared_ptr<const PassDetail> random_pass(int32_t tokens, int layers, int heads,
                                                     int32_t sinks, std::mt19937& random) {
  std::vector<Decision> decisions;
  std::vector<int32_t> candidates(static_cast<size_t>(tokens - sinks));
  std::iota(candidates.begin(), candidates.end(), sinks);
  for (int layer = 0; layer < layers; ++layer) {
    std::vector<float> curve(candidates.size());
    for (float& value : curve) value = static_cast<float>(random()) / 4.3e9f;
    std::sort(curve.begin(), curve.end());
    curve.front() = 0;
    const auto cut = static_cast<int32_t>(random() % candidates.size());
    for (int head = 0; head < (layer % 2 == 0 ? 1 : heads); ++head) {
      std::shuffle(candidates.begin(), candidates.end(), random);
      decisions.push_back(
          ranked({static_cast<int16_t>(layer), static_cast<int16_t>(layer % 2 == 0 ? -1 : head), 3,
                  tokens, candidates, curve, cut}));
    }
  }
  return made_pass(tokens, std::move(decisions));
}

}  // namespace kvreel::viewer::testing
