// A layer made of random queries, keys and values, whole attention matrix included, for tests that
// hold a policy's statement against the matrix.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/host_pages.h"
#include "engine/policy/registry.h"
#include "engine/support.h"

namespace kvreel::engine::testing {

// Layers of n positions. `sharpness` scales queries: large ones attend to few keys.
class ToyAttention {
 public:
  using Matrix = std::vector<std::vector<double>>;  // [rows][columns]

  ToyAttention(int64_t n, uint32_t seed, int layers = 1, int q_heads = 4, int kv_heads = 2,
               double sharpness = 2)
      : n_(n) {
    config_.layers = layers;
    config_.q_heads = q_heads;
    config_.kv_heads = kv_heads;
    config_.head_dim = 4;
    cache_ = std::make_unique<KvCache>(
        KvCache::Shape{.layers = layers,
                       .kv_heads = kv_heads,
                       .page = {.page_rows = 8, .head_dim = config_.head_dim}},
        memory_);
    std::mt19937 random(seed);
    std::normal_distribution<double> normal;
    for (int layer = 0; layer < layers; ++layer) {
      queries_.push_back({});
      for (int64_t i = 0; i < q_heads * n * config_.head_dim; ++i) {
        queries_.back().push_back(static_cast<float>(sharpness * normal(random)));
      }
      cache_->extend(layer, 0, n);
      for (int head = 0; head < kv_heads; ++head) {
        for (int64_t position = 0; position < n; ++position) {
          for (int i = 0; i < config_.head_dim; ++i) {
            key(layer, head, position)[i] = static_cast<float>(normal(random));
            value(layer, head, position)[i] = static_cast<float>(normal(random));
          }
        }
      }
    }
  }

  int64_t n() const { return n_; }
  const ModelConfig& config() const { return config_; }
  KvCache& cache() { return *cache_; }
  float* key(int layer, int head, int64_t position) {
    return HostPages::row(cache_->shape().page, cache_->pages(layer, head), position, false);
  }
  float* value(int layer, int head, int64_t position) {
    return HostPages::row(cache_->shape().page, cache_->pages(layer, head), position, true);
  }
  float* query(int layer, int head, int64_t position) {
    return queries_[static_cast<size_t>(layer)].data() + (head * n_ + position) * config_.head_dim;
  }

  // Logits of every query to every key, softmax over those that `causal` allows. Before any cut.
  Matrix attention(int layer, int head, bool causal = true) {
    Matrix rows(static_cast<size_t>(n_), std::vector<double>(static_cast<size_t>(n_), 0.0));
    const int kv_head = head / (config_.q_heads / config_.kv_heads);
    for (int64_t i = 0; i < n_; ++i) {
      std::vector<double>& row = rows[static_cast<size_t>(i)];
      double sum = 0;
      for (int64_t j = 0; j <= (causal ? i : n_ - 1); ++j) {
        double logit = 0;
        for (int a = 0; a < config_.head_dim; ++a) {
          logit += static_cast<double>(query(layer, head, i)[a]) *
                   static_cast<double>(key(layer, kv_head, j)[a]);
        }
        row[static_cast<size_t>(j)] = std::exp(logit / std::sqrt(config_.head_dim));
        sum += row[static_cast<size_t>(j)];
      }
      for (double& value : row) value /= sum;
    }
    return rows;
  }

  // What the engine would collect of the prompt, as floats.
  AttentionStatistics statistics(int layer, const StatisticsRequest& request) {
    AttentionStatistics all =
        AttentionStatistics::make(request, config_.q_heads, n_, n_, config_.head_dim);
    const auto n = static_cast<size_t>(n_);
    for (int head = 0; head < config_.q_heads; ++head) {
      const Matrix rows = attention(layer, head);
      const size_t of_head = static_cast<size_t>(head) * n;
      for (size_t i = 0; i < n; ++i) {
        for (size_t j = 0; j < n; ++j) {
          const auto a = static_cast<float>(rows[i][j]);
          if (request.column_sums) all.column_sums[of_head + j] += a;
          if (request.column_square_sums) all.column_square_sums[of_head + j] += a * a;
          if (request.row_norms) all.row_square_sums[of_head + i] += a * a;
          const auto last = static_cast<size_t>(all.last_rows);
          if (i + last >= n) {
            all.probabilities[(static_cast<size_t>(head) * last + i + last - n) * n + j] = a;
          }
        }
      }
      for (int64_t r = 0; r < all.last_queries; ++r) {
        std::copy_n(query(layer, head, n_ - all.last_queries + r), config_.head_dim,
                    all.query_vectors.data() + (head * all.last_queries + r) * config_.head_dim);
      }
      if (request.query_moments) add_moments(layer, head, all);
    }
    return all;
  }

  // Decisions of all layers at the end of prefill, in the order in which the engine would make and
  // apply them.
  std::vector<Decision> prefill(const Policy& policy) {
    const std::unique_ptr<PassState> state = policy.start_pass(config_, n_);
    std::vector<Decision> all;
    for (int layer = 0; layer < config_.layers; ++layer) {
      const DecisionPoint point{.layer = layer, .layers = config_.layers, .prompt_tokens = n_};
      const AttentionStatistics seen = statistics(layer, policy.needs(point));
      const LayerView view{.point = point,
                           .config = config_,
                           .cache = *cache_,
                           .statistics = seen,
                           .state = state.get()};
      for (const Decision& decision : policy.decide(view)) {
        cache_->keep(decision.layer < 0 ? layer : decision.layer, decision.kv_head, decision.kept);
        all.push_back(decision);
        all.back().layer = decision.layer < 0 ? layer : decision.layer;
      }
    }
    return all;
  }
  std::vector<Decision> prefill(const std::string& spec) {
    return prefill(*make_policy(parse_policy_specs(spec).at(0)));
  }

 private:
  // Without rotation: what tests compare the moments with is the queries as they are.
  void add_moments(int layer, int head, AttentionStatistics& all) {
    const int64_t dim = config_.head_dim;
    for (int64_t i = kSinkPositions; i < n_; ++i) {
      for (int64_t a = 0; a < dim; ++a) {
        const auto q = static_cast<double>(query(layer, head, i)[a]);
        all.query_sums[static_cast<size_t>(head * dim + a)] += q;
        for (int64_t b = 0; b < dim; ++b) {
          all.query_products[static_cast<size_t>((head * dim + a) * dim + b)] +=
              q * static_cast<double>(query(layer, head, i)[b]);
        }
      }
    }
  }

  int64_t n_;
  ModelConfig config_;
  HostPages memory_;
  std::unique_ptr<KvCache> cache_;
  std::vector<std::vector<float>> queries_;  // [layers][q_heads, n, head_dim]
};

inline std::string spec_error(const std::string& spec) {
  return error_of([&] { make_policy(parse_policy_specs(spec).at(0)); });
}

}  // namespace kvreel::engine::testing
