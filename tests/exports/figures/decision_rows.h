// Decisions that TraceMaker has no words for: of KV heads, with shared curves.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "exports/tables/small_trace.h"

namespace kvreel::exports::testing {

struct HeadDecision {
  int16_t layer = 0;
  int16_t kv_head = -1;
  int8_t reason = 3;  // threshold
  int32_t cached = 0;
  std::vector<int32_t> kept_ranges;
  int32_t cut = 0;
  int32_t halt_position = -1;
  int64_t ranking = -1;
  int64_t curve = -1;
  int32_t step = 0;
};

inline int64_t append_ranking(TraceMaker& maker, const std::vector<int32_t>& positions) {
  t::Rankings rows;
  rows.positions.push_back(positions);
  rows.scores.push_back(std::vector<float>());
  maker.writer().append(rows);
  return static_cast<int64_t>(maker.writer().rows<t::Rankings>()) - 1;
}

// distance_all is half of the distance.
inline int64_t append_curve(TraceMaker& maker, const std::vector<float>& distance) {
  std::vector<float> all;
  for (const float value : distance) all.push_back(value / 2);
  t::Curves rows;
  rows.distance.push_back(distance);
  rows.distance_all.push_back(all);
  maker.writer().append(rows);
  return static_cast<int64_t>(maker.writer().rows<t::Curves>()) - 1;
}

// Appended before the pass's row: add_pass() then takes it in.
inline void append_decision(TraceMaker& maker, int32_t run, int32_t sample,
                            const HeadDecision& decision, double threshold = 0.01) {
  int32_t kept = 0;
  for (size_t i = 0; i + 1 < decision.kept_ranges.size(); i += 2)
    kept += decision.kept_ranges[i + 1] - decision.kept_ranges[i];
  t::Decisions rows;
  rows.run = {run};
  rows.sample = {sample};
  rows.step = {decision.step};
  rows.layer = {decision.layer};
  rows.kv_head = {decision.kv_head};
  rows.reason = {decision.reason};
  rows.cached = {decision.cached};
  rows.kept = {kept};
  rows.candidates = {decision.cached};
  rows.cut = {decision.cut};
  rows.halt_position = {decision.halt_position};
  rows.threshold = {threshold};
  rows.base_norm = {1};
  rows.base_norm_all = {1};
  rows.distance = {std::nanf("")};
  rows.distance_all = {std::nanf("")};
  rows.ranking = {decision.ranking};
  rows.curve = {decision.curve};
  rows.start_ns = {0};
  rows.duration_ns = {1};
  rows.kept_ranges.push_back(decision.kept_ranges);
  rows.temperature.push_back(std::nan(""));
  maker.writer().append(rows);
}

}  // namespace kvreel::exports::testing
