// Vectors of sixteen floats with AVX-512 F, BW, DQ and VL.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace kvreel::kernels::cpu::KVREEL_ISA {

typedef __m512 Vf;
typedef int32_t Vi __attribute__((vector_size(64)));
typedef uint32_t Vu __attribute__((vector_size(64)));
constexpr int kLanes = 16;

// 28 sums, two vectors of B and a broadcast: 31 of 32 registers.
constexpr int kTileRows = 14;
constexpr int kWideRows = 6;
constexpr int kWideVecs = 4;
constexpr int kQueryRows =
    42;  // queries of a piece of prefill attention: whole tiles of both kinds

inline Vf load(const float* p) {
  return _mm512_loadu_ps(p);
}
inline void store(float* p, Vf v) {
  _mm512_storeu_ps(p, v);
}
inline Vf set1(float x) {
  return _mm512_set1_ps(x);
}
inline Vf zero() {
  return _mm512_setzero_ps();
}
inline Vf fma(Vf a, Vf b, Vf c) {
  return _mm512_fmadd_ps(a, b, c);
}
// Where a comparison with NaN fails, the second operand is the result.
inline Vf max(Vf a, Vf b) {
  return _mm512_max_ps(a, b);
}
inline Vf min(Vf a, Vf b) {
  return _mm512_min_ps(a, b);
}

inline __m256 low_half(Vf v) {
  return _mm512_castps512_ps256(v);
}
inline __m256 high_half(Vf v) {
  return _mm512_extractf32x8_ps(v, 1);
}

inline float sum(Vf v) {
  const __m256 h = _mm256_add_ps(low_half(v), high_half(v));
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
inline float max_of(Vf v) {
  const __m256 h = _mm256_max_ps(low_half(v), high_half(v));
  __m128 m = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}
// The sums of four vectors.
inline void sum4(Vf a, Vf b, Vf c, Vf d, float* dst) {
  const __m256 ab = _mm256_hadd_ps(low_half(a) + high_half(a), low_half(b) + high_half(b));
  const __m256 cd = _mm256_hadd_ps(low_half(c) + high_half(c), low_half(d) + high_half(d));
  const __m256 abcd = _mm256_hadd_ps(ab, cd);
  _mm_storeu_ps(dst, _mm_add_ps(_mm256_castps256_ps128(abcd), _mm256_extractf128_ps(abcd, 1)));
}

inline __m256i load_bits(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
inline Vf load_bf16(const void* p) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load_bits(p)), 16));
}
inline Vf load_f16(const void* p) {
  return _mm512_cvtph_ps(load_bits(p));
}
inline void store_f16(void* p, Vf v) {
  _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
inline void store_u16(void* p, Vu v) {
  _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_cvtepi32_epi16((__m512i)v));
}

// The values of halves, one in each lane.
inline Vf f16_value(Vu h) {
  return _mm512_cvtph_ps(_mm512_cvtepi32_epi16((__m512i)h));
}

// Replaces kLanes vectors, taken as the rows of a square, by its columns.
inline void transpose(Vf* r) {
  Vf pairs[16];
  for (int i = 0; i < 16; i += 2) {
    pairs[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
    pairs[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
  }
  Vf quads[16];  // quads[4 g + c]: rows 4 g .. 4 g + 3, column c of each group of four columns
  for (int i = 0; i < 16; i += 4) {
    quads[i] = _mm512_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
    quads[i + 1] = _mm512_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
    quads[i + 2] = _mm512_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
    quads[i + 3] = _mm512_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
  }
  for (int c = 0; c < 4; ++c) {
    const Vf even_low = _mm512_shuffle_f32x4(quads[c], quads[c + 4], 0x88);
    const Vf odd_low = _mm512_shuffle_f32x4(quads[c], quads[c + 4], 0xdd);
    const Vf even_high = _mm512_shuffle_f32x4(quads[c + 8], quads[c + 12], 0x88);
    const Vf odd_high = _mm512_shuffle_f32x4(quads[c + 8], quads[c + 12], 0xdd);
    r[c] = _mm512_shuffle_f32x4(even_low, even_high, 0x88);
    r[c + 8] = _mm512_shuffle_f32x4(even_low, even_high, 0xdd);
    r[c + 4] = _mm512_shuffle_f32x4(odd_low, odd_high, 0x88);
    r[c + 12] = _mm512_shuffle_f32x4(odd_low, odd_high, 0xdd);
  }
}

}  // namespace kvreel::kernels::cpu::KVREEL_ISA
