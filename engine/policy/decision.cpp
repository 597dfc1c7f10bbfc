// Sets of kept positions.
#include "engine/policy/decision.h"

#include <algorithm>

namespace kvreel::engine {

KeptSet KeptSet::of(std::vector<int32_t> positions) {
  std::sort(positions.begin(), positions.end());
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
  return all(positions);
}

KeptSet KeptSet::all(std::span<const int32_t> positions) {
  KeptSet set;
  for (const int32_t position : positions) {
    if (!set.ranges_.empty() && set.ranges_.back().end == position) {
      ++set.ranges_.back().end;
    } else {
      set.ranges_.push_back({position, position + 1});
    }
  }
  return set;
}

int64_t KeptSet::count() const {
  int64_t count = 0;
  for (const PositionRange& range : ranges_) count += range.end - range.begin;
  return count;
}

bool KeptSet::contains(int32_t position) const {
  const auto after = std::upper_bound(
      ranges_.begin(), ranges_.end(), position,
      [](int32_t value, const PositionRange& range) { return value < range.begin; });
  return after != ranges_.begin() && position < std::prev(after)->end;
}

}  // namespace kvreel::engine
