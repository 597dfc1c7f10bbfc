// Keeping what the replay page shows up to date.
#include "viewer/model/replay_data.h"

#include <algorithm>
#include <cmath>

namespace kvreel::viewer {

Loaded<PassDetail> ReplayData::update(Session& session, RunRef run, bool with_what_if) {
  Loaded<PassDetail> loaded = session.pass(run);
  if (!loaded) return loaded;
  WhatIf wanted = session.what_if(run);
  if (!with_what_if) wanted.threshold.reset();
  const auto overview = session.library().overview(run.trace);
  const bool other_pass = detail_ != loaded.value;
  if (other_pass) {
    detail_ = loaded.value;
    shape_ = overview ? cache_shape(*overview.value) : CacheShape{};
    for (const Decision& decision : detail_->decisions) {
      shape_.layers = std::max(shape_.layers, decision.layer + 1);
    }
    index_ = std::make_shared<ReplayIndex>(detail_, shape_.layers, shape_.kv_heads);
    first_.assign(static_cast<size_t>(shape_.layers), nullptr);
    for (const Decision& decision : detail_->decisions) {
      if (decision.layer < 0) continue;
      const Decision*& first = first_[static_cast<size_t>(decision.layer)];
      if (first == nullptr) first = &decision;
    }
    recorded_threshold_ = viewer::recorded_threshold(*detail_, wanted.base);
    obstacle_ = what_if_obstacle(*detail_, wanted.base);
    recorded_ = budget_at(*detail_, shape_, {});
  }
  if (!obstacle_.empty()) wanted.threshold.reset();
  const bool other_threshold = other_pass || !(what_if_ == wanted);
  if (other_threshold) {
    what_if_ = wanted;
    budget_ = wanted.threshold ? budget_at(*detail_, shape_, wanted) : recorded_;
    ends_ = index_->limits(-1, -1, wanted);
  }
  const View& view = session.view();
  const int one_layer = view.replay_one_layer ? view.layer : -1;
  std::vector<int32_t> limits =
      view.replay < 0 ? ends_ : index_->limits(view.replay, one_layer, what_if_);
  if (other_pass) {
    map_ = KeptMap(*index_, limits);
    ++version_;
  } else if (limits != limits_) {
    map_.update(*index_, limits);
    ++version_;
  }
  limits_ = std::move(limits);
  return loaded;
}

int32_t ReplayData::evicted(int layer) const {
  const size_t begin = index_->first_lane(layer);
  const size_t count = index_->lanes(layer).size();
  return *std::max_element(limits_.begin() + static_cast<std::ptrdiff_t>(begin),
                           limits_.begin() + static_cast<std::ptrdiff_t>(begin + count));
}

int32_t ReplayData::cut(int layer) const {
  const size_t begin = index_->first_lane(layer);
  const size_t count = index_->lanes(layer).size();
  return *std::max_element(ends_.begin() + static_cast<std::ptrdiff_t>(begin),
                           ends_.begin() + static_cast<std::ptrdiff_t>(begin + count));
}

const Decision* ReplayData::decision(int layer) const {
  if (layer < 0 || static_cast<size_t>(layer) >= first_.size()) return nullptr;
  return first_[static_cast<size_t>(layer)];
}

std::optional<double> share_of_candidate(const Decision& decision, CurveBase base, int64_t index) {
  const std::vector<float>* curve = curve_of(decision, base);
  if (curve == nullptr || index < 0 || static_cast<size_t>(index) >= curve->size()) {
    return std::nullopt;
  }
  const auto at = static_cast<size_t>(index);
  const double here = static_cast<double>((*curve)[at]);
  if (at + 1 < curve->size()) return static_cast<double>((*curve)[at + 1]) - here;
  // Without its last candidate nothing is left of the candidates' own norm.
  if (base == CurveBase::candidates && !std::isnan(here)) return 1 - here;
  return std::nullopt;
}

}  // namespace kvreel::viewer
