// Figures of thresholds against numbers worked out by hand (figure_trace.h).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "exports/figures/figure_trace.h"
#include "exports/tables/statistics.h"

namespace kvreel::exports::testing {
namespace {

class ThresholdFigures : public ExportTest {
 protected:
  t::Trace figure_trace(const FigureTraceOptions& options = {}) const {
    write_figure_trace(path(), options);
    return t::Trace::open(path());
  }
};

constexpr double kRounding = 1e-15;  // a few roundings of numbers below 1

TEST_F(ThresholdFigures, TheBudgetIsReadOffTheCurvesAtEveryThreshold) {
  const t::Trace trace = figure_trace();
  const plot::Figure figure = make_figure({&trace}, "threshold-budget");
  ASSERT_EQ(figure.panels.size(), 1u);
  const auto lines = marks_of<plot::Line>(figure.panels[0]);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].series, "refreekv");
  EXPECT_EQ(lines[0].x.front(), 0.001);
  EXPECT_NEAR(lines[0].x.back(), 0.1, kRounding);
  EXPECT_TRUE(std::is_sorted(lines[0].x.begin(), lines[0].x.end()));
  // At 0.1 %: nothing goes. Layer 0 is exempt and c was too short, at every threshold.
  EXPECT_NEAR(lines[0].y.front(), 1, kRounding);
  // At 1 %: 8 of 10, 7 of 8.
  EXPECT_NEAR(value_at(lines[0], 0.01), (0.9 + 0.9375 + 1) / 3, kRounding);
  // At 5 %: 7 of 10, 5 of 8.
  EXPECT_NEAR(value_at(lines[0], 0.05), (0.85 + 0.8125 + 1) / 3, kRounding);
  // At 10 %: the fifth of a is evicted; of b the newest candidate stays always.
  EXPECT_NEAR(lines[0].y.back(), (0.8 + 0.8125 + 1) / 3, kRounding);
  // The band of one series: quantiles of the three budgets.
  const size_t at = static_cast<size_t>(std::find(lines[0].x.begin(), lines[0].x.end(), 0.01) -
                                        lines[0].x.begin());
  EXPECT_NEAR(lines[0].low[at], quantile(std::vector<double>{0.9, 0.9375, 1}, 0.1), kRounding);
  EXPECT_NEAR(lines[0].high[at], quantile(std::vector<double>{0.9, 0.9375, 1}, 0.9), kRounding);
  EXPECT_TRUE(has_remark(figure, "n = 3 samples."));
}

TEST_F(ThresholdFigures, RecordedBudgetsLieOnTheLine) {
  const t::Trace trace = figure_trace();
  const plot::Figure figure = make_figure({&trace}, "threshold-budget");
  const auto lines = marks_of<plot::Line>(figure.panels[0]);
  const auto points = marks_of<plot::Points>(figure.panels[0]);
  ASSERT_EQ(points.size(), 1u);
  ASSERT_EQ(points[0].x, (std::vector<double>{0.01, 0.05}));
  EXPECT_EQ(points[0].series, lines[0].series);
  for (size_t i = 0; i < points[0].x.size(); ++i)
    EXPECT_NEAR(points[0].y[i], value_at(lines[0], points[0].x[i]), kRounding);
}

TEST_F(ThresholdFigures, OneLayerAloneCanBeShown) {
  const t::Trace trace = figure_trace();
  FigureOptions options;
  options.filter.layer = 1;
  const plot::Figure figure = make_figure({&trace}, "threshold-budget", options);
  EXPECT_EQ(figure.panels[0].y.label, "Budget of layer 1");
  EXPECT_NEAR(value_at(marks_of<plot::Line>(figure.panels[0])[0], 0.01), (0.8 + 0.875 + 1) / 3,
              kRounding);
  EXPECT_NEAR(marks_of<plot::Points>(figure.panels[0])[0].y[0], (0.8 + 0.875 + 1) / 3, kRounding);
  options.filter.layer = 0;
  const plot::Figure exempt = make_figure({&trace}, "threshold-budget", options);
  EXPECT_EQ(value_at(marks_of<plot::Line>(exempt.panels[0])[0], 0.05), 1);
}

TEST_F(ThresholdFigures, GroupsAreSeries) {
  const t::Trace trace = figure_trace();
  FigureOptions options;
  options.by = "task";
  const plot::Figure figure = make_figure({&trace}, "threshold-budget", options);
  const auto lines = marks_of<plot::Line>(figure.panels[0]);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].series, "fact");
  EXPECT_NEAR(value_at(lines[0], 0.01), 0.9, kRounding);
  EXPECT_EQ(lines[1].series, "copy");
  EXPECT_NEAR(value_at(lines[1], 0.01), (0.9375 + 1) / 2, kRounding);
  EXPECT_TRUE(lines[0].low.empty());
  EXPECT_TRUE(has_remark(figure, "n = 1 (fact), 2 (copy) samples."));

  options.by = "tsk";
  EXPECT_TRUE(
      contains(error_of<UsageError>([&] { make_figure({&trace}, "threshold-budget", options); }),
               "has a field 'tsk' to group by. Did you mean 'task'?"));
}

TEST_F(ThresholdFigures, ScoresHaveWilsonsIntervalAndRunsWithoutThresholdAreRules) {
  const t::Trace trace = figure_trace();
  const plot::Figure figure = make_figure({&trace}, "threshold-score");
  const auto points = marks_of<plot::Points>(figure.panels[0]);
  ASSERT_EQ(points.size(), 1u);
  EXPECT_EQ(points[0].x, (std::vector<double>{0.01, 0.05}));
  EXPECT_EQ(points[0].y, (std::vector<double>{1, 0.5}));
  EXPECT_NEAR(points[0].y_low[1], proportion_of(1, 2)->low, kRounding);
  EXPECT_NEAR(points[0].y_high[1], proportion_of(1, 2)->high, kRounding);
  const auto rules = marks_of<plot::Rule>(figure.panels[0]);
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[0].label, "full cache");
  EXPECT_EQ(rules[0].at, 1);
  EXPECT_EQ(rules[1].label, "streaming-llm 50 %");
  EXPECT_EQ(rules[1].at, 0.5);
  EXPECT_TRUE(has_remark(figure, "of the 2 samples that are scored"));
}

TEST_F(ThresholdFigures, RetentionIsAShareOfTheReferencesScore) {
  const t::Trace trace = figure_trace();
  const plot::Figure figure = make_figure({&trace}, "retention");
  const auto points = marks_of<plot::Points>(figure.panels[0]);
  ASSERT_EQ(points.size(), 1u);
  EXPECT_EQ(points[0].y, (std::vector<double>{1, 0.5}));
  FigureOptions options;
  options.reference = "streaming-llm:budget=50%";  // answers b alone
  const plot::Figure other = make_figure({&trace}, "retention", options);
  EXPECT_EQ(marks_of<plot::Points>(other.panels[0])[0].y, (std::vector<double>{2, 1}));
  EXPECT_EQ(marks_of<plot::Rule>(other.panels[0])[0].label, "streaming-llm:budget=50%");
  options.reference = "fll";
  EXPECT_TRUE(contains(error_of<UsageError>([&] { make_figure({&trace}, "retention", options); }),
                       "trace.h5 has no run 'fll'. Did you mean 'full'?"));
}

TEST_F(ThresholdFigures, ThresholdShowsBothAboveOneAxis) {
  const t::Trace trace = figure_trace();
  const plot::Figure figure = make_figure({&trace}, "threshold");
  ASSERT_EQ(figure.panels.size(), 2u);
  EXPECT_EQ(figure.rows, 2u);
  EXPECT_TRUE(figure.share_x);
  const plot::Figure score = make_figure({&trace}, "retention");
  const plot::Figure budget = make_figure({&trace}, "threshold-budget");
  EXPECT_EQ(marks_of<plot::Points>(figure.panels[0])[0].y,
            marks_of<plot::Points>(score.panels[0])[0].y);
  EXPECT_EQ(marks_of<plot::Line>(figure.panels[1])[0].y,
            marks_of<plot::Line>(budget.panels[0])[0].y);
}

TEST_F(ThresholdFigures, OnlySamplesThatAllRunsFinishedCount) {
  const t::Trace trace = figure_trace({.interrupted = true});
  // The interrupted run has no threshold: budgets keep all samples, scores beside it do not.
  const plot::Figure budget = make_figure({&trace}, "threshold-budget");
  EXPECT_TRUE(has_remark(budget, "n = 3 samples."));
  const plot::Figure score = make_figure({&trace}, "threshold-score");
  EXPECT_TRUE(has_remark(score, "n = 2 samples."));
  EXPECT_TRUE(has_remark(score, "1 sample is left out: not every run has finished it."));
  EXPECT_EQ(marks_of<plot::Points>(score.panels[0])[0].y, (std::vector<double>{1, 1}));  // a
}

TEST_F(ThresholdFigures, WhatATraceLacksIsSaidWithTheOptionThatAddsIt) {
  const t::Trace without_answers = figure_trace({.answers = false});
  for (const char* name : {"threshold-score", "retention", "threshold"}) {
    const std::string error = error_of([&] { make_figure({&without_answers}, name); });
    EXPECT_TRUE(contains(error, "has reference answers")) << error;
    EXPECT_TRUE(contains(error, "--answer-field")) << error;
  }
  FigureOptions options;
  options.filter.runs = {"full", "streaming-llm:budget=50%"};
  EXPECT_TRUE(
      contains(error_of([&] { make_figure({&without_answers}, "threshold-budget", options); }),
               "none of the runs asked for of"));
}

TEST_F(ThresholdFigures, ARunOfAThresholdWithoutCurvesNamesThePolicyThatRecordsThem) {
  TraceMaker maker(path());
  maker.add_names();
  maker.add_run("other:threshold=3%", "other", R"({"threshold": "3%"})");
  maker.add_sample("a", pieces(10), "{}", R"(["x"])", 10);
  maker.add_pass({.run = 0, .sample = 0, .exact_match = 1, .tokens = {5}},
                 {{.layer = 0,
                   .reason = 3,
                   .cached = 10,
                   .kept_ranges = {0, 5},
                   .ranking = ranking_from(5, 10),
                   .cut = 5}});
  maker.finish();
  const t::Trace trace = t::Trace::open(path());
  const std::string error = error_of([&] { make_figure({&trace}, "threshold-budget"); });
  EXPECT_TRUE(contains(error, "run 'other:threshold=3%'")) << error;
  EXPECT_TRUE(contains(error, "layer 0 has no norm curve")) << error;
  EXPECT_TRUE(contains(error, "--policy refreekv")) << error;
  EXPECT_TRUE(contains(error_of([&] { make_figure({&trace}, "retention"); }),
                       "has no run of the full cache, which scores are compared with; record one "
                       "with --policy full"));
  // What needs no curve is drawn.
  const plot::Figure score = make_figure({&trace}, "threshold-score");
  EXPECT_EQ(marks_of<plot::Points>(score.panels[0])[0].x, (std::vector<double>{0.03}));
}

// Two families of runs of one sample: keep-layers none and 0, each at 5 % and at 1 % or 0.
t::Trace two_families(const std::string& path, const char* low_threshold) {
  TraceMaker maker(path);
  maker.add_names();
  for (const char* layers : {"none", "0"}) {
    for (const char* threshold : {"5%", low_threshold}) {
      maker.add_run(std::string("refreekv:") + layers + threshold, "refreekv",
                    std::string(R"({"preset": "paper", "threshold": ")") + threshold +
                        R"(", "keep-layers": ")" + layers + R"(", "sinks": "4"})");
    }
  }
  maker.add_sample("a", pieces(10), R"({"task": "fact"})", "[]", 10);
  maker.add_sample("b", pieces(10), R"({"task": "copy"})", "[]", 10);
  const double low = low_threshold[0] == '0' ? 0 : 0.01;
  for (int32_t sample = 0; sample < 2; ++sample) {
    for (int32_t run = 0; run < 4; ++run) {
      maker.add_pass({.run = run, .sample = sample, .budget = 0.9, .tokens = {5}},
                     cut_decisions(10, kCurveA, 2, run % 2 == 0 ? 0.05 : low));
    }
  }
  maker.finish();
  return t::Trace::open(path);
}

TEST_F(ThresholdFigures, RunsThatDifferInMoreThanTheThresholdAreSeriesOfTheirOwn) {
  const t::Trace trace = two_families(path(), "1%");
  const plot::Figure figure = make_figure({&trace}, "threshold-budget");
  const auto points = marks_of<plot::Points>(figure.panels[0]);
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[0].series, "keep-layers none");
  EXPECT_EQ(points[1].series, "keep-layers 0");
  EXPECT_EQ(points[0].x, (std::vector<double>{0.01, 0.05}));           // by threshold, not by row
  EXPECT_TRUE(marks_of<plot::Line>(figure.panels[0])[0].low.empty());  // no bands of several
}

TEST_F(ThresholdFigures, FamiliesArePanelsWhereGroupsAreSeries) {
  const t::Trace trace = two_families(path(), "1%");
  FigureOptions options;
  options.by = "task";
  const plot::Figure figure = make_figure({&trace}, "threshold-budget", options);
  ASSERT_EQ(figure.panels.size(), 2u);
  EXPECT_EQ(figure.panels[0].title, "keep-layers none");
  EXPECT_EQ(figure.panels[1].title, "keep-layers 0");
  for (const plot::Panel& panel : figure.panels) {
    const auto lines = marks_of<plot::Line>(panel);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[0].series, "fact");
    EXPECT_EQ(lines[1].series, "copy");
  }
}

TEST_F(ThresholdFigures, AThresholdOfZeroHasNoPlaceOnTheAxis) {
  const t::Trace trace = two_families(path(), "0%");
  const plot::Figure figure = make_figure({&trace}, "threshold-budget");
  EXPECT_EQ(marks_of<plot::Points>(figure.panels[0])[0].x, (std::vector<double>{0.05}));
  EXPECT_TRUE(has_remark(figure, "threshold of 0"));
}

}  // namespace
}  // namespace kvreel::exports::testing
