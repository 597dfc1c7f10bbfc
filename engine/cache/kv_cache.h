// The KV cache of one sequence: pages per layer and KV head, so that what is evicted is given back
// and counted.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/observer.h"
#include "engine/policy/decision.h"
#include "kernels/types.h"

namespace kvreel::engine {

// Where pages come from: host memory or a GPU's. Implemented by a backend, which outlives its
// caches.
class KvMemory {
 public:
  virtual ~KvMemory() = default;
  virtual void* allocate(size_t bytes) = 0;
  virtual void release(void* page, size_t bytes) = 0;
  // Moves row sources[i] to row i for every i. sources ascends, so sources[i] >= i and rows move
  // forwards only.
  virtual void compact(const kernels::PageLayout& layout, std::span<void* const> pages,
                       std::span<const int64_t> sources) = 0;
  // Copies rows [first, first + count) of keys and of values to host memory as fp32, each [count,
  // head_dim]; either may be null.
  virtual void read(const kernels::PageLayout& layout, std::span<void* const> pages, int64_t first,
                    int64_t count, float* keys, float* values) = 0;
  // Copies whole pages: from[i] to to[i] for every i. A memory that does not say how throws Error:
  // prefills can then not be shared.
  virtual void copy(size_t page_bytes, std::span<void* const> from, std::span<void* const> to);
};

// Rows of every head keep the rotary phase and the number of their original position. Heads of one
// layer may come to hold different positions; each has its own pages.
class KvCache {
 public:
  struct Shape {
    int layers = 0;
    int kv_heads = 0;
    kernels::PageLayout page;
  };

  KvCache(const Shape& shape, KvMemory& memory);
  ~KvCache();
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;

  const Shape& shape() const { return shape_; }

  // Makes room for rows of the positions [first, first + count) in every head of the layer, after
  // what it holds. The caller writes the rows. Positions must lie after all that the layer holds.
  void extend(int layer, int32_t first, int64_t count);

  // Makes an empty layer a copy of the same layer of another cache: rows, positions and bytes.
  // Throws Error where the layer holds rows, or the other cache has another shape.
  void copy_layer(int layer, const KvCache& from);

  // Keeps only `kept` in one KV head, or in all (-1), and gives pages back. Throws Error where
  // `kept` holds a position that is not cached.
  void keep(int layer, int kv_head, const KeptSet& kept);

  int64_t length(int layer, int kv_head) const;
  int64_t longest(int layer) const;  // over the layer's KV heads
  std::span<const int32_t> positions(int layer, int kv_head) const;
  std::vector<kernels::CachedHead> heads(
      int layer) const;  // [kv_heads], valid until the layer changes
  std::span<void* const> pages(int layer, int kv_head) const;
  // Every cached row of one KV head in host memory: see KvMemory::read.
  void read(int layer, int kv_head, float* keys, float* values) const;

  CacheBytes bytes() const { return bytes_; }
  // Bytes that `rows` cached positions take in one KV head, without rounding to pages.
  uint64_t bytes_of_rows(int64_t rows) const;

 private:
  struct Head {
    std::vector<void*> pages;
    std::vector<int32_t> positions;
  };

  Head& head(int layer, int kv_head) { return heads_[index(layer, kv_head)]; }
  const Head& head(int layer, int kv_head) const { return heads_[index(layer, kv_head)]; }
  size_t index(int layer, int kv_head) const {
    return static_cast<size_t>(layer) * static_cast<size_t>(shape_.kv_heads) +
           static_cast<size_t>(kv_head);
  }
  size_t pages_for(size_t rows) const;
  void add_pages(Head& head);
  void keep_in_head(Head& head, const KeptSet& kept);

  Shape shape_;
  KvMemory* memory_;
  std::vector<Head> heads_;  // [layers * kv_heads]
  CacheBytes bytes_;
};

}  // namespace kvreel::engine
