// Expected attention (Devoto et al., 2025, arXiv 2510.00636; published in kvpress): a position
// stays for the attention that future queries are expected to pay it, times the norm of its value.
//
// Queries before rotation are taken for normal: mean mu and covariance S over the prompt's rows
// (the first kSinkPositions left out, whose queries are outliers). A future query at position t is
// R_t q, and R is the mean of R_t over the next `future` positions. With mu' = R mu and S' = R S
// R^T, the expectation of exp(q.k / sqrt d) is exp(k.mu' / sqrt d + k^T S' k / 2d). Its softmax
// over the positions behind the sinks, averaged over the query heads of a KV head, is the expected
// attention a_j; the score is (a_j + epsilon) |v_j|. All sums in fp64.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "engine/model/rope.h"
#include "engine/policy/budget.h"
#include "engine/policy/policies.h"
#include "engine/policy/query_logits.h"
#include "engine/policy/ranked.h"

namespace kvreel::engine {
namespace {

// The mean over positions of the rotation of a pair: [cos -sin; sin cos] with means of each.
struct MeanRotation {
  std::vector<double> cos;  // [head_dim / 2]
  std::vector<double> sin;

  MeanRotation(const ModelConfig& config, int64_t first, int64_t count) {
    const std::vector<double> frequencies = rope_inverse_frequencies(config.rope, config.head_dim);
    for (const double frequency : frequencies) {
      double c = 0;
      double s = 0;
      for (int64_t position = first; position < first + count; ++position) {
        c += std::cos(static_cast<double>(position) * frequency);
        s += std::sin(static_cast<double>(position) * frequency);
      }
      cos.push_back(c / static_cast<double>(count) * config.rope.attention_factor);
      sin.push_back(s / static_cast<double>(count) * config.rope.attention_factor);
    }
  }

  // R x: pairs are (i, i + head_dim / 2).
  void apply(std::span<double> x, size_t stride = 1) const {
    const size_t half = cos.size();
    for (size_t i = 0; i < half; ++i) {
      double& a = x[i * stride];
      double& b = x[(i + half) * stride];
      const double rotated = cos[i] * a - sin[i] * b;
      b = sin[i] * a + cos[i] * b;
      a = rotated;
    }
  }
};

class ExpectedAttention final : public Policy {
 public:
  explicit ExpectedAttention(PolicyOptions& options)
      : budgets_(LayerBudgets::take(options)),
        future_(options.take_count("future", 512)),
        sinks_(options.take_count("sinks", 4)),
        covariance_(options.take_choice("covariance", "yes", {"yes", "no"}) == "yes"),
        value_norm_(options.take_choice("value-norm", "yes", {"yes", "no"}) == "yes"),
        epsilon_(options.take_number("epsilon", 0, 0, 1)),
        reduction_(take_head_reduction(options, "mean")) {
    if (future_ < 1) fail_usage("Policy 'expected-attention': future must be at least 1.");
  }

  std::vector<std::pair<std::string, std::string>> parameters() const override {
    std::vector<std::pair<std::string, std::string>> all = budgets_.parameters();
    all.insert(all.end(), {{"future", std::to_string(future_)},
                           {"sinks", std::to_string(sinks_)},
                           {"covariance", covariance_ ? "yes" : "no"},
                           {"value-norm", value_norm_ ? "yes" : "no"},
                           {"epsilon", fmt::format("{:g}", epsilon_)},
                           {"reduce", name_of(reduction_)}});
    return all;
  }

  StatisticsRequest needs(const DecisionPoint&) const override { return {.query_moments = true}; }

  void check(const ModelConfig& config) const override {
    budgets_.check("expected-attention", config);
  }

  std::vector<Decision> decide(const LayerView& layer) const override {
    if (budgets_.is_exempt(layer.point.layer)) return {keep_all(layer, Reason::exempt_layer)};
    const auto n = static_cast<int64_t>(layer.positions(0).size());
    if (layer.statistics.moment_rows == 0 || n <= sinks_) {
      return {keep_all(layer, Reason::too_short)};
    }
    const MeanRotation rotation(layer.config, n, future_);
    const int kv_heads = layer.cache.shape().kv_heads;
    const int64_t group = layer.statistics.q_heads / kv_heads;
    std::vector<Decision> decisions;
    for (int kv_head = 0; kv_head < kv_heads; ++kv_head) {
      const std::vector<float> keys = layer.keys(kv_head);
      std::vector<double> expected;  // [group, n]
      for (int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
        const std::vector<double> row = attention_of(layer.statistics, head, rotation, keys);
        expected.insert(expected.end(), row.begin(), row.end());
      }
      std::vector<double> scores = reduce_heads(expected, group, 1, reduction_);
      if (value_norm_) scale_by_values(scores, layer.values(kv_head));
      decisions.push_back(cut_to_capacity(
          {.positions = layer.positions(kv_head), .scores = scores, .protected_first = sinks_},
          budgets_.of(layer.point.layer, n)));
      decisions.back().kv_head = kv_head;
    }
    return decisions;
  }

 private:
  // Expected attention of one query head: [n], 0 for the sinks, which take no part.
  std::vector<double> attention_of(const AttentionStatistics& statistics, int64_t head,
                                   const MeanRotation& rotation,
                                   std::span<const float> keys) const {
    const auto dim = static_cast<size_t>(statistics.head_dim);
    const auto rows = static_cast<double>(statistics.moment_rows);
    const double* sums = statistics.query_sums.data() + static_cast<size_t>(head) * dim;
    const double* products =
        statistics.query_products.data() + static_cast<size_t>(head) * dim * dim;
    std::vector<double> mean(sums, sums + dim);
    for (double& value : mean) value /= rows;
    std::vector<double> covariance;
    if (covariance_) {
      covariance.assign(products, products + dim * dim);
      for (size_t i = 0; i < dim; ++i) {
        for (size_t j = 0; j < dim; ++j) {
          double& value = covariance[i * dim + j];
          value = value / rows - mean[i] * mean[j];
        }
      }
      const std::span<double> whole(covariance);
      for (size_t j = 0; j < dim; ++j) rotation.apply(whole.subspan(j), dim);        // R S
      for (size_t i = 0; i < dim; ++i) rotation.apply(whole.subspan(i * dim, dim));  // (R S) R^T
    }
    rotation.apply(mean);

    const size_t n = keys.size() / dim;
    const double root = std::sqrt(static_cast<double>(dim));
    std::vector<double> row(n, 0.0);
    std::vector<double> product(dim);  // half of S' k
    for (auto j = static_cast<size_t>(sinks_); j < n; ++j) {
      const float* key = keys.data() + j * dim;
      double linear = 0;
      for (size_t a = 0; a < dim; ++a) linear += mean[a] * static_cast<double>(key[a]);
      row[j] = linear / root;
      if (!covariance_) continue;
      // S' is symmetric: what lies right of the diagonal counts twice.
      std::fill(product.begin(), product.end(), 0.0);
      for (size_t a = 0; a < dim; ++a) {
        const auto factor = static_cast<double>(key[a]);
        const double* of_row = covariance.data() + a * dim;
        product[a] += factor * of_row[a] / 2;
        for (size_t b = a + 1; b < dim; ++b) product[b] += factor * of_row[b];
      }
      double square = 0;
      for (size_t a = 0; a < dim; ++a) square += 2 * static_cast<double>(key[a]) * product[a];
      row[j] += square / (2 * static_cast<double>(dim));
    }
    softmax(std::span(row).subspan(static_cast<size_t>(sinks_)));
    return row;
  }

  void scale_by_values(std::span<double> scores, std::span<const float> values) const {
    const size_t dim = values.size() / scores.size();
    for (size_t j = 0; j < scores.size(); ++j) {
      double squares = 0;
      for (size_t a = 0; a < dim; ++a) {
        const auto value = static_cast<double>(values[j * dim + a]);
        squares += value * value;
      }
      scores[j] = (scores[j] + epsilon_) * std::sqrt(squares);
    }
  }

  LayerBudgets budgets_;
  int64_t future_;
  int64_t sinks_;
  bool covariance_;
  bool value_norm_;
  double epsilon_;
  HeadReduction reduction_;
};

}  // namespace

PolicyInfo expected_attention_policy() {
  return {
      .name = "expected-attention",
      .summary = "the positions that future queries are expected to attend to, times value norms",
      .options =
          "budget=50%        share of the prompt, or a count of positions (128)\n"
          "layer-budgets=none\n"
          "                  layers that differ: 0-1@100%+31@128\n"
          "keep-layers=none  layers left whole: 0-1, 0+1+31\n"
          "future=512        next positions whose queries are foreseen\n"
          "sinks=4           first positions that always stay, outside the softmax\n"
          "covariance=yes    with the queries' covariance, or by their mean alone (no)\n"
          "value-norm=yes    times the norm of the value, or not (no)\n"
          "epsilon=0         added to the expected attention before that\n"
          "reduce=mean       query heads of a KV head become one: mean, sum, max",
      .make = [](PolicyOptions& options) { return std::make_unique<ExpectedAttention>(options); }};
}

}  // namespace kvreel::engine
