// What a policy sees of a layer.
#include "engine/policy/policy.h"

#include <algorithm>

namespace kvreel::engine {
namespace {

std::vector<float> room_for_rows(const LayerView& layer, int kv_head) {
  return std::vector<float>(layer.positions(kv_head).size() *
                            static_cast<size_t>(layer.config.head_dim));
}

}  // namespace

std::vector<float> LayerView::keys(int kv_head) const {
  std::vector<float> rows = room_for_rows(*this, kv_head);
  cache.read(point.layer, kv_head, rows.data(), nullptr);
  return rows;
}

std::vector<float> LayerView::values(int kv_head) const {
  std::vector<float> rows = room_for_rows(*this, kv_head);
  cache.read(point.layer, kv_head, nullptr, rows.data());
  return rows;
}

std::vector<int32_t> candidate_positions(std::span<const int32_t> cached, int64_t protected_first,
                                         int64_t protected_last) {
  const auto n = static_cast<int64_t>(cached.size());
  const int64_t begin = std::min(protected_first, n);
  const int64_t end = std::max(begin, n - protected_last);
  return {cached.begin() + begin, cached.begin() + end};
}

}  // namespace kvreel::engine
