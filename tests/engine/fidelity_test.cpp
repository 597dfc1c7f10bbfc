// Distance from the full cache, against a plain model in double precision and by its properties.
#include "engine/generate/fidelity.h"

#include <atomic>
#include <cmath>
#include <random>

#include "engine/generate/experiment.h"
#include "engine/masked_model.h"
#include "engine/pass_log.h"
#include "engine/remembering_policies.h"

namespace kvreel::engine {
namespace {

using namespace testing;
using Specs = std::vector<std::string>;
using Sets = std::vector<std::vector<KeptSet>>;  // [layers][kv_heads]

engine::Run run_of(const std::string& name, std::unique_ptr<Policy> policy, int32_t argument) {
  return {.spec = {.text = name, .name = name}, .policy = std::move(policy), .argument = argument};
}

class Fidelity : public ::testing::Test {
 protected:
  Fidelity() : model_(load_model(demo_model(), {})), backend_(model_.config, model_.weights, {}) {}

  bool run(std::span<const engine::Run> runs, const ExperimentPlan& plan, PassLog& log) {
    return run_experiment(model_.config, backend_, nullptr, samples_, runs, options_, log,
                          never_stop(), {}, plan);
  }

  Model model_;
  CpuBackend backend_;
  std::vector<Sample> samples_ = random_samples({50}, 21);
  GenerateOptions options_{.max_new_tokens = 10, .page_rows = 8};
};

std::vector<double> log_softmax(const std::vector<double>& logits) {
  double highest = logits[0];
  for (const double logit : logits) highest = std::max(highest, logit);
  double sum = 0;
  for (const double logit : logits) sum += std::exp(logit - highest);
  std::vector<double> logs;
  for (const double logit : logits) logs.push_back(logit - highest - std::log(sum));
  return logs;
}

// Random positions of a prompt, others in every KV head.
Sets random_sets(const ModelConfig& config, int32_t prompt, uint32_t one_in) {
  std::mt19937 random(8);
  Sets sets(static_cast<size_t>(config.layers));
  for (auto& heads : sets) {
    for (int head = 0; head < config.kv_heads; ++head) {
      std::vector<int32_t> kept{0};
      for (int32_t position = 1; position < prompt; ++position) {
        if (random() % one_in == 0) kept.push_back(position);
      }
      heads.push_back(KeptSet::of(kept));
    }
  }
  return sets;
}

TEST_F(Fidelity, EqualsAPlainModelWithTheEvictedPositionsMasked) {
  const ModelConfig& config = model_.config;
  const Sets all = random_sets(config, 50, 1);
  const Sets some = random_sets(config, 50, 3);
  std::vector<engine::Run> runs = make_runs(Specs{"full"});
  runs.push_back(run_of("some", std::make_unique<FixedSets>(some), 1));
  PassLog log;
  ASSERT_TRUE(run(runs, {.fidelity_steps = 128}, log));

  const std::vector<int32_t> output = log.at(0, 0).tokens();
  const PassRecord& record = log.at(1, 0);
  ASSERT_EQ(output.size(), 10u);
  ASSERT_EQ(record.fidelity.size(), 9u);
  ASSERT_EQ(record.lost.size(), 9u * 4);
  EXPECT_TRUE(log.at(0, 0).fidelity.empty());

  const MaskedModel masked(model_);
  std::vector<int32_t> ids = samples_[0].tokens;
  double largest_kl = 0;
  double largest_lost = 0;
  for (size_t step = 1; step < output.size(); ++step) {
    ids.push_back(output[step - 1]);
    const MaskedModel::Output full = masked.run(ids, 50, all);
    const std::vector<double> p = log_softmax(full.logits);
    const std::vector<double> q = log_softmax(masked.logits(ids, 50, some));
    double kl = 0;
    for (size_t id = 0; id < p.size(); ++id) kl += std::exp(p[id]) * (p[id] - q[id]);
    const FidelityEvent& event = record.fidelity[step - 1];
    const auto token = static_cast<size_t>(output[step]);
    EXPECT_EQ(event.at.run, 1);
    EXPECT_EQ(event.at.step, static_cast<int32_t>(step));
    EXPECT_EQ(event.token, output[step]);
    // fp32 rounds logits of about 10 by some 1e-5 (Eviction, above), and the KL by as much.
    EXPECT_NEAR(event.kl, kl, 5e-4 * std::max(kl, 0.1)) << "step " << step;
    EXPECT_NEAR(event.logprob, q[token], 5e-4) << "step " << step;
    EXPECT_NEAR(event.reference_logprob, p[token], 5e-4) << "step " << step;
    const auto top = [](const std::vector<double>& of) {
      return std::max_element(of.begin(), of.end()) - of.begin();
    };
    EXPECT_EQ(event.same_top, top(p) == top(q)) << "step " << step;
    largest_kl = std::max(largest_kl, kl);

    for (size_t layer = 0; layer < 4; ++layer) {
      double mean = 0;
      double max = 0;
      for (size_t head = 0; head < static_cast<size_t>(config.q_heads); ++head) {
        const KeptSet& kept = some[layer][head * static_cast<size_t>(config.kv_heads) /
                                          static_cast<size_t>(config.q_heads)];
        double lost = 0;
        for (int32_t position = 0; position < 50; ++position) {
          if (!kept.contains(position)) {
            lost += full.attention[layer][head][static_cast<size_t>(position)];
          }
        }
        mean += lost / config.q_heads;
        max = std::max(max, lost);
      }
      const LostAttentionEvent& lost = record.lost[(step - 1) * 4 + layer];
      EXPECT_EQ(lost.at.step, static_cast<int32_t>(step));
      EXPECT_EQ(lost.layer, static_cast<int>(layer));
      EXPECT_NEAR(lost.mean, mean, 1e-5) << "step " << step << " layer " << layer;
      EXPECT_NEAR(lost.max, max, 1e-5) << "step " << step << " layer " << layer;
      largest_lost = std::max(largest_lost, max);
    }
  }
  EXPECT_GT(largest_kl, 0.1) << "eviction changed nothing: the comparison says nothing";
  EXPECT_GT(largest_lost, 0.1);
}

TEST_F(Fidelity, OfAPolicyThatKeepsEverythingIsPerfect) {
  const std::vector<engine::Run> runs =
      make_runs(Specs{"full", "streaming-llm:budget=100%", "refreekv:threshold=0%,5%"});
  samples_ = random_samples({50, 81}, 4);
  PassLog log;
  ASSERT_TRUE(run(runs, {.fidelity_steps = 128}, log));
  for (int32_t sample = 0; sample < 2; ++sample) {
    EXPECT_TRUE(log.at(0, sample).fidelity.empty());
    const PassRecord& record = log.at(1, sample);
    ASSERT_EQ(record.pass.budget, 1);
    ASSERT_FALSE(record.fidelity.empty());
    for (const FidelityEvent& event : record.fidelity) {
      // The same rows lie in another cache: nothing is rounded otherwise.
      EXPECT_EQ(event.kl, 0);
      EXPECT_TRUE(event.same_top);
      EXPECT_EQ(event.logprob, event.reference_logprob);
    }
    for (const LostAttentionEvent& event : record.lost) EXPECT_EQ(event.max, 0);
  }
}

TEST_F(Fidelity, GoesOnFromTheStateThatPrefillLeft) {
  // A policy called full: the reference's tokens are then its own output, and to read them is to
  // decode once more. Some remember sums, cut heads differently or evict while decoding.
  const auto policies_named = [](const std::string& spec) -> std::unique_ptr<Policy> {
    if (spec == "decoding") return std::make_unique<EvictingWhileDecoding>();
    return make_policy(parse_policy_specs(spec).at(0));
  };
  Specs specs = every_policy();
  specs.push_back("decoding");
  samples_ = random_samples({50, 81}, 4);
  int harmed = 0;
  for (const std::string& spec : specs) {
    std::vector<engine::Run> runs;
    runs.push_back(run_of("full", policies_named(spec), 0));
    runs.push_back(run_of("again", policies_named(spec), 1));
    PassLog log;
    ASSERT_TRUE(run(runs, {.fidelity_steps = 128}, log));
    for (int32_t sample = 0; sample < 2; ++sample) {
      const PassRecord& record = log.at(1, sample);
      ASSERT_EQ(record.steps.size(), 10u);
      ASSERT_EQ(record.fidelity.size(), 9u);
      for (size_t step = 1; step < 10; ++step) {
        const FidelityEvent& event = record.fidelity[step - 1];
        EXPECT_EQ(static_cast<float>(event.logprob), record.steps[step].logprob)
            << spec << ", sample " << sample << ", step " << step;
        harmed += event.kl > 0.01;
      }
    }
  }
  EXPECT_GT(harmed, 100) << "eviction changed little: the comparison says little";
}

TEST_F(Fidelity, ChangesNothingOfThePasses) {
  std::vector<engine::Run> runs =
      make_runs(Specs{"refreekv:threshold=5%,20%,keep-layers=none", "full"});
  runs.push_back(run_of("decoding", std::make_unique<EvictingWhileDecoding>(), 2));
  for (const PrefillSharing sharing :
       {PrefillSharing::none, PrefillSharing::sweeps, PrefillSharing::all}) {
    PassLog plain, measured;
    ASSERT_TRUE(run(runs, {.sharing = sharing}, plain));
    ASSERT_TRUE(run(runs, {.sharing = sharing, .fidelity_steps = 128}, measured));
    // What is compared with comes first.
    EXPECT_EQ(measured.order.front(), (std::pair<int32_t, int32_t>{2, 0}));
    for (const auto& [id, record] : plain.passes) {
      const PassRecord& other = measured.at(id.first, id.second);
      EXPECT_EQ(record.tokens(), other.tokens());
      EXPECT_EQ(record.pass.at_end.held, other.pass.at_end.held);
      EXPECT_EQ(record.pass.at_end.peak, other.pass.at_end.peak);
      EXPECT_EQ(other.fidelity.size(), id.first == 2 ? 0u : 9u);
    }
  }
}

TEST_F(Fidelity, IsBoundedAndCostsOnePrefillForEachGroup) {
  const std::vector<engine::Run> runs =
      make_runs(Specs{"full", "refreekv:threshold=1%,5%,20%", "streaming-llm"});
  samples_ = random_samples({90}, 3);
  CountingBackend backend(backend_);
  PassLog log;
  ASSERT_TRUE(run_experiment(model_.config, backend, nullptr, samples_, runs, options_, log,
                             never_stop(), {}, {.fidelity_steps = 3}));
  for (int32_t r = 1; r < 5; ++r) EXPECT_EQ(log.at(r, 0).fidelity.size(), 3u) << r;
  int64_t decodes = 0;
  for (int32_t r = 0; r < 5; ++r) decodes += log.at(r, 0).pass.generated - 1;
  EXPECT_EQ(backend.steps[90], 3);
  // One more of the warm-up; of each compared run three steps, and beside them the full cache's.
  EXPECT_EQ(backend.steps[1], decodes + 1 + 4 * 3 * 2);
}

TEST_F(Fidelity, FindsItsReferenceAgainWhereThatIsDone) {
  const std::vector<engine::Run> runs = make_runs(Specs{"full", "streaming-llm:budget=20%"});
  for (const PrefillSharing sharing : {PrefillSharing::sweeps, PrefillSharing::all}) {
    PassLog whole, rest;
    ASSERT_TRUE(run(runs, {.sharing = sharing, .fidelity_steps = 128}, whole));
    ASSERT_TRUE(run(runs,
                    {.done = [](int32_t r, int32_t) { return r == 0; },
                     .sharing = sharing,
                     .fidelity_steps = 128},
                    rest));
    ASSERT_EQ(rest.passes.size(), 1u);
    const std::vector<FidelityEvent>& expected = whole.at(1, 0).fidelity;
    const std::vector<FidelityEvent>& found = rest.at(1, 0).fidelity;
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].kl, expected[i].kl);
      EXPECT_EQ(found[i].token, expected[i].token);
    }
  }
}

// Stops everything when the first comparison has been announced.
class StopsAtFidelity final : public Observer {
 public:
  std::atomic<bool> stop{false};
  int compared = 0;
  std::vector<FinishReason> passes;
  void on_fidelity(const FidelityEvent&) override {
    ++compared;
    stop = true;
  }
  void on_pass(const PassEvent& event) override { passes.push_back(event.finish); }
};

TEST_F(Fidelity, ThatWasStoppedLeavesAnInterruptedPass) {
  // Else a resumed recording would take it for done.
  const std::vector<engine::Run> runs = make_runs(Specs{"full", "streaming-llm"});
  StopsAtFidelity observer;
  EXPECT_FALSE(run_experiment(model_.config, backend_, nullptr, samples_, runs, options_, observer,
                              observer.stop, {}, {.fidelity_steps = 128}));
  EXPECT_EQ(observer.compared, 1);
  ASSERT_EQ(observer.passes.size(), 2u);
  EXPECT_EQ(observer.passes[0], FinishReason::max_new_tokens);
  EXPECT_EQ(observer.passes[1], FinishReason::interrupted);
}

TEST_F(Fidelity, NeedsTheFullCache) {
  const std::vector<engine::Run> runs = make_runs(Specs{"refreekv"});
  PassLog log;
  const std::string error = error_of([&] { run(runs, {.fidelity_steps = 1}, log); });
  EXPECT_TRUE(contains(error, "--policy full")) << error;
  EXPECT_TRUE(log.samples.empty());
}

TEST(KlDivergence, IsThatOfTheSoftmaxes) {
  // p = (1/2, 1/2), q = (1/4, 3/4): ln 2 - ln 3 / 2.
  const std::vector<float> p{0, 0};
  const std::vector<float> q{0, std::log(3.0f)};
  EXPECT_NEAR(kl_divergence(p, q), std::log(2.0) - 0.5 * std::log(3.0), 1e-7);
  EXPECT_EQ(kl_divergence(q, q), 0);
  // Neither large logits nor shifts matter.
  const std::vector<float> large{10000, 10000};
  EXPECT_NEAR(kl_divergence(large, q), kl_divergence(p, q), 1e-12);
  // A token that the run finds impossible (e^-2000 is 0 in double) costs, but is finite.
  const std::vector<float> never{0, -2000};
  EXPECT_NEAR(kl_divergence(p, never), 1000 - std::log(2.0), 1e-6);
}

}  // namespace
}  // namespace kvreel::engine
