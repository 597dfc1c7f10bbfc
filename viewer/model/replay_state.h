// Which prompt tokens are still cached after the first k evictions of every layer.
//
// A lane is a KV head of a layer, or a whole layer where its heads are decided together. Every lane
// has an order: the number of the eviction that takes a token away, or never. After k evictions a
// token is gone where its order is below min(k, the lane's cut), so the same index serves every
// replay position and every threshold.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "viewer/model/what_if.h"

namespace kvreel::viewer {

inline constexpr int32_t kNever = std::numeric_limits<int32_t>::max();

// Evictions of the longest lane, of one layer or of all (-1).
int64_t eviction_count(const PassDetail& pass, int layer, const WhatIf& what_if);

// Of one pass; built once. Keeps the pass alive.
class ReplayIndex {
 public:
  // More than 255 KV heads are not told apart: those beyond are left out.
  ReplayIndex(std::shared_ptr<const PassDetail> pass, int layers, int kv_heads);

  struct Lane {
    std::shared_ptr<const std::vector<int32_t>> order;  // [tokens]; null: nothing is ever evicted
    // Tokens in the order of eviction, where the lane has one ranked decision and no more.
    const std::vector<int32_t>* ranking = nullptr;
    const Decision* decision = nullptr;  // of that lane, where it has one and no more
    int32_t evictions = 0;               // as recorded
  };

  const PassDetail& pass() const { return *pass_; }
  int layers() const { return static_cast<int>(first_lane_.size()) - 1; }
  int32_t tokens() const { return tokens_; }
  // KV heads that a kept count is out of; 1 where no layer tells its heads apart.
  int heads() const { return heads_; }
  std::span<const Lane> lanes() const { return lanes_; }
  std::span<const Lane> lanes(int layer) const;
  size_t first_lane(int layer) const { return first_lane_[static_cast<size_t>(layer)]; }
  // Leading positions that are never candidates in the layer (-1: in any layer that ranks).
  int32_t sinks(int layer) const;

  // Evictions that have happened in every lane. k: replay position, -1 the end; one_layer: only
  // this layer is played and the others stand at their end, -1: all are played.
  std::vector<int32_t> limits(int64_t k, int one_layer, const WhatIf& what_if) const;

  // Of the lanes of a layer, times the heads that a lane stands for: KV heads that keep a token.
  int kept_heads(int layer, int32_t token, std::span<const int32_t> limits) const;
  double kept_share(int layer, int32_t token, std::span<const int32_t> limits) const {
    return static_cast<double>(kept_heads(layer, token, limits)) / heads_;
  }
  // The first eviction that takes the token from a lane of the layer; kNever.
  int32_t order(int layer, int32_t token) const;

 private:
  std::shared_ptr<const PassDetail> pass_;
  int32_t tokens_ = 0;
  int heads_ = 1;
  std::vector<Lane> lanes_;
  std::vector<size_t> first_lane_;  // [layers + 1]
  std::vector<int32_t> sinks_;      // [layers], -1: the layer ranks nothing
};

}  // namespace kvreel::viewer
