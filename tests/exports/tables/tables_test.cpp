// The named tables of a trace whose numbers are known.
#include "exports/tables/tables.h"

#include <gtest/gtest.h>
#include <cmath>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/sha256.h"
#include "exports/tables/cells.h"
#include "exports/tables/small_trace.h"

namespace kvreel::exports::testing {
namespace {

using Tables = ExportTest;

constexpr std::string_view kRefreekv = "refreekv:threshold=0.01";

TEST_F(Tables, EveryTableComesOutInEveryFormat) {
  const t::Trace trace = small_trace();
  std::set<std::string_view> names;
  for (const TableInfo& info : known_tables()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name << " twice";
    EXPECT_FALSE(info.meaning.empty());
    const Table table = read_table(trace, info.name);
    for (const Row& row : table.rows) EXPECT_EQ(row.size(), table.columns.size()) << info.name;
    std::ostringstream json;
    write_table(json, trace, info.name, {}, Format::json);
    const auto parsed = nlohmann::json::parse(json.str());
    EXPECT_EQ(parsed["rows"].size(), table.rows.size()) << info.name;
    EXPECT_EQ(parsed["metadata"]["trace"], "trace.h5");
    EXPECT_EQ(parsed["metadata"]["kvreel"], "1.2.3 (abcdef)");
    std::ostringstream csv;
    write_table(csv, trace, info.name, {}, Format::csv);
    EXPECT_TRUE(contains(csv.str(), "# runs: full, refreekv:threshold=0.01, late\n"));
    EXPECT_TRUE(contains(csv.str(), "# sha256: " + sha256_file(path()) + "\n"));
    std::ostringstream plain;
    write_table(plain, trace, info.name, {}, Format::text);
    EXPECT_TRUE(contains(plain.str(), info.meaning));
    EXPECT_TRUE(contains(plain.str(), "\ntrace: trace.h5\nsha256: "));
  }
  for (const char* name :
       {"runs",   "samples",       "tokens",    "passes",     "steps",          "spans",
        "ops",    "decisions",     "evictions", "curves",     "budgets",        "attention",
        "memory", "compare",       "kernels",   "kernel_ops", "attention_rows", "step_latency",
        "scores", "budget_summary"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST_F(Tables, RunsCountTheirPasses) {
  const Table runs = read_table(small_trace(), "runs");
  ASSERT_EQ(runs.rows.size(), 3u);
  EXPECT_EQ(text(runs, 1, "name"), kRefreekv);
  EXPECT_EQ(whole(runs, 1, "finished"), 3);
  EXPECT_EQ(whole(runs, 2, "finished"), 0);
  EXPECT_EQ(whole(runs, 2, "interrupted"), 1);
}

TEST_F(Tables, SamplesSayWhatWasTruncated) {
  const Table samples = read_table(small_trace(), "samples");
  ASSERT_EQ(samples.rows.size(), 3u);
  EXPECT_EQ(whole(samples, 1, "tokens"), 3);
  EXPECT_EQ(whole(samples, 1, "original_tokens"), 5);
  EXPECT_EQ(cell(samples, 1, "truncated"), Cell(true));
  EXPECT_EQ(cell(samples, 0, "truncated"), Cell(false));
}

TEST_F(Tables, TokensCountFromTheirSample) {
  const Table tokens = read_table(small_trace(), "tokens", {.samples = {"b"}});
  ASSERT_EQ(tokens.rows.size(), 3u);
  EXPECT_EQ(whole(tokens, 0, "position"), 0);
  EXPECT_EQ(text(tokens, 2, "text"), "r");
}

TEST_F(Tables, PassesHaveNoneForAMissingAnswer) {
  const Table passes = read_table(small_trace(), "passes");
  ASSERT_EQ(passes.rows.size(), 7u);
  EXPECT_EQ(cell(passes, 0, "exact_match"), Cell(true));
  EXPECT_EQ(cell(passes, 4, "exact_match"), Cell(false));
  EXPECT_TRUE(none(passes, 5, "exact_match"));
  EXPECT_EQ(text(passes, 2, "finish"), "interrupted");
  EXPECT_EQ(text(passes, 0, "text"), "output, \"quoted\"");
}

TEST_F(Tables, StepsAreFilteredByRunSampleAndStep) {
  const t::Trace trace = small_trace();
  EXPECT_EQ(read_table(trace, "steps").rows.size(), 3u + 3 + 1 + 4 + 3 + 1 + 2);
  const Table steps = read_table(trace, "steps",
                                 {.runs = {"full"},
                                  .samples = {"a", "1"},
                                  .layer = std::nullopt,
                                  .first_step = 1,
                                  .last_step = 2});
  ASSERT_EQ(steps.rows.size(), 4u);  // steps 1 and 2 of samples a and b
  EXPECT_EQ(text(steps, 0, "text"), "<11>");
  EXPECT_EQ(text(steps, 3, "sample"), "b");
  EXPECT_EQ(whole(steps, 3, "token"), 13);
}

TEST_F(Tables, OpsAggregateByPhase) {
  const t::Trace trace = small_trace();
  const Table ops = read_table(trace, "ops");
  ASSERT_EQ(ops.rows.size(), 3u);  // full: prefill embed, prefill attend, decode attend
  EXPECT_EQ(text(ops, 1, "phase"), "prefill");
  EXPECT_EQ(text(ops, 1, "op"), "attend");
  EXPECT_EQ(whole(ops, 1, "count"), 2);
  EXPECT_DOUBLE_EQ(real(ops, 1, "total_ns"), 40);
  EXPECT_DOUBLE_EQ(real(ops, 1, "median_ns"), 20);
  EXPECT_NEAR(real(ops, 1, "p99_ns"), 29.8, 1e-9);  // 10 + 0.99 * 20
  EXPECT_DOUBLE_EQ(real(ops, 1, "share"), 40.0 / 45);
  EXPECT_EQ(text(ops, 2, "phase"), "decode");
  EXPECT_DOUBLE_EQ(real(ops, 2, "share"), 1);
  const Table layers = read_table(trace, "layer_ops");
  ASSERT_EQ(layers.rows.size(), 4u);
  EXPECT_TRUE(none(layers, 0, "layer"));
  EXPECT_EQ(whole(layers, 2, "layer"), 1);
  EXPECT_EQ(read_table(trace, "spans", {.layer = 0}).rows.size(), 2u);
}

TEST_F(Tables, DecisionsSayWhyAndWhereEvictionHalted) {
  const Table decisions =
      read_table(small_trace(), "decisions", {.runs = {std::string(kRefreekv)}});
  ASSERT_EQ(decisions.rows.size(), 4u);
  EXPECT_EQ(text(decisions, 0, "reason"), "exempt layer");
  EXPECT_EQ(text(decisions, 0, "kept_positions"), "0-3");
  EXPECT_EQ(text(decisions, 0, "evicted_positions"), "");
  EXPECT_TRUE(none(decisions, 0, "threshold"));
  EXPECT_TRUE(none(decisions, 0, "distance"));
  EXPECT_TRUE(none(decisions, 0, "halt_token"));
  EXPECT_TRUE(none(decisions, 0, "kv_head"));

  EXPECT_EQ(text(decisions, 1, "reason"), "threshold");
  EXPECT_EQ(text(decisions, 1, "kept_positions"), "0 2-3");
  EXPECT_EQ(text(decisions, 1, "evicted_positions"), "1");
  EXPECT_DOUBLE_EQ(real(decisions, 1, "budget"), 0.75);
  EXPECT_EQ(whole(decisions, 1, "halt_position"), 2);
  EXPECT_EQ(text(decisions, 1, "halt_token"), "\xAC");
  // d[2] - d[1]
  EXPECT_EQ(real(decisions, 1, "halt_share"), 0.3f - 0.01f);
  EXPECT_EQ(real(decisions, 1, "distance"), 0.01f);

  EXPECT_EQ(text(decisions, 3, "halt_token"), "r");
  EXPECT_TRUE(none(decisions, 3, "halt_share"));  // cut at the end of the curve
}

TEST_F(Tables, EvictionsComeInTheOrderInWhichTokensWent) {
  const Table evictions = read_table(small_trace(), "evictions");
  ASSERT_EQ(evictions.rows.size(), 2u);
  EXPECT_EQ(text(evictions, 0, "sample"), "a");
  EXPECT_EQ(whole(evictions, 0, "order"), 0);
  EXPECT_EQ(whole(evictions, 0, "position"), 1);
  EXPECT_EQ(text(evictions, 0, "token"), " \xE2\x82");
  EXPECT_EQ(real(evictions, 0, "distance"), 0.01f);
  EXPECT_EQ(real(evictions, 0, "distance_all"), 0.005f);
  EXPECT_EQ(text(evictions, 1, "token"), "q");
}

TEST_F(Tables, CurvesNameTheCandidateOfEachValue) {
  const Table curves = read_table(small_trace(), "curves", {.samples = {"a"}});
  ASSERT_EQ(curves.rows.size(), 3u);
  EXPECT_EQ(whole(curves, 2, "i"), 2);
  EXPECT_EQ(whole(curves, 2, "position"), 3);
  EXPECT_EQ(real(curves, 2, "distance"), 0.3f);
}

TEST_F(Tables, BudgetsSpreadOverSamples) {
  const Table budgets = read_table(small_trace(), "budgets", {.layer = 1});
  ASSERT_EQ(budgets.rows.size(), 2u);  // full (sample a alone has decisions), refreekv
  EXPECT_EQ(whole(budgets, 0, "samples"), 1);
  EXPECT_TRUE(none(budgets, 0, "sd"));
  EXPECT_EQ(whole(budgets, 1, "samples"), 2);
  EXPECT_NEAR(real(budgets, 1, "mean"), (3.0 / 4 + 2.0 / 3) / 2, 1e-12);
  // Two values differ by 1/12: sd = 1/12 / sqrt(2).
  EXPECT_NEAR(real(budgets, 1, "sd"), 1.0 / 12 / std::sqrt(2.0), 1e-12);
  EXPECT_NEAR(real(budgets, 1, "min"), 2.0 / 3, 1e-12);
  EXPECT_DOUBLE_EQ(real(budgets, 1, "max"), 0.75);
}

TEST_F(Tables, TheUnfinishedPassIsInTablesOfEventsOnly) {
  {
    TraceMaker maker(path());
    add_inputs(maker);
    maker.add_pass({0, 0, 0, 1, 1.0, 100, 4000, 4096, 4096, 4000, {10, 2}, {10}, {1000}}, {},
                   {{0, 0, 2, 10}});
    maker.add_steps({1, 0, 0, 1, 1.0, 100, 4000, 4096, 4096, 4000, {10, 11}, {10}, {1000}});
    maker.finish(t::Status::interrupted);
  }
  const t::Trace trace = t::Trace::open(path());
  EXPECT_EQ(read_table(trace, "steps").rows.size(), 4u);
  EXPECT_EQ(read_table(trace, "steps", {.runs = {std::string(kRefreekv)}}).rows.size(), 2u);
  EXPECT_EQ(read_table(trace, "steps", {.runs = {"full"}}).rows.size(), 2u);
  EXPECT_EQ(read_table(trace, "passes").rows.size(), 1u);
  EXPECT_EQ(read_table(trace, "ops").rows.size(), 1u);
}

TEST_F(Tables, LongTablesArePassedOnInPieces) {
  constexpr size_t kSpans = 40000;  // more than two blocks
  {
    TraceMaker maker(path());
    add_inputs(maker);
    std::vector<SpanSpec> spans(kSpans);
    for (size_t i = 0; i < kSpans; ++i) spans[i].duration_ns = static_cast<int64_t>(i);
    maker.add_pass({0, 0, 0, 1, 1.0, 1, 1, 1, 1, 1, {10}, {}, {}}, {}, spans);
    maker.finish();
  }
  const t::Trace trace = t::Trace::open(path());
  const Table table = read_table(trace, "spans");
  ASSERT_EQ(table.rows.size(), kSpans);
  for (size_t i = 0; i < kSpans; i += 997)
    EXPECT_EQ(whole(table, i, "duration_ns"), static_cast<int64_t>(i));
}

TEST_F(Tables, UnknownNamesSuggestTheNearest) {
  const t::Trace trace = small_trace();
  const auto error = [&](std::string_view table, const Filter& filter) {
    return error_of<UsageError>([&] { read_table(trace, table, filter); });
  };
  EXPECT_TRUE(contains(error("evictons", {}), "'evictions'"));
  EXPECT_TRUE(contains(error("runs", {.runs = {"ful"}}), "'full'"));
  EXPECT_TRUE(contains(error("runs", {.runs = {"ful"}}), path()));
  EXPECT_TRUE(contains(error("samples", {.samples = {"3"}}), "no sample '3'"));
  EXPECT_TRUE(contains(error("samples", {.samples = {"-1"}}), "no sample '-1'"));
  EXPECT_TRUE(contains(error("decisions", {.layer = 2}), "layers 0 to 1"));
  EXPECT_TRUE(
      contains(error("steps", {.layer = std::nullopt, .first_step = 3, .last_step = 2}), "3 to 2"));
}

TEST_F(Tables, ARowThatNamesWhatIsNotThereIsAnError) {
  {
    TraceMaker maker(path());
    add_inputs(maker);
    maker.add_pass({0, 0, 0, 1, 1.0, 1, 1, 1, 1, 1, {10}, {}, {}}, {}, {{0, 0, 99, 1}});
    t::Memory memory;
    memory.run = {5};
    memory.sample = {0};
    memory.step = {0};
    memory.layer = {0};
    memory.cause = {0};
    memory.time_ns = {0};
    memory.asked = {0};
    memory.held = {0};
    memory.peak = {0};
    maker.writer().append(memory);
    maker.finish();
  }
  const t::Trace trace = t::Trace::open(path());
  const std::string op = error_of([&] { read_table(trace, "ops"); });
  EXPECT_TRUE(contains(op, "row 99 of table 'names'")) << op;
  EXPECT_TRUE(contains(op, path())) << op;
  const std::string run = error_of([&] { read_table(trace, "memory"); });
  EXPECT_TRUE(contains(run, "row 5 of table 'runs'")) << run;
}

TEST_F(Tables, ADecisionThatNamesNoCurveThereIsAnError) {
  {
    TraceMaker maker(path());
    add_inputs(maker);
    t::Decisions rows;
    rows.run = {0};
    rows.sample = {0};
    rows.step = {0};
    rows.layer = {0};
    rows.kv_head = {-1};
    rows.reason = {3};
    rows.cached = {4};
    rows.kept = {4};
    rows.candidates = {0};
    rows.cut = {0};
    rows.halt_position = {-1};
    rows.threshold = {0};
    rows.base_norm = {0};
    rows.base_norm_all = {0};
    rows.distance = {0};
    rows.distance_all = {0};
    rows.ranking = {-1};
    rows.curve = {8};
    rows.start_ns = {0};
    rows.duration_ns = {0};
    rows.kept_ranges.push_back(std::vector<int32_t>{0, 4});
    rows.temperature.push_back(std::nan(""));
    maker.writer().append(rows);
    maker.finish();
  }
  const t::Trace trace = t::Trace::open(path());
  const std::string error = error_of([&] { read_table(trace, "curves"); });
  EXPECT_TRUE(contains(error, "row 8 of table 'curves'")) << error;
  EXPECT_TRUE(contains(error, path())) << error;
}

}  // namespace
}  // namespace kvreel::exports::testing
