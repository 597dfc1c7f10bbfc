// The operations of a decoder-only transformer on the CPU: fp32 arithmetic over f32, f16 or bf16
// weights and KV cache. Results do not depend on the number of threads: work is cut by output
// element or by fixed tiles.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "kernels/types.h"

namespace kvreel::kernels::cpu {

// Instruction sets that an operation is compiled for. `generic` is plain C++ and runs anywhere.
enum class Isa : uint8_t {
  generic,
  avx2,
  avx512
};  // avx2 includes FMA and F16C; avx512 is F+BW+DQ+VL

std::string_view name_of(Isa isa);

// What this processor can run, best last.
std::vector<Isa> available_isas();

// How to run an operation. isa must be one of available_isas(); threads >= 1.
struct Exec {
  Isa isa = Isa::generic;
  int threads = 1;
};

// dst[i] = float(src[i]), i < n.
void to_f32(const Exec& exec, const void* src, DType dtype, int64_t n, float* dst);

// dst[i] = dtype(src[i]), rounded to nearest even, i < n.
void from_f32(const Exec& exec, const float* src, int64_t n, DType dtype, void* dst);

// y[r, :] = x[r, :] / sqrt(mean(x[r, :]^2) + eps) * weight.  x, y: [rows, weight.size]; y may be x.
// The multiplication by the weight comes last, as in Hugging Face's LlamaRMSNorm.
void rms_norm(const Exec& exec, const float* x, int64_t rows, Vector weight, float eps, float* y);

// y = x w^T (+ bias) (+ y where accumulate).  x: [rows, w.cols], y: [rows, w.rows] with row stride
// y_stride. One row is a memory-bound matrix-vector product, many rows a blocked matrix product.
struct LinearArgs {
  const float* x = nullptr;
  int64_t rows = 0;
  Matrix w;
  Vector bias;              // empty: none
  bool accumulate = false;  // adds to what y holds: the residual
  float* y = nullptr;
  int64_t y_stride = 0;  // in floats, at least w.rows
};
void linear(const Exec& exec, const LinearArgs& args);

// Rotates the pairs (i, i + head_dim / 2) of each head by its row's position, in place.
// x: [rows, heads, head_dim] with row stride x_stride; cos, sin: [rows, head_dim / 2], attention
// factor included.
void rope(const Exec& exec, float* x, int64_t rows, int64_t heads, int64_t head_dim,
          int64_t x_stride, const float* cos, const float* sin);

// out[r, i] = silu(gate_up[r, i]) * gate_up[r, n + i].  gate_up: [rows, 2 n], out: [rows, n].
void silu_mul(const Exec& exec, const float* gate_up, int64_t rows, int64_t n, float* out);

// Attention of `rows` queries over the cached rows of each KV head, causal by original position,
// with the statistics of the attention probabilities that the caller has room for (notes on each
// field). Probabilities a_ij = softmax over the cached keys that query i may see; the rest count as
// 0. Never an n x n matrix.
// A query that sees no key gets an output, row statistics and probabilities of 0.
struct AttendArgs {
  const float* q =
      nullptr;  // [rows, q_heads, head_dim], row stride q_stride floats, rotary phase applied
  int64_t q_stride = 0;
  int64_t rows = 0;
  int64_t q_heads = 0;
  int64_t kv_heads = 0;  // divides q_heads; query head h reads KV head h / (q_heads / kv_heads)
  const int32_t* query_positions = nullptr;  // [rows], ascending
  PageLayout layout;
  const CachedHead* heads = nullptr;  // [kv_heads]
  int64_t window =
      0;  // 0: every key at or before the query; W: only keys with position > query position - W
  float scale = 1;       // 1 / sqrt(head_dim)
  float* out = nullptr;  // [rows, q_heads, head_dim], row stride out_stride floats
  int64_t out_stride = 0;

  // Row statistics, each null or [q_heads, rows] with head stride row_stats_stride:
  float* row_square_sums = nullptr;  // sum_j a_ij^2
  float* row_entropy = nullptr;      // -sum_j a_ij ln a_ij, nats
  int64_t row_stats_stride = 0;

  // Probabilities of the last `probability_rows` queries of this call, or null. Query r of the call
  // (r >= rows - probability_rows), head h, cached key j: probabilities[h * probability_head_stride
  // + (r - (rows - probability_rows)) * probability_row_stride + j]; zero for keys that the query
  // may not see.
  float* probabilities = nullptr;
  int64_t probability_rows = 0;
  int64_t probability_row_stride = 0;
  int64_t probability_head_stride = 0;

  // Column statistics over the queries of this call, added to what is there; each null or [q_heads,
  // keys] with head stride column_stride:
  float* column_sums = nullptr;         // sum_i a_ij
  float* column_square_sums = nullptr;  // sum_i a_ij^2
  int64_t column_stride = 0;
};
void attend(const Exec& exec, const AttendArgs& args);

// Copies rows [begin, begin + rows) of one KV head into its pages. k, v: [rows, head_dim] with row
// stride `stride`.
void append(const Exec& exec, const float* k, const float* v, int64_t rows, int64_t stride,
            PageLayout layout, void* const* pages, int64_t begin);

}  // namespace kvreel::kernels::cpu
