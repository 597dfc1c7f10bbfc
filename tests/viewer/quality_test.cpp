// Scores, fidelity and shared prefills in the viewer's data and tables, on traces checked by hand.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "exports/tables/compare.h"
#include "exports/tables/small_trace.h"
#include "viewer/data/read_overview.h"
#include "viewer/data/read_pass.h"
#include "viewer/library_fixture.h"
#include "viewer/model/overview_table.h"
#include "viewer/model/pass_quality.h"
#include "viewer/model/run_compare.h"
#include "viewer/model/sample_table.h"

namespace kvreel::viewer::testing {
namespace {

namespace made = exports::testing;

class ViewerQuality : public LibraryTest {
 protected:
  // Run `number` of the trace that small_trace.h describes, comparison included.
  RunSource source(const std::shared_ptr<const Overview>& overview, int32_t number) const {
    return {trace_, overview, nullptr, number};
  }
  std::shared_ptr<const Overview> quality() {
    made::write_quality_trace(path("quality.h5"));
    return open(path("quality.h5")).value;
  }
};

const GridCell* cell(const Grid& grid, size_t row, const std::string& key) {
  for (size_t i = 0; i < grid.columns.size(); ++i) {
    if (grid.columns[i].key == key) return &grid.rows.at(row).cells.at(i);
  }
  return nullptr;
}

TEST_F(ViewerQuality, PassesHaveTheirScoresAndSayWhosePrefillTheyShare) {
  const auto overview = quality();
  ASSERT_TRUE(overview);
  EXPECT_EQ(overview->metrics, (std::vector<std::string>{"token-f1", "recall"}));
  const PassInfo* const full = overview->pass(0, 0);
  const PassInfo* const half = overview->pass(1, 0);
  EXPECT_EQ(half->scores, (std::vector<double>{0.5, 0.0}));
  EXPECT_EQ(half->prefill_run, 0);
  EXPECT_TRUE(half->shared_prefill);
  EXPECT_EQ(full->prefill_run, -1);
  EXPECT_TRUE(full->shared_prefill);  // others share it
}

TEST_F(ViewerQuality, EveryReferenceHasTheScoresAndTheFidelityOfTheComparison) {
  const auto overview = quality();
  ASSERT_TRUE(overview && overview->comparison);
  for (const int32_t reference : {0, 1}) {
    const RunFigures figures = compare_run(source(overview, 1), source(overview, reference));
    ASSERT_EQ(figures.figures.scores.size(), 2u);
    EXPECT_DOUBLE_EQ(figures.figures.scores[0].score->mean, 1.4 / 3);
    EXPECT_EQ(figures.figures.scores[1].score->hits, 1);
    ASSERT_TRUE(figures.figures.fidelity);
    EXPECT_NEAR(figures.figures.fidelity->kl->mean, 0.35, 1e-7);  // of 32-bit floats
    EXPECT_EQ(figures.figures.shared_prefills, 3);
  }
}

TEST_F(ViewerQuality, RunsHaveColumnsForWhatWasRecorded) {
  const auto overview = quality();
  std::vector<RunOfTable> runs;
  for (const int32_t run : {0, 1})
    runs.push_back(
        {source(overview, run), compare_run(source(overview, run), source(overview, 0))});
  const Grid grid = runs_grid(runs, false);
  ASSERT_NE(cell(grid, 1, "score.token-f1"), nullptr);
  EXPECT_EQ(cell(grid, 1, "score.token-f1")->text, "46.7 %");
  EXPECT_EQ(cell(grid, 1, "score.recall")->detail, "1/2");
  EXPECT_EQ(cell(grid, 1, "kl")->text, "0.35");
  EXPECT_EQ(cell(grid, 0, "kl")->text, "-");  // the full cache has none
  EXPECT_EQ(cell(grid, 1, "lost")->text, "25.0 %");
  EXPECT_TRUE(contains(cell(grid, 1, "lost")->tip, "most in layer 1: 40.0 %"));
  EXPECT_EQ(cell(grid, 1, "prefill")->text, "10.0 ms*");
  EXPECT_TRUE(contains(cell(grid, 1, "prefill")->tip, "not end to end"));
  for (const GridRow& row : grid.rows) EXPECT_EQ(row.cells.size(), grid.columns.size());

  const RunFigures half = compare_run(source(overview, 1), source(overview, 0));
  const RunFigures full = compare_run(source(overview, 0), source(overview, 0));
  const Grid samples = samples_grid(source(overview, 1), half, full);
  EXPECT_EQ(cell(samples, 0, "score")->text, "0.5");
  EXPECT_EQ(cell(samples, 0, "prefill")->text, "10.0 ms*");
  EXPECT_EQ(cell(samples, 0, "kl")->text, "0.2");
  EXPECT_EQ(cell(samples, 2, "kl")->text, "-");  // not recorded of sample c
  for (const GridRow& row : samples.rows) EXPECT_EQ(row.cells.size(), samples.columns.size());
}

TEST_F(ViewerQuality, WithoutThemThereAreNoColumns) {
  made::write_small_trace(path("small.h5"));
  const auto overview = open(path("small.h5")).value;
  const RunSource run = source(overview, 1);
  const std::vector<RunOfTable> runs = {{run, compare_run(run, source(overview, 0))}};
  const Grid grid = runs_grid(runs, false);
  EXPECT_EQ(cell(grid, 0, "kl"), nullptr);
  EXPECT_EQ(cell(grid, 0, "score.exact-match"), nullptr);  // it has a column of its own
  EXPECT_FALSE(contains(cell(grid, 0, "prefill")->text, "*"));
  EXPECT_EQ(quality_lines(*overview, *overview->pass(1, 0)), "");
}

TEST_F(ViewerQuality, APassSaysWhatItsOutputIsWorth) {
  const auto overview = quality();
  EXPECT_EQ(quality_lines(*overview, *overview->pass(1, 0)),
            "\ntoken-f1 0.5\nrecall 0\nKL(full cache || run) 0.2 nat, mean over steps\n25.0 % of "
            "the full cache's attention lost");
  EXPECT_EQ(quality_lines(*overview, *overview->pass(0, 2)), "\ntoken-f1 0.5");
  EXPECT_EQ(quality_brief(*overview, *overview->pass(1, 0)), " \u00b7 token-f1 0.5 \u00b7 KL 0.2");
}

TEST_F(ViewerQuality, AttentionOfASharedPrefillIsThatOfTheRunThatMadeIt) {
  {
    made::TraceMaker maker(path("shared.h5"));
    maker.add_names();
    maker.add_run("full", "full", "{}");
    maker.add_run("half", "streaming-llm", "{}");
    maker.add_sample("a", {"x", "y"}, "{}", "[]", 2);
    const auto add = [&](int32_t run, int32_t step, float value) {
      made::t::Attention norms;
      norms.run = {run};
      norms.sample = {0};
      norms.step = {step};
      norms.layer = {0};
      norms.head = {0};
      norms.frobenius = {value};
      norms.last_row_norm = {value};
      norms.mean_entropy = {value};
      norms.last_row_entropy = {value};
      norms.last_row_sinks = {value};
      maker.writer().append(norms);
      for (int16_t row = 0; row < 2; ++row) {  // the last query row, and the one before
        made::t::AttentionRows rows;
        rows.run = {run};
        rows.sample = {0};
        rows.step = {step};
        rows.layer = {0};
        rows.head = {0};
        rows.probabilities.push_back(std::vector<float>{row == 0 ? value : 0.0f, 1 - value});
        rows.row = {row};
        maker.writer().append(rows);
      }
    };
    add(0, 0, 0.25f);
    add(0, 1, 0.5f);
    maker.add_pass({0, 0, 0, -1, 1, 1, 1, 1, 1, 1, {7, 8}, {1}, {1}});
    add(1, 1, 0.75f);
    made::PassSpec half{1, 0, 0, -1, 1, 1, 1, 1, 1, 1, {7, 8}, {1}, {1}};
    half.prefill_pass = 1;
    maker.add_pass(half);
    maker.finish();
  }
  const auto trace = tracer::Trace::open(path("shared.h5"));
  const auto overview = read_overview(trace);
  const PassInfo& half = *overview->pass(1, 0);
  const auto norms = read_attention(trace, *overview, half);
  EXPECT_EQ(norms->steps, (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(norms->last_row_norm[norms->index(0, 0, 0)], 0.25f);  // full's prefill
  EXPECT_EQ(norms->last_row_norm[norms->index(1, 0, 0)], 0.75f);  // its own decode step
  const auto prefill = read_attention_rows(trace, *overview, half, 0, 0);
  EXPECT_EQ(prefill->by_head.at(0), (std::vector<float>{0.25f, 0.75f}));
  const auto decode = read_attention_rows(trace, *overview, half, 1, 0);
  EXPECT_EQ(decode->by_head.at(0), (std::vector<float>{0.75f, 0.25f}));
}

TEST_F(ViewerQuality, APrefillOfAnotherSampleIsNoPrefillOfThisOne) {
  {
    made::TraceMaker maker(path("damaged.h5"));
    made::add_inputs(maker);
    maker.add_pass({0, 0, 0, 1, 1, 1, 1, 1, 1, 1, {7}, {}, {}});
    for (const int64_t owner : {1, 99}) {  // sample a's, and one that is not there
      made::PassSpec spec{owner == 1 ? 0 : 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, {7}, {}, {}};
      spec.prefill_pass = owner;
      maker.add_pass(spec);
    }
    maker.finish();
  }
  const auto overview = read_overview(tracer::Trace::open(path("damaged.h5")));
  ASSERT_EQ(overview->passes.size(), 3u);
  for (const PassInfo& pass : overview->passes) EXPECT_EQ(pass.prefill_run, -1);
}

}  // namespace
}  // namespace kvreel::viewer::testing
