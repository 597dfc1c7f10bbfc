// The register tile of every matrix product, and the packing that feeds it.
//
// A product C = A B is cut into tiles of C that stay in registers while the depth is walked: kRows
// rows of A, one broadcast element each, times kVecs vectors of a row of B. B is a panel: its rows
// follow each other with a fixed stride and hold the columns as lanes.
#pragma once

#include "kernels/cpu/simd_common.h"

namespace kvreel::kernels::cpu::KVREEL_ISA {

constexpr int kPanel = 2 * kLanes;  // columns of a packed panel

// c[r, v] = sum over k < depth of a(r, k) b[k, v], plus c[r, v] where `accumulate`.
// kPacked: a is [depth][kRows]; otherwise a(r, k) = a[r * a_stride + k].
template <int kRows, int kVecs, bool kPacked>
[[gnu::noinline]] void multiply_tile(int64_t depth, const float* a, int64_t a_stride,
                                     const float* b, int64_t b_stride, float* c, int64_t c_stride,
                                     bool accumulate) {
  Vf sums[kRows][kVecs];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) sums[r][v] = zero();
  }
  for (int64_t k = 0; k < depth; ++k) {
    Vf row[kVecs];
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) row[v] = load(b + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vf element = set1(kPacked ? a[r] : a[r * a_stride]);
#pragma GCC unroll 4
      for (int v = 0; v < kVecs; ++v) sums[r][v] = fma(element, row[v], sums[r][v]);
    }
    a += kPacked ? kRows : 1;
    b += b_stride;
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVecs; ++v) {
      float* at = c + r * c_stride + v * kLanes;
      store(at, accumulate ? sums[r][v] + load(at) : sums[r][v]);
    }
  }
}

// panel[k, i] = rows[i][k] for k < depth and i < kPanel: rows[i] points at stored elements, or is
// null for a column of zeros. (Transposing pairs of 16-bit elements before they are converted
// halves the shuffles, but was no faster: the loads from memory take the time.)
template <class Stored>
void pack_panel(const Bytes* const* rows, int64_t depth, float* panel) {
  for (int64_t k = 0; k < depth; k += kLanes) {
    const int64_t n = min_of(kLanes, depth - k);
    for (int half = 0; half < 2; ++half) {
      Vf square[kLanes];
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) {
        const Bytes* row = rows[half * kLanes + i];
        if (row == nullptr) {
          square[i] = zero();
        } else if (n == kLanes) {
          square[i] = Stored::get(row + k * Stored::kBytes);
        } else {
          square[i] = get_first<Stored>(row + k * Stored::kBytes, n);
        }
      }
      transpose(square);
      for (int64_t i = 0; i < n; ++i) store(panel + (k + i) * kPanel + half * kLanes, square[i]);
    }
  }
}

// Rows of A are packed in tiles of kTileRows, and a last tile of half as many where that is enough.
constexpr int kHalfTileRows = kTileRows / 2;
constexpr int64_t tile_rows_for(int64_t rows) {
  return rows <= kHalfTileRows ? kHalfTileRows : kTileRows;
}

// packed[k, r] = factor x[r, k] for k < depth; rows from `rows` to `tile_rows` are zeros.
inline void pack_rows(const float* x, int64_t x_stride, int64_t rows, int64_t tile_rows,
                      int64_t depth, float factor, float* packed) {
  for (int64_t r = 0; r < tile_rows; ++r) {
    for (int64_t k = 0; k < depth; ++k) {
      packed[k * tile_rows + r] = r < rows ? factor * x[r * x_stride + k] : 0;
    }
  }
}

// The tile of a packed A (tile_rows as tile_rows_for says) and a packed panel.
inline void multiply_packed(int64_t tile_rows, int64_t depth, const float* a, const float* panel,
                            float* c, int64_t c_stride, bool accumulate) {
  if (tile_rows == kTileRows) {
    multiply_tile<kTileRows, 2, true>(depth, a, 0, panel, kPanel, c, c_stride, accumulate);
  } else {
    multiply_tile<kHalfTileRows, 2, true>(depth, a, 0, panel, kPanel, c, c_stride, accumulate);
  }
}

}  // namespace kvreel::kernels::cpu::KVREEL_ISA
