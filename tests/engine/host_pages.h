// Memory of a KV cache whose rows tests write and read by hand.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "engine/cache/kv_cache.h"

namespace kvreel::engine::testing {

// Pages as a backend lays them out, keys and then values, in fp32; zeros at first.
class HostPages final : public KvMemory {
 public:
  void* allocate(size_t bytes) override { return std::calloc(1, bytes); }
  void release(void* page, size_t) override { std::free(page); }
  void compact(const kernels::PageLayout& layout, std::span<void* const> pages,
               std::span<const int64_t> sources) override {
    for (size_t i = 0; i < sources.size(); ++i) {
      for (const bool value : {false, true}) {
        std::copy_n(row(layout, pages, sources[i], value), layout.head_dim,
                    row(layout, pages, static_cast<int64_t>(i), value));
      }
    }
  }
  void read(const kernels::PageLayout& layout, std::span<void* const> pages, int64_t first,
            int64_t count, float* keys, float* values) override {
    for (int64_t i = 0; i < count; ++i) {
      const int64_t to = i * layout.head_dim;
      if (keys) std::copy_n(row(layout, pages, first + i, false), layout.head_dim, keys + to);
      if (values) std::copy_n(row(layout, pages, first + i, true), layout.head_dim, values + to);
    }
  }
  static float* row(const kernels::PageLayout& layout, std::span<void* const> pages, int64_t row,
                    bool value) {
    auto* page = static_cast<float*>(pages[static_cast<size_t>(row / layout.page_rows)]);
    return page + (row % layout.page_rows + (value ? layout.page_rows : 0)) * layout.head_dim;
  }
};

}  // namespace kvreel::engine::testing
