// The comparison of runs against figures worked out by hand.
#include "exports/tables/compare.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "exports/tables/display.h"
#include "exports/tables/small_trace.h"

namespace kvreel::exports::testing {
namespace {

using Compare = ExportTest;

constexpr double kRounding = 1e-12;  // relative to values near 1

TEST_F(Compare, TheReferenceIsTheFullCache) {
  const Comparison comparison = compare(small_trace());
  EXPECT_EQ(comparison.reference, "full");
  EXPECT_EQ(comparison.samples, 3);
  ASSERT_EQ(comparison.runs.size(), 3u);
  EXPECT_TRUE(comparison.runs[0].is_reference);
  EXPECT_EQ(comparison.runs[0].equal_outputs, 3);
  EXPECT_FALSE(comparison.runs[0].first_differing);
}

TEST_F(Compare, BudgetAndBytes) {
  const RunComparison run = compare(small_trace()).runs[1];
  EXPECT_EQ(run.samples, 3);
  EXPECT_NEAR(run.budget->mean, 1.75 / 3, kRounding);
  EXPECT_NEAR(run.budget->sd, 0.38188130791298669, kRounding);  // sqrt(0.2916666.. / 2)
  EXPECT_DOUBLE_EQ(run.budget->least, 0.25);
  EXPECT_DOUBLE_EQ(run.budget->most, 1);
  EXPECT_DOUBLE_EQ(run.asked->mean, 4750.0 / 3);            // 2000, 750, 2000
  EXPECT_NEAR(run.asked_share->mean, 1.75 / 3, kRounding);  // 1/2, 1/4, 1
  EXPECT_DOUBLE_EQ(run.held->mean, (2048.0 + 1024 + 4096) / 3);
  EXPECT_DOUBLE_EQ(run.peak->mean, (4096.0 + 2048 + 4096) / 3);
  EXPECT_DOUBLE_EQ(run.reference_peak->mean, 4096);
}

TEST_F(Compare, TimeSpeedAndBandwidth) {
  const RunComparison full = compare(small_trace()).runs[0];
  EXPECT_DOUBLE_EQ(full.prefill->median, 200e6);
  EXPECT_DOUBLE_EQ(full.decide->median, 2e6);
  // Decode steps of 10, 11, 12, 13 and 14 ms; sample c has none.
  EXPECT_EQ(full.token->n, 5);
  EXPECT_DOUBLE_EQ(full.token->median, 12e6);
  EXPECT_NEAR(full.token->p10, 10.4e6, 1e-3);
  EXPECT_NEAR(full.token->p90, 13.6e6, 1e-3);
  EXPECT_NEAR(*full.tokens_per_s, 1000.0 / 12, 1e-9);
  // 1 MB of weights and the mean of 1000, 2000 and three times 3000 bytes of cache.
  EXPECT_DOUBLE_EQ(*full.bytes_per_token, 1002400);
  EXPECT_NEAR(*full.bytes_per_s, 1002400 / 0.012, 1e-4);
  EXPECT_NEAR(*full.bandwidth_share, 1002400 / 0.012 / 1e9, kRounding);
}

TEST_F(Compare, OutputsAreComparedTokenByToken) {
  const RunComparison run = compare(small_trace()).runs[1];
  EXPECT_EQ(run.equal_outputs, 1);
  // Sample b differs at index 2, sample c at index 0.
  EXPECT_EQ(run.first_differing->n, 2);
  EXPECT_DOUBLE_EQ(run.first_differing->median, 1);
  EXPECT_DOUBLE_EQ(run.first_differing->least, 0);
  EXPECT_DOUBLE_EQ(run.agreement->mean, 5.0 / 3);  // 3, 2 and 0 tokens
  ASSERT_EQ(run.per_sample.size(), 3u);
  EXPECT_FALSE(run.per_sample[0].first_differing);
  EXPECT_EQ(run.per_sample[1].first_differing, 2);
  EXPECT_EQ(run.per_sample[2].sample, "c");
  EXPECT_DOUBLE_EQ(*run.per_sample[1].token_ns, 7e6);
}

TEST_F(Compare, AnOutputThatEndsEarlierDiffersThere) {
  {
    TraceMaker maker(path());
    add_inputs(maker);
    maker.add_pass({0, 0, 0, 1, 1, 1, 1, 1, 1, 1, {7, 8, 9}, {1, 1}, {1, 1}});
    maker.add_pass({1, 0, 0, 1, 1, 1, 1, 1, 1, 1, {7, 8}, {1}, {1}});
    maker.finish();
  }
  const SampleComparison sample = compare(t::Trace::open(path())).runs[1].per_sample[0];
  EXPECT_EQ(sample.first_differing, 2);
  EXPECT_EQ(sample.agreement, 2);
}

TEST_F(Compare, ExactMatchCountsAnsweredSamplesOnly) {
  const Comparison comparison = compare(small_trace());
  EXPECT_EQ(comparison.runs[0].exact_match->hits, 2);
  EXPECT_EQ(comparison.runs[0].exact_match->n, 2);
  EXPECT_EQ(comparison.runs[1].exact_match->hits, 1);
  EXPECT_EQ(comparison.runs[1].exact_match->n, 2);
}

TEST_F(Compare, WhatIsNotThereIsNone) {
  const Comparison comparison = compare(small_trace());
  const RunComparison& late = comparison.runs[2];  // its only pass was interrupted
  EXPECT_EQ(late.samples, 0);
  EXPECT_FALSE(late.budget);
  EXPECT_FALSE(late.token);
  EXPECT_FALSE(late.tokens_per_s);
  EXPECT_FALSE(late.exact_match);
  const nlohmann::ordered_json json = compare_json(comparison);
  EXPECT_TRUE(json["runs"][2]["token_ns"].is_null());
  EXPECT_TRUE(json["runs"][2]["exact_match"].is_null());
  EXPECT_TRUE(json["runs"][2]["budget"].is_null());
}

TEST_F(Compare, WithoutDecodeStepsThereIsNoSpeed) {
  const RunComparison run = compare(small_trace(), {.samples = {"c"}}).runs[0];
  EXPECT_EQ(run.samples, 1);
  EXPECT_FALSE(run.token);
  EXPECT_FALSE(run.tokens_per_s);
  EXPECT_FALSE(run.bytes_per_token);
  EXPECT_FALSE(run.exact_match);
  EXPECT_TRUE(run.prefill);
}

TEST_F(Compare, WithoutProvenanceThereIsNoBandwidth) {
  {
    TraceMaker maker(path(), "{}");
    add_inputs(maker);
    maker.add_pass({0, 0, 0, 1, 1, 1, 1, 1, 1, 1, {7, 8}, {4}, {1}});
    maker.finish();
  }
  const Comparison comparison = compare(t::Trace::open(path()));
  EXPECT_DOUBLE_EQ(*comparison.runs[0].tokens_per_s, 250);
  EXPECT_FALSE(comparison.runs[0].bytes_per_token);
  EXPECT_FALSE(comparison.runs[0].bandwidth_share);
  EXPECT_TRUE(contains(render_compare_text(comparison), "no measured read bandwidth"));
}

TEST_F(Compare, AnotherReferenceCanBeNamed) {
  const Comparison comparison =
      compare(small_trace(), {.reference = "refreekv:threshold=0.01", .runs = {"full"}});
  ASSERT_EQ(comparison.runs.size(), 2u);  // the reference is always there
  EXPECT_FALSE(comparison.runs[0].is_reference);
  EXPECT_TRUE(comparison.runs[1].is_reference);
  EXPECT_EQ(comparison.runs[0].per_sample[1].first_differing, 2);
}

TEST_F(Compare, GroupsByAFieldOfTheMetadata) {
  const t::Trace trace = small_trace();
  const Comparison comparison = compare(trace, {.by = "task"});
  ASSERT_EQ(comparison.groups.size(), 6u);  // 2 groups x 3 runs
  const GroupComparison& fact = comparison.groups[1];
  EXPECT_EQ(fact.group, "fact");
  EXPECT_EQ(fact.run, "refreekv:threshold=0.01");
  EXPECT_EQ(fact.samples, 2);
  EXPECT_EQ(fact.exact_match->hits, 1);
  EXPECT_DOUBLE_EQ(fact.budget->mean, 0.375);
  EXPECT_EQ(fact.equal_outputs, 1);
  EXPECT_EQ(comparison.groups[4].group, "copy");
  EXPECT_FALSE(comparison.groups[4].exact_match);

  // Values that are not text are written as JSON, samples without the field stand apart.
  const Comparison levels = compare(trace, {.by = "level"});
  EXPECT_EQ(levels.groups[0].group, "1");
  EXPECT_EQ(levels.groups[3].group, "(none)");
}

TEST_F(Compare, AnUnknownFieldNamesTheNearest) {
  const t::Trace trace = small_trace();
  const std::string error = error_of<UsageError>([&] { compare(trace, {.by = "tasks"}); });
  EXPECT_TRUE(contains(error, "'task'")) << error;
}

TEST_F(Compare, UnknownRunsAndSamplesNameTheNearest) {
  const t::Trace trace = small_trace();
  EXPECT_TRUE(
      contains(error_of<UsageError>([&] { compare(trace, {.reference = "fulll"}); }), "'full'"));
  EXPECT_TRUE(contains(error_of<UsageError>([&] { compare(trace, {.runs = {"lat"}}); }), "'late'"));
  EXPECT_TRUE(contains(error_of<UsageError>([&] { compare(trace, {.samples = {"zz"}}); }),
                       "no sample 'zz'"));
}

TEST_F(Compare, ATraceWithoutFinishedPassesSaysSo) {
  {
    TraceMaker maker(path());
    add_inputs(maker);
    maker.add_pass({0, 0, 3, 1, 1, 1, 1, 1, 1, 1, {7}, {}, {}});  // interrupted
    maker.finish(t::Status::interrupted);
  }
  const t::Trace trace = t::Trace::open(path());
  const std::string error = error_of([&] { compare(trace); });
  EXPECT_TRUE(contains(error, "no finished pass")) << error;
  EXPECT_TRUE(contains(error, path())) << error;
  EXPECT_TRUE(contains(error, "interrupted")) << error;
}

TEST_F(Compare, AReferenceWithoutPassesSaysSo) {
  const t::Trace trace = small_trace();
  const std::string error = error_of([&] { compare(trace, {.reference = "late"}); });
  EXPECT_TRUE(contains(error, "'late'")) << error;
  EXPECT_TRUE(contains(error, "another reference")) << error;
}

TEST_F(Compare, TheTextFitsIntoAHundredColumns) {
  const Comparison comparison = compare(small_trace(), {.by = "task"});
  const std::string text = render_compare_text(comparison);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 100u) << line;
  EXPECT_TRUE(contains(text, "trace.h5 (complete): 3 runs on 3 samples, reference 'full'")) << text;
  EXPECT_TRUE(contains(text, "58.3 \u00b1 38.2 [25-100]")) << text;
  EXPECT_TRUE(contains(text, "12.0 ms [10.4-13.6]")) << text;
  EXPECT_TRUE(contains(text, "83.3")) << text;  // tokens per second
  EXPECT_TRUE(contains(text, "50.0 % (1/2)")) << text;
  EXPECT_TRUE(contains(text, "1 (first 0)")) << text;
  EXPECT_TRUE(contains(text, "\nrefreekv:threshold=0.01  ")) << text;
}

TEST_F(Compare, MoreThanTheMemorysBandwidthIsExplained) {
  const std::string within = render_compare_text(compare(small_trace()));
  EXPECT_FALSE(contains(within, "from caches")) << within;
  {
    // 1 MB in 1 ms are 1 GB/s, where 0.1 GB/s was measured.
    TraceMaker maker(path("fast.h5"),
                     R"({"machine": {"read_bandwidth": {"median_bytes_per_s": 1e8}},
                                          "model": {"weight_bytes_per_token": 1000000}})");
    add_inputs(maker);
    maker.add_pass({0, 0, 0, 1, 1, 1, 1, 1, 1, 1, {7, 8}, {1}, {1}});
    maker.finish();
  }
  const Comparison fast = compare(t::Trace::open(path("fast.h5")));
  EXPECT_NEAR(*fast.runs[0].bandwidth_share, 10, 1e-4);  // 1000001 B / 1 ms / 100 MB/s
  EXPECT_TRUE(contains(render_compare_text(fast), "above 100: from caches"));
}

TEST_F(Compare, LongNamesOfRunsAreNumbered) {
  {
    TraceMaker maker(path());
    add_inputs(maker);
    maker.add_run("refreekv:" + std::string(90, 'x'), "refreekv", "{}");
    maker.add_pass({0, 0, 0, 1, 1, 1, 1, 1, 1, 1, {7, 8}, {4}, {1}});
    maker.add_pass({3, 0, 0, 1, 1, 1, 1, 1, 1, 1, {7, 8}, {4}, {1}});
    maker.finish();
  }
  const std::string text = render_compare_text(compare(t::Trace::open(path())));
  EXPECT_TRUE(contains(text, "  4 refreekv:" + std::string(90, 'x') + "\n")) << text;
  EXPECT_TRUE(contains(text, "\n4 refreekv:xxx")) << text;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("  4 ")) continue;  // the list of whole names
    EXPECT_LE(display_width(line), 100u) << line;
  }
}

TEST_F(Compare, ARecordingWithoutPassesYetAsksToWait) {
  TraceMaker maker(path());
  add_inputs(maker);
  maker.writer().commit();
  const t::Trace trace = t::Trace::open(path());
  const std::string error = error_of([&] { compare(trace); });
  EXPECT_TRUE(contains(error, "wait until the first pass has finished")) << error;
}

TEST_F(Compare, JsonHoldsEveryRunAndSample) {
  const Comparison comparison = compare(small_trace(), {.by = "task"});
  const auto json = nlohmann::json::parse(compare_json(comparison).dump());
  EXPECT_EQ(json["reference"], "full");
  ASSERT_EQ(json["runs"].size(), 3u);
  EXPECT_EQ(json["runs"][1]["per_sample"][1]["first_differing"], 2);
  EXPECT_EQ(json["runs"][1]["per_sample"][1]["group"], "fact");
  EXPECT_TRUE(json["runs"][1]["per_sample"][0]["first_differing"].is_null());
  EXPECT_EQ(json["runs"][0]["token_ns"]["median"], 12e6);
  EXPECT_EQ(json["groups"].size(), 6u);
}

}  // namespace
}  // namespace kvreel::exports::testing
