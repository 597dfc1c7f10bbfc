// Scores, fidelity, lost attention and shared prefills in tables and in the comparison of runs,
// against numbers worked out by hand (small_trace.h, write_quality_trace).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "exports/tables/cells.h"
#include "exports/tables/compare.h"
#include "exports/tables/display.h"
#include "exports/tables/fidelity.h"
#include "exports/tables/info.h"
#include "exports/tables/metrics.h"
#include "exports/tables/score_statistics.h"
#include "exports/tables/small_trace.h"
#include "exports/tables/tables.h"

namespace kvreel::exports::testing {
namespace {

constexpr double kRounding = 1e-12;
constexpr double kFloat = 1e-7;  // values that are stored as 32-bit floats, near 1

class Quality : public ExportTest {
 protected:
  t::Trace quality_trace() const {
    write_quality_trace(path());
    return t::Trace::open(path());
  }
};

TEST_F(Quality, MetricsAreThoseOfTheScoresTable) {
  const MetricScores scores(quality_trace());
  EXPECT_EQ(scores.names(), (std::vector<std::string>{"token-f1", "recall"}));
  EXPECT_EQ(scores.known(), (std::vector<std::string>{"token-f1", "recall", "exact-match"}));
  EXPECT_EQ(scores.of("token-f1"), (std::vector<double>{1, 0.5, 0.8, 0.8, 0.5, 0.1}));
  EXPECT_TRUE(std::isnan(scores.of("recall")[4]));
  EXPECT_EQ(scores.of("exact-match"), (std::vector<double>{1, 0, 0, 0, 0, 0}));
  EXPECT_TRUE(scores.of("rouge").empty());
}

TEST_F(Quality, WithoutAScoresTableTheMetricIsExactMatch) {
  const MetricScores scores(small_trace());
  EXPECT_EQ(scores.names(), std::vector<std::string>{"exact-match"});
}

TEST(ScoreStatistics, SharesHaveWilsonsIntervalAndOtherMeansStudents) {
  const std::optional<MeanScore> share = mean_score(std::vector<double>{0, 1});
  EXPECT_EQ(share->hits, 1);
  EXPECT_NEAR(share->interval->low, 0.0945, 5e-5);  // Wilson's of 1 of 2
  // 0.5, 0.8, 0.1: mean 7/15, sd sqrt(0.37/3); t of 2 degrees is 4.3027. Cut off at 0 and 1.
  const std::optional<MeanScore> mean = mean_score(std::vector<double>{0.5, 0.8, NAN, 0.1});
  EXPECT_EQ(mean->n, 3);
  EXPECT_FALSE(mean->hits);
  EXPECT_NEAR(mean->mean, 7.0 / 15, kRounding);
  EXPECT_EQ(mean->interval->low, 0);
  EXPECT_EQ(mean->interval->high, 1);
  const std::optional<MeanScore> close = mean_score(std::vector<double>{0.5, 0.51, 0.52});
  EXPECT_NEAR(close->interval->high, 0.51 + 4.302652729911275 * 0.01 / std::sqrt(3), 1e-9);
  EXPECT_FALSE(mean_score(std::vector<double>{0.3})->interval);
  EXPECT_FALSE(mean_score(std::vector<double>{NAN}));
}

TEST(ScoreStatistics, DifferencesArePairedBySample) {
  const std::vector<double> mine = {0.5, 0.8, NAN, 0.1};
  const std::vector<double> theirs = {1, 0.8, 0.3, 0.5};
  const std::optional<MeanDifference> difference = paired_difference(mine, theirs);
  EXPECT_EQ(difference->n, 3);
  EXPECT_NEAR(difference->mean, -0.3, kRounding);
  EXPECT_EQ(difference->lost, 2);
  EXPECT_EQ(difference->gained, 0);
  // -0.5, 0, -0.4: sd sqrt(0.14/2).
  EXPECT_NEAR(difference->interval->low, -0.3 - 4.302652729911275 * std::sqrt(0.07) / std::sqrt(3),
              1e-9);
  EXPECT_FALSE(paired_difference(std::vector<double>{NAN}, std::vector<double>{1}));
}

TEST(ScoreStatistics, ScoresThatAreOneButForRoundingAreShares) {
  const double almost = 1 - 5e-9;  // ROUGE-L of equal texts
  const std::vector<double> mine = {almost, almost, 0, almost};
  const std::vector<double> theirs(4, 1.0);
  EXPECT_EQ(mean_score(mine)->hits, 3);
  EXPECT_EQ(mean_score(mine)->mean, 0.75);
  EXPECT_LT(mean_score(theirs)->interval->low, 0.6);  // four samples do not make it certain
  const std::optional<MeanDifference> difference = paired_difference(mine, theirs);
  EXPECT_EQ(difference->lost, 1);
  EXPECT_GT(difference->interval->high, 0);
}

TEST(ScoreStatistics, SamplesThatAllAgreeAreNotCertain) {
  PassFidelity pass;
  pass.kl = {0.0f, 0.0f};
  pass.same_top = 2;
  const std::vector<const PassFidelity*> passes(4, &pass);
  const std::optional<FidelitySummary> summary = summary_of(passes);
  EXPECT_EQ(summary->same_top->mean, 1);
  EXPECT_LT(summary->same_top->interval->low, 0.6);  // Wilson's of 4 of 4
}

TEST(ScoreStatistics, PairedSharesThatNeverDifferAreNotCertain) {
  const std::vector<double> right(10, 1.0);
  const std::optional<MeanDifference> difference = paired_difference(right, right);
  EXPECT_EQ(difference->mean, 0);
  // a = b = 1/12: -+ z sqrt((2/12)/12).
  EXPECT_NEAR(difference->interval->high, 1.959963984540054 * std::sqrt(1.0 / 72), kRounding);
}

TEST_F(Quality, ScoresHaveARowForEveryMetric) {
  const t::Trace trace = quality_trace();
  const Table scores = read_table(trace, "scores");
  ASSERT_EQ(scores.rows.size(), 6u);  // two runs, three metrics
  EXPECT_EQ(text(scores, 3, "run"), "half");
  EXPECT_EQ(text(scores, 3, "metric"), "token-f1");
  EXPECT_EQ(whole(scores, 3, "n"), 3);
  EXPECT_NEAR(real(scores, 3, "score"), 1.4 / 3, kRounding);
  EXPECT_NEAR(real(scores, 3, "difference"), -0.9 / 3, kRounding);
  EXPECT_EQ(whole(scores, 3, "lost"), 2);
  EXPECT_TRUE(none(scores, 3, "hits"));
  EXPECT_EQ(text(scores, 4, "metric"), "recall");
  EXPECT_EQ(whole(scores, 4, "n"), 2);
  EXPECT_EQ(whole(scores, 4, "hits"), 1);
  EXPECT_EQ(text(scores, 5, "metric"), "exact-match");
  EXPECT_EQ(whole(scores, 5, "n"), 3);

  // A group has rows of the metrics that it is scored by.
  const Table grouped = read_table({&trace}, "scores", {.by = "task"});
  ASSERT_EQ(grouped.rows.size(), 10u);
  EXPECT_EQ(text(grouped, 9, "group"), "copy");
  EXPECT_EQ(text(grouped, 8, "metric"), "token-f1");
  EXPECT_TRUE(none(grouped, 8, "score_low"));  // one sample
  EXPECT_EQ(text(grouped, 9, "metric"), "exact-match");
}

TEST_F(Quality, FidelityAndLostAttentionAreRowsAsRecorded) {
  const t::Trace trace = quality_trace();
  const Table fidelity = read_table(trace, "fidelity");
  ASSERT_EQ(fidelity.rows.size(), 3u);
  EXPECT_EQ(text(fidelity, 1, "sample"), "a");
  EXPECT_EQ(whole(fidelity, 1, "step"), 2);
  EXPECT_EQ(whole(fidelity, 1, "token"), 51);
  EXPECT_NEAR(real(fidelity, 1, "kl"), 0.3, kFloat);
  EXPECT_EQ(cell(fidelity, 1, "same_top"), Cell(false));
  EXPECT_EQ(read_table(trace, "fidelity", {.first_step = 2}).rows.size(), 1u);
  const Table lost = read_table(trace, "lost_attention", {.layer = 1});
  ASSERT_EQ(lost.rows.size(), 3u);
  EXPECT_NEAR(real(lost, 2, "mean"), 0.5, kFloat);
  EXPECT_NEAR(real(lost, 2, "max"), 1.0, kFloat);
}

TEST_F(Quality, FidelitySummaryCountsEverySampleOnce) {
  const t::Trace trace = quality_trace();
  const Table summary = read_table(trace, "fidelity_summary");
  ASSERT_EQ(summary.rows.size(), 1u);  // of full nothing was recorded
  EXPECT_EQ(text(summary, 0, "run"), "half");
  EXPECT_EQ(whole(summary, 0, "samples"), 2);
  EXPECT_EQ(whole(summary, 0, "steps"), 3);
  EXPECT_NEAR(real(summary, 0, "kl_mean"), (0.2 + 0.5) / 2, kFloat);
  EXPECT_EQ(real(summary, 0, "kl_low"), 0);  // a divergence is not negative
  // t of 1 degree of freedom is 12.7062; sd of 0.2 and 0.5 is 0.3/sqrt(2).
  EXPECT_NEAR(real(summary, 0, "kl_high"), 0.35 + 12.706204736174698 * 0.15, 1e-6);
  EXPECT_NEAR(real(summary, 0, "kl_p95"), 0.3 + 0.9 * 0.2, kFloat);  // of 0.1, 0.3, 0.5
  EXPECT_NEAR(real(summary, 0, "same_top"), 0.75, kRounding);
  EXPECT_NEAR(real(summary, 0, "lost"), 0.25, kFloat);  // 0.25 of both
  EXPECT_EQ(whole(summary, 0, "worst_layer"), 1);
  EXPECT_NEAR(real(summary, 0, "worst_layer_lost"), (0.3 + 0.5) / 2, kFloat);
  const Table grouped = read_table({&trace}, "fidelity_summary", {.by = "task"});
  ASSERT_EQ(grouped.rows.size(), 1u);
  EXPECT_EQ(text(grouped, 0, "group"), "fact");
}

TEST_F(Quality, PassesSayWhosePrefillTheyShare) {
  const Table passes = read_table(quality_trace(), "passes");
  EXPECT_EQ(text(passes, 0, "prefill_of"), "full");  // which made it
  EXPECT_EQ(text(passes, 1, "prefill_of"), "full");
  const auto note = std::find_if(passes.metadata.begin(), passes.metadata.end(),
                                 [](const auto& pair) { return pair.first == "prefill"; });
  ASSERT_NE(note, passes.metadata.end());
  EXPECT_EQ(note->second,
            "shared between runs in 6 passes, whose times of step 0 are not end to end");
  write_small_trace(path("small.h5"));
  EXPECT_TRUE(none(read_table(t::Trace::open(path("small.h5")), "passes"), 1, "prefill_of"));
}

TEST_F(Quality, APassThatSharesAPrefillThatIsNotThereIsDamage) {
  {
    TraceMaker maker(path());
    add_inputs(maker);
    PassSpec spec{0, 0, 0, 1, 1, 1, 1, 1, 1, 1, {7, 8}, {1}, {1}};
    spec.prefill_pass = 9;
    maker.add_pass(spec);
    maker.finish();
  }
  const t::Trace trace = t::Trace::open(path());
  EXPECT_TRUE(
      contains(error_of([&] { read_table(trace, "passes"); }),
               "shares the prefill of row 8 of table 'passes', which has 1; the file is damaged"));
}

TEST_F(Quality, TheComparisonShowsScoresFidelityAndSharing) {
  const Comparison comparison = compare(quality_trace(), {.by = "task"});
  EXPECT_EQ(comparison.metrics, (std::vector<std::string>{"token-f1", "recall"}));
  const RunComparison& half = comparison.runs[1];
  EXPECT_NEAR(half.scores[0].score->mean, 1.4 / 3, kRounding);
  EXPECT_NEAR(half.scores[0].difference->mean, -0.3, kRounding);
  EXPECT_EQ(half.scores[1].score->hits, 1);
  EXPECT_FALSE(comparison.runs[0].scores[0].difference);
  EXPECT_FALSE(comparison.runs[0].fidelity);
  EXPECT_NEAR(half.fidelity->kl->mean, 0.35, kFloat);
  EXPECT_EQ(half.shared_prefills, 3);
  EXPECT_EQ(comparison.runs[0].shared_prefills, 3);  // the run that made the prefills, likewise

  const std::string text = render_compare_text(comparison);
  EXPECT_TRUE(contains(text, "token-f1 [95 %]")) << text;
  EXPECT_TRUE(contains(text, "recall [95 %]")) << text;
  EXPECT_FALSE(contains(text, "exact match")) << text;  // not what the set is scored by
  EXPECT_TRUE(contains(text, "46.7 % [0.0-100.0]")) << text;
  EXPECT_TRUE(contains(text, "-30.0 [")) << text;
  EXPECT_TRUE(contains(text, "50.0 % (1/2) [9.5-90.5]")) << text;
  EXPECT_TRUE(contains(text, "0.35 [0-2.26]")) << text;
  EXPECT_TRUE(contains(text, "40.0 (1)")) << text;  // the worst layer
  EXPECT_TRUE(contains(text, "10.0 ms [10.0-10.0]*")) << text;
  EXPECT_TRUE(contains(text, "*            not end to end: prefill shared within a sweep")) << text;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 100u) << line;

  write_small_trace(path("plain.h5"));
  const t::Trace plain = t::Trace::open(path("plain.h5"));
  const nlohmann::ordered_json json = compare_json(comparison);
  EXPECT_EQ(json["metrics"][0], "token-f1");
  EXPECT_EQ(json["runs"][1]["scores"]["recall"]["hits"], 1);
  EXPECT_EQ(json["runs"][1]["scores"]["token-f1"]["interval"], "Student");
  EXPECT_EQ(json["runs"][1]["scores"]["token-f1"]["difference"]["lost"], 2);
  EXPECT_EQ(json["runs"][1]["prefill_is_end_to_end"], false);
  EXPECT_EQ(compare_json(compare(plain))["runs"][0]["prefill_is_end_to_end"], true);
  EXPECT_EQ(json["runs"][1]["fidelity"]["worst_layer"], 1);
  EXPECT_EQ(json["runs"][1]["per_sample"][1]["scores"]["token-f1"], 0.8);
  EXPECT_TRUE(json["groups"][3]["scores"]["recall"].is_null());  // task copy, run half

  const Table table = compare_table(comparison);
  EXPECT_EQ(table.title, "Runs beside 'full', score: token-f1");
  EXPECT_EQ(whole(table, 1, "shared_prefills"), 3);
  EXPECT_NEAR(real(table, 1, "score_difference"), -0.3, kRounding);
  EXPECT_NEAR(real(table, 1, "kl"), 0.35, kFloat);
}

TEST_F(Quality, ATraceWithoutThemSaysNothingOfFidelityAndSharing) {
  const std::string text = render_compare_text(compare(small_trace()));
  EXPECT_FALSE(contains(text, "fidelity")) << text;
  EXPECT_FALSE(contains(text, "not end to end")) << text;
  EXPECT_TRUE(contains(text, "exact match [95 %]")) << text;
}

TEST_F(Quality, InfoNamesMetricsFidelityAndSharing) {
  const std::string text = render_info_text(quality_trace(), 100);
  EXPECT_TRUE(contains(text, "scored by     token-f1, recall")) << text;
  EXPECT_TRUE(contains(text, "KL divergence of 2 passes, lost attention of 2")) << text;
  EXPECT_TRUE(contains(text, "shared between runs in 6 passes")) << text;
  write_small_trace(path("plain.h5"));
  const std::string plain = render_info_text(t::Trace::open(path("plain.h5")), 100);
  EXPECT_TRUE(contains(plain, "scored by     exact-match")) << plain;
  EXPECT_FALSE(contains(plain, "KL divergence")) << plain;
}

TEST_F(Quality, AFieldThatSomeSamplesLeaveEmptyHasANamedGroup) {
  {
    TraceMaker maker(path());
    maker.add_names();
    maker.add_run("full", "full", "{}");
    maker.add_sample("a", {"x"}, R"({"task": "fact"})", "[]", 1);
    maker.add_sample("b", {"x"}, R"({"task": ""})", "[]", 1);
    maker.add_sample("c", {"x"}, R"({"task": null})", "[]", 1);
    for (int32_t sample = 0; sample < 3; ++sample)
      maker.add_pass({0, sample, 0, -1, 1, 1, 1, 1, 1, 1, {7}, {}, {}});
    maker.finish();
  }
  const Comparison comparison = compare(t::Trace::open(path()), {.by = "task"});
  ASSERT_EQ(comparison.groups.size(), 2u);
  EXPECT_EQ(comparison.groups[1].group, "(none)");
  EXPECT_EQ(comparison.groups[1].samples, 2);
}

}  // namespace
}  // namespace kvreel::exports::testing
