// What the machine can do at most, measured beside what is compared with it: bytes read from memory
// and multiply-adds per second.
#pragma once

#include <omp.h>

#include <cstdint>
#include <cstring>

#include "kernels/cpu/ops.h"

namespace kvreel::benchmarks {

// Reads on four streams, which on the machines at hand is faster than one; wider reads change
// nothing.
typedef uint64_t Words __attribute__((vector_size(32)));
constexpr size_t kStreams = 4;

inline uint64_t read_all(const unsigned char* at, size_t bytes) {
  const size_t stream = bytes / kStreams / sizeof(Words) * sizeof(Words);
  Words sums[kStreams] = {};
  for (size_t i = 0; i + sizeof(Words) <= stream; i += sizeof(Words)) {
    for (size_t s = 0; s < kStreams; ++s) {
      Words words;
      std::memcpy(&words, at + s * stream + i, sizeof(words));
      sums[s] ^= words;
    }
  }
  const Words all = sums[0] ^ sums[1] ^ sums[2] ^ sums[3];
  return all[0] ^ all[1] ^ all[2] ^ all[3];
}

// All threads, each its share. The sum is returned so that the reads are not left out.
inline uint64_t read_by_all(const unsigned char* at, size_t bytes, int threads) {
  uint64_t sum = 0;
#pragma omp parallel num_threads(threads) reduction(^ : sum)
  {
    const size_t share = bytes / size_t(threads) / 4096 * 4096;
    sum ^= read_all(at + size_t(omp_get_thread_num()) * share, share);
  }
  return sum;
}

#if defined(__x86_64__)
// Twelve chains of multiply-adds that wait for nothing but themselves: the most that a core can do.
// The compiler is kept from knowing that they are alike: GCC makes one chain of them, which is then
// bound by latency and counted as twelve.
constexpr int kChains = 12;
typedef float Eight __attribute__((vector_size(32)));
typedef float Sixteen __attribute__((vector_size(64)));
[[gnu::target("avx2,fma"), gnu::noinline]] inline double fma_avx2(int64_t n) {
  Eight x[kChains] = {};
  const Eight a = {0.5F, 0.5F, 0.5F, 0.5F, 0.5F, 0.5F, 0.5F, 0.5F};
  for (Eight& v : x) asm volatile("" : "+x"(v));
  for (int64_t i = 0; i < n; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) x[c] = x[c] * a + a;
  }
  Eight total = {};
  for (const Eight& v : x) total += v;
  return double(total[0]);
}
[[gnu::target("avx512f,fma"), gnu::noinline]] inline double fma_avx512(int64_t n) {
  Sixteen x[kChains] = {};
  const Sixteen a = 0.5F - Sixteen{};
  for (Sixteen& v : x) asm volatile("" : "+v"(v));
  for (int64_t i = 0; i < n; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) x[c] = x[c] * a + a;
  }
  Sixteen total = {};
  for (const Sixteen& v : x) total += v;
  return double(total[0]);
}

// Operations (a multiply-add is two) of one call of multiply_add(): n steps on every thread.
inline double fma_operations(kernels::cpu::Isa isa, int64_t n, int threads) {
  const double lanes = isa == kernels::cpu::Isa::avx2 ? 8 : 16;
  return double(n) * kChains * lanes * 2 * threads;
}
// isa: avx2 or avx512, and available.
inline double multiply_add(kernels::cpu::Isa isa, int64_t n, int threads) {
  double sum = 0;
#pragma omp parallel num_threads(threads) reduction(+ : sum)
  sum += isa == kernels::cpu::Isa::avx2 ? fma_avx2(n) : fma_avx512(n);
  return sum;
}
#endif

}  // namespace kvreel::benchmarks
