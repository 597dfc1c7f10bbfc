// Means over all samples of a run at moved thresholds, against every pass by itself.
#include "viewer/model/threshold_means.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "exports/tables/small_trace.h"
#include "viewer/model/what_if.h"
#include "viewer/null_ui.h"

namespace kvreel::viewer::testing {
namespace {

using exports::testing::TraceMaker;

constexpr std::string_view kMeansProvenance = R"({
  "kvreel": {"version": "1.2.3"}, "created_utc": "2026-11-22T01:02:03Z",
  "machine": {"cpu": "Test CPU"},
  "engine": {"backend": "cpu", "page_rows": 4, "kv_dtype": "f16"},
  "model": {"directory": "/models/tiny", "family": "qwen2", "layers": 2, "q_heads": 4,
            "kv_heads": 2, "head_dim": 8}})";

// Samples of different lengths under full and refreekv, whose curves are random but for the shape.
// Layer 0 is exempt. Of sample 3 no curve was recorded, sample 5 was interrupted.
void write_means_trace(const std::string& path, int samples) {
  TraceMaker maker(path, kMeansProvenance);
  maker.add_names();
  maker.add_run("full", "full", "{}");
  maker.add_run("refreekv", "refreekv", R"({"threshold": 0.01, "base": "candidates"})");
  std::mt19937 random(11);
  for (int sample = 0; sample < samples; ++sample) {
    const auto tokens = static_cast<int32_t>(6 + random() % 30);
    maker.add_sample(fmt::format("s{}", sample),
                     std::vector<std::string>(static_cast<size_t>(tokens), "x"), "{}", "[]",
                     tokens);
    std::vector<int32_t> ranking(static_cast<size_t>(tokens) - 4);
    std::iota(ranking.begin(), ranking.end(), 4);
    std::vector<float> curve(ranking.size());
    for (float& value : curve) value = std::pow(static_cast<float>(random()) / 4.3e9f, 4.f);
    std::sort(curve.begin(), curve.end());
    curve.front() = 0;
    const int64_t cut = cut_at(curve, 0.01);
    const auto kept_from = static_cast<int32_t>(4 + cut);
    std::vector<int32_t> kept = {0, tokens};
    if (cut > 0) kept = {0, 4, kept_from, tokens};
    const auto full = static_cast<uint64_t>(tokens) * 4 * 32;  // 2 layers, 2 heads, 2 x 8 x 2 bytes
    const auto asked = full - static_cast<uint64_t>(cut) * 2 * 32;
    const double budget = 1 - 0.5 * static_cast<double>(cut) / static_cast<double>(tokens);
    maker.add_pass({0, sample, 0, -1, 1, 1, full, full, full, full, {1}, {}, {}},
                   {{0, 0, tokens, {0, tokens}}, {1, 0, tokens, {0, tokens}}});
    const bool interrupted = sample == 5;
    maker.add_pass({1,
                    sample,
                    static_cast<int8_t>(interrupted ? 3 : 0),
                    -1,
                    budget,
                    1,
                    asked,
                    asked,
                    asked,
                    full,
                    {1},
                    {},
                    {}},
                   {{0, 1, tokens, {0, tokens}},
                    {1, 3, tokens, kept, ranking, static_cast<int32_t>(cut), kept_from,
                     sample == 3 ? std::vector<float>() : curve}});
  }
  maker.finish();
}

class ThresholdMeansTest : public exports::testing::ExportTest {
 protected:
  ThresholdMeansTest() : library_([] {}), session_(library_) {}

  void open(const std::string& path) {
    trace_ = library_.open(path);
    ASSERT_TRUE(library_.wait_idle(60'000));
    library_.poll();
  }
  // Frames until everything is loaded; how many there were.
  int load(ThresholdMeans& means, RunRef run) {
    for (int frame = 1; frame < 1000; ++frame) {
      library_.poll();
      means.update(session_, run, true);
      if (!means.loading()) return frame;
      EXPECT_TRUE(library_.wait_idle(60'000));
    }
    ADD_FAILURE() << "never done";
    return 0;
  }
  std::shared_ptr<const PassDetail> pass(int32_t run, int32_t sample) {
    library_.pass({trace_, run, sample});
    EXPECT_TRUE(library_.wait_idle(60'000));
    library_.poll();
    return library_.pass({trace_, run, sample}).value;
  }
  // By each pass's own budget; passes for which `counts` is false are left out.
  MeanBudget brute_force(int32_t run, double threshold) {
    const auto overview = library_.overview(trace_);
    const CurveBase base = curve_base(overview->runs[static_cast<size_t>(run)]);
    MeanBudget mean{0, 0, 0.};
    for (int32_t sample = 0; sample < static_cast<int32_t>(overview->samples.size()); ++sample) {
      const PassInfo* info = overview->pass(run, sample);
      if (info == nullptr || info->finish == 3) continue;
      const auto detail = pass(run, sample);
      const bool lacks_curve = std::any_of(
          detail->decisions.begin(), detail->decisions.end(),
          [](const Decision& decision) { return decision.reason == 3 && !decision.curve; });
      if (lacks_curve) continue;
      const Budget budget = budget_at(*detail, cache_shape(*overview.value), {threshold, base});
      ++mean.samples;
      mean.budget += budget.mean;
      *mean.asked += static_cast<double>(budget.asked.value_or(0));
    }
    mean.budget /= static_cast<double>(mean.samples);
    *mean.asked /= static_cast<double>(mean.samples);
    return mean;
  }
  void expect_same(const MeanBudget& mean, const MeanBudget& expected) {
    EXPECT_EQ(mean.samples, expected.samples);
    // Both are sums of up to a hundred shares, in another order.
    EXPECT_NEAR(mean.budget, expected.budget, 1e-13);
    ASSERT_TRUE(mean.asked);
    EXPECT_NEAR(*mean.asked, *expected.asked, 1e-6);
  }

  Library library_;
  Session session_;
  TraceId trace_;
};

TEST_F(ThresholdMeansTest, TheMeanIsThatOfEveryPass) {
  write_means_trace(path(), 150);
  open(path());
  const RunRef run{trace_, 1};
  ThresholdMeans means;
  const int frames = load(means, run);
  EXPECT_GT(frames, 2) << "a frame asks for a part only";
  EXPECT_EQ(means.samples(), 149u);  // one was interrupted
  EXPECT_EQ(means.left_out(), "1 sample did not record what another threshold evicts.");
  for (const double threshold : {0., 1e-4, 0.003, 0.01, 0.05, 0.3, 1.}) {
    const MeanBudget mean = means.at(threshold);
    EXPECT_EQ(mean.samples, 148u);
    expect_same(mean, brute_force(1, threshold));
  }
  // At the recorded threshold it is what was recorded.
  expect_same(means.at(0.01), means.recorded_of_known());
  EXPECT_EQ(means.recorded().samples, 149u);
}

TEST_F(ThresholdMeansTest, NothingIsLoadedBeforeAThresholdIsMoved) {
  write_means_trace(path(), 10);
  open(path());
  ThresholdMeans means;
  means.update(session_, {trace_, 1}, false);
  EXPECT_FALSE(library_.busy());
  EXPECT_EQ(means.recorded().samples, 9u);
  EXPECT_LT(means.recorded().budget, 1);
  EXPECT_EQ(means.at(0.5).samples, 0u);
}

TEST_F(ThresholdMeansTest, AnotherRunBeginsAnew) {
  write_means_trace(path(), 10);
  open(path());
  ThresholdMeans means;
  load(means, {trace_, 1});
  EXPECT_LT(means.at(1).budget, 1);
  load(means, {trace_, 0});
  EXPECT_EQ(means.at(1).samples, 10u);
  EXPECT_EQ(means.at(1).budget, 1);
}

TEST_F(ThresholdMeansTest, MemoryIsBoundedAndWhatIsLeftOutIsSaid) {
  write_means_trace(path(), 150);
  open(path());
  ThresholdMeans means(1000);
  load(means, {trace_, 1});
  EXPECT_FALSE(means.loading());
  const size_t known = means.at(0.1).samples;
  EXPECT_GT(known, 0u);
  EXPECT_LT(known, 100u);
  EXPECT_EQ(means.recorded_of_known().samples, known);
  EXPECT_TRUE(exports::testing::contains(means.left_out(), "too large for the memory"))
      << means.left_out();
}

TEST_F(ThresholdMeansTest, ATraceThatWasClosedLeavesNothing) {
  write_means_trace(path(), 10);
  open(path());
  ThresholdMeans means;
  load(means, {trace_, 1});
  library_.close(trace_);
  means.update(session_, {trace_, 1}, true);
  EXPECT_EQ(means.samples(), 0u);
  EXPECT_FALSE(means.loading());
}

TEST_F(ThresholdMeansTest, APassOfALiveTraceIsAddedToThoseThatAreThere) {
  TraceMaker maker(path(), kMeansProvenance);
  maker.add_names();
  maker.add_run("refreekv", "refreekv", R"({"threshold": 0.01})");
  const auto add = [&](int32_t sample) {
    maker.add_sample(fmt::format("s{}", sample), {"a", "b", "c", "d"}, "{}", "[]", 4);
    maker.add_pass({0, sample, 0, -1, 1, 1, 512, 512, 512, 512, {1}, {}, {}},
                   {{0, 3, 4, {0, 4}, {0, 1, 2, 3}, 0, 0, {0.f, .1f, .2f, .3f}}});
    maker.writer().commit();
  };
  add(0);
  open(path());
  ThresholdMeans means;
  load(means, {trace_, 0});
  EXPECT_EQ(means.at(0.25).samples, 1u);
  EXPECT_DOUBLE_EQ(means.at(0.25).budget, 0.75);  // layer 1 is whole
  add(1);
  for (int wait = 0; wait < 600 && library_.overview(trace_)->passes.size() < 2; ++wait) {
    library_.wait_for_news(100);
    library_.poll();
  }
  means.update(session_, {trace_, 0}, false);
  EXPECT_EQ(means.samples(), 2u);
  EXPECT_EQ(means.at(0.25).samples, 1u) << "what is known stays";
  load(means, {trace_, 0});
  EXPECT_EQ(means.at(0.25).samples, 2u);
  EXPECT_DOUBLE_EQ(means.at(0.25).budget, 0.75);
}

// The bar of the replay page says it.
TEST_F(ThresholdMeansTest, TheThresholdBarSaysTheMeanOfAllSamples) {
  write_means_trace(path(), 12);
  open(path());
  const MeanBudget expected = brute_force(1, 0.3);
  NullUi ui;
  const std::unique_ptr<PagePanel> page = make_replay_page();
  ui.show(*page);
  ui.view().page = Page::replay;
  ui.open(path());
  EXPECT_TRUE(exports::testing::contains(ui.text("replay.what_if.mean"), "mean of 11 samples"))
      << ui.text("replay.what_if.mean");
  ui.view().threshold = 0.3;
  ui.settle();
  const std::string text = ui.text("replay.what_if.mean");
  EXPECT_TRUE(exports::testing::contains(text, "mean of 10 of 11 samples: budget ")) << text;
  EXPECT_TRUE(
      exports::testing::contains(text, fmt::format("\u2192 {:.1f} %", 100 * expected.budget)))
      << text;
  ui.hover("replay.what_if.mean");
  EXPECT_GT(ui.vertices(), 0);
}

// Means of a whole recording, by every pass's own budgets.
TEST(ReplayTrace, MeansOverAllSamplesAreThoseOfEveryPass) {
  const char* path = std::getenv("KVREEL_DEMO_TRACE");
  if (path == nullptr || !std::filesystem::exists(path)) {
    GTEST_SKIP() << "KVREEL_DEMO_TRACE names no trace to check";
  }
  Library library([] {});
  Session session(library);
  const TraceId trace = library.open(path);
  ASSERT_TRUE(library.wait_idle(60'000));
  library.poll();
  const auto overview = library.overview(trace);
  ASSERT_TRUE(overview);
  const CacheShape shape = cache_shape(*overview.value);
  const std::vector<double> thresholds = {0, 1e-4, 0.003, 0.01, 0.02, 0.05, 0.3, 1};
  for (int32_t run = 0; run < static_cast<int32_t>(overview->runs.size()); ++run) {
    ThresholdMeans means;
    do {
      ASSERT_TRUE(library.wait_idle(60'000));
      library.poll();
      means.update(session, {trace, run}, true);
    } while (means.loading());
    std::vector<double> budgets(thresholds.size());
    std::vector<double> asked(thresholds.size());
    const CurveBase base = curve_base(overview->runs[static_cast<size_t>(run)]);
    size_t samples = 0;
    for (const PassInfo& info : overview->passes) {
      if (info.run != run) continue;
      ++samples;
      library.pass({trace, run, info.sample});
      ASSERT_TRUE(library.wait_idle(60'000));
      library.poll();
      const auto pass = library.pass({trace, run, info.sample});
      for (size_t i = 0; i < thresholds.size(); ++i) {
        const Budget budget = budget_at(*pass.value, shape, {thresholds[i], base});
        budgets[i] += budget.mean;
        asked[i] += static_cast<double>(budget.asked.value_or(0));
      }
    }
    ASSERT_GT(samples, 0u);
    const auto n = static_cast<double>(samples);
    for (size_t i = 0; i < thresholds.size(); ++i) {
      const MeanBudget mean = means.at(thresholds[i]);
      EXPECT_EQ(mean.samples, samples);
      EXPECT_NEAR(mean.budget, budgets[i] / n, 1e-12) << thresholds[i];
      EXPECT_NEAR(mean.asked.value_or(0), asked[i] / n, 1e-6) << thresholds[i];
    }
  }
}

}  // namespace
}  // namespace kvreel::viewer::testing
