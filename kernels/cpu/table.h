// One instruction set's operations, as function pointers: what ops.cpp chooses from. For
// kernels/cpu only.
#pragma once

#include <cstdint>

#include "kernels/cpu/ops.h"

namespace kvreel::kernels::cpu {

// The operations of ops.h with the thread count in place of Exec, and the exponential that softmax
// and SiLU use, so that a test can measure it.
struct Table {
  void (*to_f32)(int threads, const void* src, DType dtype, int64_t n, float* dst);
  void (*from_f32)(int threads, const float* src, int64_t n, DType dtype, void* dst);
  void (*rms_norm)(int threads, const float* x, int64_t rows, const Vector& weight, float eps,
                   float* y);
  void (*linear)(int threads, const LinearArgs& args);
  void (*rope)(int threads, float* x, int64_t rows, int64_t heads, int64_t head_dim,
               int64_t x_stride, const float* cos, const float* sin);
  void (*silu_mul)(int threads, const float* gate_up, int64_t rows, int64_t n, float* out);
  void (*attend)(int threads, const AttendArgs& args);
  void (*append)(int threads, const float* k, const float* v, int64_t rows, int64_t stride,
                 const PageLayout& layout, void* const* pages, int64_t begin);
  void (*exp)(const float* x, int64_t n, float* y);  // y[i] = e^x[i]
};

extern const Table kGenericTable;
extern const Table kAvx2Table;
extern const Table kAvx512Table;

// The table of an instruction set that this build has; isa must be one of available_isas().
const Table& table_of(Isa isa);

}  // namespace kvreel::kernels::cpu
