// Greedy line breaking.
#include "viewer/model/token_flow.h"

#include <algorithm>

namespace kvreel::viewer {

TokenFlow flow_tokens(std::span<const float> widths, std::span<const float> leads,
                      std::span<const uint8_t> ends_row, float row_width, float gap) {
  TokenFlow flow;
  flow.x.resize(widths.size());
  flow.width.resize(widths.size());
  float x = 0;
  bool begins_row = true;
  for (size_t i = 0; i < widths.size(); ++i) {
    const float width = std::min(widths[i], row_width);
    const float lead = leads.empty() ? 0 : leads[i];
    if (!begins_row && x + lead + width > row_width) begins_row = true;
    if (begins_row) {
      flow.first.push_back(static_cast<int32_t>(i));
      x = 0;
    } else {
      x += lead;
    }
    flow.x[i] = x;
    flow.width[i] = width;
    x += width + gap;
    begins_row = ends_row[i] != 0;
  }
  flow.first.push_back(static_cast<int32_t>(widths.size()));
  return flow;
}

int32_t TokenFlow::row_of(int32_t token) const {
  if (token < 0 || static_cast<size_t>(token) >= x.size()) return -1;
  const auto after = std::upper_bound(first.begin(), first.end(), token);
  return static_cast<int32_t>(after - first.begin()) - 1;
}

int32_t TokenFlow::token_at(int32_t row, float at, float gap) const {
  if (row < 0 || row >= rows() || at < 0) return -1;
  const auto begin = x.begin() + first[static_cast<size_t>(row)];
  const auto end = x.begin() + first[static_cast<size_t>(row) + 1];
  const auto after = std::upper_bound(begin, end, at);
  if (after == begin) return -1;
  const auto token = static_cast<int32_t>(after - x.begin()) - 1;
  const auto i = static_cast<size_t>(token);
  return at < x[i] + width[i] + gap ? token : -1;
}

}  // namespace kvreel::viewer
