// Orders of eviction by token, from rankings and kept ranges.
#include "viewer/model/replay_state.h"

#include <algorithm>
#include <map>
#include <utility>

namespace kvreel::viewer {
namespace {

constexpr int kMostHeads = 255;  // kept heads are counted in a byte

using Order = std::vector<int32_t>;

Order inverse_of(const std::vector<int32_t>& ranking, int32_t tokens) {
  Order order(static_cast<size_t>(tokens), kNever);
  for (size_t i = 0; i < ranking.size(); ++i) {
    const int32_t token = ranking[i];
    if (token >= 0 && token < tokens) order[static_cast<size_t>(token)] = static_cast<int32_t>(i);
  }
  return order;
}

// Whether a token lies in ascending ranges.
std::vector<uint8_t> kept_flags(const std::vector<Range>& ranges, int32_t tokens) {
  std::vector<uint8_t> kept(static_cast<size_t>(tokens), 0);
  for (const Range& range : ranges) {
    const int32_t begin = std::clamp(range.begin, 0, tokens);
    const int32_t end = std::clamp(range.end, begin, tokens);
    std::fill(kept.begin() + begin, kept.begin() + end, uint8_t{1});
  }
  return kept;
}

// What a decision adds to the evictions of its lane: its cut, or one where it ranks nothing and
// still evicts.
int64_t evictions_of(const Decision& decision, const WhatIf& what_if) {
  if (decision.ranking) return cut_of(decision, what_if);
  return decision.kept < decision.cached ? 1 : 0;
}

// A lane with several decisions, or with one that ranks nothing: tokens as they go, one decision
// after the other.
ReplayIndex::Lane flatten(std::span<const Decision* const> decisions, int32_t tokens) {
  ReplayIndex::Lane lane;
  auto order = std::make_shared<Order>(static_cast<size_t>(tokens), kNever);
  int32_t done = 0;
  for (const Decision* decision : decisions) {
    const auto evictions = static_cast<int32_t>(evictions_of(*decision, {}));
    if (decision->ranking) {
      for (int32_t i = 0; i < evictions; ++i) {
        const int32_t token = (*decision->ranking)[static_cast<size_t>(i)];
        if (token < 0 || token >= tokens) continue;
        int32_t& of_token = (*order)[static_cast<size_t>(token)];
        of_token = std::min(of_token, done + i);
      }
    } else if (evictions > 0) {
      const std::vector<uint8_t> kept = kept_flags(decision->kept_ranges, tokens);
      for (size_t token = 0; token < kept.size(); ++token) {
        if (!kept[token]) (*order)[token] = std::min((*order)[token], done);
      }
    }
    done += evictions;
  }
  lane.evictions = done;
  if (done > 0) lane.order = std::move(order);
  return lane;
}

// Ranked but never cut (an exempt layer) has an order too: it is shown as what would have gone.
int32_t leading_never_ranked(const std::vector<const Decision*>& decisions, int32_t tokens) {
  bool ranks = false;
  int32_t first = tokens;
  for (const Decision* decision : decisions) {
    if (!decision->ranking || decision->ranking->empty()) continue;
    ranks = true;
    first =
        std::min(first, *std::min_element(decision->ranking->begin(), decision->ranking->end()));
  }
  return ranks ? std::max(first, 0) : -1;
}

}  // namespace

int64_t eviction_count(const PassDetail& pass, int layer, const WhatIf& what_if) {
  // Decisions for all heads count for every head of the layer.
  std::map<std::pair<int, int>, int64_t> by_head;
  std::map<int, int64_t> by_layer;
  for (const Decision& decision : pass.decisions) {
    if (layer >= 0 && decision.layer != layer) continue;
    const int64_t evictions = evictions_of(decision, what_if);
    if (decision.kv_head < 0) {
      by_layer[decision.layer] += evictions;
    } else {
      by_head[{decision.layer, decision.kv_head}] += evictions;
    }
  }
  int64_t most = 0;
  for (const auto& [_, evictions] : by_layer) most = std::max(most, evictions);
  for (const auto& [lane, evictions] : by_head) {
    const auto shared = by_layer.find(lane.first);
    most = std::max(most, evictions + (shared == by_layer.end() ? 0 : shared->second));
  }
  return most;
}

ReplayIndex::ReplayIndex(std::shared_ptr<const PassDetail> pass, int layers, int kv_heads)
    : pass_(std::move(pass)), tokens_(std::max(pass_->info.prompt_tokens, 0)) {
  layers = std::max(layers, 0);
  std::vector<std::vector<const Decision*>> by_layer(static_cast<size_t>(layers));
  int heads = std::clamp(kv_heads, 1, kMostHeads);
  bool apart = false;
  for (const Decision& decision : pass_->decisions) {
    if (decision.layer < 0 || decision.layer >= layers || decision.kv_head >= kMostHeads) continue;
    by_layer[static_cast<size_t>(decision.layer)].push_back(&decision);
    if (decision.kv_head >= 0) apart = true;
    heads = std::max(heads, decision.kv_head + 1);
  }
  heads_ = apart ? heads : 1;

  // Layers that rank alike share one ranking, and then one order.
  std::map<const void*, std::shared_ptr<const Order>> inverses;
  const auto lane_of = [&](const std::vector<const Decision*>& decisions) {
    if (decisions.size() == 1 && decisions[0]->ranking) {
      const Decision& decision = *decisions[0];
      auto& inverse = inverses[decision.ranking.get()];
      if (!inverse) inverse = std::make_shared<Order>(inverse_of(*decision.ranking, tokens_));
      return Lane{inverse, decision.ranking.get(), &decision,
                  static_cast<int32_t>(cut_of(decision, {}))};
    }
    Lane lane = flatten(decisions, tokens_);
    if (decisions.size() == 1) lane.decision = decisions[0];
    return lane;
  };
  for (const std::vector<const Decision*>& decisions : by_layer) {
    first_lane_.push_back(lanes_.size());
    sinks_.push_back(leading_never_ranked(decisions, tokens_));
    const bool layer_apart = std::any_of(decisions.begin(), decisions.end(),
                                         [](const Decision* d) { return d->kv_head >= 0; });
    if (!layer_apart) {
      lanes_.push_back(lane_of(decisions));
      continue;
    }
    for (int head = 0; head < heads_; ++head) {
      std::vector<const Decision*> of_head;
      for (const Decision* decision : decisions) {
        if (decision->kv_head < 0 || decision->kv_head == head) of_head.push_back(decision);
      }
      lanes_.push_back(lane_of(of_head));
    }
  }
  first_lane_.push_back(lanes_.size());
}

std::span<const ReplayIndex::Lane> ReplayIndex::lanes(int layer) const {
  const size_t begin = first_lane_[static_cast<size_t>(layer)];
  return std::span(lanes_).subspan(begin, first_lane_[static_cast<size_t>(layer) + 1] - begin);
}

int32_t ReplayIndex::sinks(int layer) const {
  if (layer >= 0) {
    return layer < layers() ? std::max(sinks_[static_cast<size_t>(layer)], 0) : 0;
  }
  int32_t least = -1;
  for (const int32_t sinks : sinks_) {
    if (sinks >= 0) least = least < 0 ? sinks : std::min(least, sinks);
  }
  return std::max(least, 0);
}

std::vector<int32_t> ReplayIndex::limits(int64_t k, int one_layer, const WhatIf& what_if) const {
  std::vector<int32_t> limits(lanes_.size());
  for (int layer = 0; layer < layers(); ++layer) {
    const bool played = k >= 0 && (one_layer < 0 || one_layer == layer);
    for (size_t lane = first_lane(layer); lane < first_lane(layer + 1); ++lane) {
      const Lane& of_lane = lanes_[lane];
      // Lanes without a ranking of their own have no curve that a threshold could move.
      const int64_t end = of_lane.ranking != nullptr ? cut_of(*of_lane.decision, what_if)
                                                     : int64_t{of_lane.evictions};
      limits[lane] = static_cast<int32_t>(played ? std::min(k, end) : end);
    }
  }
  return limits;
}

int ReplayIndex::kept_heads(int layer, int32_t token, std::span<const int32_t> limits) const {
  const size_t begin = first_lane(layer);
  const size_t end = first_lane(layer + 1);
  int kept = 0;
  for (size_t lane = begin; lane < end; ++lane) {
    const auto& order = lanes_[lane].order;
    if (!order || (*order)[static_cast<size_t>(token)] >= limits[lane]) ++kept;
  }
  return kept * (heads_ / static_cast<int>(end - begin));
}

int32_t ReplayIndex::order(int layer, int32_t token) const {
  int32_t first = kNever;
  for (const Lane& lane : lanes(layer)) {
    if (lane.order) first = std::min(first, (*lane.order)[static_cast<size_t>(token)]);
  }
  return first;
}

}  // namespace kvreel::viewer
