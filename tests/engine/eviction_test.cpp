// Decoding after eviction equals decoding with the evicted positions masked out of a full cache.
#include <cmath>
#include <numeric>
#include <random>

#include "engine/generate/forward.h"
#include "engine/masked_model.h"
#include "engine/policy/registry.h"
#include "engine/support.h"

namespace kvreel::engine {
namespace {

using namespace testing;

TEST(Eviction, DecodesAsIfTheEvictedPositionsWereMasked) {
  const Model model = load_model(demo_model(), {});
  const ModelConfig& config = model.config;
  CpuBackend backend(config, model.weights, {});
  std::mt19937 random(3);
  constexpr int32_t kPrompt = 75;
  std::vector<int32_t> ids(kPrompt);
  for (int32_t& id : ids) id = static_cast<int32_t>(random() % 700);

  // Another random third in every KV head of every layer; the first and the last position stay
  // somewhere only.
  std::vector<std::vector<KeptSet>> sets(static_cast<size_t>(config.layers));
  for (auto& heads : sets) {
    for (int head = 0; head < config.kv_heads; ++head) {
      std::vector<int32_t> kept;
      for (int32_t position = 0; position < kPrompt; ++position) {
        if (random() % 3 == 0) kept.push_back(position);
      }
      heads.push_back(KeptSet::of(kept));
    }
  }
  const FixedSets policy(sets);
  KvCache cache(
      {.layers = config.layers,
       .kv_heads = config.kv_heads,
       .page = {.dtype = kernels::DType::f32, .page_rows = 8, .head_dim = config.head_dim}},
      backend.kv_memory());
  Observer nobody;
  const ForwardContext context{.backend = backend,
                               .cache = cache,
                               .policy = policy,
                               .observer = nobody,
                               .config = config,
                               .prompt_tokens = kPrompt};
  const MaskedModel masked(model);
  double scale = 0;
  for (int32_t step = 0; step < 5; ++step) {
    const std::span<const int32_t> tokens =
        step == 0 ? std::span<const int32_t>(ids) : std::span<const int32_t>(ids).last(1);
    const ForwardResult result =
        forward(context, {.step = step}, tokens, static_cast<int64_t>(ids.size() - tokens.size()));
    const std::vector<double> expected = masked.logits(ids, kPrompt, sets);
    // The engine's fp32 rounds in proportion to the largest logit, not to each one.
    for (const double logit : expected) scale = std::max(scale, std::abs(logit));
    for (size_t id = 0; id < expected.size(); ++id) {
      ASSERT_NEAR(result.logits[id], expected[id], 1e-5 * scale) << "step " << step;
    }
    ids.push_back(static_cast<int32_t>(random() % 700));
  }
  EXPECT_GT(scale, 1) << "the logits say nothing";
}

TEST(Eviction, ChangesWhatIsDecoded) {
  // The comparison above would mean nothing if eviction had no effect.
  const Model model = load_model(demo_model(), {});
  std::vector<int32_t> ids(40);
  std::iota(ids.begin(), ids.end(), 300);
  const std::vector<std::vector<KeptSet>> all(
      4, std::vector<KeptSet>(
             4, KeptSet::all(std::vector<int32_t>{0,  1,  2,  3,  4,  5,  6,  7,  8,  9,
                                                  10, 11, 12, 13, 14, 15, 16, 17, 18, 19})));
  const std::vector<std::vector<KeptSet>> few(4, std::vector<KeptSet>(4, KeptSet::of({0, 19})));
  const MaskedModel masked(model);
  const auto with_all = masked.logits(ids, 20, all);
  const auto with_few = masked.logits(ids, 20, few);
  double largest = 0;
  for (size_t i = 0; i < with_all.size(); ++i)
    largest = std::max(largest, std::abs(with_all[i] - with_few[i]));
  EXPECT_GT(largest, 0.1);
}

TEST(Eviction, PeakShowsThatLayersAreCutOneByOne) {
  const Model model = load_model(demo_model(), {});
  CpuBackend backend(model.config, model.weights, {});
  std::vector<int32_t> ids(300);
  std::iota(ids.begin(), ids.end(), 256);
  const auto policy = make_policy(parse_policy_specs("streaming-llm:budget=20%").at(0));
  RememberingObserver observer;
  run_pass(model.config, backend, nullptr, sample_of(ids), *policy, {.max_new_tokens = 4}, 0, 0,
           observer, never_stop());
  const PassEvent& pass = observer.passes.at(0);
  // One whole layer and three cut ones at the most, not four whole ones.
  EXPECT_LT(pass.after_prefill.peak, pass.full_after_prefill / 2);
  EXPECT_EQ(pass.after_prefill.asked, pass.full_after_prefill / 5);
  EXPECT_NEAR(pass.budget, 0.2, 1e-12);
}

}  // namespace
}  // namespace kvreel::engine
