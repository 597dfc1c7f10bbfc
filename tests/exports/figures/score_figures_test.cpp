// Scores against cost, and which traces may be compared.
#include <gtest/gtest.h>

#include <cmath>

#include "exports/figures/figure_trace.h"
#include "exports/figures/scores.h"
#include "exports/tables/statistics.h"

namespace kvreel::exports::testing {
namespace {

class ScoreFigures : public ExportTest {
 protected:
  t::Trace figure_trace(const char* name = "trace.h5",
                        const FigureTraceOptions& options = {}) const {
    write_figure_trace(path(name), options);
    return t::Trace::open(path(name));
  }
};

constexpr double kRounding = 1e-15;

TEST_F(ScoreFigures, ARunIsAPointAtItsScoreAndMeanBudget) {
  const t::Trace trace = figure_trace();
  const plot::Figure figure = make_figure({&trace}, "score-budget");
  const auto points = marks_of<plot::Points>(figure.panels[0]);
  ASSERT_EQ(points.size(), 3u);
  EXPECT_EQ(points[0].series, "full");
  EXPECT_TRUE(points[0].labels.empty());
  EXPECT_EQ(points[1].series, "refreekv (threshold)");
  EXPECT_EQ(points[1].labels, (std::vector<std::string>{"1 %", "5 %"}));
  EXPECT_EQ(points[2].series, "streaming-llm 50 %");  // one budget only
  // Samples a and b, which have answers.
  EXPECT_NEAR(points[1].x[0], (0.9 + 0.9375) / 2, kRounding);
  EXPECT_NEAR(points[1].x[1], (0.85 + 0.8125) / 2, kRounding);
  EXPECT_NEAR(points[1].x_low[0], 0.9 + 0.1 * 0.0375, kRounding);
  EXPECT_NEAR(points[1].x_high[0], 0.9 + 0.9 * 0.0375, kRounding);
  EXPECT_EQ(points[1].y, (std::vector<double>{1, 0.5}));
  EXPECT_NEAR(points[1].y_low[0], proportion_of(2, 2)->low, kRounding);
  EXPECT_EQ(points[2].y, (std::vector<double>{0.5}));
  EXPECT_TRUE(has_remark(figure, "1 sample without answers is left out."));
}

TEST_F(ScoreFigures, TheCostOfOneLayerIsSaidOnTheAxis) {
  const t::Trace trace = figure_trace();
  FigureOptions options;
  options.filter.layer = 1;
  const plot::Figure figure = make_figure({&trace}, "score-budget", options);
  EXPECT_EQ(figure.panels[0].x.label, "Mean budget of layer 1");
  EXPECT_NEAR(marks_of<plot::Points>(figure.panels[0])[1].x[0], (0.8 + 0.875) / 2, kRounding);
}

TEST_F(ScoreFigures, ARunWithoutSiblingsHasNoLabel) {
  const t::Trace trace = figure_trace();
  FigureOptions options;
  options.filter.runs = {"full", "refreekv:threshold=5%"};
  const auto points =
      marks_of<plot::Points>(make_figure({&trace}, "score-budget", options).panels[0]);
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[1].series, "refreekv 5 %");
  EXPECT_TRUE(points[1].labels.empty());
}

TEST_F(ScoreFigures, TheParetoFrontHoldsWhatNoRunBeatsForLess) {
  const t::Trace trace = figure_trace();
  const plot::Figure figure = make_figure({&trace}, "score-bytes");
  const auto points = marks_of<plot::Points>(figure.panels[0]);
  EXPECT_EQ(points[1].x, (std::vector<double>{2560, 1536}));
  const auto lines = marks_of<plot::Line>(figure.panels[0]);
  ASSERT_EQ(lines.size(), 2u);  // the front and the family's line
  EXPECT_EQ(lines[0].series, "Pareto front");
  // streaming-llm, 768 B and half right; T = 1 %, 2560 B and all right. T = 5 % is no better than
  // the first and dearer, the full cache no better than the second.
  EXPECT_EQ(lines[0].x, (std::vector<double>{768, 2560}));
  EXPECT_EQ(lines[0].y, (std::vector<double>{0.5, 1}));
  EXPECT_TRUE(lines[0].steps);
}

TEST_F(ScoreFigures, GroupsArePanels) {
  const t::Trace trace = figure_trace();
  FigureOptions options;
  options.by = "task";
  const plot::Figure figure = make_figure({&trace}, "score-budget", options);
  ASSERT_EQ(figure.panels.size(), 2u);
  EXPECT_EQ(figure.panels[0].title, "fact");
  EXPECT_EQ(marks_of<plot::Points>(figure.panels[0])[1].x, (std::vector<double>{0.9, 0.85}));
  EXPECT_EQ(figure.panels[1].title, "copy");
  EXPECT_EQ(marks_of<plot::Points>(figure.panels[1])[1].y, (std::vector<double>{1, 0}));
}

TEST_F(ScoreFigures, SamplesThatARunHasNotFinishedAreLeftOutOfAll) {
  const t::Trace trace = figure_trace("trace.h5", {.interrupted = true});
  const plot::Figure figure = make_figure({&trace}, "score-budget");
  const auto points = marks_of<plot::Points>(figure.panels[0]);
  EXPECT_EQ(points[1].x, (std::vector<double>{0.9, 0.85}));  // sample a
  EXPECT_TRUE(has_remark(figure, "1 sample is left out: not every run has finished it."));
}

TEST_F(ScoreFigures, TracesOfTheSamePromptsAreComparedSampleBySample) {
  // The second trace's rows of samples begin at b: samples are matched by id.
  const std::string provenance = []() {
    std::string text(kProvenance);
    const std::string_view count = R"("count": 4)";
    return text.replace(text.find(count), count.size(), R"("count": 4, "sha256": "p")");
  }();
  const t::Trace one = figure_trace("one.h5", {.provenance = provenance});
  const t::Trace two = figure_trace("two.h5", {.provenance = provenance, .first_sample = 1});
  const plot::Figure figure = make_figure({&one, &two}, "score-budget");
  const auto points = marks_of<plot::Points>(figure.panels[0]);
  ASSERT_EQ(points.size(), 6u);
  EXPECT_EQ(points[1].series, "one, refreekv (threshold)");
  EXPECT_EQ(points[4].series, "two, refreekv (threshold)");
  EXPECT_EQ(points[1].x, (std::vector<double>{0.9375, 0.8125}));  // sample b
  EXPECT_EQ(points[4].x, points[1].x);
  EXPECT_TRUE(has_remark(figure, "1 sample is left out"));
}

TEST_F(ScoreFigures, OtherPromptsAreRefusedWithBothNames) {
  const t::Trace one = figure_trace("one.h5");
  const t::Trace two = figure_trace("two.h5", {.text_of_a = "another question"});
  const std::string error = error_of([&] { make_figure({&one, &two}, "score-budget"); });
  EXPECT_EQ(error,
            "'one.h5' has 3 prompts of prompts.jsonl and 'two.h5' 3 prompts of prompts.jsonl: "
            "sample 'a' has another text in the two, so that their runs cannot be compared; record "
            "both with the same prompts, template and truncation");
  const t::Trace fewer = figure_trace("fewer.h5", {.first_sample = 1});
  const std::string other_file = error_of([&] { make_figure({&one, &fewer}, "score-bytes"); });
  EXPECT_TRUE(contains(other_file,
                       "'one.h5' has 3 prompts of prompts.jsonl and 'fewer.h5' 2 prompts of "
                       "prompts.jsonl, of which they share 2"))
      << other_file;
  EXPECT_TRUE(contains(error_of([&] {
                         const t::Trace none = figure_trace("none.h5", {.answers = false});
                         make_figure({&one, &none}, "score-bytes");
                       }),
                       "sample 'a' has other answers in the two"));
  // Where every trace has series of its own, prompts may differ.
  EXPECT_EQ(make_figure({&one, &two}, "threshold-budget").panels.size(), 1u);
}

TEST_F(ScoreFigures, OtherModelsAreRefusedWithBothNames) {
  std::string provenance(kProvenance);
  provenance.replace(provenance.find("0123456789"), 10, "9876543210");
  provenance.replace(provenance.find("/models/tiny"), 12, "/models/huge");
  const t::Trace one = figure_trace("one.h5");
  const t::Trace two = figure_trace("two.h5", {.provenance = provenance});
  const std::string error = error_of([&] { make_figure({&one, &two}, "score-budget"); });
  EXPECT_TRUE(contains(error, "'one.h5' is of model /models/tiny and 'two.h5' of /models/huge"))
      << error;
  EXPECT_EQ(marks_of<plot::Line>(make_figure({&one, &two}, "threshold-budget").panels[0]).size(),
            2u);
}

TEST_F(ScoreFigures, AnswersAreNeeded) {
  const t::Trace trace = figure_trace("trace.h5", {.answers = false});
  for (const char* name : {"score-budget", "score-bytes"}) {
    EXPECT_TRUE(contains(error_of([&] { make_figure({&trace}, name); }),
                         "name theirs with --answer-field"));
  }
}

// The example of Fagerland, Lydersen and Laake, "Recommended tests and confidence intervals for
// paired binomial proportions", Statistics in Medicine 33 (2014): 1 child with both, 1 and 7 with
// one; Bonett and Price's interval of the ratio there is 0.068 to 0.92.
TEST(PairedRatio, IsBonettAndPricesInterval) {
  const Interval interval = paired_ratio_interval(1, 1, 7);
  EXPECT_NEAR(interval.low, 0.068, 0.0005);
  EXPECT_NEAR(interval.high, 0.92, 0.005);
}

TEST(PairedRatio, HoldsItsMiddleAlsoAtTheEdges) {
  const Interval equal = paired_ratio_interval(35, 0, 0);
  EXPECT_LT(equal.low, 1);
  EXPECT_GT(equal.high, 1);
  const Interval none = paired_ratio_interval(0, 0, 5);  // the run answers none right
  EXPECT_NEAR(none.low, 0, 1e-12);
  EXPECT_GT(none.high, 0);
  EXPECT_TRUE(std::isfinite(none.high));
}

}  // namespace
}  // namespace kvreel::exports::testing
