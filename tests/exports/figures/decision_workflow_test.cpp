// decision: one layer's attention, norm and positions.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "exports/figures/decision_rows.h"
#include "exports/figures/figure_marks.h"

namespace kvreel::exports::testing {
namespace {

using DecisionWorkflow = ExportTest;

TEST_F(DecisionWorkflow, LeavesOutWhatWasNotRecordedAndSaysHowToRecordIt) {
  const t::Trace trace = small_trace();
  const plot::Figure figure = figure_of(trace, "decision");
  ASSERT_EQ(figure.panels.size(), 2u);
  EXPECT_TRUE(remarks(figure, "--attention-rows")) << all_remarks(figure);
  EXPECT_TRUE(remarks(figure, "Run refreekv:threshold=0.01, one of 3; --run"))
      << all_remarks(figure);
  EXPECT_TRUE(remarks(figure, "Layer 1; --layer")) << all_remarks(figure);
  EXPECT_TRUE(contains(figure.title,
                       "refreekv 0.01 on a, layer 1: 3 of 4 positions kept "
                       "(75.0 %), 1 evicted"))
      << figure.title;

  // Candidates 1, 2, 3 with the curve 0, 0.01, 0.3: once 1 is gone 0.01, once 2 is gone 0.3.
  const auto lines = marks_of<plot::Line>(figure, 0);
  ASSERT_EQ(lines.size(), 1u);
  expect_values(lines[0].x, {1, 2});
  expect_values(lines[0].y, {0.01f, 0.3f});
  const auto notes = marks_of<plot::Note>(figure, 0);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].text, "halts at '\uFFFD' (position 2): 30 % if it went");
  EXPECT_EQ(notes[0].x, 2);
  EXPECT_FLOAT_EQ(static_cast<float>(notes[0].y), 0.3f);
  EXPECT_EQ(marks_of<plot::Rule>(figure, 0)[0].label, "T = 1 %");

  expect_values(marks_of<plot::HeatMap>(figure, 1)[0].values, {2, 0, 1, 1});
  EXPECT_TRUE(figure.share_x);
  EXPECT_EQ(figure.panels[1].x.label, "Position");
}

void append_row(TraceMaker& maker, int32_t step, int16_t layer, int16_t head,
                const std::vector<float>& probabilities) {
  t::AttentionRows rows;
  rows.run = {0};
  rows.sample = {0};
  rows.step = {step};
  rows.layer = {layer};
  rows.head = {head};
  rows.probabilities.push_back(probabilities);
  rows.row = {0};
  maker.writer().append(rows);
}

void append_memory(TraceMaker& maker, int16_t layer, int8_t cause, uint64_t asked) {
  t::Memory rows;
  rows.run = {0};
  rows.sample = {0};
  rows.step = {0};
  rows.layer = {layer};
  rows.cause = {cause};
  rows.time_ns = {1};
  rows.asked = {asked};
  rows.held = {2 * asked};
  rows.peak = {2 * asked};
  maker.writer().append(rows);
}

// Layers 0 and 1 of one sample; layer 1 evicts 1 and halts at 2.
void write_full_decision(const std::string& path) {
  TraceMaker maker(path);
  maker.add_names();
  maker.add_run("refreekv", "refreekv", "{}");
  maker.add_sample("s", {"a", "b", "c", "d"}, "{}", "[]", 4);
  append_row(maker, 0, 0, 0, {1, 0, 0, 0});
  append_row(maker, 0, 1, 0, {0.5f, 0.25f, 0.25f, 0});
  append_row(maker, 0, 1, 1, {0.25f, 0.25f, 0.5f, 0});
  append_row(maker, 1, 1, 1, {1, 1, 1, 1, 1});  // of a decode step: not shown
  append_memory(maker, 0, 0, 400);
  append_memory(maker, 0, 1, 400);
  append_memory(maker, 1, 0, 2448);  // 2048 more
  append_memory(maker, 1, 1, 1936);  // 512 less: 1536 stay
  const int64_t ranking = append_ranking(maker, {1, 2, 3});
  append_decision(maker, 0, 0,
                  {.layer = 0,
                   .reason = 1,
                   .cached = 4,
                   .kept_ranges = {0, 4},
                   .halt_position = 1,
                   .ranking = ranking,
                   .curve = append_curve(maker, {0.0f, 0.1f, 0.2f})});
  append_decision(maker, 0, 0,
                  {.layer = 1,
                   .cached = 4,
                   .kept_ranges = {0, 1, 2, 4},
                   .cut = 1,
                   .halt_position = 2,
                   .ranking = ranking,
                   .curve = append_curve(maker, {0.0f, 0.001f, 0.4f})});
  maker.add_pass({0, 0, 0, 1, 0.5, 100, 10, 10, 10, 20, {1}, {}, {}});
  maker.finish();
}

TEST_F(DecisionWorkflow, ShowsTheMeanOfTheHeadsAttention) {
  write_full_decision(path());
  const t::Trace trace = t::Trace::open(path());
  const plot::Figure figure = figure_of(trace, "decision");
  ASSERT_EQ(figure.panels.size(), 3u);
  const plot::Line row = marks_of<plot::Line>(figure, 0)[0];
  expect_values(row.x, {0, 1, 2, 3});
  expect_values(row.y, {0.375, 0.25, 0.375, 0}, 1e-12);
  EXPECT_FALSE(remarks(figure, "--attention-rows"));
  EXPECT_TRUE(contains(figure.title, "1.50 KiB of 2.00 KiB")) << figure.title;
}

TEST_F(DecisionWorkflow, ShowsTheLayerAskedForThoughItIsExempt) {
  write_full_decision(path());
  const t::Trace trace = t::Trace::open(path());
  const plot::Figure figure = figure_of(trace, "decision", {.filter = {.layer = 0}});
  EXPECT_TRUE(contains(figure.title, "layer 0: 4 of 4 positions kept (100.0 %), 0 evicted"))
      << figure.title;
  expect_values(marks_of<plot::Line>(figure, 0)[0].y, {1, 0, 0, 0});
  EXPECT_TRUE(marks_of<plot::Note>(figure, 1).empty());  // an exempt layer halts nowhere
  expect_values(marks_of<plot::HeatMap>(figure, 2)[0].values, {2, 1, 1, 1});
}

TEST_F(DecisionWorkflow, CountsCandidatesWhereKvHeadsRankInOrdersOfTheirOwn) {
  TraceMaker maker(path());
  add_inputs(maker);
  const int64_t curve = append_curve(maker, {0.0f, 0.004f, 0.5f});
  append_decision(maker, 1, 0,
                  {.layer = 0,
                   .kv_head = 0,
                   .cached = 4,
                   .kept_ranges = {0, 1, 2, 4},
                   .cut = 1,
                   .halt_position = 2,
                   .ranking = append_ranking(maker, {1, 2, 3}),
                   .curve = curve});
  append_decision(maker, 1, 0,
                  {.layer = 0,
                   .kv_head = 1,
                   .cached = 4,
                   .kept_ranges = {0, 3},
                   .cut = 1,
                   .halt_position = 1,
                   .ranking = append_ranking(maker, {3, 1, 2}),
                   .curve = curve});
  maker.add_pass({1, 0, 0, 1, 0.5, 100, 10, 10, 10, 20, {1}, {}, {}});
  maker.finish();
  const plot::Figure figure = figure_of(t::Trace::open(path()), "decision");
  ASSERT_EQ(figure.panels.size(), 2u);
  EXPECT_FALSE(figure.share_x);
  EXPECT_EQ(figure.panels[0].x.label, "Candidates evicted");
  expect_values(marks_of<plot::Line>(figure, 0)[0].x, {1, 2});
  EXPECT_TRUE(contains(marks_of<plot::Note>(figure, 0)[0].text, "(position 2, KV head 0)"));
  const plot::HeatMap strip = marks_of<plot::HeatMap>(figure, 1)[0];
  EXPECT_EQ(strip.rows, 2u);
  expect_values(strip.values, {2, 0, 1, 1, 2, 1, 1, 0});
  EXPECT_TRUE(contains(figure.title, "(75.0 %)")) << figure.title;  // 6 of 8 over the heads
}

TEST_F(DecisionWorkflow, ShowsPositionsAloneWhereNoNormWasMeasured) {
  TraceMaker maker(path());
  maker.add_names();
  maker.add_run("streaming-llm", "streaming-llm", "{}");
  maker.add_sample("s", {"a", "b", "c", "d"}, "{}", "[]", 4);
  append_decision(maker, 0, 0,
                  {.layer = 0,
                   .reason = 4,
                   .cached = 4,
                   .kept_ranges = {0, 1, 3, 4},
                   .cut = 2,
                   .halt_position = 3,
                   .ranking = append_ranking(maker, {1, 2, 3})});
  maker.add_pass({0, 0, 0, 1, 0.5, 100, 10, 10, 10, 20, {1}, {}, {}});
  maker.finish();
  const plot::Figure figure = figure_of(t::Trace::open(path()), "decision");
  ASSERT_EQ(figure.panels.size(), 1u);
  expect_values(marks_of<plot::HeatMap>(figure, 0)[0].values, {2, 0, 0, 1});
  EXPECT_TRUE(remarks(figure, "fixed budget")) << all_remarks(figure);
}

}  // namespace
}  // namespace kvreel::exports::testing
