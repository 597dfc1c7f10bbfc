// Vectors of four floats in the compiler's portable vector types: SSE2 on x86-64, NEON on AArch64.
#pragma once

#include <cstdint>

namespace kvreel::kernels::cpu::KVREEL_ISA {

typedef float Vf __attribute__((vector_size(16)));
typedef int32_t Vi __attribute__((vector_size(16)));
typedef uint32_t Vu __attribute__((vector_size(16)));
typedef uint16_t Vh __attribute__((vector_size(8)));
constexpr int kLanes = 4;

// Register tiles (tile.h): kTileRows x 2 vectors for products with packed rows, kWideRows x
// kWideVecs for products whose rows are read in place. 16 registers hold the sums, one row of B and
// one broadcast.
constexpr int kTileRows = 4;
constexpr int kWideRows = 4;
constexpr int kWideVecs = 2;
constexpr int kQueryRows =
    16;  // queries of a piece of prefill attention: whole tiles of both kinds

inline Vf load(const float* p) {
  Vf v;
  __builtin_memcpy(&v, p, sizeof(v));
  return v;
}
inline void store(float* p, Vf v) {
  __builtin_memcpy(p, &v, sizeof(v));
}
inline Vf set1(float x) {
  return Vf{x, x, x, x};
}
inline Vf zero() {
  return Vf{};
}
inline Vf fma(Vf a, Vf b, Vf c) {
  return a * b + c;
}
// As on x86: where a comparison with NaN fails, the second operand is the result.
inline Vf max(Vf a, Vf b) {
  return a > b ? a : b;
}
inline Vf min(Vf a, Vf b) {
  return a < b ? a : b;
}
inline float sum(Vf v) {
  return (v[0] + v[2]) + (v[1] + v[3]);
}
inline float max_of(Vf v) {
  const float a = v[0] > v[1] ? v[0] : v[1];
  const float b = v[2] > v[3] ? v[2] : v[3];
  return a > b ? a : b;
}
// The sums of four vectors.
inline void sum4(Vf a, Vf b, Vf c, Vf d, float* dst) {
  dst[0] = sum(a);
  dst[1] = sum(b);
  dst[2] = sum(c);
  dst[3] = sum(d);
}

inline Vu load_u16(const void* p) {
  Vh h;
  __builtin_memcpy(&h, p, sizeof(h));
  return __builtin_convertvector(h, Vu);
}
inline void store_u16(void* p, Vu v) {
  const Vh h = __builtin_convertvector(v, Vh);
  __builtin_memcpy(p, &h, sizeof(h));
}

inline Vf load_bf16(const void* p) {
  return (Vf)(load_u16(p) << 16);
}

// The exponent is moved into place and then corrected by a
// multiplication, which also normalises subnormal halves; infinities and NaNs get the largest
// exponent back afterwards.
inline Vf load_f16(const void* p) {
  const Vu h = load_u16(p);
  const Vu exponent_fix = Vu{} + 0x77800000U;  // 2^112
  const Vf magnitude = (Vf)((h & 0x7fffU) << 13) * (Vf)exponent_fix;
  const Vu special = (Vu)((h & 0x7c00U) == 0x7c00U);
  return (Vf)((Vu)magnitude | (special & 0x7f800000U) | ((h & 0x8000U) << 16));
}

inline uint16_t half_of(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof(bits));
  const uint32_t sign = (bits >> 16) & 0x8000U;
  const uint32_t magnitude = bits & 0x7fffffffU;
  uint32_t half = 0;
  if (magnitude > 0x7f800000U) {
    half = 0x7e00U | ((magnitude >> 13) & 0x3ffU);  // quiet NaN, payload kept
  } else if (magnitude >= 0x477ff000U) {
    half = 0x7c00U;  // 65520 and above round to infinity
  } else if (magnitude >= 0x38800000U) {
    const uint32_t rounded = magnitude + 0xfffU + ((magnitude >> 13) & 1U);
    half = (rounded - 0x38000000U) >> 13;
  } else {
    // Subnormal: adding 1/2 leaves the rounded multiple of 2^-24 in the low bits of the mantissa.
    float shifted;
    __builtin_memcpy(&shifted, &magnitude, sizeof(shifted));
    shifted += 0.5F;
    uint32_t shifted_bits;
    __builtin_memcpy(&shifted_bits, &shifted, sizeof(shifted_bits));
    half = shifted_bits - 0x3f000000U;
  }
  return uint16_t(sign | half);
}
inline void store_f16(void* p, Vf v) {
  uint16_t h[kLanes];
  for (int i = 0; i < kLanes; ++i) h[i] = half_of(v[i]);
  __builtin_memcpy(p, h, sizeof(h));
}

// Replaces kLanes vectors, taken as the rows of a square, by its columns.
inline void transpose(Vf* rows) {
  Vf columns[kLanes];
  for (int i = 0; i < kLanes; ++i) {
    columns[i] = Vf{rows[0][i], rows[1][i], rows[2][i], rows[3][i]};
  }
  for (int i = 0; i < kLanes; ++i) rows[i] = columns[i];
}

}  // namespace kvreel::kernels::cpu::KVREEL_ISA
