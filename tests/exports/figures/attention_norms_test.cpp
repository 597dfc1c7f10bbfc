// attention-norms: means over samples by layer and head.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "exports/figures/figure_marks.h"

namespace kvreel::exports::testing {
namespace {

using AttentionNorms = ExportTest;

struct NormRow {
  int32_t run = 0, sample = 0, step = 0;
  int16_t layer = 0, head = 0;
  float norm = 0, entropy = 0, sinks = 0;
};

void append(TraceMaker& maker, const std::vector<NormRow>& norms) {
  t::Attention rows;
  for (const NormRow& norm : norms) {
    rows.run.push_back(norm.run);
    rows.sample.push_back(norm.sample);
    rows.step.push_back(norm.step);
    rows.layer.push_back(norm.layer);
    rows.head.push_back(norm.head);
    rows.frobenius.push_back(99);
    rows.last_row_norm.push_back(norm.norm);
    rows.mean_entropy.push_back(norm.entropy);
    rows.last_row_entropy.push_back(99);
    rows.last_row_sinks.push_back(norm.sinks);
  }
  maker.writer().append(rows);
}

PassSpec pass(int32_t run, int32_t sample, int8_t finish = 0) {
  return {run, sample, finish, -1, 1, 100, 10, 10, 10, 10, {1, 2}, {1}, {1}};
}

// Two layers of two heads. Run 0 has samples a and b (c was interrupted), run 1 sample a.
void write_norms(const std::string& path) {
  TraceMaker maker(path);
  add_inputs(maker);
  append(maker, {{0, 0, 0, 0, 0, 0.5f, 1, 0.125f},
                 {0, 0, 0, 0, 1, 0.25f, 2, 0.25f},
                 {0, 0, 0, 1, 0, 0.125f, 3, 0.5f},
                 {0, 0, 0, 1, 1, 1, 4, 1},
                 {0, 0, 1, 0, 0, 0.75f, 7, 0.75f},
                 {0, 0, 2, 0, 0, 0.25f, 9, 0.25f}});
  maker.add_pass(pass(0, 0));
  append(maker, {{1, 0, 0, 0, 0, 0.5f, 1, 0.125f}});
  maker.add_pass(pass(1, 0));
  append(maker, {{0, 1, 0, 0, 0, 0.25f, 3, 0.375f},
                 {0, 1, 0, 0, 1, 0.75f, 2, 0.75f},
                 {0, 1, 0, 1, 0, 0.125f, 3, 0.5f},
                 {0, 1, 1, 0, 0, 1, 1, 1}});
  maker.add_pass(pass(0, 1));
  append(maker, {{0, 2, 0, 0, 0, 8, 8, 8}});
  maker.add_pass(pass(0, 2, 3));
  maker.finish();
}

TEST_F(AttentionNorms, AreMeansOverSamplesAtTheEndOfPrefill) {
  write_norms(path());
  const plot::Figure figure = figure_of(t::Trace::open(path()), "attention-norms");
  ASSERT_EQ(figure.panels.size(), 3u);
  EXPECT_EQ(figure.columns, 3u);
  const plot::HeatMap norm = marks_of<plot::HeatMap>(figure, 0)[0];
  EXPECT_EQ(norm.rows, 2u);
  EXPECT_EQ(norm.columns, 2u);
  // Layer 1, head 1 has no row in sample b: the mean of one.
  expect_values(norm.values, {0.375, 0.5, 0.125, 1});
  expect_values(marks_of<plot::HeatMap>(figure, 1)[0].values, {2, 2, 3, 4});
  expect_values(marks_of<plot::HeatMap>(figure, 2)[0].values, {0.25, 0.5, 0.5, 1});
  EXPECT_EQ(norm.x0, -0.5);
  EXPECT_EQ(norm.y1, 1.5);
  EXPECT_TRUE(figure.panels[0].y.reversed);
  EXPECT_TRUE(remarks(figure, "n = 2 samples.")) << all_remarks(figure);
  EXPECT_TRUE(remarks(figure, "same in all runs")) << all_remarks(figure);
}

TEST_F(AttentionNorms, OfDecodeStepsAreMeansOverStepsFirst) {
  write_norms(path());
  const plot::Figure figure =
      figure_of(t::Trace::open(path()), "attention-norms", {.filter = {.first_step = 1}});
  // Layer 0, head 0: sample a (0.75 + 0.25) / 2, sample b 1.
  expect_values(marks_of<plot::HeatMap>(figure, 0)[0].values, {0.75});
  expect_values(marks_of<plot::HeatMap>(figure, 1)[0].values, {4.5});
  EXPECT_TRUE(contains(figure.title, "steps from 1")) << figure.title;
}

TEST_F(AttentionNorms, HaveARowOfPanelsForEachRunThatIsNamed) {
  write_norms(path());
  const plot::Figure figure = figure_of(t::Trace::open(path()), "attention-norms",
                                        {.filter = {.runs = {"full", "refreekv:threshold=0.01"}}});
  EXPECT_EQ(figure.rows, 2u);
  ASSERT_EQ(figure.panels.size(), 6u);
  EXPECT_EQ(figure.panels[0].title, "full");
  EXPECT_EQ(figure.panels[3].title, "refreekv 0.01");
  expect_values(marks_of<plot::HeatMap>(figure, 3)[0].values, {0.5});
}

TEST_F(AttentionNorms, ShowOnlyTheLayerAskedFor) {
  write_norms(path());
  const plot::Figure figure =
      figure_of(t::Trace::open(path()), "attention-norms", {.filter = {.layer = 1}});
  const plot::HeatMap map = marks_of<plot::HeatMap>(figure, 0)[0];
  EXPECT_EQ(map.y0, 0.5);
  expect_values(map.values, {0.125, 1});
}

TEST_F(AttentionNorms, OfImpossibleLayersAreRefused) {
  TraceMaker maker(path());
  add_inputs(maker);
  append(maker, {{0, 0, 0, 0, 32000, 1, 1, 1}, {0, 0, 0, 32000, 0, 1, 1, 1}});
  maker.add_pass(pass(0, 0));
  maker.finish();
  const t::Trace trace = t::Trace::open(path());
  const std::string message = error_of([&] { figure_of(trace, "attention-norms"); });
  EXPECT_TRUE(contains(message, "32001 layers and 32001 heads")) << message;
}

TEST_F(AttentionNorms, SayHowToRecordThem) {
  const t::Trace trace = small_trace();
  const std::string message = error_of([&] { figure_of(trace, "attention-norms"); });
  EXPECT_TRUE(contains(message, trace.path())) << message;
  EXPECT_TRUE(contains(message, "--no-norms")) << message;
  EXPECT_TRUE(contains(message, "--decode-norms")) << message;
}

}  // namespace
}  // namespace kvreel::exports::testing
