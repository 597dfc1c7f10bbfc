// What the replay page shows of one run at the session's position, derived once and kept while
// nothing of it changes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "viewer/model/heat_map.h"
#include "viewer/model/replay_state.h"
#include "viewer/model/session.h"

namespace kvreel::viewer {

class ReplayData {
 public:
  // Follows the session: run, sample, replay position, threshold. `played`: at the replay position,
  // else at the end. The state of the pass; what follows may be asked for where it is ready.
  Loaded<PassDetail> update(Session& session, RunRef run, bool with_what_if);

  const PassDetail& pass() const { return index_->pass(); }
  const ReplayIndex& index() const { return *index_; }
  const KeptMap& map() const { return map_; }
  const std::vector<int32_t>& limits() const { return limits_; }
  const WhatIf& what_if() const { return what_if_; }  // its threshold only where it applies
  const std::optional<double>& recorded_threshold() const { return recorded_threshold_; }
  const std::string& obstacle() const { return obstacle_; }  // of moving the threshold, "": none
  const Budget& recorded() const { return recorded_; }
  const Budget& budget() const { return budget_; }  // at the threshold of the what-if
  // Another number where what the map shows has changed.
  uint64_t version() const { return version_; }
  // Evictions at the position and in all, of a layer's longest lane.
  int32_t evicted(int layer) const;
  int32_t cut(int layer) const;
  // The first decision of a layer (of its first KV head), null: none.
  const Decision* decision(int layer) const;

 private:
  std::shared_ptr<const PassDetail> detail_;
  std::shared_ptr<const ReplayIndex> index_;
  std::vector<const Decision*> first_;  // [layers]
  CacheShape shape_;
  WhatIf what_if_;
  std::optional<double> recorded_threshold_;
  std::string obstacle_;
  Budget recorded_;
  Budget budget_;
  std::vector<int32_t> ends_;  // limits at the end
  std::vector<int32_t> limits_;
  KeptMap map_;
  uint64_t version_ = 0;
};

// What the norm loses by the candidate at `index` of a decision's ranking: the step of the curve
// there. None where the curve does not say.
std::optional<double> share_of_candidate(const Decision& decision, CurveBase base, int64_t index);

}  // namespace kvreel::viewer
