// What tests of eviction share: a policy that keeps given sets, and a model in double precision in
// which evicted positions are masked.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "engine/model/model.h"
#include "engine/policy/policy.h"

namespace kvreel::engine::testing {

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

  struct Output {
    std::vector<double> logits;  // of the last id: [vocab]
    // Of the last id: [layers][q_heads][ids], 0 where masked.
    std::vector<std::vector<std::vector<double>>> attention;
  };

  // Logits of the last of `ids`; rows from `prompt` on see only kept positions of the prompt.
  // sets: [layers][kv_heads].
  std::vector<double> logits(const std::vector<int32_t>& ids, size_t prompt,
                             const std::vector<std::vector<KeptSet>>& sets) const {
    return run(ids, prompt, sets).logits;
  }
  Output run(const std::vector<int32_t>& ids, size_t prompt,
             const std::vector<std::vector<KeptSet>>& sets) const {
    Output output;
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
      output.attention.emplace_back();
      for (size_t i = 0; i < n; ++i) {
        std::vector<double> mixed(static_cast<size_t>(config_.q_size()), 0.0);
        for (int head = 0; head < config_.q_heads; ++head) {
          const int kv_head = head / (config_.q_heads / config_.kv_heads);
          std::vector<double> weights =
              attend(q, k, v, i, head, kv_head, prompt,
                     sets[static_cast<size_t>(layer)][static_cast<size_t>(kv_head)], mixed);
          if (i + 1 == n) output.attention.back().push_back(std::move(weights));
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
    output.logits = apply(model_.weights.lm_head, norm(x.back(), model_.weights.final_norm));
    return output;
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
  // Adds to the head's part of `mixed`; returns the row's probabilities: [i + 1].
  std::vector<double> attend(const std::vector<std::vector<double>>& q,
                             const std::vector<std::vector<double>>& k,
                             const std::vector<std::vector<double>>& v, size_t i, int head,
                             int kv_head, size_t prompt, const KeptSet& kept,
                             std::vector<double>& mixed) const {
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
      weights[j] /= total;
      for (size_t d = 0; d < dim; ++d) mixed[q_at + d] += weights[j] * v[j][k_at + d];
    }
    return weights;
  }

  const Model& model_;
  const ModelConfig& config_;
};

}  // namespace kvreel::engine::testing
