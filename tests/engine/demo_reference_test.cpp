// The demo model's decisions, budgets and answers on 420 prompts, against an independent
// computation in PyTorch.
#include <fstream>

#include "engine/data/prepare.h"
#include "engine/policy/norm_curve.h"
#include "engine/policy/registry.h"
#include "engine/support.h"

namespace kvreel::engine {
namespace {

using nlohmann::json;
using namespace testing;

// One bench for all prompts: loading is quick, but 420 loads are not.
class DemoReference : public ::testing::Test {
 protected:
  DemoReference()
      : model_(load_model(demo_model(), {})), backend_(model_.config, model_.weights, {}) {
    records_ = read_prompts(fixtures() / "demo-model" / "prompts.jsonl", {});
    reference_ = read_json(fixtures() / "demo-model" / "reference.json");
  }

  PassResult run(const Sample& sample, const Policy& policy, RememberingObserver& observer) {
    return run_pass(model_.config, backend_, &*model_.tokenizer, sample, policy,
                    {.max_new_tokens = 32, .stop_ids = model_.config.eos_ids}, 0, 0, observer,
                    never_stop());
  }

  Model model_;
  CpuBackend backend_;
  std::vector<PromptRecord> records_;
  json reference_;
};

int64_t cut_of(const NormCurve& curve, const std::string& threshold, bool all) {
  return cut_at(all ? curve.distance_all : curve.distance, std::stod(threshold));
}

TEST_F(DemoReference, EveryDecisionBudgetAndAnswerAgrees) {
  ASSERT_EQ(records_.size(), 420u);
  ASSERT_EQ(reference_.size(), records_.size());
  const auto full = make_policy(parse_policy_specs("full").at(0));
  const auto one = make_policy(parse_policy_specs("refreekv:threshold=1%,keep-layers=none").at(0));
  const auto five = make_policy(parse_policy_specs("refreekv:threshold=5%,keep-layers=none").at(0));

  int cuts = 0;
  int ties = 0;
  int answers_differ = 0;
  for (size_t i = 0; i < records_.size(); ++i) {
    const json& expected = reference_[i];
    ASSERT_EQ(expected.at("id"), records_[i].id);
    const Sample sample = prepare_sample(records_[i], model_, {.max_new_tokens = 32});
    ASSERT_EQ(static_cast<int64_t>(sample.tokens.size()), expected.at("n")) << records_[i].id;

    RememberingObserver with_full, with_one, with_five;
    run(sample, *full, with_full);
    run(sample, *one, with_one);
    run(sample, *five, with_five);
    for (size_t layer = 0; layer < 4; ++layer) {
      const NormCurve& curve = *with_one.decisions.at(layer).curve;
      EXPECT_NEAR(curve.base_norm, expected["last_row_norm_mean_heads"][layer].get<double>(), 1e-4);
      for (const bool all : {false, true}) {
        for (const auto& [threshold, evicted] :
             expected[all ? "evicted_base_all" : "evicted"].items()) {
          const int64_t difference =
              std::abs(cut_of(curve, threshold, all) - evicted[layer].get<int64_t>());
          EXPECT_LE(difference, 1) << records_[i].id << " layer " << layer << " T " << threshold;
          ++cuts;
          ties += difference == 1;
        }
      }
      EXPECT_EQ(with_one.decisions[layer].cut, cut_of(curve, "0.01", false));
      EXPECT_EQ(with_five.decisions[layer].cut, cut_of(curve, "0.05", false));
    }
    // A tie of one position in one of four layers moves the mean budget by 1 / (4 n).
    const double tie = 1.01 / static_cast<double>(sample.tokens.size());
    EXPECT_NEAR(with_one.passes.at(0).budget, expected["budget"]["t1"].get<double>(), tie);
    EXPECT_NEAR(with_five.passes.at(0).budget, expected["budget"]["t5"].get<double>(), tie);
    const auto differs = [&](const RememberingObserver& observer, const char* key) {
      return (observer.passes.at(0).exact_match == 1) != expected["exact_match"][key].get<bool>();
    };
    answers_differ +=
        differs(with_full, "full") + differs(with_one, "t1") + differs(with_five, "t5");
  }
  RecordProperty("cuts", cuts);
  RecordProperty("ties", ties);
  EXPECT_EQ(cuts, 420 * 4 * 6);
  EXPECT_LE(ties, cuts / 500) << "cuts that differ by one position should be rare rounding ties";
  EXPECT_EQ(answers_differ, 0);
}

}  // namespace
}  // namespace kvreel::engine
