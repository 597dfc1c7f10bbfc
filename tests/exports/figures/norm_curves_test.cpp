// norm-curves: lines, bands, cuts and halting tokens.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "exports/figures/decision_rows.h"
#include "exports/figures/figure_marks.h"

namespace kvreel::exports::testing {
namespace {

using NormCurves = ExportTest;

TEST_F(NormCurves, DrawALineForEachLayerWithItsCutAndTheThreshold) {
  const t::Trace trace = small_trace();
  const plot::Figure figure = figure_of(trace, "norm-curves");
  ASSERT_EQ(figure.panels.size(), 1u);
  const plot::Panel& panel = figure.panels[0];
  EXPECT_EQ(panel.y.scale, plot::Scale::log);
  EXPECT_DOUBLE_EQ(panel.y.low.value(), 1e-4);  // two powers of ten below T = 1 %
  // Layer 0 is exempt and has no curve here.
  ASSERT_EQ(series_of<plot::Line>(figure, 0), std::vector<std::string>{"layer 1"});
  const plot::Line line = marks_of<plot::Line>(figure, 0)[0];
  expect_values(line.x, {0, 1, 2});
  expect_values(line.y, {0, 0.01f, 0.3f});
  const auto rules = marks_of<plot::Rule>(figure, 0);
  ASSERT_EQ(rules.size(), 1u);
  EXPECT_EQ(rules[0].at, 0.01);
  EXPECT_EQ(rules[0].label, "T = 1 %");
  const auto cuts = marks_of<plot::Points>(figure, 0, "layer 1");
  ASSERT_EQ(cuts.size(), 1u);
  expect_values(cuts[0].x, {1});
  expect_values(cuts[0].y, {0.01f});
  EXPECT_FALSE(cuts[0].in_legend);
}

TEST_F(NormCurves, NameTheHaltingTokenWithDamagedBytesShown) {
  const t::Trace trace = small_trace();
  // Sample a's position 2 is the second half of the euro sign.
  const auto notes = marks_of<plot::Note>(figure_of(trace, "norm-curves"), 0);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].text, "layer 1 halts at '\uFFFD' (position 2)");
  EXPECT_EQ(notes[0].x, 1);
  EXPECT_FLOAT_EQ(static_cast<float>(notes[0].y), 0.01f);
}

TEST_F(NormCurves, EscapeWhatTheTokensHold) {
  TraceMaker maker(path());
  maker.add_names();
  maker.add_run("mine", "a_{b}", "{}");
  maker.add_sample("s_1", {"x", "y", " ^{\n", "z"}, "{}", "[]", 4);
  append_decision(maker, 0, 0,
                  {.layer = 0,
                   .cached = 4,
                   .kept_ranges = {0, 1, 2, 4},
                   .cut = 1,
                   .halt_position = 2,
                   .ranking = append_ranking(maker, {1, 2, 3}),
                   .curve = append_curve(maker, {0.0f, 0.005f, 0.5f})});
  maker.add_pass({0, 0, 0, 1, 0.5, 100, 10, 10, 10, 20, {1}, {}, {}});
  maker.finish();
  const plot::Figure figure = figure_of(t::Trace::open(path()), "norm-curves");
  const std::string token = plot::escape_markup("\u2423^{\\n");
  EXPECT_EQ(marks_of<plot::Note>(figure, 0)[0].text,
            "layer 0 halts at '" + token + "' (position 2)");
  EXPECT_TRUE(contains(figure.title, plot::escape_markup("a_{b}"))) << figure.title;
  EXPECT_TRUE(contains(figure.title, plot::escape_markup("s_1"))) << figure.title;
}

TEST_F(NormCurves, ShowTheCurveThatTheRunCutOn) {
  TraceMaker maker(path());
  maker.add_names();
  maker.add_run("paper", "refreekv", R"({"base": "all"})");
  maker.add_sample("s", {"x", "y", "z"}, "{}", "[]", 3);
  append_decision(maker, 0, 0,
                  {.layer = 0,
                   .cached = 3,
                   .kept_ranges = {0, 1, 2, 3},
                   .cut = 1,
                   .halt_position = 2,
                   .ranking = append_ranking(maker, {1, 2}),
                   .curve = append_curve(maker, {0.0f, 0.008f})});
  maker.add_pass({0, 0, 0, 1, 0.5, 100, 10, 10, 10, 20, {1}, {}, {}});
  maker.finish();
  const plot::Figure figure = figure_of(t::Trace::open(path()), "norm-curves");
  expect_values(marks_of<plot::Line>(figure, 0)[0].y, {0, 0.004f});  // half: distance_all
}

// Ten layers, layer l with the drops 0, (l + 1) / 1000, (l + 1) / 100; layer 0 is exempt.
void write_ten_layers(const std::string& path) {
  std::string provenance(kProvenance);
  const std::string layers = "\"layers\": 2";
  provenance.replace(provenance.find(layers), layers.size(), "\"layers\": 10");
  TraceMaker maker(path, provenance);
  maker.add_names();
  maker.add_run("refreekv", "refreekv", "{}");
  maker.add_sample("s", {"a", "b", "c", "d"}, "{}", "[]", 4);
  const int64_t ranking = append_ranking(maker, {1, 2, 3});
  for (int16_t layer = 0; layer < 10; ++layer) {
    const auto weight = static_cast<float>(layer + 1);
    HeadDecision decision{.layer = layer,
                          .reason = 3,
                          .cached = 4,
                          .kept_ranges = {0, 1, 2, 4},
                          .cut = 1,
                          .halt_position = 2,
                          .ranking = ranking,
                          .curve = append_curve(maker, {0.0f, weight / 1000, weight / 100})};
    if (layer == 0) {
      decision.reason = 1;
      decision.kept_ranges = {0, 4};
      decision.cut = 0;
      decision.halt_position = 1;
    }
    append_decision(maker, 0, 0, decision);
  }
  maker.add_pass({0, 0, 0, 1, 0.5, 100, 10, 10, 10, 20, {1}, {}, {}});
  maker.finish();
}

TEST_F(NormCurves, JoinManyLayersToABandBesideTheChosenOne) {
  write_ten_layers(path());
  const t::Trace trace = t::Trace::open(path());
  const plot::Figure figure = figure_of(trace, "norm-curves");
  const auto lines = marks_of<plot::Line>(figure, 0);
  ASSERT_EQ(lines.size(), 2u);
  // Over layers 1 to 9: 2 .. 10 thousandths. Median 6; p10 at rank 0.8: 2.8; p90 at 7.2: 9.2.
  expect_values(lines[0].x, {0, 1, 2});
  expect_values(lines[0].y, {0, 0.006, 0.06}, 1e-8);
  expect_values(lines[0].low, {0, 0.0028, 0.028}, 1e-8);
  expect_values(lines[0].high, {0, 0.0092, 0.092}, 1e-8);
  EXPECT_EQ(lines[1].series, "layer 1");  // the first that halts by threshold
  EXPECT_EQ(marks_of<plot::Points>(figure, 0).size(), 1u);
  EXPECT_TRUE(remarks(figure, "Band over 9 curves; those of 1 exempt layer"))
      << all_remarks(figure);
  EXPECT_TRUE(remarks(figure, "--layer"));

  const plot::Figure other = figure_of(trace, "norm-curves", {.filter = {.layer = 7}});
  EXPECT_EQ(marks_of<plot::Line>(other, 0)[1].series, "layer 7");
  EXPECT_TRUE(contains(marks_of<plot::Note>(other, 0)[0].text, "layer 7 halts at 'c'"));
  EXPECT_FALSE(remarks(other, "--layer"));
}

TEST_F(NormCurves, DrawASharedCurveOfKvHeadsOnce) {
  TraceMaker maker(path());
  add_inputs(maker);
  const int64_t curve = append_curve(maker, {0.0f, 0.004f, 0.5f});
  for (const int16_t head : {int16_t{0}, int16_t{1}}) {
    const std::vector<int32_t> order =
        head == 0 ? std::vector<int32_t>{1, 2, 3} : std::vector<int32_t>{3, 2, 1};
    append_decision(
        maker, 1, 0,
        {.layer = 0,
         .kv_head = head,
         .cached = 4,
         .kept_ranges = head == 0 ? std::vector<int32_t>{0, 1, 2, 4} : std::vector<int32_t>{0, 3},
         .cut = 1,
         .halt_position = 2,
         .ranking = append_ranking(maker, order),
         .curve = curve});
  }
  maker.add_pass({1, 0, 0, 1, 0.5, 100, 10, 10, 10, 20, {1}, {}, {}});
  maker.finish();
  const plot::Figure figure = figure_of(t::Trace::open(path()), "norm-curves");
  EXPECT_EQ(series_of<plot::Line>(figure, 0), std::vector<std::string>{"layer 0"});
}

TEST_F(NormCurves, SayWhichRunMeasuresThem) {
  const t::Trace trace = small_trace();
  const std::string message =
      error_of([&] { figure_of(trace, "norm-curves", {.filter = {.runs = {"full"}}}); });
  EXPECT_TRUE(contains(message, trace.path())) << message;
  EXPECT_TRUE(contains(message, "norm curves")) << message;
  EXPECT_TRUE(contains(message, "--policy refreekv")) << message;
  const std::string no_layer =
      error_of([&] { figure_of(trace, "norm-curves", {.filter = {.layer = 0}}); });
  EXPECT_TRUE(contains(no_layer, "layer 0")) << no_layer;
}

TEST_F(NormCurves, RefuseSeveralTraces) {
  write_small_trace(path("a.h5"));
  write_small_trace(path("b.h5"));
  const t::Trace a = t::Trace::open(path("a.h5"));
  const t::Trace b = t::Trace::open(path("b.h5"));
  const std::string message = error_of<UsageError>([&] {
    make_figure({&a, &b}, "norm-curves", {});
  });
  EXPECT_TRUE(contains(message, "one run of one trace")) << message;
}

}  // namespace
}  // namespace kvreel::exports::testing
