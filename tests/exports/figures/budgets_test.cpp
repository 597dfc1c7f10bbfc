// Budgets at thresholds, read off curves; budgets by layer.
#include "exports/figures/budgets.h"

#include <gtest/gtest.h>

#include <cmath>

#include "exports/figures/figure_trace.h"

namespace kvreel::exports::testing {
namespace {

using Budgets = ExportTest;

constexpr double kRounding = 1e-15;

TEST(CutAt, IsTheLargestNumberWhoseDistanceIsAtMostTheThreshold) {
  const std::vector<float> distance = {0.0f, 0.25f, 0.25f, 0.5f};
  EXPECT_EQ(cut_at(distance, 0.0), 0);
  EXPECT_EQ(cut_at(distance, 0.2), 0);
  EXPECT_EQ(cut_at(distance, 0.25), 2);  // at most, and the last of equal ones
  EXPECT_EQ(cut_at(distance, 0.49), 2);
  EXPECT_EQ(cut_at(distance, 1.0), 3);
}

TEST(CutAt, ComparesTheStoredValuesInDoublePrecision) {
  const std::vector<float> distance = {0.0f, 0.05f};
  EXPECT_EQ(cut_at(distance, 0.05), 0);  // 0.05f is above 0.05
  EXPECT_EQ(cut_at(distance, static_cast<double>(0.05f)), 1);
}

TEST(CutAt, KeepsAllWhereThereIsNoCurveOrNoAttention) {
  EXPECT_EQ(cut_at({}, 0.5), 0);
  EXPECT_EQ(cut_at(std::vector<float>{std::nanf(""), std::nanf("")}, 0.5), 0);
  EXPECT_EQ(cut_at(std::vector<float>{0.0f, 0.1f}, -1.0), 0);
}

// Two KV heads of a layer that share a curve and rank apart, and a layer without a decision.
TEST_F(Budgets, KvHeadsCountAlikeAndLayersWithoutADecisionAreWhole) {
  TraceMaker maker(path());
  maker.add_names();
  maker.add_run("refreekv:base=all", "refreekv", R"({"threshold": "1%", "base": "all"})");
  maker.add_sample("a", pieces(10), "{}", "[]", 10);
  std::vector<DecisionSpec> decisions = cut_decisions(10, kCurveA, 2, 0.01);
  decisions.erase(decisions.begin());
  decisions[0].kv_head = 0;
  decisions.push_back(decisions[0]);
  decisions[1].kv_head = 1;
  decisions[1].cut = 4;  // what no curve gives, to tell recorded from computed
  decisions[1].kept_ranges = {0, 6};
  maker.add_pass({.run = 0, .sample = 0, .budget = 0.85, .tokens = {5}}, decisions);
  maker.finish();
  const t::Trace trace = t::Trace::open(path());
  const FigureOptions options;
  FigureSource source{.traces = {}, .options = options};
  source.traces.push_back(std::make_unique<FigureTrace>(trace, Filter{}));
  const FigureRun run = selected_runs(source).at(0);
  const WholePasses passes(*source.traces[0]);
  const std::vector<int32_t> samples = {0};
  const auto layers = layer_budgets(run, passes, samples);
  ASSERT_EQ(layers.size(), 1u);
  ASSERT_EQ(layers[0].size(), 2u);
  EXPECT_EQ(layers[0][0], 1);
  EXPECT_NEAR(layers[0][1], (0.8 + 0.6) / 2, kRounding);
  // Over all positions the distances are halved (small_trace.h): 1 % admits 2 / 100 of the other
  // curve, two candidates; 1.6 % three.
  const auto budgets = budgets_at(run, passes, samples, std::vector<double>{0.01, 0.016});
  EXPECT_NEAR(budgets[0][0], (1 + 0.8) / 2, kRounding);
  EXPECT_NEAR(budgets[0][1], (1 + 0.7) / 2, kRounding);
}

TEST_F(Budgets, LayersAreBoxesOfTheirBudgets) {
  write_figure_trace(path());
  const t::Trace trace = t::Trace::open(path());
  const plot::Figure figure = make_figure({&trace}, "layer-budget");
  EXPECT_EQ(figure.panels[0].x.categories, (std::vector<std::string>{"0", "1"}));
  const auto boxes = marks_of<plot::Boxes>(figure.panels[0]);
  ASSERT_EQ(boxes.size(), 3u);  // the full cache is left out
  EXPECT_EQ(boxes[0].series, "refreekv 1 %");
  EXPECT_EQ(boxes[2].series, "streaming-llm 50 %");
  ASSERT_EQ(boxes[0].boxes.size(), 2u);
  EXPECT_EQ(boxes[0].boxes[0].median, 1);
  EXPECT_EQ(boxes[0].boxes[1].median, 0.875);  // of 0.8, 0.875, 1
  EXPECT_EQ(boxes[0].boxes[1].low, 0.8);
  EXPECT_NEAR(boxes[0].boxes[1].mean, (0.8 + 0.875 + 1) / 3, kRounding);
  EXPECT_EQ(boxes[0].boxes[1].n, 3);
  EXPECT_EQ(boxes[0].boxes[1].points, (std::vector<double>{0.8, 0.875, 1}));

  FigureOptions options;
  options.filter.runs = {"full"};
  const plot::Figure full = make_figure({&trace}, "layer-budget", options);
  EXPECT_EQ(marks_of<plot::Boxes>(full.panels[0])[0].boxes[1].median, 1);
}

}  // namespace
}  // namespace kvreel::exports::testing
