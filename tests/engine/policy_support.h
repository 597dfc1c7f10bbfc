// What tests of policies share: a cache with keys but no model, attention made up or given, and a
// pass that walks through both.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "engine/host_pages.h"
#include "engine/policy/registry.h"
#include "engine/support.h"

namespace kvreel::engine::testing {

struct PassShape {
  int layers = 3;
  int kv_heads = 2;
  int q_heads = 4;
  int head_dim = 4;
  int64_t prompt = 40;
};

// A pass of a policy without a model: attention and keys come from functions of the place.
class FakePass {
 public:
  // Unnormalised attention of a query row to a position, and one number of a key.
  using Attention = std::function<double(int layer, int q_head, int64_t row, int32_t position)>;
  using Key = std::function<float(int layer, int kv_head, int32_t position, int dim)>;

  FakePass(const std::string& spec, const PassShape& shape, Attention attention, Key key)
      : shape_(shape),
        attention_(std::move(attention)),
        key_(std::move(key)),
        policy_(make_policy(parse_policy_specs(spec).at(0))),
        cache_({.layers = shape.layers,
                .kv_heads = shape.kv_heads,
                .page = {.page_rows = 8, .head_dim = shape.head_dim}},
               memory_) {
    config_.layers = shape.layers;
    config_.q_heads = shape.q_heads;
    config_.kv_heads = shape.kv_heads;
    config_.head_dim = shape.head_dim;
    state_ = policy_->start_pass(config_, shape.prompt);
  }

  // The next step: prefill, then one row at a time. What it decided, by layer.
  std::vector<std::vector<Decision>> step() {
    const int64_t rows = step_ == 0 ? shape_.prompt : 1;
    std::vector<std::vector<Decision>> decided;
    for (int layer = 0; layer < shape_.layers; ++layer) {
      cache_.extend(layer, static_cast<int32_t>(position_), rows);
      write_keys(layer, rows);
      decided.push_back(decide(layer, rows));
      for (const Decision& decision : decided.back()) {
        cache_.keep(layer, decision.kv_head, decision.kept);
      }
    }
    position_ += rows;
    ++step_;
    return decided;
  }

  std::vector<int32_t> held(int layer, int kv_head) const {
    const auto positions = cache_.positions(layer, kv_head);
    return {positions.begin(), positions.end()};
  }
  int64_t positions_so_far() const { return position_; }
  const Policy& policy() const { return *policy_; }
  // More last rows than the policy asks for, as an observer beside it might.
  int64_t further_rows = 0;

 private:
  void write_keys(int layer, int64_t rows) {
    for (int head = 0; head < shape_.kv_heads; ++head) {
      const int64_t length = cache_.length(layer, head);
      for (int64_t row = length - rows; row < length; ++row) {
        const int32_t position = cache_.positions(layer, head)[static_cast<size_t>(row)];
        float* key = HostPages::row(cache_.shape().page, cache_.pages(layer, head), row, false);
        for (int dim = 0; dim < shape_.head_dim; ++dim) key[dim] = key_(layer, head, position, dim);
      }
    }
  }

  std::vector<Decision> decide(int layer, int64_t rows) {
    const DecisionPoint point{
        .step = step_, .layer = layer, .layers = shape_.layers, .prompt_tokens = shape_.prompt};
    if (!policy_->acts(point)) return {};
    StatisticsRequest request = policy_->needs(point);
    if (request.last_rows > 0) request.last_rows += further_rows;
    AttentionStatistics statistics = AttentionStatistics::make(
        request, shape_.q_heads, rows, cache_.longest(layer), shape_.head_dim);
    fill(layer, statistics);
    return policy_->decide({.point = point,
                            .config = config_,
                            .cache = cache_,
                            .statistics = statistics,
                            .state = state_.get()});
  }

  void fill(int layer, AttentionStatistics& statistics) const {
    if (statistics.last_rows == 0 && statistics.column_sums.empty()) return;
    const auto keys = static_cast<size_t>(statistics.keys);
    for (int head = 0; head < shape_.q_heads; ++head) {
      const auto cached = cache_.positions(layer, head / (shape_.q_heads / shape_.kv_heads));
      for (int64_t query = 0; query < statistics.queries; ++query) {
        std::vector<double> row(keys, 0.0);
        double total = 0;
        for (size_t j = 0; j < cached.size(); ++j) {
          if (cached[j] > position_ + query) continue;
          row[j] = attention_(layer, head, position_ + query, cached[j]);
          total += row[j];
        }
        const int64_t last = query - (statistics.queries - statistics.last_rows);
        for (size_t j = 0; j < keys; ++j) {
          const auto value = static_cast<float>(total > 0 ? row[j] / total : 0.0);
          if (last >= 0) {
            const auto at = static_cast<size_t>(head * statistics.last_rows + last);
            statistics.probabilities[at * keys + j] = value;
          }
          if (!statistics.column_sums.empty()) {
            statistics.column_sums[static_cast<size_t>(head) * keys + j] += value;
          }
        }
      }
    }
  }

  PassShape shape_;
  Attention attention_;
  Key key_;
  std::unique_ptr<Policy> policy_;
  HostPages memory_;
  KvCache cache_;
  ModelConfig config_;
  std::unique_ptr<PassState> state_;
  int step_ = 0;
  int64_t position_ = 0;  // of the next step's first row
};

// A number from 0 to 1 that belongs to a place, the same in every run.
inline double noise(uint32_t seed, std::initializer_list<int64_t> place) {
  std::vector<uint32_t> words = {seed};
  for (const int64_t each : place) words.push_back(static_cast<uint32_t>(each));
  std::seed_seq sequence(words.begin(), words.end());
  uint32_t drawn = 0;
  sequence.generate(&drawn, &drawn + 1);
  return drawn / 4294967296.0;
}

// Peaked, as attention is: few positions have most of it.
inline FakePass::Attention random_attention(uint32_t seed) {
  return [seed](int layer, int q_head, int64_t row, int32_t position) {
    return std::exp(6 * noise(seed, {layer, q_head, row, position}));
  };
}
inline FakePass::Key random_keys(uint32_t seed) {
  return [seed](int layer, int kv_head, int32_t position, int dim) {
    return static_cast<float>(noise(seed, {1000, layer, kv_head, position, dim}) - 0.4);
  };
}
inline FakePass random_pass(const std::string& spec, const PassShape& shape, uint32_t seed = 1) {
  return FakePass(spec, shape, random_attention(seed), random_keys(seed));
}

}  // namespace kvreel::engine::testing
