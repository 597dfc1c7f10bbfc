// What is asked for when a figure of open traces is.
#include "viewer/data/figure_request.h"

namespace kvreel::viewer {

std::strong_ordering FigureKey::operator<=>(const FigureKey& other) const {
  if (request_ == other.request_) return std::strong_ordering::equal;
  if (request_ == nullptr || other.request_ == nullptr) {
    return request_ == nullptr ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  return *request_ <=> *other.request_;
}

uint64_t growth_of(std::span<const Overview* const> traces) {
  uint64_t growth = 0;
  for (const Overview* overview : traces) {
    if (overview != nullptr) growth += 2 * overview->passes.size() + (overview->live ? 0 : 1);
  }
  return growth;
}

}  // namespace kvreel::viewer
