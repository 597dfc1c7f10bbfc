// Finding events by the names of operations, kernels, runs and samples.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "viewer/model/timeline_view.h"

namespace kvreel::viewer {

// Matches events whose name contains the text, whatever its case; "ffn L3" those of layer 3 alone.
// Operations and kernels by their name, passes by their run's name or their sample's id.
class TimelineSearch {
 public:
  TimelineSearch(std::shared_ptr<const Overview> overview, std::string_view text);

  bool empty() const { return text_.empty() && layer_ < 0; }
  // Whether any name matches at all.
  bool known() const;
  bool matches(const TimelineData& data, EventRef event) const;
  // The match that starts next after (before) a time; nothing where there is none.
  std::optional<EventRef> next(const TimelineData& data, double after) const;
  std::optional<EventRef> previous(const TimelineData& data, double before) const;

 private:
  bool matches_at(const Track& track, const EventBlock& block, size_t i,
                  const std::vector<TimelinePass>& passes) const;
  bool can_match(const Track& track) const;

  std::shared_ptr<const Overview> overview_;
  std::string text_;  // lower case
  int32_t layer_ = -1;
  std::vector<bool> names_;  // by row of names
  std::vector<bool> runs_;
  std::vector<bool> samples_;
};

}  // namespace kvreel::viewer
