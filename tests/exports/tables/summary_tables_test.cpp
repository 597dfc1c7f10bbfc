// Tables that summarise: scores, budgets by group, step times, kernels; and attention rows with
// their positions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "base/sha256.h"
#include "exports/tables/cells.h"
#include "exports/tables/small_trace.h"
#include "exports/tables/tables.h"

namespace kvreel::exports::testing {
namespace {

using SummaryTables = ExportTest;

constexpr std::string_view kRefreekv = "refreekv:threshold=0.01";

std::vector<std::string> names_of(const Table& table) {
  std::vector<std::string> names;
  for (const Column& column : table.columns) names.push_back(column.name);
  return names;
}

TEST_F(SummaryTables, ScoresStandBesideTheReference) {
  const Table scores = read_table(small_trace(), "scores");
  // full, refreekv, late (whose only pass was interrupted: it has no samples, and no row)
  ASSERT_EQ(scores.rows.size(), 2u);
  EXPECT_EQ(names_of(scores)[1], "metric");
  EXPECT_EQ(text(scores, 0, "metric"), "exact-match");
  EXPECT_EQ(text(scores, 0, "run"), "full");
  EXPECT_EQ(whole(scores, 0, "samples"), 3);
  EXPECT_EQ(whole(scores, 0, "n"), 2);  // sample c has no answers
  EXPECT_EQ(whole(scores, 0, "hits"), 2);
  EXPECT_DOUBLE_EQ(real(scores, 0, "score"), 1);
  EXPECT_DOUBLE_EQ(real(scores, 0, "difference"), 0);
  EXPECT_EQ(whole(scores, 0, "same"), 3);

  EXPECT_EQ(text(scores, 1, "run"), kRefreekv);
  EXPECT_EQ(whole(scores, 1, "hits"), 1);
  EXPECT_DOUBLE_EQ(real(scores, 1, "score"), 0.5);
  // Wilson's interval of 1 of 2: centre 1/2, half-width z/(1+z2/2) sqrt(1/8 + z2/16).
  EXPECT_NEAR(real(scores, 1, "score_low"), 0.0945, 5e-5);
  EXPECT_NEAR(real(scores, 1, "score_high"), 0.9055, 5e-5);
  EXPECT_DOUBLE_EQ(real(scores, 1, "difference"), -0.5);
  // Bonett and Price's interval of 0 gained and 1 lost of 2: (1 - 2)/4 -+ z sqrt((3/4 - 1/16)/4).
  EXPECT_NEAR(real(scores, 1, "difference_low"), -1, 1e-12);  // -1.0625, cut off
  EXPECT_NEAR(real(scores, 1, "difference_high"), 0.562558, 5e-7);
  EXPECT_TRUE(none(scores, 0, "difference_low"));  // of the reference itself
  EXPECT_EQ(whole(scores, 1, "lost"), 1);
  EXPECT_EQ(whole(scores, 1, "gained"), 0);
  EXPECT_EQ(whole(scores, 1, "same"), 1);  // sample a
  EXPECT_DOUBLE_EQ(real(scores, 1, "agreement"), 1.0 / 3);
  EXPECT_DOUBLE_EQ(real(scores, 1, "agreement_mean"), (3 + 2 + 0) / 3.0);
}

TEST_F(SummaryTables, ScoresTakeAnotherReference) {
  const t::Trace trace = small_trace();
  const Table scores = read_table({&trace}, "scores", {.reference = std::string(kRefreekv)});
  ASSERT_EQ(scores.rows.size(), 2u);
  EXPECT_DOUBLE_EQ(real(scores, 0, "difference"), 0.5);
  EXPECT_EQ(whole(scores, 0, "gained"), 1);
  EXPECT_EQ(cell(scores, 1, "reference"), Cell(true));
}

TEST_F(SummaryTables, RowsByGroupSayWhichGroup) {
  const t::Trace trace = small_trace();
  const Table scores = read_table({&trace}, "scores", {.by = "task"});
  EXPECT_EQ(names_of(scores)[1], "group");
  ASSERT_EQ(scores.rows.size(), 4u);  // full and refreekv, each on fact and copy
  EXPECT_EQ(text(scores, 0, "group"), "fact");
  EXPECT_EQ(whole(scores, 0, "samples"), 2);
  EXPECT_EQ(text(scores, 3, "group"), "copy");
  EXPECT_EQ(whole(scores, 3, "n"), 0);
  EXPECT_TRUE(none(scores, 3, "score"));
  EXPECT_TRUE(none(scores, 3, "difference"));
  EXPECT_DOUBLE_EQ(real(scores, 3, "agreement"), 0);

  const Table summary = read_table({&trace}, "budget_summary", {.by = "level"});
  EXPECT_EQ(names_of(summary)[1], "group");
  EXPECT_EQ(text(summary, 0, "group"), "1");
  EXPECT_EQ(text(summary, 1, "group"), "(none)");
  const Table budgets = read_table({&trace}, "budgets", {.by = "task"});
  EXPECT_EQ(names_of(budgets),
            (std::vector<std::string>{"run", "group", "layer", "samples", "mean", "sd", "min",
                                      "max", "mean_low", "mean_high"}));
  for (size_t i = 0; i < budgets.rows.size(); ++i) EXPECT_EQ(text(budgets, i, "group"), "fact");
}

TEST_F(SummaryTables, WithoutAFieldThereIsNoGroupColumn) {
  const t::Trace trace = small_trace();
  for (const char* name : {"scores", "budgets", "budget_summary"}) {
    const std::vector<std::string> names = names_of(read_table(trace, name));
    EXPECT_EQ(std::count(names.begin(), names.end(), "group"), 0) << name;
  }
}

TEST_F(SummaryTables, AFieldOrReferenceThatATableHasNoUseForIsRefused) {
  const t::Trace trace = small_trace();
  const auto error = [&](std::string_view table, const TableOptions& options) {
    return error_of<UsageError>([&] { read_table({&trace}, table, options); });
  };
  EXPECT_TRUE(contains(error("steps", {.by = "task"}),
                       "scores, fidelity_summary, budgets and budget_summary"));
  EXPECT_TRUE(contains(error("steps", {.reference = "full"}), "scores and compare"));
  EXPECT_TRUE(contains(error("scores", {.by = "tsk"}), "'task'"));
  EXPECT_TRUE(contains(error("scores", {.reference = "ful"}), "'full'"));
  EXPECT_TRUE(contains(error("steps", {.columns = {"run", "stp"}}), "'step'"));
}

TEST_F(SummaryTables, BudgetSummaryIsTheMeanOverLayersBySample) {
  const Table summary = read_table(small_trace(), "budget_summary");
  ASSERT_EQ(summary.rows.size(), 2u);
  EXPECT_EQ(text(summary, 1, "run"), kRefreekv);
  EXPECT_EQ(whole(summary, 1, "samples"), 3);
  // Budgets 0.5, 0.25 and 1.
  const double mean = 1.75 / 3;
  EXPECT_NEAR(real(summary, 1, "mean"), mean, 1e-12);
  const double sd =
      std::sqrt((std::pow(0.5 - mean, 2) + std::pow(0.25 - mean, 2) + std::pow(1 - mean, 2)) / 2);
  EXPECT_NEAR(real(summary, 1, "sd"), sd, 1e-12);
  EXPECT_DOUBLE_EQ(real(summary, 1, "min"), 0.25);
  EXPECT_DOUBLE_EQ(real(summary, 1, "max"), 1);
  // Two degrees of freedom: t = 4.302653.
  EXPECT_NEAR(real(summary, 1, "mean_high"), mean + 4.302653 * sd / std::sqrt(3.0), 1e-6);
  EXPECT_NEAR(real(summary, 1, "mean_low"), mean - 4.302653 * sd / std::sqrt(3.0), 1e-6);
}

TEST_F(SummaryTables, StepTimesSpreadOverSamples) {
  const t::Trace trace = small_trace();
  const Table steps = read_table(trace, "step_latency", {.runs = {"full"}});
  ASSERT_EQ(steps.rows.size(), 4u);  // prefill, and three decode steps of sample b
  EXPECT_EQ(whole(steps, 0, "step"), 0);
  EXPECT_EQ(whole(steps, 0, "n"), 3);
  EXPECT_DOUBLE_EQ(real(steps, 0, "mean_ns"), 200e6);
  EXPECT_DOUBLE_EQ(real(steps, 0, "sd_ns"), 100e6);
  EXPECT_DOUBLE_EQ(real(steps, 0, "median_ns"), 200e6);
  EXPECT_DOUBLE_EQ(real(steps, 0, "p10_ns"), 120e6);
  EXPECT_DOUBLE_EQ(real(steps, 0, "p90_ns"), 280e6);
  EXPECT_NEAR(real(steps, 0, "mean_high_ns"), 200e6 + 4.302653 * 100e6 / std::sqrt(3.0), 1e2);
  EXPECT_EQ(whole(steps, 3, "n"), 1);
  EXPECT_TRUE(none(steps, 3, "sd_ns"));
  EXPECT_TRUE(none(steps, 3, "mean_low_ns"));
  EXPECT_EQ(read_table(trace, "step_latency", {.first_step = 1, .last_step = 1}).rows.size(), 2u);
  EXPECT_TRUE(read_table(trace, "step_latency", {.runs = {"late"}}).rows.empty());
}

TEST_F(SummaryTables, KernelsAreListedAndSummed) {
  {
    TraceMaker maker(path());
    add_inputs(maker);
    t::Kernels kernels;
    const auto add = [&](int32_t step, int8_t op, int32_t name, int64_t duration, uint64_t bytes) {
      kernels.run.push_back(0);
      kernels.sample.push_back(0);
      kernels.step.push_back(step);
      kernels.layer.push_back(step == 0 ? int16_t{-1} : int16_t{1});
      kernels.op.push_back(op);
      kernels.name.push_back(name);
      kernels.stream.push_back(7);
      kernels.start_ns.push_back(100 * step);
      kernels.duration_ns.push_back(duration);
      kernels.bytes.push_back(bytes);
    };
    add(0, 2, 3, 10, 0);
    add(0, 2, 3, 30, 0);
    add(0, 2, 4, 40, 1000);
    add(1, 2, 3, 5, 0);
    maker.writer().append(kernels);
    maker.add_pass({0, 0, 0, 1, 1.0, 1, 1, 1, 1, 1, {10, 2}, {1}, {1}});
    maker.finish();
  }
  const t::Trace trace = t::Trace::open(path());
  const Table kernels = read_table(trace, "kernels");
  ASSERT_EQ(kernels.rows.size(), 4u);
  EXPECT_EQ(text(kernels, 2, "op"), "attend");
  EXPECT_EQ(text(kernels, 2, "kernel"), "keep");
  EXPECT_TRUE(none(kernels, 2, "layer"));
  EXPECT_EQ(whole(kernels, 2, "stream"), 7);
  EXPECT_EQ(cell(kernels, 2, "bytes"), Cell(uint64_t{1000}));
  EXPECT_EQ(read_table(trace, "kernels", {.layer = 1}).rows.size(), 1u);

  const Table ops = read_table(trace, "kernel_ops");
  ASSERT_EQ(ops.rows.size(), 3u);
  EXPECT_EQ(text(ops, 0, "phase"), "prefill");
  EXPECT_EQ(text(ops, 0, "kernel"), "decide");
  EXPECT_EQ(whole(ops, 0, "count"), 2);
  EXPECT_DOUBLE_EQ(real(ops, 0, "total_ns"), 40);
  EXPECT_DOUBLE_EQ(real(ops, 0, "median_ns"), 20);
  EXPECT_DOUBLE_EQ(real(ops, 0, "share"), 0.5);
  EXPECT_EQ(cell(ops, 1, "bytes"), Cell(uint64_t{1000}));
  EXPECT_EQ(text(ops, 2, "phase"), "decode");
  EXPECT_DOUBLE_EQ(real(ops, 2, "share"), 1);
}

// A pass of three prompt tokens with rows before and after evictions, in layer 0 by KV head.
TEST_F(SummaryTables, AttentionRowsKnowThePositionsOfTheirKeys) {
  {
    TraceMaker maker(path());
    add_inputs(maker);
    t::AttentionRows rows;
    const auto add_row = [&](int32_t step, int16_t layer, int16_t head, size_t keys) {
      rows.run.push_back(0);
      rows.sample.push_back(1);
      rows.step.push_back(step);
      rows.layer.push_back(layer);
      rows.head.push_back(head);
      std::vector<float> probabilities;
      for (size_t i = 0; i < keys; ++i) probabilities.push_back(0.25f * static_cast<float>(i));
      rows.probabilities.push_back(probabilities);
      rows.row.push_back(0);
    };
    add_row(0, 0, 0, 3);
    add_row(1, 0, 0, 3);  // KV head 0 keeps 0 and 2, then 3 came
    add_row(1, 0, 3, 2);  // KV head 1 keeps 1
    add_row(2, 1, 0, 3);  // layer 1 keeps 2 after step 1 (and 3), then 4 came
    add_row(2, 0, 1, 9);  // more keys than can be told
    add_row(1, 2, 0, 2);  // cut by a decision that cannot be
    maker.writer().append(rows);
    t::Decisions decisions;
    const auto decide = [&](int32_t step, int16_t layer, int16_t kv_head,
                            std::vector<int32_t> ranges) {
      decisions.run.push_back(0);
      decisions.sample.push_back(1);
      decisions.step.push_back(step);
      decisions.layer.push_back(layer);
      decisions.kv_head.push_back(kv_head);
      decisions.reason.push_back(3);
      decisions.cached.push_back(3);
      decisions.kept.push_back(1);
      decisions.candidates.push_back(0);
      decisions.cut.push_back(0);
      decisions.halt_position.push_back(-1);
      decisions.threshold.push_back(0);
      decisions.base_norm.push_back(0);
      decisions.base_norm_all.push_back(0);
      decisions.distance.push_back(0);
      decisions.distance_all.push_back(0);
      decisions.ranking.push_back(-1);
      decisions.curve.push_back(-1);
      decisions.start_ns.push_back(0);
      decisions.duration_ns.push_back(0);
      decisions.kept_ranges.push_back(ranges);
      decisions.temperature.push_back(std::nan(""));
    };
    decide(0, 0, 0, {0, 1, 2, 3});
    decide(0, 0, 1, {1, 2});
    decide(0, 1, -1, {0, 3});
    decide(1, 1, -1, {2, 4});
    decide(0, 2, -1, {0, INT32_MAX, INT32_MIN, 5});  // damaged
    maker.writer().append(decisions);
    maker.add_pass({0, 1, 0, 1, 1.0, 1, 1, 1, 1, 1, {10, 11, 2}, {1, 1}, {1, 1}});
    maker.finish();
  }
  const t::Trace trace = t::Trace::open(path());
  const Table rows = read_table(trace, "attention_rows");
  ASSERT_EQ(rows.rows.size(), 3u + 3 + 2 + 3 + 9 + 2);
  const std::vector<int64_t> expected = {0, 1, 2, 0, 2, 3, 1, 3, 2, 3, 4};
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(whole(rows, i, "position"), expected[i]) << i;
  for (size_t i = expected.size(); i < rows.rows.size(); ++i)
    EXPECT_TRUE(none(rows, i, "position"));
  EXPECT_EQ(real(rows, 2, "probability"), 0.5);
  EXPECT_EQ(whole(rows, 6, "head"), 3);
  EXPECT_EQ(read_table(trace, "attention_rows", {.layer = 1}).rows.size(), 3u);
  EXPECT_EQ(read_table(trace, "attention_rows", {.first_step = 2}).rows.size(), 12u);
}

TEST_F(SummaryTables, SeveralTracesComeOneAfterTheOther) {
  write_small_trace(path("one.h5"));
  {
    TraceMaker maker(path("two.h5"));
    add_inputs(maker);
    maker.add_run("extra", "extra", "{}");
    maker.add_pass({3, 0, 0, 1, 1.0, 1, 1, 1, 1, 1, {10}, {}, {}});
    maker.finish();
  }
  const t::Trace one = t::Trace::open(path("one.h5"));
  const t::Trace two = t::Trace::open(path("two.h5"));
  const Table runs = read_table({&one, &two}, "runs", {.command = "c --x", .version = "9 (z)"});
  EXPECT_EQ(names_of(runs)[0], "trace");
  ASSERT_EQ(runs.rows.size(), 3u + 4);
  EXPECT_EQ(text(runs, 2, "trace"), "one");
  EXPECT_EQ(text(runs, 6, "trace"), "two");
  EXPECT_EQ(text(runs, 6, "name"), "extra");

  std::map<std::string, std::string> metadata(runs.metadata.begin(), runs.metadata.end());
  EXPECT_EQ(metadata.size(), runs.metadata.size()) << "a key twice";
  EXPECT_EQ(metadata["trace 1"], "one.h5");
  EXPECT_EQ(metadata["trace 2"], "two.h5");
  EXPECT_EQ(metadata["sha256 1"].size(), 64u);
  EXPECT_NE(metadata["sha256 1"], metadata["sha256 2"]);
  EXPECT_EQ(metadata["written by"], "kvreel 9 (z)");
  EXPECT_EQ(metadata["command"], "c --x");

  // A run that one of them has narrows that one; the other would show nothing.
  const auto error = [&](const Filter& filter) {
    return error_of<UsageError>([&] { read_table({&one, &two}, "runs", {.filter = filter}); });
  };
  EXPECT_TRUE(contains(error({.runs = {"extra"}}), "one.h5 has none of the runs"));
  EXPECT_TRUE(contains(error({.runs = {"nowhere"}}), "None of the 2 traces has a run 'nowhere'"));
  const Table some = read_table({&one, &two}, "runs", {.filter = {.runs = {"extra", "full"}}});
  ASSERT_EQ(some.rows.size(), 3u);
}

TEST_F(SummaryTables, TracesOfOneNameAreToldApartByTheirDirectories) {
  std::filesystem::create_directories(path("left"));
  std::filesystem::create_directories(path("right"));
  write_small_trace(path("left/t.h5"));
  write_small_trace(path("right/t.h5"));
  const t::Trace left = t::Trace::open(path("left/t.h5"));
  const t::Trace right = t::Trace::open(path("right/t.h5"));
  const Table runs = read_table({&left, &right}, "runs");
  EXPECT_EQ(text(runs, 0, "trace"), "left/t");
  EXPECT_EQ(text(runs, 3, "trace"), "right/t");
}

TEST_F(SummaryTables, ColumnsComeInTheOrderAskedFor) {
  const t::Trace trace = small_trace();
  const Table steps = read_table({&trace}, "steps", {.columns = {"token", "run"}});
  EXPECT_EQ(names_of(steps), (std::vector<std::string>{"token", "run"}));
  EXPECT_EQ(steps.rows.at(0), (Row{Cell(int64_t{10}), Cell(std::string("full"))}));
  EXPECT_EQ(read_table({&trace}, "steps", {.columns = {"run"}}).rows.size(),
            read_table(trace, "steps").rows.size());
}

TEST_F(SummaryTables, MetadataSaysWhichFileByItsHash) {
  const t::Trace trace = small_trace();
  const Table runs = read_table(trace, "runs");
  const std::map<std::string, std::string> metadata(runs.metadata.begin(), runs.metadata.end());
  EXPECT_EQ(metadata.at("sha256"), sha256_file(path()));
  EXPECT_FALSE(metadata.contains("command"));
}

}  // namespace
}  // namespace kvreel::exports::testing
