// Operations whose work is one pass over a row: RMS norm, rotary position embedding, SiLU gate.
#pragma once

#include "kernels/cpu/simd_common.h"

namespace kvreel::kernels::cpu::KVREEL_ISA {

// Four running sums: the additions do not wait for each other, and each adds a quarter of the
// terms.
inline float square_sum(const float* x, int64_t n) {
  Vf sums[4] = {zero(), zero(), zero(), zero()};
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    for (int u = 0; u < 4; ++u) {
      const Vf v = load(x + i + u * kLanes);
      sums[u] = fma(v, v, sums[u]);
    }
  }
  for (; i + kLanes <= n; i += kLanes) sums[0] = fma(load(x + i), load(x + i), sums[0]);
  if (i < n) {
    const Vf v = load_first(x + i, n - i);
    sums[1] = fma(v, v, sums[1]);
  }
  return sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

template <class Stored>
void rms_norm_row(const float* x, int64_t n, const Bytes* weight, float eps, float* y) {
  const double mean = double(square_sum(x, n)) / double(n);
  const Vf factor = set1(float(1.0 / __builtin_sqrt(mean + double(eps))));
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    store(y + i, load(x + i) * factor * Stored::get(weight + i * Stored::kBytes));
  }
  if (i < n) {
    const Vf w = get_first<Stored>(weight + i * Stored::kBytes, n - i);
    store_first(y + i, load_first(x + i, n - i) * factor * w, n - i);
  }
}

inline void rms_norm(int threads, const float* x, int64_t rows, const Vector& weight, float eps,
                     float* y) {
  const int64_t n = weight.size;
  const Bytes* bytes = static_cast<const Bytes*>(weight.data);
  const int team = threads_for(threads, min_of(rows, rows * n / kElementsPerThread));
  with_stored(weight.dtype, [&](auto stored) {
    using Stored = decltype(stored);
#pragma omp parallel for schedule(static) num_threads(team)
    for (int64_t r = 0; r < rows; ++r) {
      rms_norm_row<Stored>(x + r * n, n, bytes, eps, y + r * n);
    }
  });
}

// Rotates one head: x[i], x[half + i] by the angle whose cosine and sine are cos[i], sin[i].
inline void rotate_head(float* x, int64_t half, const float* cos, const float* sin) {
  float* first = x;
  float* second = x + half;
  int64_t i = 0;
  for (; i + kLanes <= half; i += kLanes) {
    const Vf a = load(first + i), b = load(second + i);
    const Vf c = load(cos + i), s = load(sin + i);
    store(first + i, fma(a, c, -(b * s)));
    store(second + i, fma(b, c, a * s));
  }
  if (i < half) {
    const int64_t n = half - i;
    const Vf a = load_first(first + i, n), b = load_first(second + i, n);
    const Vf c = load_first(cos + i, n), s = load_first(sin + i, n);
    store_first(first + i, fma(a, c, -(b * s)), n);
    store_first(second + i, fma(b, c, a * s), n);
  }
}

inline void rope(int threads, float* x, int64_t rows, int64_t heads, int64_t head_dim,
                 int64_t x_stride, const float* cos, const float* sin) {
  const int64_t half = head_dim / 2;
  const int team = threads_for(threads, min_of(rows, rows * heads * head_dim / kElementsPerThread));
#pragma omp parallel for schedule(static) num_threads(team)
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t h = 0; h < heads; ++h) {
      rotate_head(x + r * x_stride + h * head_dim, half, cos + r * half, sin + r * half);
    }
  }
}

inline Vf silu(Vf x) {
  return x / (set1(1.0F) + exp(-x));
}

inline void silu_mul_part(const float* gate, const float* up, int64_t n, float* out) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, silu(load(gate + i)) * load(up + i));
  if (i < n) {
    const Vf g = load_first(gate + i, n - i);
    store_first(out + i, silu(g) * load_first(up + i, n - i), n - i);
  }
}

inline void silu_mul(int threads, const float* gate_up, int64_t rows, int64_t n, float* out) {
  // An exponential per element makes smaller pieces worth a thread than a plain copy would.
  constexpr int64_t kPart = 4096;
  const int64_t parts = blocks_of(n, kPart);
  const int team = threads_for(threads, rows * n / kPart);
#pragma omp parallel for collapse(2) schedule(static) num_threads(team)
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t p = 0; p < parts; ++p) {
      const int64_t begin = p * kPart;
      const float* gate = gate_up + r * 2 * n + begin;
      silu_mul_part(gate, gate + n, min_of(kPart, n - begin), out + r * n + begin);
    }
  }
}

// y[i] = e^x[i].
inline void exp_array(const float* x, int64_t n, float* y) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, exp(load(x + i)));
  if (i < n) store_first(y + i, exp(load_first(x + i, n - i)), n - i);
}

}  // namespace kvreel::kernels::cpu::KVREEL_ISA
