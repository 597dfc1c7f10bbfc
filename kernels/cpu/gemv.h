// Matrix times a few vectors: bound by the bytes of the weights, which are read
// once for all rows of x.
#pragma once

#include "kernels/cpu/ops.h"
#include "kernels/cpu/simd_common.h"

namespace kvreel::kernels::cpu::KVREEL_ISA {

// Most rows of x that are multiplied without packing the weights: up to here
// packing costs more than it gains.
constexpr int64_t kGemvRows = kLanes == 16 ? 16 : 8;
// A piece of work reads its rows of w as this many streams, each from beginning
// to end without a gap: memory is faster on several streams than on one, and
// the hardware sees far ahead on each, however short the rows are.
constexpr int kStreams = 4;
constexpr int64_t kItemOutputs = 64;

// dst[o, r] = dot(w_o, x_r) for kOut rows of w, `stride` bytes apart, and kRows
// rows of x; dst has kRows columns. Each element of w is converted once. A dot
// product is summed in the same order whatever kOut is.
template <class Stored, int kOut, int kRows>
void dot_block(const Bytes* w, int64_t stride, int64_t cols, const float* x, float* dst) {
  // With one row of x, a second set of sums keeps the multiply-adds from
  // waiting for each other.
  constexpr int kSets = kRows == 1 ? 2 : 1;
  Vf sums[kSets][kOut][kRows];
  for (int s = 0; s < kSets; ++s) {
    for (int o = 0; o < kOut; ++o) {
      for (int r = 0; r < kRows; ++r) sums[s][o][r] = zero();
    }
  }
  int64_t k = 0;
  for (; k + kSets * kLanes <= cols; k += kSets * kLanes) {
#pragma GCC unroll 2
    for (int s = 0; s < kSets; ++s) {
      Vf xs[kRows];
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) xs[r] = load(x + r * cols + k + s * kLanes);
#pragma GCC unroll 4
      for (int o = 0; o < kOut; ++o) {
        const Vf weight = Stored::get(w + o * stride + (k + s * kLanes) * Stored::kBytes);
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) sums[s][o][r] = fma(weight, xs[r], sums[s][o][r]);
      }
    }
  }
  for (; k < cols; k += kLanes) {
    const int64_t n = min_of(kLanes, cols - k);
    for (int r = 0; r < kRows; ++r) {
      const Vf part = load_first(x + r * cols + k, n);
      for (int o = 0; o < kOut; ++o) {
        const Vf weight = get_first<Stored>(w + o * stride + k * Stored::kBytes, n);
        sums[0][o][r] = fma(weight, part, sums[0][o][r]);
      }
    }
  }
  for (int o = 0; o < kOut; ++o) {
    for (int r = 0; r < kRows; ++r) {
      Vf total = sums[0][o][r];
      for (int s = 1; s < kSets; ++s) total = total + sums[s][o][r];
      dst[o * kRows + r] = sum(total);
    }
  }
}

// The same for kStreams rows of w; where that many sums do not fit the
// registers, for two at a time.
template <class Stored, int kRows>
void dot_streams(const Bytes* w, int64_t stride, int64_t cols, const float* x, float* dst) {
  constexpr int kOut = kRows <= 2 || kLanes == 16 ? 4 : 2;
  for (int o = 0; o < kStreams; o += kOut) {
    dot_block<Stored, kOut, kRows>(w + o * stride, stride, cols, x, dst + o * kRows);
  }
}

// Stores dots [outputs, kRows] of rows of w that are `step` apart from `first`
// on.
template <int kRows>
void finish_dots(const LinearArgs& args, const float* bias, int64_t row, int64_t first,
                 int64_t step, int64_t outputs, const float* dots) {
  for (int64_t o = 0; o < outputs; ++o) {
    const int64_t output = first + o * step;
    for (int r = 0; r < kRows; ++r) {
      float* y = args.y + (row + r) * args.y_stride + output;
      float value = dots[o * kRows + r];
      if (bias != nullptr) value += bias[output];
      *y = args.accumulate ? *y + value : value;
    }
  }
}

// kRows rows of x from `row` on, times the rows first, first + step, ... of w:
// kStreams of them, or one.
template <class Stored, int kRows>
void gemv_step(const LinearArgs& args, const float* bias, int64_t row, int64_t first, int64_t step,
               bool one) {
  const int64_t cols = args.w.cols;
  const int64_t row_bytes = cols * Stored::kBytes;
  const Bytes* w = static_cast<const Bytes*>(args.w.data) + first * row_bytes;
  const float* x = args.x + row * cols;
  float dots[kStreams * kRows];
  if (one) {
    dot_block<Stored, 1, kRows>(w, 0, cols, x, dots);
  } else {
    dot_streams<Stored, kRows>(w, step * row_bytes, cols, x, dots);
  }
  finish_dots<kRows>(args, bias, row, first, step, one ? 1 : kStreams, dots);
}

// All rows of x, four at a time, while the weights are in the caches.
template <class Stored>
void gemv_rows(const LinearArgs& args, const float* bias, int64_t first, int64_t step, bool one) {
  int64_t row = 0;
  for (; row + 4 <= args.rows; row += 4) gemv_step<Stored, 4>(args, bias, row, first, step, one);
  switch (args.rows - row) {
    case 3:
      return gemv_step<Stored, 3>(args, bias, row, first, step, one);
    case 2:
      return gemv_step<Stored, 2>(args, bias, row, first, step, one);
    case 1:
      return gemv_step<Stored, 1>(args, bias, row, first, step, one);
    default:
      return;
  }
}

// bias: fp32, [w.rows], or null. rows is at most kGemvRows.
template <class Stored>
void gemv(int threads, const LinearArgs& args, const float* bias) {
  const int64_t items = blocks_of(args.w.rows, kItemOutputs);
  const int team = threads_for(threads, args.w.rows * args.w.cols / kElementsPerThread);
#pragma omp parallel for schedule(static) num_threads(team)
  for (int64_t item = 0; item < items; ++item) {
    const int64_t first = item * kItemOutputs;
    const int64_t end = min_of(first + kItemOutputs, args.w.rows);
    const int64_t step = (end - first) / kStreams;
    for (int64_t i = 0; i < step; ++i) gemv_rows<Stored>(args, bias, first + i, step, false);
    for (int64_t o = first + kStreams * step; o < end; ++o) {
      gemv_rows<Stored>(args, bias, o, 0, true);
    }
  }
}

}  // namespace kvreel::kernels::cpu::KVREEL_ISA
