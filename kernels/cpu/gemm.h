// Matrix times many rows: weights are converted to fp32 and packed in blocks that fit the caches,
// and each block serves all rows.
#pragma once

#include "kernels/cpu/ops.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/tile.h"

namespace kvreel::kernels::cpu::KVREEL_ISA {

constexpr int64_t kDepthBlock =
    256;                            // a panel of B of this depth stays in L1 (32 KiB with AVX-512)
constexpr int64_t kItemPanels = 4;  // panels packed at a time: 128 KiB, in L2
constexpr int64_t kRowBlock =
    512;  // rows of x per packing: repacking the weights costs 1 in 50 of them
constexpr int64_t kItemRows =
    126;  // rows of a piece of work where outputs alone are too few to share

// One block of up to kRowBlock rows.
struct GemmWork {
  const LinearArgs* args;
  const float* bias;  // [w.rows] or null
  int64_t first_row;
  int64_t rows;
  float* packed;  // x in tiles: [tile][w.cols][tile rows], the tiles back to back
};

// y = bias (+ y), so that the blocks of depth can all be added.
inline void start_with_bias(const GemmWork& work, int64_t row, int64_t rows, int64_t first,
                            int64_t count) {
  for (int64_t r = row; r < row + rows; ++r) {
    float* y = work.args->y + (work.first_row + r) * work.args->y_stride;
    for (int64_t o = first; o < first + count; ++o) {
      y[o] = work.args->accumulate ? y[o] + work.bias[o] : work.bias[o];
    }
  }
}

// Multiplies rows [row, row + rows) of the block by one packed panel: outputs [first, first +
// count).
inline void multiply_panel(const GemmWork& work, int64_t row, int64_t rows, int64_t depth_begin,
                           int64_t depth, const float* panel, int64_t first, int64_t count,
                           bool accumulate) {
  const LinearArgs& args = *work.args;
  for (int64_t r = row; r < row + rows; r += kTileRows) {
    const int64_t valid = min_of(kTileRows, work.rows - r);
    const int64_t tile_rows = tile_rows_for(valid);
    const float* a = work.packed + r * args.w.cols + depth_begin * tile_rows;
    float* y = args.y + (work.first_row + r) * args.y_stride + first;
    if (valid == tile_rows && count == kPanel) {
      multiply_packed(tile_rows, depth, a, panel, y, args.y_stride, accumulate);
      continue;
    }
    float edge[kTileRows * kPanel];
    multiply_packed(tile_rows, depth, a, panel, edge, kPanel, false);
    for (int64_t i = 0; i < valid; ++i) {
      for (int64_t o = 0; o < count; ++o) {
        float* at = y + i * args.y_stride + o;
        *at = accumulate ? *at + edge[i * kPanel + o] : edge[i * kPanel + o];
      }
    }
  }
}

// Computes rows [row, row + rows) of the block for the panels from first_panel on. `panels` is this
// thread's [kItemPanels, kDepthBlock, kPanel].
template <class Stored>
void multiply_item(const GemmWork& work, int64_t row, int64_t rows, int64_t first_panel,
                   int64_t panel_count, float* panel) {
  const LinearArgs& args = *work.args;
  const int64_t row_bytes = args.w.cols * Stored::kBytes;
  const Bytes* w = static_cast<const Bytes*>(args.w.data);
  const int64_t first = first_panel * kPanel;
  const int64_t outputs = min_of(args.w.rows - first, panel_count * kPanel);
  if (work.bias != nullptr) start_with_bias(work, row, rows, first, outputs);
  for (int64_t k = 0; k < args.w.cols; k += kDepthBlock) {
    const int64_t depth = min_of(kDepthBlock, args.w.cols - k);
    const bool accumulate = k > 0 || args.accumulate || work.bias != nullptr;
    for (int64_t p = 0; p < panel_count; ++p) {
      const int64_t output = first + p * kPanel;
      const int64_t count = min_of(kPanel, args.w.rows - output);
      const Bytes* weights[kPanel];
      for (int64_t i = 0; i < kPanel; ++i) {
        weights[i] = i < count ? w + (output + i) * row_bytes + k * Stored::kBytes : nullptr;
      }
      pack_panel<Stored>(weights, depth, panel);
      multiply_panel(work, row, rows, k, depth, panel, output, count, accumulate);
    }
  }
}

// bias: fp32, [w.rows], or null. Each output is summed in the same order whatever the number of
// threads.
template <class Stored>
void gemm(int threads, const LinearArgs& args, const float* bias) {
  const int64_t cols = args.w.cols;
  const int64_t panels = blocks_of(args.w.rows, kPanel);
  const int64_t block_rows = min_of(args.rows, kRowBlock);
  const int64_t packed_floats =
      round_up(round_up(block_rows, kTileRows) * cols, 16);  // a cache line
  constexpr int64_t kPanelFloats = kDepthBlock * kPanel;
  const int team = threads_for(threads, args.rows * args.w.rows * cols / kElementsPerThread);
  const Scratch scratch(size_t(packed_floats + team * kPanelFloats));
  float* thread_panels = scratch.floats + packed_floats;

  GemmWork work;
  work.args = &args;
  work.bias = bias;
  work.packed = scratch.floats;
  for (int64_t begin = 0; begin < args.rows; begin += kRowBlock) {
    work.first_row = begin;
    work.rows = min_of(kRowBlock, args.rows - begin);
    const int64_t tiles = blocks_of(work.rows, kTileRows);
    const int64_t columns = blocks_of(panels, kItemPanels);
    // Rows are shared out as well where the outputs give each thread too little to even out.
    const int64_t item_rows = columns < 4 * team ? kItemRows / kTileRows * kTileRows : kRowBlock;
    const int64_t row_items = blocks_of(work.rows, item_rows);
#pragma omp parallel num_threads(team)
    {
#pragma omp for schedule(static)
      for (int64_t t = 0; t < tiles; ++t) {
        const int64_t row = t * kTileRows;
        const int64_t valid = min_of(kTileRows, work.rows - row);
        pack_rows(args.x + (begin + row) * cols, cols, valid, tile_rows_for(valid), cols, 1.0F,
                  work.packed + row * cols);
      }
#pragma omp for schedule(dynamic)
      for (int64_t item = 0; item < columns * row_items; ++item) {
        const int64_t first_panel = item / row_items * kItemPanels;
        const int64_t row = item % row_items * item_rows;
        multiply_item<Stored>(work, row, min_of(item_rows, work.rows - row), first_panel,
                              min_of(kItemPanels, panels - first_panel),
                              thread_panels + omp_get_thread_num() * kPanelFloats);
      }
    }
  }
}

}  // namespace kvreel::kernels::cpu::KVREEL_ISA
