// Fidelity to the full cache, attention lost, and scores by other metrics, as figures.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "exports/figures/figure_trace.h"
#include "exports/figures/scores.h"

namespace kvreel::exports::testing {
namespace {

constexpr double kFloat = 1e-7;  // values that are stored as 32-bit floats, near 1
constexpr double kRounding = 1e-12;

class FidelityFigures : public ExportTest {
 protected:
  t::Trace quality_trace() const {
    write_quality_trace(path());
    return t::Trace::open(path());
  }
  t::Trace figure_trace(const FigureTraceOptions& options, const char* name = "figures.h5") const {
    write_figure_trace(path(name), options);
    return t::Trace::open(path(name));
  }
  // A trace of one sample, with a run of each divergence.
  t::Trace divergences(const std::vector<float>& values, const char* name = "runs.h5") const {
    {
      TraceMaker maker(path(name));
      maker.add_names();
      maker.add_run("full", "full", "{}");
      for (size_t i = 0; i < values.size(); ++i)
        maker.add_run("run" + std::to_string(i), "random", "{\"seed\": " + std::to_string(i) + "}");
      maker.add_sample("a", {"x", "y"}, "{}", "[]", 2);
      maker.add_pass({0, 0, 0, -1, 1.0, 1, 1, 1, 1, 1, {7, 8}, {1}, {1}});
      for (size_t i = 0; i < values.size(); ++i) {
        PassSpec spec{static_cast<int32_t>(i + 1), 0, 0, -1, 0.5, 1, 1, 1, 1, 1, {7, 8}, {1}, {1}};
        spec.fidelity = {{values[i], true}};
        spec.lost = {{values[i], values[i] / 2}};
        maker.add_pass(spec);
      }
      maker.finish();
    }
    return t::Trace::open(path(name));
  }
};

TEST_F(FidelityFigures, ARunIsAPointAtItsMeanDivergenceAndBudget) {
  const t::Trace trace = quality_trace();
  const plot::Figure figure = make_figure({&trace}, "fidelity-budget");
  const auto points = marks_of<plot::Points>(figure.panels[0]);
  ASSERT_EQ(points.size(), 1u);  // of the full cache there is none
  EXPECT_EQ(points[0].x, std::vector<double>{0.5});
  EXPECT_NEAR(points[0].y[0], 0.35, kFloat);  // samples a (0.1, 0.3) and b (0.5)
  EXPECT_EQ(points[0].y_low[0], 0);           // a divergence is not negative
  EXPECT_NEAR(points[0].y_high[0], 0.35 + 12.706204736174698 * 0.15, 1e-6);
  EXPECT_EQ(figure.panels[0].y.scale, plot::Scale::linear);
  EXPECT_TRUE(has_remark(figure, "1 sample without recorded fidelity is left out."));
  EXPECT_TRUE(has_remark(figure, "Bars: 95 % interval (Student's t)"));
}

TEST_F(FidelityFigures, DivergencesFarApartAreOnALogarithmicAxis) {
  const t::Trace trace = divergences({0.001f, 1.0f, 0.0f});
  const plot::Figure figure = make_figure({&trace}, "fidelity-budget");
  EXPECT_EQ(figure.panels[0].y.scale, plot::Scale::log);
  EXPECT_NEAR(*figure.panels[0].y.low, 0.001 / 3, kFloat);
  EXPECT_TRUE(has_remark(figure, "diverge by 0 have no place on the logarithmic axis"));
  int finite = 0;
  for (const plot::Points& points : marks_of<plot::Points>(figure.panels[0])) {
    for (const double y : points.y) finite += std::isfinite(y);
  }
  EXPECT_EQ(finite, 2);
  const t::Trace near = divergences({0.1f, 1.0f}, "near.h5");
  EXPECT_EQ(make_figure({&near}, "fidelity-budget").panels[0].y.scale, plot::Scale::linear);
  EXPECT_EQ(make_figure({&near}, "fidelity-budget", {.log_y = true}).panels[0].y.scale,
            plot::Scale::log);
}

TEST_F(FidelityFigures, TheFrontHoldsTheRunThatDivergesLeast) {
  const t::Trace trace = divergences({0.3f, 0.1f, 0.2f});
  const plot::Figure figure = make_figure({&trace}, "fidelity-budget");
  // All have one budget: the front is one run, which is no line.
  EXPECT_TRUE(marks_of<plot::Line>(figure.panels[0]).empty());
}

TEST_F(FidelityFigures, LinesByStepAreMeansOverSamples) {
  const t::Trace trace = quality_trace();
  const plot::Figure figure = make_figure({&trace}, "fidelity-steps");
  ASSERT_EQ(figure.panels.size(), 2u);
  const auto divergence = marks_of<plot::Line>(figure.panels[0]);
  ASSERT_EQ(divergence.size(), 1u);
  EXPECT_EQ(divergence[0].x, std::vector<double>{1});  // one of two samples has a second step
  EXPECT_NEAR(divergence[0].y[0], (0.1 + 0.5) / 2, kFloat);
  EXPECT_EQ(marks_of<plot::Line>(figure.panels[1])[0].y, std::vector<double>{1});
  EXPECT_TRUE(has_remark(figure, "Lines end where"));

  FigureOptions options;
  options.filter.samples = {"a"};
  const plot::Figure alone = make_figure({&trace}, "fidelity-steps", options);
  const auto line = marks_of<plot::Line>(alone.panels[0]);
  EXPECT_EQ(line[0].x, (std::vector<double>{1, 2}));
  EXPECT_NEAR(line[0].y[1], 0.3, kFloat);
  EXPECT_EQ(marks_of<plot::Line>(alone.panels[1])[0].y, (std::vector<double>{1, 0}));
}

TEST_F(FidelityFigures, LostAttentionIsALineByLayer) {
  const t::Trace trace = quality_trace();
  const plot::Figure figure = make_figure({&trace}, "lost-attention");
  const auto lines = marks_of<plot::Line>(figure.panels[0]);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].x, (std::vector<double>{0, 1}));
  EXPECT_NEAR(lines[0].y[0], (0.2 + 0.0) / 2, kFloat);
  EXPECT_NEAR(lines[0].y[1], (0.3 + 0.5) / 2, kFloat);
  FigureOptions options;
  options.filter.first_step = 2;
  const plot::Figure later = make_figure({&trace}, "lost-attention", options);
  EXPECT_NEAR(marks_of<plot::Line>(later.panels[0])[0].y[1], 0.4, kFloat);  // sample a alone
}

TEST_F(FidelityFigures, ManyRunsThatLoseAttentionAreAMap) {
  const t::Trace trace = divergences({0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f, 0.7f});
  const plot::Figure figure = make_figure({&trace}, "lost-attention");
  const auto maps = marks_of<plot::HeatMap>(figure.panels[0]);
  ASSERT_EQ(maps.size(), 1u);
  EXPECT_EQ(maps[0].rows, 7u);
  EXPECT_EQ(maps[0].columns, 2u);
  EXPECT_NEAR(maps[0].values[2 * 6 + 1], 0.35, kFloat);
  EXPECT_EQ(figure.panels[0].y.categories[6], "seed 6");
}

TEST_F(FidelityFigures, WithoutFidelityTheySayHowToRecordIt) {
  write_small_trace(path("small.h5"));
  const t::Trace trace = t::Trace::open(path("small.h5"));
  for (const char* name : {"fidelity-budget", "fidelity-steps", "lost-attention"}) {
    const std::string error = error_of([&] { make_figure({&trace}, name); });
    EXPECT_TRUE(contains(error, "kvreel record --fidelity")) << name << ": " << error;
  }
}

TEST_F(FidelityFigures, ScoresAreOfTheFirstMetricOrOfTheOneAskedFor) {
  const t::Trace trace = quality_trace();
  const plot::Figure first = make_figure({&trace}, "score-budget");
  EXPECT_EQ(first.panels[0].y.label, "token-f1");
  EXPECT_EQ(metadata_value(first, "metric"), "token-f1");
  const auto points = marks_of<plot::Points>(first.panels[0]);
  EXPECT_NEAR(points[1].y[0], 1.4 / 3, kRounding);
  EXPECT_TRUE(has_remark(first, "Bars: 95 % interval of the mean (Student's t)"));

  const plot::Figure recall = make_figure({&trace}, "score-budget", {.metric = "recall"});
  EXPECT_EQ(marks_of<plot::Points>(recall.panels[0])[1].y, std::vector<double>{0.5});
  EXPECT_TRUE(has_remark(recall, "1 sample without scores is left out."));
  EXPECT_TRUE(has_remark(recall, "Bars: Wilson's 95 % interval"));
  const plot::Figure exact = make_figure({&trace}, "score-budget", {.metric = "exact-match"});
  EXPECT_EQ(exact.panels[0].y.label, "Exact match");
  EXPECT_NEAR(marks_of<plot::Points>(exact.panels[0])[0].y[0], 1.0 / 3, kRounding);
}

TEST_F(FidelityFigures, AnUnknownMetricNamesTheNearestAndOtherFiguresTakeNone) {
  const t::Trace trace = quality_trace();
  const std::string unknown =
      error_of<UsageError>([&] { make_figure({&trace}, "score-budget", {.metric = "recal"}); });
  EXPECT_TRUE(contains(unknown, "no scores by a metric 'recal'")) << unknown;
  EXPECT_TRUE(contains(unknown, "'recall'")) << unknown;
  const std::string other =
      error_of<UsageError>([&] { make_figure({&trace}, "latency", {.metric = "recall"}); });
  EXPECT_TRUE(contains(other, "'latency' shows no score: --metric goes with threshold, ")) << other;
}

TEST_F(FidelityFigures, RetentionOfMeansHasABootstrapInterval) {
  const t::Trace trace = figure_trace({.f1 = true});
  const plot::Figure figure = make_figure({&trace}, "retention");
  const auto points = marks_of<plot::Points>(figure.panels[0]);
  ASSERT_EQ(points.size(), 1u);
  EXPECT_NEAR(points[0].y[0], 1.9 / 2.3, kRounding);   // T = 1 %
  EXPECT_NEAR(points[0].y[1], 1.55 / 2.3, kRounding);  // T = 5 %
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_LT(points[0].y_low[i], points[0].y[i]);
    EXPECT_GT(points[0].y_high[i], points[0].y[i]);
  }
  // Resamples of one sample thrice: ratios of 1, 1 and 0.5 at T = 1 %, 0.5, 0.5 and 1 at T = 5 %.
  EXPECT_GE(points[0].y_low[0], 0.5);
  EXPECT_LE(points[0].y_high[1], 1.0);
  EXPECT_TRUE(
      has_remark(figure, "percentiles from 10000 resamples of the samples (bootstrap, seed 1)"));
  EXPECT_TRUE(has_remark(figure, "Score retained: token-f1 of a run"));
  const plot::Figure exact = make_figure({&trace}, "retention", {.metric = "exact-match"});
  EXPECT_TRUE(has_remark(exact, "Bonett and Price 2006"));
}

TEST(BootstrapRatio, IsTheSameEveryTimeAndCertainOfEqualRatios) {
  const std::vector<double> mine = {0.2, 0.4, 0.9, 0.1};
  const std::vector<double> theirs = {0.4, 0.5, 0.9, 0.3};
  const Interval once = bootstrap_ratio_interval(mine, theirs);
  const Interval again = bootstrap_ratio_interval(mine, theirs);
  EXPECT_EQ(once.low, again.low);
  EXPECT_EQ(once.high, again.high);
  const Interval equal = bootstrap_ratio_interval(theirs, theirs);
  EXPECT_EQ(equal.low, 1);
  EXPECT_EQ(equal.high, 1);
}

TEST_F(FidelityFigures, ARunThatIsNotOnItsFamilysCurvesIsToldOf) {
  const t::Trace other = figure_trace({.other_budget = true});
  EXPECT_TRUE(
      has_remark(make_figure({&other}, "threshold-budget"), "differ from it by up to 25 points"));
  const t::Trace same = figure_trace({}, "same.h5");
  EXPECT_FALSE(has_remark(make_figure({&same}, "threshold-budget"), "differ from it"));
}

}  // namespace
}  // namespace kvreel::exports::testing
