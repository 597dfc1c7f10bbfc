// Scores and weighted values of one query over rows of the cache that follow
// each other: what a decoded token does with memory. Several query heads at a
// time share each row that is read.
#pragma once

#include "kernels/cpu/cached_rows.h"

namespace kvreel::kernels::cpu::KVREEL_ISA {

constexpr int64_t kChunkKeys =
    512;  // 128 KiB of bf16 keys and values at head_dim 64: 10 us of reading
constexpr int64_t kRunKeys = 32;  // keys whose values stay in L1 while the dimensions are walked

// scores[h, j] = q[h] . key j for kHeads heads and kKeys keys that follow each
// other.
template <class Stored, int kHeads, int kKeys>
void score_block(const float* q, int64_t padded_dim, const Bytes* keys, int64_t head_dim,
                 float* scores) {
  const int64_t row_bytes = head_dim * Stored::kBytes;
  Vf sums[kHeads][kKeys];
#pragma GCC unroll 4
  for (int h = 0; h < kHeads; ++h) {
#pragma GCC unroll 4
    for (int j = 0; j < kKeys; ++j) sums[h][j] = zero();
  }
  int64_t i = 0;
  for (; i + kLanes <= head_dim; i += kLanes) {
    Vf key[kKeys];
#pragma GCC unroll 4
    for (int j = 0; j < kKeys; ++j) key[j] = Stored::get(keys + j * row_bytes + i * Stored::kBytes);
#pragma GCC unroll 4
    for (int h = 0; h < kHeads; ++h) {
      const Vf query = load(q + h * padded_dim + i);
#pragma GCC unroll 4
      for (int j = 0; j < kKeys; ++j) sums[h][j] = fma(query, key[j], sums[h][j]);
    }
  }
  if (i < head_dim) {
#pragma GCC unroll 4
    for (int j = 0; j < kKeys; ++j) {
      const Bytes* tail = keys + j * row_bytes + i * Stored::kBytes;
      const Vf key = get_first<Stored>(tail, head_dim - i);
#pragma GCC unroll 4
      for (int h = 0; h < kHeads; ++h) {
        sums[h][j] = fma(load(q + h * padded_dim + i), key, sums[h][j]);
      }
    }
  }
#pragma GCC unroll 4
  for (int h = 0; h < kHeads; ++h) {
    if constexpr (kKeys == 4) {
      sum4(sums[h][0], sums[h][1], sums[h][2], sums[h][3], scores + h * kChunkKeys);
    } else {
      static_assert(kKeys == 1);
      scores[h * kChunkKeys] = sum(sums[h][0]);
    }
  }
}

inline void prefetch(const Bytes* at, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(at + i, 0, 2);
}

// Scores of a run's keys for kHeads heads. `ahead`: fetches the next run
// meanwhile, which may lie in a page that the hardware cannot foresee.
template <class Stored, int kHeads>
void score_run(const float* q, int64_t padded_dim, const Run& run, int64_t head_dim, bool ahead,
               float* scores) {
  const int64_t row_bytes = head_dim * Stored::kBytes;
  int64_t j = 0;
  for (; j + 4 <= run.count; j += 4) {
    if (ahead) prefetch(run.next + j * row_bytes, 4 * row_bytes);
    score_block<Stored, kHeads, 4>(q, padded_dim, run.rows + j * row_bytes, head_dim, scores + j);
  }
  for (; j < run.count; ++j) {
    score_block<Stored, kHeads, 1>(q, padded_dim, run.rows + j * row_bytes, head_dim, scores + j);
  }
}

// out[h, v] += sum over j of weights[h, j] value[j, v], for kVecs vectors of
// dimensions from the run's byte `offset` on. `ahead`: as for score_run.
template <class Stored, int kHeads, int kVecs>
void mix_slice(const float* weights, const Run& run, int64_t row_bytes, int64_t offset, bool ahead,
               float* out, int64_t out_stride) {
  Vf sums[kHeads][kVecs];
#pragma GCC unroll 4
  for (int h = 0; h < kHeads; ++h) {
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) sums[h][v] = load(out + h * out_stride + v * kLanes);
  }
  for (int64_t j = 0; j < run.count; ++j) {
    const Bytes* row = run.rows + j * row_bytes + offset;
    if (ahead) prefetch(run.next + j * row_bytes + offset, kVecs * kLanes * Stored::kBytes);
    Vf value[kVecs];
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) value[v] = Stored::get(row + v * kLanes * Stored::kBytes);
#pragma GCC unroll 4
    for (int h = 0; h < kHeads; ++h) {
      const Vf weight = set1(weights[h * kChunkKeys + j]);
#pragma GCC unroll 4
      for (int v = 0; v < kVecs; ++v) sums[h][v] = fma(weight, value[v], sums[h][v]);
    }
  }
#pragma GCC unroll 4
  for (int h = 0; h < kHeads; ++h) {
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) store(out + h * out_stride + v * kLanes, sums[h][v]);
  }
}

// The dimensions beyond the last whole vector.
template <class Stored>
void mix_tail(const float* weights, int64_t count, const Bytes* values, int64_t row_bytes,
              int64_t dims, float* out) {
  Vf total = load(out);
  for (int64_t j = 0; j < count; ++j) {
    total = fma(set1(weights[j]), get_first<Stored>(values + j * row_bytes, dims), total);
  }
  store(out, total);
}

// out[h, :] += weights[h, :] times the run's values. Slices as wide as the
// registers' sums allow.
template <class Stored, int kHeads>
void mix_run(const float* weights, const Run& run, int64_t head_dim, bool ahead, float* out,
             int64_t out_stride) {
  constexpr int kWide = kLanes == 16 ? 4 : 2;
  const int64_t row_bytes = head_dim * Stored::kBytes;
  int64_t i = 0;
  for (; i + kWide * kLanes <= head_dim; i += kWide * kLanes) {
    mix_slice<Stored, kHeads, kWide>(weights, run, row_bytes, i * Stored::kBytes, ahead, out + i,
                                     out_stride);
  }
  for (; i + kLanes <= head_dim; i += kLanes) {
    mix_slice<Stored, kHeads, 1>(weights, run, row_bytes, i * Stored::kBytes, ahead, out + i,
                                 out_stride);
  }
  for (int h = 0; i < head_dim && h < kHeads; ++h) {
    mix_tail<Stored>(weights + h * kChunkKeys, run.count, run.rows + i * Stored::kBytes, row_bytes,
                     head_dim - i, out + h * out_stride + i);
  }
}

// Calls f.template operator()<kHeads>(first) for the group's heads, four at a
// time and then the rest.
template <class F>
void for_head_blocks(int64_t group, const F& f) {
  int64_t h = 0;
  for (; h + 4 <= group; h += 4) f.template operator()<4>(h);
  switch (group - h) {
    case 3:
      return f.template operator()<3>(h);
    case 2:
      return f.template operator()<2>(h);
    case 1:
      return f.template operator()<1>(h);
    default:
      return;
  }
}

}  // namespace kvreel::kernels::cpu::KVREEL_ISA
