// cache-bytes and memory.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "exports/figures/figure_marks.h"

namespace kvreel::exports::testing {
namespace {

using CacheBytes = ExportTest;
using MemoryByRun = ExportTest;

struct Change {
  int32_t step = 0;
  int64_t time_ns = 0;
  uint64_t asked = 0, held = 0;
};

void append(TraceMaker& maker, int32_t run, int32_t sample, const std::vector<Change>& changes) {
  t::Memory rows;
  for (const Change& change : changes) {
    rows.run.push_back(run);
    rows.sample.push_back(sample);
    rows.step.push_back(change.step);
    rows.layer.push_back(0);
    rows.cause.push_back(0);
    rows.time_ns.push_back(change.time_ns);
    rows.asked.push_back(change.asked);
    rows.held.push_back(change.held);
    rows.peak.push_back(change.held);
  }
  maker.writer().append(rows);
}

PassSpec pass(int32_t run, int32_t sample, uint64_t asked, uint64_t held, uint64_t peak,
              uint64_t full, int8_t finish = 0) {
  return {run, sample, finish, -1, 1, 1, asked, held, peak, full, {1}, {}, {}};
}

TEST_F(CacheBytes, HoldUntilTheNextChangeFromThePassesStartToItsEnd) {
  TraceMaker maker(path());
  add_inputs(maker);
  append(maker, 0, 0, {{0, 100, 40, 64}, {0, 300, 80, 128}});
  maker.add_pass(pass(0, 0, 80, 128, 128, 80));  // prefill takes 1 ms, decoding nothing
  append(maker, 1, 0, {{0, 100, 40, 64}, {0, 200, 10, 16}, {1, 1'500'000, 20, 32}});
  maker.add_pass(pass(1, 0, 10, 16, 64, 80));
  maker.finish();
  const t::Trace trace = t::Trace::open(path());
  const plot::Figure figure = figure_of(trace, "cache-bytes");
  const auto full = marks_of<plot::Line>(figure, 0, "full");
  ASSERT_EQ(full.size(), 2u);
  EXPECT_TRUE(full[0].steps);
  expect_values(full[0].x, {0, 100, 300, 1'000'000});
  expect_values(full[0].y, {0, 64, 128, 128});
  EXPECT_EQ(full[0].dash, plot::Dash::automatic);
  expect_values(full[1].y, {0, 40, 80, 80});
  EXPECT_EQ(full[1].dash, plot::Dash::dashed);
  EXPECT_FALSE(full[1].in_legend);
  // What changed after the pass's stated end is not cut off.
  const auto pruned = marks_of<plot::Line>(figure, 0, "refreekv 0.01");
  expect_values(pruned[0].x, {0, 100, 200, 1'500'000});
  expect_values(pruned[0].y, {0, 64, 16, 32});
  const auto ends = marks_of<plot::Points>(figure, 0, "refreekv 0.01");
  ASSERT_EQ(ends.size(), 1u);
  expect_values(ends[0].x, {1'000'000});
  expect_values(ends[0].y, {16});
  EXPECT_EQ(figure.panels[0].x.format, plot::Format::duration);
  EXPECT_EQ(figure.panels[0].y.format, plot::Format::bytes);
  EXPECT_TRUE(remarks(figure, "1.00 MiB")) << all_remarks(figure);  // process_peak

  const plot::Figure prefill = figure_of(
      trace, "cache-bytes", {.filter = {.runs = {"refreekv:threshold=0.01"}, .last_step = 0}});
  expect_values(marks_of<plot::Line>(prefill, 0)[0].y, {0, 64, 16, 16});
}

TEST_F(CacheBytes, SayWhereThereIsNoRecord) {
  const t::Trace trace = small_trace();
  const std::string message = error_of([&] { figure_of(trace, "cache-bytes"); });
  EXPECT_TRUE(contains(message, trace.path())) << message;
  EXPECT_TRUE(contains(message, "record of the cache's size")) << message;
}

TEST_F(CacheBytes, TakeASampleThatAllRunsHave) {
  TraceMaker maker(path());
  add_inputs(maker);
  append(maker, 0, 0, {{0, 1, 1, 1}});
  maker.add_pass(pass(0, 0, 1, 1, 1, 1));
  append(maker, 0, 1, {{0, 1, 2, 2}});
  maker.add_pass(pass(0, 1, 2, 2, 2, 2));
  append(maker, 1, 1, {{0, 1, 3, 3}});
  maker.add_pass(pass(1, 1, 3, 3, 3, 3));
  maker.finish();
  const plot::Figure figure = figure_of(t::Trace::open(path()), "cache-bytes");
  EXPECT_TRUE(contains(figure.title, "sample b")) << figure.title;
  EXPECT_EQ(marks_of<plot::Line>(figure, 0).size(), 4u);
}

TEST_F(CacheBytes, ShowTheFirstSixRunsUnlessOthersAreNamed) {
  TraceMaker maker(path());
  maker.add_names();
  std::vector<std::string> all;
  for (int32_t run = 0; run < 8; ++run) {
    all.push_back("p" + std::to_string(run));
    maker.add_run(all.back(), all.back(), "{}");
  }
  maker.add_sample("s", {"x"}, "{}", "[]", 1);
  for (int32_t run = 0; run < 8; ++run) {
    append(maker, run, 0, {{0, 1, 1, 1}});
    maker.add_pass(pass(run, 0, 1, 1, 1, 1));
  }
  maker.finish();
  const t::Trace trace = t::Trace::open(path());
  const plot::Figure first = figure_of(trace, "cache-bytes");
  EXPECT_EQ(marks_of<plot::Points>(first, 0).size(), 6u);
  EXPECT_TRUE(remarks(first, "The first 6 of 8 runs; --run")) << all_remarks(first);
  const plot::Figure named = figure_of(trace, "cache-bytes", {.filter = {.runs = all}});
  EXPECT_EQ(marks_of<plot::Points>(named, 0).size(), 8u);
}

TEST_F(MemoryByRun, IsTheMeanOverTheSamplesThatAllRunsFinished) {
  TraceMaker maker(path());
  add_inputs(maker);
  maker.add_pass(pass(0, 0, 100, 128, 130, 100));
  maker.add_pass(pass(1, 0, 40, 64, 120, 100));
  maker.add_pass(pass(0, 1, 300, 384, 390, 300));
  maker.add_pass(pass(1, 1, 80, 96, 360, 300));
  maker.add_pass(pass(0, 2, 9000, 9000, 9000, 9000));
  maker.add_pass(pass(1, 2, 9000, 9000, 9000, 9000, 3));  // interrupted
  maker.finish();
  const t::Trace trace = t::Trace::open(path());
  const plot::Figure figure = figure_of(trace, "memory");
  EXPECT_EQ(figure.panels[0].y.categories, (std::vector<std::string>{"full", "refreekv 0.01"}));
  ASSERT_EQ(series_of<plot::Bars>(figure, 0), (std::vector<std::string>{"asked", "held", "peak"}));
  const auto bars = marks_of<plot::Bars>(figure, 0);
  expect_values(bars[0].top, {200, 60});
  expect_values(bars[1].top, {256, 80});
  expect_values(bars[2].top, {260, 240});
  expect_values(bars[0].base, {0, 0});
  expect_values(bars[0].low, {120, 44}, 1e-9);  // 100 + 0.1 * 200; 40 + 0.1 * 40
  expect_values(bars[0].high, {280, 76}, 1e-9);
  EXPECT_NEAR(bars[0].at[1], 0.74, 1e-12);
  EXPECT_NEAR(bars[2].at[1], 1.26, 1e-12);
  EXPECT_TRUE(marks_of<plot::Rule>(figure, 0).empty());  // 'full' shows it
  EXPECT_TRUE(remarks(figure, "n = 2 samples.")) << all_remarks(figure);

  const plot::Figure alone =
      figure_of(trace, "memory", {.filter = {.runs = {"refreekv:threshold=0.01"}}});
  const auto rules = marks_of<plot::Rule>(alone, 0);
  ASSERT_EQ(rules.size(), 1u);
  EXPECT_EQ(rules[0].at, 200);
  EXPECT_TRUE(rules[0].vertical);
}

TEST_F(MemoryByRun, ComparesSeveralTracesOnTheSamplesThatTheyShare) {
  for (const char* name : {"a.h5", "b.h5"}) {
    TraceMaker maker(path(name));
    add_inputs(maker);
    const uint64_t scale = name[0] == 'a' ? 1 : 10;
    maker.add_pass(pass(0, 0, 10 * scale, 20 * scale, 30 * scale, 10 * scale));
    if (scale == 1) maker.add_pass(pass(0, 1, 500, 500, 500, 500));
    maker.finish();
  }
  const t::Trace a = t::Trace::open(path("a.h5"));
  const t::Trace b = t::Trace::open(path("b.h5"));
  const plot::Figure figure = make_figure({&a, &b}, "memory");
  EXPECT_EQ(figure.panels[0].y.categories, (std::vector<std::string>{"a", "b"}));
  expect_values(marks_of<plot::Bars>(figure, 0)[0].top, {10, 100});
  EXPECT_TRUE(remarks(figure, "n = 1 sample")) << all_remarks(figure);
}

}  // namespace
}  // namespace kvreel::exports::testing
