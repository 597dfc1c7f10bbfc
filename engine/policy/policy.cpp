// What a policy sees of a layer.
#include "engine/policy/policy.h"

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

}  // namespace kvreel::engine
