// Figures of runs beside a reference: against exports::compare(), across traces, and by hand.
#include "viewer/model/run_compare.h"

#include <gtest/gtest.h>

#include "exports/tables/small_trace.h"
#include "viewer/data/read_overview.h"
#include "viewer/model/overview_table.h"
#include "viewer/model/sample_table.h"

namespace kvreel::viewer {
namespace {

using exports::RunComparison;
using exports::SampleComparison;
using exports::Spread;

class RunCompare : public exports::testing::ExportTest {
 protected:
  // Without the comparison that the loading thread computes.
  static RunSource source(const std::string& file, int32_t run, int id = 0) {
    const auto trace = tracer::Trace::open(file);
    return {TraceId{id}, read_overview(trace), std::make_shared<Outputs>(read_outputs(trace)), run};
  }
};

void expect_same(const std::optional<Spread>& a, const std::optional<Spread>& b,
                 const std::string& what) {
  ASSERT_EQ(a.has_value(), b.has_value()) << what;
  if (!a) return;
  EXPECT_EQ(a->n, b->n) << what;
  EXPECT_DOUBLE_EQ(a->mean, b->mean) << what;
  EXPECT_DOUBLE_EQ(a->median, b->median) << what;
  EXPECT_DOUBLE_EQ(a->p10, b->p10) << what;
  EXPECT_DOUBLE_EQ(a->p90, b->p90) << what;
}

TEST_F(RunCompare, SaysWhatTheExportsSayForEveryReference) {
  exports::testing::write_small_trace(path());
  const auto trace = tracer::Trace::open(path());
  const RunSource any = source(path(), 0);
  for (const int32_t reference : {0, 1}) {
    exports::CompareOptions options;
    options.reference = any.overview->runs[static_cast<size_t>(reference)].name;
    const exports::Comparison wanted = exports::compare(trace, options);
    for (const int32_t run : {0, 1}) {
      RunSource one = any;
      one.run = run;
      RunSource against = any;
      against.run = reference;
      const RunFigures made = compare_run(one, against);
      const RunComparison& figures = made.figures;
      const RunComparison& other = wanted.runs[static_cast<size_t>(run)];
      EXPECT_TRUE(made.aligned);
      EXPECT_TRUE(made.outputs);
      EXPECT_EQ(figures.name, other.name);
      EXPECT_EQ(figures.is_reference, other.is_reference);
      EXPECT_EQ(figures.samples, other.samples);
      EXPECT_EQ(figures.equal_outputs, other.equal_outputs);
      expect_same(figures.budget, other.budget, "budget");
      expect_same(figures.asked, other.asked, "asked");
      expect_same(figures.held, other.held, "held");
      expect_same(figures.asked_share, other.asked_share, "asked_share");
      expect_same(figures.peak, other.peak, "peak");
      expect_same(figures.reference_peak, other.reference_peak, "reference_peak");
      expect_same(figures.prefill, other.prefill, "prefill");
      expect_same(figures.decide, other.decide, "decide");
      expect_same(figures.token, other.token, "token");
      expect_same(figures.first_differing, other.first_differing, "first_differing");
      expect_same(figures.agreement, other.agreement, "agreement");
      ASSERT_EQ(figures.exact_match.has_value(), other.exact_match.has_value());
      EXPECT_EQ(figures.exact_match->hits, other.exact_match->hits);
      EXPECT_EQ(figures.exact_match->n, other.exact_match->n);
      ASSERT_EQ(figures.per_sample.size(), other.per_sample.size());
      for (size_t i = 0; i < figures.per_sample.size(); ++i) {
        EXPECT_EQ(figures.per_sample[i].sample, other.per_sample[i].sample);
        EXPECT_EQ(figures.per_sample[i].first_differing, other.per_sample[i].first_differing);
        EXPECT_EQ(figures.per_sample[i].agreement, other.per_sample[i].agreement);
        EXPECT_EQ(figures.per_sample[i].token_ns, other.per_sample[i].token_ns);
      }
      EXPECT_EQ(figures.per_sample[0].group, "fact");
    }
  }
}

TEST_F(RunCompare, AnInterruptedPassNeverCounts) {
  exports::testing::write_small_trace(path());
  const RunFigures late = compare_run(source(path(), 2), source(path(), 0));
  EXPECT_EQ(late.figures.samples, 0);
  EXPECT_FALSE(late.aligned);
  EXPECT_FALSE(late.figures.budget);
}

TEST_F(RunCompare, WithoutOutputsNothingIsSaidAboutThem) {
  exports::testing::write_small_trace(path());
  RunSource run = source(path(), 1);
  run.outputs = nullptr;
  const RunFigures made = compare_run(run, source(path(), 0));
  EXPECT_TRUE(made.aligned);
  EXPECT_FALSE(made.outputs);
  EXPECT_FALSE(made.figures.token);
  EXPECT_FALSE(made.figures.tokens_per_s);
  EXPECT_DOUBLE_EQ(made.figures.budget->median, 0.5);  // of 0.5, 0.25, 1
  const Grid grid = runs_grid(std::vector<RunOfTable>{{run, made}}, false);
  EXPECT_EQ(grid.rows[0].cells[4].text, "-");
}

// Another trace: samples c and a of the small one, in another order, and one of its own.
void write_other_trace(const std::string& path) {
  exports::testing::TraceMaker maker(path);
  maker.add_names();
  maker.add_run("streaming", "streaming-llm", "{}");
  maker.add_sample("c", {"s", "t"}, R"({"task": "copy"})", "[]", 2);
  maker.add_sample("z", {"u"}, "{}", "[]", 1);
  maker.add_sample("a", {"Hi", " \xE2\x82", "\xAC", "\n"}, R"({"task": "fact"})", R"(["x"])", 4);
  maker.add_pass({0, 0, 1, -1, 0.5, 10, 1000, 1024, 2048, 2000, {5}, {}, {}});
  maker.add_pass({0, 1, 1, -1, 1.0, 20, 1000, 1024, 1024, 1000, {9}, {}, {}});
  maker.add_pass({0, 2, 0, 0, 0.25, 30, 1000, 1024, 2048, 4000, {10, 2}, {4}, {300}});
  maker.finish();
}

TEST_F(RunCompare, TokensOfDifferentTokenizersAreNotHeldAgainstEachOther) {
  exports::testing::write_small_trace(path("a.h5"));
  write_other_trace(path("b.h5"));
  const auto with = [](RunSource source, const char* tokenizer, int vocabulary) {
    auto overview = std::make_shared<Overview>(*source.overview);
    overview->tokenizer = tokenizer;
    overview->vocabulary = vocabulary;
    source.overview = std::move(overview);
    return source;
  };
  const RunSource a = source(path("a.h5"), 0, 0);
  const RunSource b = source(path("b.h5"), 0, 1);
  EXPECT_TRUE(compare_run(with(b, "77", 500), with(a, "77", 500)).outputs);
  EXPECT_TRUE(compare_run(with(b, "", 500), with(a, "77", 500)).outputs) << "nothing says so";
  EXPECT_FALSE(compare_run(with(b, "", 501), with(a, "77", 500)).outputs);
  const RunFigures made = compare_run(with(b, "78", 500), with(a, "77", 500));
  EXPECT_TRUE(made.aligned);
  EXPECT_TRUE(made.other_tokens);
  EXPECT_FALSE(made.outputs);
  EXPECT_FALSE(made.figures.agreement);
  EXPECT_EQ(made.figures.equal_outputs, 0);
  EXPECT_TRUE(made.figures.token) << "times are what they are";
  const Grid grid = runs_grid(std::vector<RunOfTable>{{b, made}}, false);
  EXPECT_EQ(grid.rows[0].cells[4].text, "-");
  EXPECT_TRUE(exports::testing::contains(grid.rows[0].cells[4].tip, "different tokenizers"));
}

TEST_F(RunCompare, RunsOfTwoTracesAreAlignedByTheSamplesIds) {
  exports::testing::write_small_trace(path("a.h5"));
  write_other_trace(path("b.h5"));
  const RunSource reference = source(path("a.h5"), 0, 0);
  const RunFigures made = compare_run(source(path("b.h5"), 0, 1), reference);
  EXPECT_TRUE(made.aligned);
  EXPECT_TRUE(made.outputs);
  ASSERT_EQ(made.figures.per_sample.size(), 2u);  // z is not in a.h5
  // c: both generated {5}. a: {10, 2} beside {10, 11, 2}.
  EXPECT_EQ(made.figures.per_sample[0].sample, "c");
  EXPECT_EQ(made.figures.per_sample[0].first_differing, std::nullopt);
  EXPECT_EQ(made.figures.per_sample[1].sample, "a");
  EXPECT_EQ(made.figures.per_sample[1].first_differing, 1);
  EXPECT_EQ(made.figures.equal_outputs, 1);
  EXPECT_DOUBLE_EQ(made.figures.budget->mean, 0.375);
  EXPECT_DOUBLE_EQ(made.figures.reference_peak->mean, 4096);
}

TEST_F(RunCompare, WithoutCommonSamplesARunSpeaksForItself) {
  exports::testing::write_small_trace(path("a.h5"));
  {
    exports::testing::TraceMaker maker(path("b.h5"));
    maker.add_names();
    maker.add_run("alone", "full", "{}");
    maker.add_sample("z", {"u"}, "{}", "[]", 1);
    maker.add_pass({0, 0, 1, -1, 0.75, 20, 1000, 1024, 1024, 1000, {9}, {}, {}});
    maker.finish();
  }
  const RunFigures made = compare_run(source(path("b.h5"), 0, 1), source(path("a.h5"), 0, 0));
  EXPECT_FALSE(made.aligned);
  EXPECT_DOUBLE_EQ(made.figures.budget->mean, 0.75);
  EXPECT_FALSE(made.figures.reference_peak);
  EXPECT_EQ(made.figures.equal_outputs, 0);
}

TEST_F(RunCompare, AStaleComparisonOfALiveTraceIsNotUsed) {
  exports::testing::write_small_trace(path());
  const auto trace = tracer::Trace::open(path());
  RunSource run = source(path(), 1);
  auto overview = std::make_shared<Overview>(*run.overview);
  auto comparison = std::make_shared<exports::Comparison>(exports::compare(trace));
  comparison->runs[1].budget->mean = 0.123;  // to tell where the figures come from
  overview->comparison = comparison;
  run.overview = overview;
  RunSource reference = run;
  reference.run = 0;
  EXPECT_DOUBLE_EQ(compare_run(run, reference).figures.budget->mean, 0.123);
  comparison->runs[1].samples = 2;  // made before the third sample was finished
  EXPECT_NEAR(compare_run(run, reference).figures.budget->mean, (0.5 + 0.25 + 1) / 3, 1e-12);
  // Nor is it about another reference.
  comparison->runs[1].samples = 3;
  EXPECT_NEAR(compare_run(run, run).figures.budget->mean, (0.5 + 0.25 + 1) / 3, 1e-12);
}

RunFigures figures(const std::vector<SampleComparison>& samples) {
  RunFigures made;
  made.aligned = made.outputs = true;
  made.figures.per_sample = samples;
  return made;
}

SampleComparison sample(const std::string& id, double budget, int64_t generated,
                        std::optional<int64_t> differs) {
  SampleComparison made;
  made.sample = id;
  made.budget = budget;
  made.generated = generated;
  made.first_differing = differs;
  return made;
}

TEST(Ranking, EarlyDifferencesOfOutputsComeFirstThenBudgets) {
  const RunFigures reference = figures({sample("a", 1, 10, {}), sample("b", 1, 10, {}),
                                        sample("c", 1, 10, {}), sample("d", 1, 10, {})});
  const std::vector<RunFigures> runs = {
      figures({sample("a", 0.5, 10, {}), sample("b", 0.9, 10, 5), sample("c", 0.2, 10, {})}),
      figures({sample("a", 0.8, 10, {}), sample("b", 0.9, 20, 10), sample("c", 1, 10, 9)})};
  const auto ranked = rank_differences(reference, runs);
  ASSERT_EQ(ranked.size(), 3u);  // nobody but the reference has finished d
  // b: tokens from 5 of 10, and from 10 of 20: half of the output in both runs. c: the last of 10.
  EXPECT_EQ(ranked[0].sample, "b");
  EXPECT_DOUBLE_EQ(*ranked[0].output, 0.5);
  EXPECT_EQ(ranked[0].first_differing, 5);
  EXPECT_EQ(ranked[0].worst, 0);
  EXPECT_EQ(ranked[1].sample, "c");
  EXPECT_NEAR(*ranked[1].output, 0.1, 1e-12);
  EXPECT_EQ(ranked[1].worst, 1);
  EXPECT_DOUBLE_EQ(ranked[1].budget, 0.8);  // of the other run
  EXPECT_EQ(ranked[2].sample, "a");
  EXPECT_DOUBLE_EQ(*ranked[2].output, 0);
  EXPECT_DOUBLE_EQ(ranked[2].budget, 0.5);
}

TEST(Ranking, TheNextSampleFollowsAroundTheEnd) {
  std::vector<SampleDifference> ranked(3);
  ranked[0].sample = "x";
  ranked[1].sample = "y";
  ranked[2].sample = "z";
  EXPECT_EQ(next_different(ranked, "x", 1), 1);
  EXPECT_EQ(next_different(ranked, "z", 1), 0);
  EXPECT_EQ(next_different(ranked, "x", -1), 2);
  EXPECT_EQ(next_different(ranked, "unknown", 1), 0);
  EXPECT_EQ(next_different({}, "x", 1), -1);
}

TEST_F(RunCompare, TablesSayWhatTheFiguresSay) {
  exports::testing::write_small_trace(path());
  const RunSource run = source(path(), 1);
  const RunSource full = source(path(), 0);
  const RunFigures of_run = compare_run(run, full);
  const RunFigures of_full = compare_run(full, full);
  const std::vector<RunOfTable> rows = {{full, of_full}, {run, of_run}};
  const Grid runs = runs_grid(rows, true);
  const auto cell = [](const Grid& grid, size_t row, std::string_view key) -> const GridCell& {
    for (size_t c = 0; c < grid.columns.size(); ++c) {
      if (grid.columns[c].key == key) return grid.rows[row].cells[c];
    }
    throw std::out_of_range("no column " + std::string(key));
  };
  EXPECT_EQ(cell(runs, 1, "trace").text, "trace.h5");
  EXPECT_EQ(cell(runs, 1, "samples").text, "3");
  EXPECT_EQ(cell(runs, 1, "samples").detail, "/ 3");
  EXPECT_EQ(cell(runs, 1, "budget").text, "58.3 %");
  EXPECT_EQ(cell(runs, 1, "agreement").detail, "1/3");  // a alone
  EXPECT_EQ(cell(runs, 0, "agreement").detail, "3/3");
  EXPECT_EQ(cell(runs, 1, "score").detail, "1/2");
  // Wilson at 95 % for 1 of 2: 9.5 % to 90.5 %.
  EXPECT_NE(cell(runs, 1, "score").tip.find("9.5 % to 90.5 %"), std::string::npos);
  EXPECT_DOUBLE_EQ(*cell(runs, 1, "token").number, 7e6);  // of 5, 7, 6, 8, 9 ms

  const Grid samples = samples_grid(run, of_run, of_full);
  ASSERT_EQ(samples.rows.size(), 3u);
  EXPECT_EQ(cell(samples, 0, "group").text, "fact");
  EXPECT_EQ(cell(samples, 0, "differs").text, "same");
  EXPECT_EQ(cell(samples, 1, "differs").text, "at 2");
  EXPECT_EQ(cell(samples, 1, "differs").detail, "of 4");
  EXPECT_EQ(cell(samples, 1, "match").mark, false);
  EXPECT_EQ(cell(samples, 1, "reference_match").mark, true);
  EXPECT_EQ(cell(samples, 2, "match").text, "-");
  EXPECT_EQ(cell(samples, 1, "tokens").tip, "truncated from 5 tokens");
}

TEST(Facts, LinesBelongToTheLabelAboveThem) {
  const auto facts = parse_facts(
      "trace         a.h5\n"
      "command       kvreel record\n"
      "              --out a.h5\n"
      "\n"
      "dropped rows  none\n");
  EXPECT_EQ(facts, (std::vector<Fact>{{"trace", "a.h5"},
                                      {"command", "kvreel record\n--out a.h5"},
                                      {"dropped rows", "none"}}));
  EXPECT_TRUE(parse_facts("").empty());
}

}  // namespace
}  // namespace kvreel::viewer
