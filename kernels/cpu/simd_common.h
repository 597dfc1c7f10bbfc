// What the kernels share above a vector type: stored elements, tails, the exponential, thread
// counts.
//
// This header and those that build on it are compiled once per instruction set, each time in a
// namespace of its own, after one of simd_generic.h, simd_avx2.h and simd_avx512.h. They use no
// inline function of another header (not even the standard library's): the linker keeps one copy of
// an inline function for the program, and that copy must not be one with instructions that this
// processor may lack.
#pragma once

#include <omp.h>

#include <cstddef>
#include <cstdint>

#include "kernels/types.h"

namespace kvreel::kernels::cpu::KVREEL_ISA {

using Bytes = unsigned char;

constexpr int64_t min_of(int64_t a, int64_t b) {
  return a < b ? a : b;
}
constexpr int64_t max_of(int64_t a, int64_t b) {
  return a > b ? a : b;
}
constexpr int64_t blocks_of(int64_t n, int64_t block) {
  return (n + block - 1) / block;
}
constexpr int64_t round_up(int64_t n, int64_t block) {
  return blocks_of(n, block) * block;
}

// A team costs a few microseconds to start: no more threads than there are pieces worth that.
constexpr int64_t kElementsPerThread = 16384;
inline int threads_for(int threads, int64_t pieces) {
  return int(max_of(1, min_of(threads, pieces)));
}

// The first n < kLanes floats at p, then zeros.
inline Vf load_first(const float* p, int64_t n) {
  float lanes[kLanes] = {};
  for (int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return load(lanes);
}
inline void store_first(float* p, Vf v, int64_t n) {
  float lanes[kLanes];
  store(lanes, v);
  for (int64_t i = 0; i < n; ++i) p[i] = lanes[i];
}

// v rounded to bf16, nearest even; NaN stays NaN, made quiet, and keeps its upper payload.
inline void store_bf16(void* p, Vf v) {
  const Vu bits = (Vu)v;
  const Vu rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
  const Vu nan = (Vu)((bits & 0x7fffffffU) > 0x7f800000U);
  store_u16(p, (rounded & ~nan) | (((bits >> 16) | 0x40U) & nan));
}

// Stored elements, reached by byte address: a checkpoint's tensor need not be aligned to its
// element size.
struct StoredF32 {
  static constexpr int64_t kBytes = 4;
  static Vf get(const Bytes* p) {
    Vf v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
  }
  static void put(Bytes* p, Vf v) { __builtin_memcpy(p, &v, sizeof(v)); }
};
struct StoredF16 {
  static constexpr int64_t kBytes = 2;
  static Vf get(const Bytes* p) { return load_f16(p); }
  static void put(Bytes* p, Vf v) { store_f16(p, v); }
};
struct StoredBf16 {
  static constexpr int64_t kBytes = 2;
  static Vf get(const Bytes* p) { return load_bf16(p); }
  static void put(Bytes* p, Vf v) { store_bf16(p, v); }
};

// The first n < kLanes elements at p, then zeros; reads nothing beyond them.
template <class Stored>
Vf get_first(const Bytes* p, int64_t n) {
  Bytes lanes[kLanes * Stored::kBytes] = {};
  __builtin_memcpy(lanes, p, size_t(n * Stored::kBytes));
  return Stored::get(lanes);
}
template <class Stored>
void put_first(Bytes* p, Vf v, int64_t n) {
  Bytes lanes[kLanes * Stored::kBytes];
  Stored::put(lanes, v);
  __builtin_memcpy(p, lanes, size_t(n * Stored::kBytes));
}

// Calls f with the Stored type of dtype.
template <class F>
void with_stored(DType dtype, const F& f) {
  switch (dtype) {
    case DType::f32:
      return f(StoredF32{});
    case DType::f16:
      return f(StoredF16{});
    case DType::bf16:
      return f(StoredBf16{});
  }
}

// e^x within 1.5 units in the last place where the result is a normal number; subnormal results are
// rounded once more; overflow gives infinity and NaN stays NaN.
//
// x = n ln 2 + r with |r| <= ln 2 / 2; ln 2 in two parts, the first short enough that n times it is
// exact even without FMA; e^r = 1 + r + r^2 P(r), P the minimax polynomial for the relative error
// (3.1e-9, found with Remez' algorithm on |r| <= 0.3475); and 2^n in two factors so that neither
// overflows.
inline Vf exp(Vf x) {
  // The bounds stand first: with a NaN, max and min return their second operand.
  x = min(set1(89.0F), max(set1(-104.0F), x));
  const Vf magic = set1(0x1.8p23F);  // adding it leaves the rounded integer in the low bits
  const Vf shifted = fma(x, set1(1.44269504F), magic);
  const Vf n = shifted - magic;
  Vf r = fma(n, set1(-0.693359375F), x);
  r = fma(n, set1(2.12194440e-4F), r);
  Vf p = set1(0.00138142216F);
  p = fma(p, r, set1(0.00836889911F));
  p = fma(p, r, set1(0.0416684039F));
  p = fma(p, r, set1(0.166665196F));
  p = fma(p, r, set1(0.49999994F));
  p = fma(p, r * r, r) + set1(1.0F);
  const Vi exponent = (Vi)shifted - (Vi)magic;
  const Vi half = exponent >> 1;
  const Vf first = (Vf)((half + 127) << 23);
  const Vf second = (Vf)((exponent - half + 127) << 23);
  return p * first * second;
}

}  // namespace kvreel::kernels::cpu::KVREEL_ISA
