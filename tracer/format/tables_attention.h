// Tables of attention and of what policies decided from it.
//
// Each table lists its columns once, as visit(name, member, unit, meaning). Writing, reading,
// recovering and the documentation's table all use this list.
#pragma once

#include <cstdint>
#include <string_view>

#include "tracer/format/columns.h"

namespace kvreel::tracer {

// Attention norms.
struct Attention {
  static constexpr std::string_view kName = "attention";
  static constexpr std::string_view kMeaning =
      "one row per (step, layer, query head): norms of the attention probabilities";
  static constexpr Volume kVolume = Volume::many;
  Column<int32_t> run;
  Column<int32_t> sample;
  Column<int32_t> step;
  Column<int16_t> layer;
  Column<int16_t> head;
  Column<float> frobenius;
  Column<float> last_row_norm;
  Column<float> mean_entropy;
  Column<float> last_row_entropy;
  Column<float> last_row_sinks;
  template <typename Self, typename Visit>
  static void columns(Self& self, Visit&& visit) {
    visit("run", self.run, "row of runs", "the run");
    visit("sample", self.sample, "row of samples", "the sample");
    visit("step", self.step, "", "0 prefill, then decode steps");
    visit("layer", self.layer, "", "layer");
    visit("head", self.head, "", "query head");
    visit("frobenius", self.frobenius, "1",
          "sqrt of the sum of squared probabilities over the step's query rows");
    visit("last_row_norm", self.last_row_norm, "1",
          "L2 norm of the last query row over all cached keys");
    visit("mean_entropy", self.mean_entropy, "nat",
          "entropy of a query row, mean over the step's query rows");
    visit("last_row_entropy", self.last_row_entropy, "nat", "entropy of the last query row");
    visit("last_row_sinks", self.last_row_sinks, "1",
          "probability mass of the last query row on the first 4 cached keys");
  }
};

// Attention rows, where they were asked for.
struct AttentionRows {
  static constexpr std::string_view kName = "attention_rows";
  static constexpr std::string_view kMeaning =
      "one row per (step, layer, query head, query row): probabilities of the last query rows";
  static constexpr Volume kVolume = Volume::many;
  Column<int32_t> run;
  Column<int32_t> sample;
  Column<int32_t> step;
  Column<int16_t> layer;
  Column<int16_t> head;
  List<float> probabilities;
  Column<int16_t> row;
  template <typename Self, typename Visit>
  static void columns(Self& self, Visit&& visit) {
    visit("run", self.run, "row of runs", "the run");
    visit("sample", self.sample, "row of samples", "the sample");
    visit("step", self.step, "", "0 prefill, then decode steps");
    visit("layer", self.layer, "", "layer");
    visit("head", self.head, "", "query head");
    visit("probabilities", self.probabilities, "1",
          "one per cached key, in order of position, before eviction");
    visit("row", self.row, "", "query row, counted from the step's last, which is 0");
  }
};

// What policies decided.
struct Decisions {
  static constexpr std::string_view kName = "decisions";
  static constexpr std::string_view kMeaning =
      "one row per decision of a policy: which positions stay, and why";
  static constexpr Volume kVolume = Volume::some;
  Column<int32_t> run;
  Column<int32_t> sample;
  Column<int32_t> step;
  Column<int16_t> layer;
  Column<int16_t> kv_head;
  Column<int8_t> reason;
  Column<int32_t> cached;
  Column<int32_t> kept;
  Column<int32_t> candidates;
  Column<int32_t> cut;
  Column<int32_t> halt_position;
  Column<double> threshold;
  Column<double> base_norm;
  Column<double> base_norm_all;
  Column<float> distance;
  Column<float> distance_all;
  Column<int64_t> ranking;
  Column<int64_t> curve;
  Column<int64_t> start_ns;
  Column<int64_t> duration_ns;
  List<int32_t> kept_ranges;
  Column<double> temperature;
  template <typename Self, typename Visit>
  static void columns(Self& self, Visit&& visit) {
    visit("run", self.run, "row of runs", "the run");
    visit("sample", self.sample, "row of samples", "the sample");
    visit("step", self.step, "", "the step at whose end the layer's cache was cut");
    visit("layer", self.layer, "", "layer");
    visit("kv_head", self.kv_head, "", "KV head, -1: all heads of the layer");
    visit("reason", self.reason, "",
          "0 keeps all, 1 exempt layer, 2 too short, 3 threshold, 4 fixed budget, 5 attention "
          "mass");
    visit("cached", self.cached, "positions", "cached positions before the decision");
    visit("kept", self.kept, "positions", "cached positions after it");
    visit("candidates", self.candidates, "positions",
          "positions that the policy could evict; in decode steps perhaps only those up to the one "
          "at which eviction stopped");
    visit("cut", self.cut, "positions", "candidates evicted: the first `cut` of the ranking");
    visit("halt_position", self.halt_position, "position",
          "the candidate at which eviction stopped, -1: none");
    visit("threshold", self.threshold, "1",
          "largest admissible distance, or the share of attention that stays; NaN: the policy has "
          "none");
    visit("base_norm", self.base_norm, "1",
          "mean over query heads of the reduced row's L2 norm over the candidates; NaN: not "
          "measured");
    visit("base_norm_all", self.base_norm_all, "1", "the same over all cached positions");
    visit(
        "distance", self.distance, "1",
        "curve distance at the cut, base over the candidates; NaN: no curve or no candidate left");
    visit("distance_all", self.distance_all, "1", "the same with the base over all positions");
    visit("ranking", self.ranking, "row of rankings", "order of eviction, -1: none");
    visit("curve", self.curve, "row of curves", "norm curve, -1: none");
    visit("start_ns", self.start_ns, "ns", "since the trace's clock origin");
    visit("duration_ns", self.duration_ns, "ns", "of deciding, without compacting the cache");
    visit("kept_ranges", self.kept_ranges, "position",
          "kept original positions as pairs [begin, end), ascending");
    visit("temperature", self.temperature, "1",
          "by which logits were divided before they were compared; NaN: the policy has none");
  }
};

// Orders of eviction; decisions that rank alike share a row.
struct Rankings {
  static constexpr std::string_view kName = "rankings";
  static constexpr std::string_view kMeaning =
      "orders of eviction; decisions that rank alike share a row";
  static constexpr Volume kVolume = Volume::some;
  List<int32_t> positions;
  List<float> scores;
  template <typename Self, typename Visit>
  static void columns(Self& self, Visit&& visit) {
    visit("positions", self.positions, "position", "candidates, first to be evicted first");
    visit("scores", self.scores, "",
          "what each was ranked by, as the policy defines it; empty: by position alone");
  }
};

// Norm curves; the KV heads of a layer that are cut together share a row.
struct Curves {
  static constexpr std::string_view kName = "curves";
  static constexpr std::string_view kMeaning =
      "norm curves; KV heads that are cut together share a row";
  static constexpr Volume kVolume = Volume::some;
  List<float> distance;
  List<float> distance_all;
  template <typename Self, typename Visit>
  static void columns(Self& self, Visit&& visit) {
    visit("distance", self.distance, "1",
          "value i: drop of the norm (or of what the run's `metric` names) when the first i "
          "candidates go, base over the candidates");
    visit("distance_all", self.distance_all, "1", "the same with the base over all positions");
  }
};

}  // namespace kvreel::tracer
