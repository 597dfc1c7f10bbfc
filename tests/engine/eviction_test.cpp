// Decoding after eviction equals decoding with the evicted positions masked out of a full cache.
#include <cmath>
#include <numeric>
#include <random>

#include "engine/generate/forward.h"
#include "engine/policy/registry.h"
#include "engine/support.h"

namespace kvreel::engine {
namespace {

using namespace testing;

// Keeps the given sets after prefill: one per (layer, KV head).
class FixedSets final : public Policy {
 public:
  explicit FixedSets(std::vector<std::vector<KeptSet>> sets) : sets_(std::move(sets)) {}
  std::vector<std::pair<std::string, std::string>> parameters() const override { return {}; }
  std::vector<Decision> decide(const LayerView& view) const override {
    const DecisionPoint& point = view.point;
    std::vector<Decision> decisions;
    for (size_t head = 0; head < sets_[static_cast<size_t>(point.layer)].size(); ++head) {
      decisions.push_back({.kv_head = static_cast<int>(head),
                           .cached = view.cache.length(point.layer, static_cast<int>(head)),
                           .kept = sets_[static_cast<size_t>(point.layer)][head]});
    }
    return decisions;
  }

 private:
  std::vector<std::vector<KeptSet>> sets_;
};

// A plain model of the same layers in double precision, without a cache: keys of evicted positions
// are masked for every row after the prompt. Written from the formulas of the Llama architecture,
// for small f32-convertible models without biases or windows.
class MaskedModel {
 public:
  explicit MaskedModel(const Model& model) : model_(model), config_(model.config) {}

  // Logits of the last of `ids`; rows from `prompt` on see only kept positions of the prompt.
  std::vector<double> logits(const std::vector<int32_t>& ids, size_t prompt,
                             const std::vector<std::vector<KeptSet>>& sets) const {
    const size_t n = ids.size();
    const auto width = static_cast<size_t>(config_.hidden_size);
    std::vector<std::vector<double>> x(n);
    for (size_t i = 0; i < n; ++i) {
      const std::vector<double> table = row(model_.weights.embedding, ids[i]);
      x[i] = table;
    }
    for (int layer = 0; layer < config_.layers; ++layer) {
      const LayerWeights& w = model_.weights.layers[static_cast<size_t>(layer)];
      std::vector<std::vector<double>> q(n), k(n), v(n);
      for (size_t i = 0; i < n; ++i) {
        const std::vector<double> normed = norm(x[i], w.attn_norm);
        q[i] = rotate(apply(w.q, normed), i);
        k[i] = rotate(apply(w.k, normed), i);
        v[i] = apply(w.v, normed);
      }
      for (size_t i = 0; i < n; ++i) {
        std::vector<double> mixed(static_cast<size_t>(config_.q_size()), 0.0);
        for (int head = 0; head < config_.q_heads; ++head) {
          const int kv_head = head / (config_.q_heads / config_.kv_heads);
          attend(q, k, v, i, head, kv_head, prompt,
                 sets[static_cast<size_t>(layer)][static_cast<size_t>(kv_head)], mixed);
        }
        add(x[i], apply(w.out, mixed));
        const std::vector<double> normed = norm(x[i], w.ffn_norm);
        std::vector<double> gate = apply(w.gate, normed);
        const std::vector<double> up = apply(w.up, normed);
        for (size_t j = 0; j < gate.size(); ++j)
          gate[j] = gate[j] / (1 + std::exp(-gate[j])) * up[j];
        add(x[i], apply(w.down, gate));
      }
    }
    EXPECT_EQ(x.back().size(), width);
    return apply(model_.weights.lm_head, norm(x.back(), model_.weights.final_norm));
  }

 private:
  static double value(const void* data, kernels::DType dtype, int64_t index) {
    if (dtype == kernels::DType::f32) return static_cast<const float*>(data)[index];
    EXPECT_EQ(dtype, kernels::DType::bf16);
    const auto bits = static_cast<uint32_t>(static_cast<const uint16_t*>(data)[index]) << 16;
    float widened;
    std::memcpy(&widened, &bits, 4);
    return widened;
  }
  static std::vector<double> row(const kernels::Matrix& m, int64_t r) {
    std::vector<double> values;
    for (int64_t c = 0; c < m.cols; ++c) values.push_back(value(m.data, m.dtype, r * m.cols + c));
    return values;
  }
  static std::vector<double> apply(const kernels::Matrix& m, const std::vector<double>& x) {
    std::vector<double> y(static_cast<size_t>(m.rows), 0.0);
    for (int64_t r = 0; r < m.rows; ++r) {
      for (int64_t c = 0; c < m.cols; ++c) {
        y[static_cast<size_t>(r)] +=
            value(m.data, m.dtype, r * m.cols + c) * x[static_cast<size_t>(c)];
      }
    }
    return y;
  }
  static void add(std::vector<double>& x, const std::vector<double>& y) {
    for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
  }
  std::vector<double> norm(const std::vector<double>& x, const kernels::Vector& weight) const {
    double mean = 0;
    for (const double each : x) mean += each * each / static_cast<double>(x.size());
    std::vector<double> y(x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      y[i] = x[i] / std::sqrt(mean + static_cast<double>(config_.rms_norm_eps)) *
             value(weight.data, weight.dtype, static_cast<int64_t>(i));
    }
    return y;
  }
  std::vector<double> rotate(std::vector<double> x, size_t position) const {
    const auto half = static_cast<size_t>(config_.head_dim) / 2;
    for (size_t head = 0; head < x.size() / (2 * half); ++head) {
      for (size_t i = 0; i < half; ++i) {
        const double angle =
            static_cast<double>(position) *
            std::pow(config_.rope.theta, -static_cast<double>(i) / static_cast<double>(half));
        double& a = x[head * 2 * half + i];
        double& b = x[head * 2 * half + half + i];
        const double rotated = a * std::cos(angle) - b * std::sin(angle);
        b = b * std::cos(angle) + a * std::sin(angle);
        a = rotated;
      }
    }
    return x;
  }
  void attend(const std::vector<std::vector<double>>& q, const std::vector<std::vector<double>>& k,
              const std::vector<std::vector<double>>& v, size_t i, int head, int kv_head,
              size_t prompt, const KeptSet& kept, std::vector<double>& mixed) const {
    const auto dim = static_cast<size_t>(config_.head_dim);
    const size_t q_at = static_cast<size_t>(head) * dim;
    const size_t k_at = static_cast<size_t>(kv_head) * dim;
    std::vector<double> weights(i + 1, 0.0);
    double total = 0;
    for (size_t j = 0; j <= i; ++j) {
      if (i >= prompt && j < prompt && !kept.contains(static_cast<int32_t>(j))) continue;
      double score = 0;
      for (size_t d = 0; d < dim; ++d) score += q[i][q_at + d] * k[j][k_at + d];
      weights[j] = std::exp(score / std::sqrt(static_cast<double>(dim)));
      total += weights[j];
    }
    for (size_t j = 0; j <= i; ++j) {
      for (size_t d = 0; d < dim; ++d) mixed[q_at + d] += weights[j] / total * v[j][k_at + d];
    }
  }

  const Model& model_;
  const ModelConfig& config_;
};

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
