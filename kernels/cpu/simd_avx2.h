// Vectors of eight floats with AVX2, FMA and F16C.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace kvreel::kernels::cpu::KVREEL_ISA {

typedef __m256 Vf;
typedef int32_t Vi __attribute__((vector_size(32)));
typedef uint32_t Vu __attribute__((vector_size(32)));
constexpr int kLanes = 8;

// 12 sums, two vectors of B and a broadcast: 15 of 16 registers.
constexpr int kTileRows = 6;
constexpr int kWideRows = 6;
constexpr int kWideVecs = 2;
constexpr int kQueryRows =
    24;  // queries of a piece of prefill attention: whole tiles of both kinds

inline Vf load(const float* p) {
  return _mm256_loadu_ps(p);
}
inline void store(float* p, Vf v) {
  _mm256_storeu_ps(p, v);
}
inline Vf set1(float x) {
  return _mm256_set1_ps(x);
}
inline Vf zero() {
  return _mm256_setzero_ps();
}
inline Vf fma(Vf a, Vf b, Vf c) {
  return _mm256_fmadd_ps(a, b, c);
}
// Where a comparison with NaN fails, the second operand is the result.
inline Vf max(Vf a, Vf b) {
  return _mm256_max_ps(a, b);
}
inline Vf min(Vf a, Vf b) {
  return _mm256_min_ps(a, b);
}
// The sums of four vectors.
inline void sum4(Vf a, Vf b, Vf c, Vf d, float* dst) {
  const Vf ab = _mm256_hadd_ps(a, b);
  const Vf cd = _mm256_hadd_ps(c, d);
  const Vf abcd = _mm256_hadd_ps(ab, cd);
  _mm_storeu_ps(dst, _mm_add_ps(_mm256_castps256_ps128(abcd), _mm256_extractf128_ps(abcd, 1)));
}
inline float sum(Vf v) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
inline float max_of(Vf v) {
  __m128 m = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

inline __m128i load_bits(const void* p) {
  return _mm_loadu_si128(static_cast<const __m128i*>(p));
}
inline Vf load_bf16(const void* p) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load_bits(p)), 16));
}
inline Vf load_f16(const void* p) {
  return _mm256_cvtph_ps(load_bits(p));
}
inline void store_f16(void* p, Vf v) {
  _mm_storeu_si128(static_cast<__m128i*>(p), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
inline void store_u16(void* p, Vu v) {
  const __m256i bits = (__m256i)v;
  const __m256i packed =
      _mm256_packus_epi32(bits, bits);  // each half twice: lanes 0 and 2 of 64 bits
  _mm_storeu_si128(static_cast<__m128i*>(p),
                   _mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08)));
}

// Replaces kLanes vectors, taken as the rows of a square, by its columns.
inline void transpose(Vf* r) {
  Vf pairs[8];
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    pairs[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  Vf quads[8];
  for (int i = 0; i < 8; i += 4) {
    quads[i] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
    quads[i + 1] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
    quads[i + 2] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
    quads[i + 3] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
  }
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm256_permute2f128_ps(quads[i], quads[i + 4], 0x20);
    r[i + 4] = _mm256_permute2f128_ps(quads[i], quads[i + 4], 0x31);
  }
}

}  // namespace kvreel::kernels::cpu::KVREEL_ISA
