// eviction-map: what every layer kept of every position.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "exports/figures/decision_rows.h"
#include "exports/figures/figure_marks.h"

namespace kvreel::exports::testing {
namespace {

using EvictionMap = ExportTest;

constexpr double kNaN = plot::kNone;

TEST_F(EvictionMap, ShowsWhatEveryLayerKeptOfEveryPosition) {
  const t::Trace trace = small_trace();
  const plot::Figure figure = figure_of(trace, "eviction-map");
  ASSERT_EQ(figure.panels.size(), 1u);  // 'full' evicts nothing, 'late' was interrupted
  EXPECT_EQ(figure.panels[0].title, "refreekv: 87.5 % kept");  // 4 + 3 of 8
  EXPECT_TRUE(figure.panels[0].y.reversed);
  const auto maps = marks_of<plot::HeatMap>(figure, 0);
  ASSERT_EQ(maps.size(), 1u);
  const plot::HeatMap& map = maps[0];
  EXPECT_EQ(map.rows, 2u);
  EXPECT_EQ(map.columns, 4u);
  // Layer 0 ranks nothing and keeps all; layer 1 ranks 1, 2, 3 and evicts 1, so that 0 is a sink.
  expect_values(map.values, {1, 1, 1, 1, 2, 0, 1, 1});
  EXPECT_EQ(map.x0, -0.5);
  EXPECT_EQ(map.x1, 3.5);
  EXPECT_EQ(map.y0, -0.5);
  EXPECT_EQ(map.y1, 1.5);
  ASSERT_EQ(map.kinds.size(), 3u);
  EXPECT_EQ(map.kinds[0].first, plot::Ink::evicted);
  EXPECT_EQ(map.kinds[1].first, plot::Ink::kept);
  EXPECT_EQ(map.kinds[2].first, plot::Ink::sink);
}

TEST_F(EvictionMap, SaysWhichSampleItTookAndHowToChoose) {
  const t::Trace trace = small_trace();
  const plot::Figure first = figure_of(trace, "eviction-map");
  EXPECT_TRUE(contains(first.title, "sample a"));
  EXPECT_TRUE(remarks(first, "Sample a, the first of 3; --sample shows another."))
      << all_remarks(first);
  const plot::Figure named = figure_of(trace, "eviction-map", {.filter = {.samples = {"b"}}});
  EXPECT_TRUE(contains(named.title, "sample b"));
  EXPECT_FALSE(remarks(named, "--sample"));
  expect_values(marks_of<plot::HeatMap>(named, 0)[0].values, {1, 1, 1, 2, 0, 1});
}

TEST_F(EvictionMap, ShowsRunsThatKeepAllWhereTheyAreNamed) {
  const t::Trace trace = small_trace();
  const plot::Figure figure =
      figure_of(trace, "eviction-map",
                {.filter = {.runs = {"full", "refreekv:threshold=0.01"}, .samples = {"a"}}});
  ASSERT_EQ(figure.panels.size(), 2u);
  EXPECT_EQ(figure.rows, 2u);
  EXPECT_TRUE(figure.share_x);
  expect_values(marks_of<plot::HeatMap>(figure, 0)[0].values, {1, 1, 1, 1, 1, 1, 1, 1});
}

TEST_F(EvictionMap, ShowsOnlyTheLayerAskedFor) {
  const t::Trace trace = small_trace();
  const plot::Figure figure = figure_of(trace, "eviction-map", {.filter = {.layer = 1}});
  const plot::HeatMap map = marks_of<plot::HeatMap>(figure, 0)[0];
  EXPECT_EQ(map.y0, 0.5);
  EXPECT_EQ(map.y1, 1.5);
  expect_values(map.values, {2, 0, 1, 1});
}

TEST_F(EvictionMap, RefusesWhereNothingWasEvicted) {
  const t::Trace trace = small_trace();
  const std::string message =
      error_of([&] { figure_of(trace, "eviction-map", {.filter = {.samples = {"c"}}}); });
  EXPECT_TRUE(contains(message, trace.path())) << message;
  EXPECT_TRUE(contains(message, "evicts anything")) << message;
  EXPECT_TRUE(contains(message, "--policy refreekv")) << message;
}

TEST_F(EvictionMap, NeverShowsAnInterruptedPass) {
  const t::Trace trace = small_trace();
  const std::string message =
      error_of([&] { figure_of(trace, "eviction-map", {.filter = {.runs = {"late"}}}); });
  EXPECT_TRUE(contains(message, "interrupted")) << message;
}

// Two layers of two KV heads: layer 0 as one, layer 1 head by head.
void write_heads(const std::string& path, bool heads_differ) {
  TraceMaker maker(path);
  add_inputs(maker);
  const int64_t ranking = append_ranking(maker, {1, 2, 3});
  append_decision(maker, 1, 0,
                  {.layer = 0, .cached = 4, .kept_ranges = {0, 1, 2, 4}, .ranking = ranking});
  append_decision(
      maker, 1, 0,
      {.layer = 1, .kv_head = 0, .cached = 4, .kept_ranges = {0, 1, 3, 4}, .ranking = ranking});
  const std::vector<int32_t> other = {0, 2, 3, 4};
  append_decision(maker, 1, 0,
                  {.layer = 1,
                   .kv_head = 1,
                   .cached = 4,
                   .kept_ranges = heads_differ ? other : std::vector<int32_t>{0, 1, 3, 4},
                   .ranking = ranking});
  maker.add_pass({1, 0, 0, 1, 0.5, 100, 10, 10, 10, 20, {1}, {}, {}});
  maker.finish();
}

TEST_F(EvictionMap, ShowsSharesWhereKvHeadsDiffer) {
  write_heads(path(), true);
  const plot::Figure figure = figure_of(t::Trace::open(path()), "eviction-map");
  const plot::HeatMap map = marks_of<plot::HeatMap>(figure, 0)[0];
  EXPECT_TRUE(map.kinds.empty());
  EXPECT_EQ(map.colormap, plot::Colormap::kept);
  EXPECT_EQ(map.low, 0);
  EXPECT_EQ(map.high, 1);
  expect_values(map.values, {1, 0, 1, 1, 1, 0.5, 0, 1});
  EXPECT_TRUE(remarks(figure, "KV heads of a layer differ"));
  EXPECT_EQ(figure.panels[0].title, "refreekv: 66.7 % kept");  // 3 + 2 + 3 of 12
}

TEST_F(EvictionMap, ShowsKindsWhereKvHeadsAgree) {
  write_heads(path(), false);
  const plot::Figure figure = figure_of(t::Trace::open(path()), "eviction-map");
  const plot::HeatMap map = marks_of<plot::HeatMap>(figure, 0)[0];
  EXPECT_EQ(map.kinds.size(), 3u);
  expect_values(map.values, {2, 0, 1, 1, 2, 0, 0, 1});
}

TEST_F(EvictionMap, LeavesCellsEmptyWhereALayerDecidedNothing) {
  TraceMaker maker(path());
  add_inputs(maker);
  append_decision(maker, 1, 0, {.layer = 0, .cached = 4, .kept_ranges = {0, 2}});
  append_decision(maker, 1, 0, {.layer = 2, .cached = 3, .kept_ranges = {1, 3}});
  // During decoding: not of the map, but said.
  append_decision(maker, 1, 0, {.layer = 2, .cached = 5, .kept_ranges = {1, 3}, .step = 1});
  maker.add_pass({1, 0, 0, 1, 0.5, 100, 10, 10, 10, 20, {1, 2}, {1}, {1}});
  maker.finish();
  const plot::Figure figure = figure_of(t::Trace::open(path()), "eviction-map");
  expect_values(marks_of<plot::HeatMap>(figure, 0)[0].values,
                {1, 1, 0, 0, kNaN, kNaN, kNaN, kNaN, 0, 1, 1, kNaN});
  EXPECT_TRUE(remarks(figure, "during decoding")) << all_remarks(figure);
}

TEST_F(EvictionMap, RefusesMorePositionsThanThePromptHas) {
  TraceMaker maker(path());
  add_inputs(maker);
  append_decision(maker, 1, 0, {.layer = 1, .cached = 2'000'000'000, .kept_ranges = {0, 1}});
  maker.add_pass({1, 0, 0, 1, 0.5, 100, 10, 10, 10, 20, {1}, {}, {}});
  maker.finish();
  const t::Trace trace = t::Trace::open(path());
  const std::string message = error_of([&] { figure_of(trace, "eviction-map"); });
  EXPECT_TRUE(contains(message, "2000000000 cached positions, and sample 'a' has 4")) << message;
}

TEST_F(EvictionMap, RefusesPositionsThatWereNeverCached) {
  TraceMaker maker(path());
  add_inputs(maker);
  append_decision(maker, 1, 0, {.layer = 0, .cached = 4, .kept_ranges = {0, 1, 3, 7}});
  append_decision(maker, 1, 0, {.layer = 1, .cached = 4, .kept_ranges = {0, 1}});
  maker.add_pass({1, 0, 0, 1, 0.5, 100, 10, 10, 10, 20, {1}, {}, {}});
  maker.finish();
  const t::Trace trace = t::Trace::open(path());
  const std::string message = error_of([&] { figure_of(trace, "eviction-map"); });
  EXPECT_TRUE(contains(message, "damaged")) << message;
  EXPECT_TRUE(contains(message, "layer 0")) << message;
}

}  // namespace
}  // namespace kvreel::exports::testing
