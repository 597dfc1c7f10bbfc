// Conversions between fp32 and stored elements, and the copy of new keys and values into the cache.
#pragma once

#include "kernels/cpu/simd_common.h"

namespace kvreel::kernels::cpu::KVREEL_ISA {

template <class Stored>
void read_stored(const Bytes* src, int64_t n, float* dst) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(dst + i, Stored::get(src + i * Stored::kBytes));
  if (i < n) store_first(dst + i, get_first<Stored>(src + i * Stored::kBytes, n - i), n - i);
}

template <class Stored>
void write_stored(const float* src, int64_t n, Bytes* dst) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Stored::put(dst + i * Stored::kBytes, load(src + i));
  if (i < n) put_first<Stored>(dst + i * Stored::kBytes, load_first(src + i, n - i), n - i);
}

inline void to_f32(int threads, const void* src, DType dtype, int64_t n, float* dst) {
  const Bytes* bytes = static_cast<const Bytes*>(src);
  const int64_t blocks = blocks_of(n, kElementsPerThread);
  with_stored(dtype, [&](auto stored) {
    using Stored = decltype(stored);
#pragma omp parallel for schedule(static) num_threads(threads_for(threads, blocks))
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t begin = b * kElementsPerThread;
      read_stored<Stored>(bytes + begin * Stored::kBytes, min_of(kElementsPerThread, n - begin),
                          dst + begin);
    }
  });
}

inline void from_f32(int threads, const float* src, int64_t n, DType dtype, void* dst) {
  Bytes* bytes = static_cast<Bytes*>(dst);
  const int64_t blocks = blocks_of(n, kElementsPerThread);
  with_stored(dtype, [&](auto stored) {
    using Stored = decltype(stored);
#pragma omp parallel for schedule(static) num_threads(threads_for(threads, blocks))
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t begin = b * kElementsPerThread;
      write_stored<Stored>(src + begin, min_of(kElementsPerThread, n - begin),
                           bytes + begin * Stored::kBytes);
    }
  });
}

inline void append(int threads, const float* k, const float* v, int64_t rows, int64_t stride,
                   const PageLayout& layout, void* const* pages, int64_t begin) {
  const int64_t head_dim = layout.head_dim;
  const int64_t page_rows = layout.page_rows;
  const int team = threads_for(threads, 2 * rows * head_dim / kElementsPerThread);
  with_stored(layout.dtype, [&](auto stored) {
    using Stored = decltype(stored);
    const int64_t row_bytes = head_dim * Stored::kBytes;
#pragma omp parallel for schedule(static) num_threads(team)
    for (int64_t r = 0; r < rows; ++r) {
      Bytes* page = static_cast<Bytes*>(pages[(begin + r) / page_rows]);
      const int64_t row = (begin + r) % page_rows;
      write_stored<Stored>(k + r * stride, head_dim, page + row * row_bytes);
      write_stored<Stored>(v + r * stride, head_dim, page + (page_rows + row) * row_bytes);
    }
  });
}

}  // namespace kvreel::kernels::cpu::KVREEL_ISA
