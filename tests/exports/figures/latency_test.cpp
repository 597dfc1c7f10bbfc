// latency and step-latency: means by operation, medians by step.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "exports/figures/figure_marks.h"

namespace kvreel::exports::testing {
namespace {

using Latency = ExportTest;
using StepLatency = ExportTest;

constexpr int64_t kMs = 1'000'000;

// A pass with spans, prefill_ms and the times of decode steps.
void add_timed(TraceMaker& maker, int32_t run, int32_t sample, int64_t prefill_ms,
               const std::vector<int64_t>& token_ms, const std::vector<SpanSpec>& spans,
               int8_t finish = 0) {
  PassSpec pass;
  pass.run = run;
  pass.sample = sample;
  pass.finish = finish;
  pass.prefill_ms = prefill_ms;
  pass.token_ms = token_ms;
  pass.tokens.assign(token_ms.size() + 1, 7);
  pass.cache_asked.assign(token_ms.size(), 1);
  maker.add_pass(pass, {}, spans);
}

// Operations: 1 qkv, 2 attend, 6 ffn, 8 sample. Samples a and b of 'full' and 'refreekv'.
void write_times(const std::string& path) {
  TraceMaker maker(path);
  add_inputs(maker);
  add_timed(maker, 0, 0, 100, {10},
            {{0, 0, 1, 20 * kMs}, {0, 1, 1, 10 * kMs}, {0, 0, 2, 40 * kMs}, {1, 0, 1, 4 * kMs}});
  add_timed(maker, 1, 0, 60, {8, 6}, {{0, 0, 2, 50 * kMs}, {1, 0, 2, 5 * kMs}, {2, 0, 2, 6 * kMs}});
  add_timed(maker, 0, 1, 200, {20, 30}, {{0, 0, 1, 50 * kMs}, {1, 0, 1, 6 * kMs}});
  add_timed(maker, 1, 1, 20, {10}, {{0, 0, 1, 20 * kMs}});
  // Not finished by 'full' but interrupted: sample c counts for no run.
  add_timed(maker, 0, 2, 9000, {900}, {{0, 0, 1, 9000 * kMs}}, 3);
  add_timed(maker, 1, 2, 9000, {900}, {{0, 0, 1, 9000 * kMs}});
  maker.finish();
}

TEST_F(Latency, StacksMeansByOperationAndCallsTheRestUntimed) {
  write_times(path());
  const plot::Figure figure = figure_of(t::Trace::open(path()), "latency");
  ASSERT_EQ(figure.panels.size(), 2u);
  EXPECT_EQ(figure.panels[0].y.categories, (std::vector<std::string>{"full", "refreekv 0.01"}));
  EXPECT_TRUE(figure.panels[0].y.reversed);
  EXPECT_EQ(figure.panels[0].x.format, plot::Format::duration);

  // Prefill of 'full': qkv (30 + 50) / 2, attend 40 / 2, untimed (300 - 120) / 2.
  const auto qkv = marks_of<plot::Bars>(figure, 0, "qkv");
  const auto attend = marks_of<plot::Bars>(figure, 0, "attend");
  const auto untimed = marks_of<plot::Bars>(figure, 0, "untimed");
  ASSERT_EQ(qkv.size() * attend.size() * untimed.size(), 1u);
  const auto length = [](const plot::Bars& bars, size_t i) {
    return (bars.top[i] - bars.base[i]) / kMs;
  };
  EXPECT_TRUE(qkv[0].horizontal);
  EXPECT_DOUBLE_EQ(length(qkv[0], 0), 40);
  EXPECT_DOUBLE_EQ(length(attend[0], 0), 20);
  EXPECT_DOUBLE_EQ(length(untimed[0], 0), 90);
  EXPECT_DOUBLE_EQ(untimed[0].top[0] / kMs, 150);
  EXPECT_EQ(untimed[0].labels[0], "150 ms");
  // Of 'refreekv': qkv 20 / 2, attend 50 / 2, untimed (80 - 70) / 2.
  EXPECT_DOUBLE_EQ(length(qkv[0], 1), 10);
  EXPECT_DOUBLE_EQ(length(attend[0], 1), 25);
  EXPECT_DOUBLE_EQ(length(untimed[0], 1), 5);

  // A decode step of 'full': three steps, 60 ms, of it qkv 10; of 'refreekv': 24 ms, attend 11.
  EXPECT_NEAR(length(marks_of<plot::Bars>(figure, 1, "qkv")[0], 0), 10.0 / 3, 1e-9);
  EXPECT_NEAR(length(marks_of<plot::Bars>(figure, 1, "attend")[0], 1), 11.0 / 3, 1e-9);
  EXPECT_NEAR(marks_of<plot::Bars>(figure, 1, "untimed")[0].top[0] / kMs, 20, 1e-9);
  EXPECT_NEAR(marks_of<plot::Bars>(figure, 1, "untimed")[0].top[1] / kMs, 8, 1e-9);
  EXPECT_TRUE(remarks(figure, "n = 2 samples.")) << all_remarks(figure);
  EXPECT_TRUE(remarks(figure, "1 sample is left out")) << all_remarks(figure);
  EXPECT_TRUE(remarks(figure, "over 3 decode steps")) << all_remarks(figure);
}

TEST_F(Latency, BarsOfOnePanelStandOnEachOther) {
  write_times(path());
  const plot::Figure figure = figure_of(t::Trace::open(path()), "latency");
  for (size_t panel = 0; panel < 2; ++panel) {
    std::vector<double> top(2, 0);
    for (const plot::Bars& bars : marks_of<plot::Bars>(figure, panel)) {
      expect_values(bars.base, top);
      top = bars.top;
    }
  }
  // Largest share first, in both panels.
  EXPECT_EQ(series_of<plot::Bars>(figure, 0),
            (std::vector<std::string>{"qkv", "attend", "untimed"}));
  EXPECT_EQ(series_of<plot::Bars>(figure, 1),
            (std::vector<std::string>{"qkv", "attend", "untimed"}));
}

TEST_F(Latency, JoinsSmallOperationsAndSaysWhich) {
  TraceMaker maker(path());
  add_inputs(maker);
  // Of 100 ms: qkv 90, attend 8, decide 1, sample 1; no bar of another run has more of them.
  add_timed(maker, 0, 0, 100, {},
            {{0, 0, 1, 90 * kMs}, {0, 0, 2, 8 * kMs}, {0, 0, 3, kMs}, {0, -1, 8, kMs}});
  maker.finish();
  const plot::Figure figure = figure_of(t::Trace::open(path()), "latency");
  ASSERT_EQ(figure.panels.size(), 1u);  // no decode step
  EXPECT_EQ(series_of<plot::Bars>(figure, 0),
            (std::vector<std::string>{"qkv", "attend", "other", "untimed"}));
  const plot::Bars other = marks_of<plot::Bars>(figure, 0, "other")[0];
  EXPECT_DOUBLE_EQ(other.top[0] - other.base[0], 2 * kMs);
  EXPECT_TRUE(remarks(figure, "Other: decide, sample.")) << all_remarks(figure);
}

TEST_F(Latency, OfOneLayerHasNoUntimedRest) {
  write_times(path());
  const plot::Figure figure =
      figure_of(t::Trace::open(path()), "latency", {.filter = {.layer = 1}});
  EXPECT_EQ(series_of<plot::Bars>(figure, 0), std::vector<std::string>{"qkv"});
  EXPECT_DOUBLE_EQ(marks_of<plot::Bars>(figure, 0)[0].top[0], 5.0 * kMs);
  EXPECT_TRUE(contains(figure.title, "layer 1"));
}

TEST_F(Latency, SaysWhereOperationsRanAtTheSameTime) {
  TraceMaker maker(path());
  add_inputs(maker);
  add_timed(maker, 0, 0, 10, {}, {{0, 0, 1, 9 * kMs}, {0, 0, 2, 9 * kMs}});
  maker.finish();
  const plot::Figure figure = figure_of(t::Trace::open(path()), "latency");
  const plot::Bars untimed = marks_of<plot::Bars>(figure, 0, "untimed")[0];
  EXPECT_EQ(untimed.top[0], untimed.base[0]);
  EXPECT_TRUE(remarks(figure, "at the same time")) << all_remarks(figure);
}

TEST_F(Latency, SaysHowToRecordSpans) {
  TraceMaker maker(path());
  add_inputs(maker);
  add_timed(maker, 0, 0, 10, {1}, {});
  maker.finish();
  const t::Trace trace = t::Trace::open(path());
  const std::string message = error_of([&] { figure_of(trace, "latency"); });
  EXPECT_TRUE(contains(message, trace.path())) << message;
  EXPECT_TRUE(contains(message, "--no-spans")) << message;
}

TEST_F(Latency, SaysWhatTheRecorderDropped) {
  write_small_trace(path());  // its notes say 12 spans
  const plot::Figure figure = figure_of(t::Trace::open(path()), "latency");
  EXPECT_TRUE(remarks(figure, "dropped 12 rows of spans")) << all_remarks(figure);
}

TEST_F(StepLatency, IsTheMedianOverSamplesUntilTooFewAreLeft) {
  TraceMaker maker(path());
  maker.add_names();
  maker.add_run("full", "full", "{}");
  for (const char* id : {"a", "b", "c", "d", "e"}) maker.add_sample(id, {"x"}, "{}", "[]", 1);
  add_timed(maker, 0, 0, 9, {1, 10, 5}, {});
  add_timed(maker, 0, 1, 9, {2, 20, 5, 5}, {});
  add_timed(maker, 0, 2, 9, {3, 30}, {});
  add_timed(maker, 0, 3, 9, {4}, {});
  add_timed(maker, 0, 4, 9, {100}, {});
  maker.finish();
  const plot::Figure figure = figure_of(t::Trace::open(path()), "step-latency");
  const auto lines = marks_of<plot::Line>(figure, 0);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].series, "full");
  // Step 3 has two samples of five.
  expect_values(lines[0].x, {1, 2});
  expect_values(lines[0].y, {3.0 * kMs, 20.0 * kMs});
  // Ranks 0.4 and 3.6 of 1, 2, 3, 4, 100; 0.2 and 1.8 of 10, 20, 30.
  expect_values(lines[0].low, {1.4 * kMs, 12.0 * kMs}, 1e-3);
  expect_values(lines[0].high, {61.6 * kMs, 28.0 * kMs}, 1e-3);
  EXPECT_TRUE(remarks(figure, "fewer than half")) << all_remarks(figure);
}

TEST_F(StepLatency, GoesOnToTheEndOfASingleSample) {
  TraceMaker maker(path());
  maker.add_names();
  maker.add_run("full", "full", "{}");
  maker.add_sample("a", {"x"}, "{}", "[]", 1);
  add_timed(maker, 0, 0, 9, {1, 2, 3}, {});
  maker.finish();
  const t::Trace trace = t::Trace::open(path());
  const plot::Figure figure = figure_of(trace, "step-latency");
  expect_values(marks_of<plot::Line>(figure, 0)[0].x, {1, 2, 3});
  EXPECT_FALSE(remarks(figure, "fewer than half"));
  const plot::Figure later =
      figure_of(trace, "step-latency", {.filter = {.first_step = 2, .last_step = 2}});
  expect_values(marks_of<plot::Line>(later, 0)[0].y, {2.0 * kMs});
  EXPECT_TRUE(marks_of<plot::Line>(later, 0)[0].markers);
}

TEST_F(StepLatency, OfManyRunsHasNoBands) {
  TraceMaker maker(path());
  maker.add_names();
  for (const char* run : {"p", "q", "r", "s"}) maker.add_run(run, run, "{}");
  maker.add_sample("a", {"x"}, "{}", "[]", 1);
  for (int32_t run = 0; run < 4; ++run) add_timed(maker, run, 0, 9, {run + 1}, {});
  maker.finish();
  const t::Trace trace = t::Trace::open(path());
  const auto lines = marks_of<plot::Line>(figure_of(trace, "step-latency"), 0);
  ASSERT_EQ(lines.size(), 4u);
  expect_values(lines[3].y, {4.0 * kMs});
  EXPECT_TRUE(lines[3].low.empty());
  const auto three = marks_of<plot::Line>(
      figure_of(trace, "step-latency", {.filter = {.runs = {"p", "q", "r"}}}), 0);
  EXPECT_EQ(three.at(2).low.size(), 1u);
}

TEST_F(StepLatency, HasALogarithmicAxisWhereAsked) {
  write_times(path());
  const t::Trace trace = t::Trace::open(path());
  FigureOptions options;
  options.log_y = true;
  EXPECT_EQ(figure_of(trace, "step-latency", options).panels[0].y.scale, plot::Scale::log);
  EXPECT_TRUE(figure_of(trace, "step-latency").panels[0].y.from_zero);
}

TEST_F(StepLatency, SaysHowToRecordDecodeSteps) {
  TraceMaker maker(path());
  add_inputs(maker);
  add_timed(maker, 0, 0, 9, {}, {});
  maker.finish();
  const t::Trace trace = t::Trace::open(path());
  const std::string message = error_of([&] { figure_of(trace, "step-latency"); });
  EXPECT_TRUE(contains(message, "--max-new-tokens")) << message;
}

}  // namespace
}  // namespace kvreel::exports::testing
