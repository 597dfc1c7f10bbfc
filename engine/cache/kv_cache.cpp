// Page tables, positions and byte counts of the KV cache.
#include "engine/cache/kv_cache.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace kvreel::engine {

void KvMemory::copy(size_t, std::span<void* const>, std::span<void* const>) {
  fail("This memory cannot copy pages of the KV cache; use --share-prefill none.");
}

KvCache::KvCache(const Shape& shape, KvMemory& memory)
    : shape_(shape),
      memory_(&memory),
      heads_(static_cast<size_t>(shape.layers) * static_cast<size_t>(shape.kv_heads)) {}

KvCache::~KvCache() {
  for (const Head& head : heads_) {
    for (void* page : head.pages) memory_->release(page, shape_.page.page_bytes());
  }
}

size_t KvCache::pages_for(size_t rows) const {
  const auto page_rows = static_cast<size_t>(shape_.page.page_rows);
  return (rows + page_rows - 1) / page_rows;
}

uint64_t KvCache::bytes_of_rows(int64_t rows) const {
  return static_cast<uint64_t>(rows) * 2 * static_cast<uint64_t>(shape_.page.head_dim) *
         kernels::size_of(shape_.page.dtype);
}

void KvCache::extend(int layer, int32_t first, int64_t count) {
  for (int kv_head = 0; kv_head < shape_.kv_heads; ++kv_head) {
    Head& grown = head(layer, kv_head);
    const size_t before = grown.positions.size();
    if (before > 0 && grown.positions.back() >= first) {
      fail("Position {} is cached in layer {} already; rows are only ever appended.", first, layer);
    }
    grown.positions.resize(before + static_cast<size_t>(count));
    std::iota(grown.positions.begin() + static_cast<long>(before), grown.positions.end(), first);
    add_pages(grown);
    bytes_.asked += bytes_of_rows(count);
  }
  bytes_.peak = std::max(bytes_.peak, bytes_.held);
}

void KvCache::copy_layer(int layer, const KvCache& from) {
  if (from.shape_.layers != shape_.layers || from.shape_.kv_heads != shape_.kv_heads ||
      from.shape_.page != shape_.page) {
    fail("Layer {} cannot be copied from a KV cache of another shape.", layer);
  }
  if (longest(layer) > 0) fail("Layer {} holds rows already; only an empty one is copied.", layer);
  for (int kv_head = 0; kv_head < shape_.kv_heads; ++kv_head) {
    Head& copied = head(layer, kv_head);
    const Head& source = from.head(layer, kv_head);
    copied.positions = source.positions;
    add_pages(copied);
    memory_->copy(shape_.page.page_bytes(), source.pages, copied.pages);
    bytes_.asked += bytes_of_rows(static_cast<int64_t>(copied.positions.size()));
  }
  bytes_.peak = std::max(bytes_.peak, bytes_.held);
}

// Pages for the positions that the head has.
void KvCache::add_pages(Head& head) {
  while (head.pages.size() < pages_for(head.positions.size())) {
    head.pages.push_back(memory_->allocate(shape_.page.page_bytes()));
    bytes_.held += shape_.page.page_bytes();
  }
}

void KvCache::keep(int layer, int kv_head, const KeptSet& kept) {
  if (kv_head >= 0) return keep_in_head(head(layer, kv_head), kept);
  for (int each = 0; each < shape_.kv_heads; ++each) keep_in_head(head(layer, each), kept);
}

void KvCache::keep_in_head(Head& head, const KeptSet& kept) {
  std::vector<int64_t> sources;
  std::vector<int32_t> positions;
  sources.reserve(static_cast<size_t>(kept.count()));
  positions.reserve(sources.capacity());
  auto row = head.positions.begin();
  for (const PositionRange& range : kept.ranges()) {
    row = std::lower_bound(row, head.positions.end(), range.begin);
    for (int32_t position = range.begin; position < range.end; ++position, ++row) {
      if (row == head.positions.end() || *row != position) {
        fail("A policy keeps position {}, which is not in the cache.", position);
      }
      sources.push_back(row - head.positions.begin());
      positions.push_back(position);
    }
  }
  if (positions.size() == head.positions.size()) return;

  memory_->compact(shape_.page, head.pages, sources);
  bytes_.asked -= bytes_of_rows(static_cast<int64_t>(head.positions.size() - positions.size()));
  head.positions = std::move(positions);
  while (head.pages.size() > pages_for(head.positions.size())) {
    memory_->release(head.pages.back(), shape_.page.page_bytes());
    head.pages.pop_back();
    bytes_.held -= shape_.page.page_bytes();
  }
}

int64_t KvCache::length(int layer, int kv_head) const {
  return static_cast<int64_t>(head(layer, kv_head).positions.size());
}

int64_t KvCache::longest(int layer) const {
  int64_t longest = 0;
  for (int kv_head = 0; kv_head < shape_.kv_heads; ++kv_head) {
    longest = std::max(longest, length(layer, kv_head));
  }
  return longest;
}

std::span<const int32_t> KvCache::positions(int layer, int kv_head) const {
  return head(layer, kv_head).positions;
}

std::span<void* const> KvCache::pages(int layer, int kv_head) const {
  return head(layer, kv_head).pages;
}

void KvCache::read(int layer, int kv_head, float* keys, float* values) const {
  const Head& of = head(layer, kv_head);
  memory_->read(shape_.page, of.pages, 0, static_cast<int64_t>(of.positions.size()), keys, values);
}

std::vector<kernels::CachedHead> KvCache::heads(int layer) const {
  std::vector<kernels::CachedHead> views;
  for (int kv_head = 0; kv_head < shape_.kv_heads; ++kv_head) {
    const Head& of = head(layer, kv_head);
    views.push_back({.pages = of.pages.data(),
                     .positions = of.positions.data(),
                     .length = static_cast<int64_t>(of.positions.size())});
  }
  return views;
}

}  // namespace kvreel::engine
