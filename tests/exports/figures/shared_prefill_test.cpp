// Figures of runs that share their prefill with another, and of attention rows before the last.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "exports/figures/figure_trace.h"

namespace kvreel::exports::testing {
namespace {

class SharedPrefill : public ExportTest {
 protected:
  // Runs full and half on one sample of four tokens; half has full's prefill, where it `shares`.
  t::Trace trace(bool shares) const {
    {
      TraceMaker maker(path());
      maker.add_names();
      maker.add_run("full", "full", "{}");
      maker.add_run("half", "streaming-llm", R"({"budget": "50%"})");
      maker.add_sample("a", pieces(4), "{}", "[]", 4);
      for (int16_t row = 0; row < 2; ++row) add_row(maker, row);
      t::Attention norms;
      norms.run = {0};
      norms.sample = {0};
      norms.step = {0};
      norms.layer = {0};
      norms.head = {0};
      norms.frobenius = {1.0f};
      norms.last_row_norm = {0.5f};
      norms.mean_entropy = {1.0f};
      norms.last_row_entropy = {1.0f};
      norms.last_row_sinks = {1.0f};
      maker.writer().append(norms);
      PassSpec full{0, 0, 0, -1, 1.0, 10, 1, 1, 1, 1, {7, 8}, {1}, {1}};
      maker.add_pass(full, {{0, 0, 4, {0, 4}}}, {{0, 0, 2, 10}, {1, 0, 2, 7}});
      PassSpec half{1, 0, 0, -1, 0.5, 10, 1, 1, 1, 1, {7, 8}, {1}, {1}};
      if (shares) half.prefill_pass = 1;
      maker.add_pass(half, {{0, 4, 4, {2, 4}, {0, 1}, 2}}, {{0, 0, 3, 1}, {1, 0, 2, 7}});
      maker.finish();
    }
    return t::Trace::open(path());
  }

 private:
  // Row 0: 0.1, 0.2, 0.3, 0.4; the one before it has nothing of the sort.
  static void add_row(TraceMaker& maker, int16_t row) {
    t::AttentionRows rows;
    rows.run = {0};
    rows.sample = {0};
    rows.step = {0};
    rows.layer = {0};
    rows.head = {0};
    rows.probabilities.push_back(row == 0 ? std::vector<float>{0.1f, 0.2f, 0.3f, 0.4f}
                                          : std::vector<float>{0.9f, 0.1f, 0.0f, 0.0f});
    rows.row = {row};
    maker.writer().append(rows);
  }
};

FigureOptions of_half() {
  FigureOptions options;
  options.filter.runs = {"half"};
  return options;
}

TEST_F(SharedPrefill, TheDecisionShowsTheLastRowOfThePrefillThatIsShared) {
  const t::Trace shared = trace(true);
  const plot::Figure figure = make_figure({&shared}, "decision", of_half());
  const auto lines = marks_of<plot::Line>(figure.panels[0]);
  ASSERT_FALSE(lines.empty());
  ASSERT_EQ(lines[0].y.size(), 4u);
  EXPECT_FLOAT_EQ(static_cast<float>(lines[0].y[0]), 0.1f);  // not the mean with the row before
  EXPECT_FLOAT_EQ(static_cast<float>(lines[0].y[3]), 0.4f);
}

TEST_F(SharedPrefill, TimesOfAPrefillThatIsSharedAreMarked) {
  const t::Trace shared = trace(true);
  EXPECT_TRUE(has_remark(make_figure({&shared}, "latency"),
                         "Prefill of all runs was shared within a sweep: its time is not end"));
}

TEST_F(SharedPrefill, TimesOfAPrefillOfItsOwnAreNotMarked) {
  const t::Trace apart = trace(false);
  EXPECT_FALSE(has_remark(make_figure({&apart}, "latency"), "shared within a sweep"));
}

TEST_F(SharedPrefill, AttentionNormsNameTheRunThatHasThem) {
  const t::Trace shared = trace(true);
  EXPECT_EQ(make_figure({&shared}, "attention-norms").panels.size(), 3u);
  EXPECT_TRUE(contains(error_of([&] { make_figure({&shared}, "attention-norms", of_half()); }),
                       "shares the prefill of run 'full', which has its attention"));
}

}  // namespace
}  // namespace kvreel::exports::testing
