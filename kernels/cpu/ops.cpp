// Chooses the instruction set's functions for each operation.
#include "kernels/cpu/ops.h"

#include <cassert>

#include "kernels/cpu/table.h"

#if defined(__x86_64__)
#include <cpuid.h>

#define KVREEL_HAS_X86_TABLES 1
#else
#define KVREEL_HAS_X86_TABLES 0
#endif

namespace kvreel::kernels::cpu {

std::string_view name_of(Isa isa) {
  switch (isa) {
    case Isa::generic:
      return "generic";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
  }
  return "?";
}

#if KVREEL_HAS_X86_TABLES
namespace {

// Not every compiler's check knows this name. AVX2, which is asked for as well, stands for the
// operating system's part.
bool has_f16c() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

}  // namespace
#endif

std::vector<Isa> available_isas() {
  std::vector<Isa> isas{Isa::generic};
#if KVREEL_HAS_X86_TABLES
  // The compiler's run-time check asks the processor and, for the registers, the operating system.
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx2) isas.push_back(Isa::avx2);
  if (avx2 && avx512) isas.push_back(Isa::avx512);
#endif
  return isas;
}

const Table& table_of(Isa isa) {
#if KVREEL_HAS_X86_TABLES
  if (isa == Isa::avx2) return kAvx2Table;
  if (isa == Isa::avx512) return kAvx512Table;
#endif
  assert(isa == Isa::generic);
  (void)isa;
  return kGenericTable;
}

void to_f32(const Exec& exec, const void* src, DType dtype, int64_t n, float* dst) {
  table_of(exec.isa).to_f32(exec.threads, src, dtype, n, dst);
}

void from_f32(const Exec& exec, const float* src, int64_t n, DType dtype, void* dst) {
  table_of(exec.isa).from_f32(exec.threads, src, n, dtype, dst);
}

void rms_norm(const Exec& exec, const float* x, int64_t rows, Vector weight, float eps, float* y) {
  table_of(exec.isa).rms_norm(exec.threads, x, rows, weight, eps, y);
}

void linear(const Exec& exec, const LinearArgs& args) {
  assert(args.y_stride >= args.w.rows);
  assert(!args.bias || args.bias.size == args.w.rows);
  table_of(exec.isa).linear(exec.threads, args);
}

void rope(const Exec& exec, float* x, int64_t rows, int64_t heads, int64_t head_dim,
          int64_t x_stride, const float* cos, const float* sin) {
  assert(head_dim % 2 == 0 && x_stride >= heads * head_dim);
  table_of(exec.isa).rope(exec.threads, x, rows, heads, head_dim, x_stride, cos, sin);
}

void silu_mul(const Exec& exec, const float* gate_up, int64_t rows, int64_t n, float* out) {
  table_of(exec.isa).silu_mul(exec.threads, gate_up, rows, n, out);
}

void attend(const Exec& exec, const AttendArgs& args) {
  assert(args.kv_heads > 0 && args.q_heads % args.kv_heads == 0);
  assert(args.layout.head_dim > 0 && args.layout.page_rows > 0);
  assert(args.probability_rows <= args.rows);
  table_of(exec.isa).attend(exec.threads, args);
}

void append(const Exec& exec, const float* k, const float* v, int64_t rows, int64_t stride,
            PageLayout layout, void* const* pages, int64_t begin) {
  table_of(exec.isa).append(exec.threads, k, v, rows, stride, layout, pages, begin);
}

}  // namespace kvreel::kernels::cpu
