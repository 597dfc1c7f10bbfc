// Tables of what eviction did to the output: scores, and how far from the full cache it led.
//
// Each table lists its columns once, as visit(name, member, unit, meaning). Writing, reading,
// recovering and the documentation's table all use this list.
#pragma once

#include <cstdint>
#include <string_view>

#include "tracer/format/columns.h"

namespace kvreel::tracer {

// Scores of generated texts.
struct Scores {
  static constexpr std::string_view kName = "scores";
  static constexpr std::string_view kMeaning =
      "one row per (pass, metric): a score of the generated text against the reference answers";
  static constexpr Volume kVolume = Volume::few;
  Column<int32_t> run;
  Column<int32_t> sample;
  Text metric;
  Column<double> value;
  template <typename Self, typename Visit>
  static void columns(Self& self, Visit&& visit) {
    visit("run", self.run, "row of runs", "the run");
    visit("sample", self.sample, "row of samples", "the sample");
    visit("metric", self.metric, "", "name of the metric, such as token-f1");
    visit("value", self.value, "1", "from 0 to 1, 1 is best");
  }
};

// Next-token distributions beside the full cache's, where they were asked for.
struct Fidelity {
  static constexpr std::string_view kName = "fidelity";
  static constexpr std::string_view kMeaning =
      "one row per (pass, step from 1): the next token's distribution beside the full cache's, "
      "both "
      "having read the reference run's output up to there";
  static constexpr Volume kVolume = Volume::some;
  Column<int32_t> run;
  Column<int32_t> sample;
  Column<int32_t> step;
  Column<int32_t> token;
  Column<float> kl;
  Column<int8_t> same_top;
  Column<float> logprob;
  Column<float> reference_logprob;
  template <typename Self, typename Visit>
  static void columns(Self& self, Visit&& visit) {
    visit("run", self.run, "row of runs", "the run");
    visit("sample", self.sample, "row of samples", "the sample");
    visit("step", self.step, "", "decode step, which is about token `step` of the output");
    visit("token", self.token, "", "id of that token in the reference run's output");
    visit("kl", self.kl, "nat", "KL(full cache || this run), temperature 1");
    visit("same_top", self.same_top, "", "1: both have the same most probable token");
    visit("logprob", self.logprob, "nat", "natural log of the token's probability under the run");
    visit("reference_logprob", self.reference_logprob, "nat", "... under the full cache");
  }
};

// Attention of the full cache on evicted positions, where it was asked for.
struct LostAttention {
  static constexpr std::string_view kName = "lost_attention";
  static constexpr std::string_view kMeaning =
      "one row per (pass, step from 1, layer): the attention that the full cache pays to positions "
      "which the run has evicted";
  static constexpr Volume kVolume = Volume::some;
  Column<int32_t> run;
  Column<int32_t> sample;
  Column<int32_t> step;
  Column<int16_t> layer;
  Column<float> mean;
  Column<float> max;
  template <typename Self, typename Visit>
  static void columns(Self& self, Visit&& visit) {
    visit("run", self.run, "row of runs", "the run");
    visit("sample", self.sample, "row of samples", "the sample");
    visit("step", self.step, "", "decode step");
    visit("layer", self.layer, "", "layer");
    visit("mean", self.mean, "1", "share of the probability mass, mean over query heads");
    visit("max", self.max, "1", "the largest of a query head");
  }
};

}  // namespace kvreel::tracer
