// The loop over samples and runs: what it announces, leaves out, and tells of its progress.
#include "engine/generate/experiment.h"

#include <numeric>
#include <set>
#include <utility>

#include "engine/support.h"

namespace kvreel::engine {
namespace {

using namespace testing;

class Announced final : public RememberingObserver {
 public:
  void on_sample(const SampleEvent& event) override { samples.push_back(event.sample); }
  std::vector<int32_t> samples;
};

class Experiment : public ::testing::Test {
 protected:
  Experiment() : model_(load_model(demo_model(), {})), backend_(model_.config, model_.weights, {}) {
    for (const int32_t length : {20, 33, 47}) {
      std::vector<int32_t> ids(static_cast<size_t>(length));
      std::iota(ids.begin(), ids.end(), 260 + length);
      samples_.push_back(sample_of(ids));
    }
  }

  bool run(std::span<const engine::Run> runs, Observer& observer, const ExperimentPlan& plan) {
    return run_experiment(
        model_.config, backend_, nullptr, samples_, runs, {.max_new_tokens = 3}, observer,
        never_stop(), [&](const Progress& now) { progress_.push_back(now); }, plan);
  }

  Model model_;
  CpuBackend backend_;
  std::vector<Sample> samples_;
  std::vector<Progress> progress_;
};

std::vector<std::pair<int32_t, int32_t>> passes_of(const RememberingObserver& observer) {
  std::vector<std::pair<int32_t, int32_t>> passes;
  for (const PassEvent& pass : observer.passes) passes.emplace_back(pass.run, pass.sample);
  return passes;
}

TEST_F(Experiment, RunsEveryPolicyOnAPromptBeforeTheNext) {
  const std::vector<engine::Run> runs =
      make_runs(std::vector<std::string>{"full", "streaming-llm"});
  Announced observer;
  EXPECT_TRUE(run(runs, observer, {}));
  EXPECT_EQ(observer.samples, (std::vector<int32_t>{0, 1, 2}));
  const std::vector<std::pair<int32_t, int32_t>> expected{{0, 0}, {1, 0}, {0, 1},
                                                          {1, 1}, {0, 2}, {1, 2}};
  EXPECT_EQ(passes_of(observer), expected);
}

TEST_F(Experiment, LeavesOutWhatIsDoneAndAnnouncesOnlyNewSamples) {
  const std::vector<engine::Run> runs =
      make_runs(std::vector<std::string>{"full", "streaming-llm"});
  const std::set<std::pair<int32_t, int32_t>> done{{0, 0}, {1, 0}, {0, 1}};
  Announced observer;
  EXPECT_TRUE(run(runs, observer,
                  {.done =
                       [&](int32_t r, int32_t s) {
                         return done.contains({r, s});
                       },
                   .announced_samples = 2}));
  EXPECT_EQ(observer.samples, (std::vector<int32_t>{2}));
  const std::vector<std::pair<int32_t, int32_t>> expected{{1, 1}, {0, 2}, {1, 2}};
  EXPECT_EQ(passes_of(observer), expected);
  ASSERT_EQ(progress_.size(), 4u);
  EXPECT_EQ(progress_.front().passes_done, 3);
  EXPECT_EQ(progress_.front().passes_skipped, 3);
  EXPECT_EQ(progress_.back().passes_done, 6);
}

TEST_F(Experiment, DoesNothingWhereAllIsDone) {
  const std::vector<engine::Run> runs = make_runs(std::vector<std::string>{"full"});
  Announced observer;
  EXPECT_TRUE(
      run(runs, observer, {.done = [](int32_t, int32_t) { return true; }, .announced_samples = 3}));
  EXPECT_TRUE(observer.samples.empty());
  EXPECT_TRUE(observer.passes.empty());
}

}  // namespace
}  // namespace kvreel::engine
