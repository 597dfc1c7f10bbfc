// Sums a large buffer and takes the time.
#include "kernels/cpu/bandwidth.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

namespace kvreel::kernels::cpu {
namespace {

// Four places of the part at once: one stream of reads does not keep a core's prefetchers busy
// (measured: 10 against 16 GB/s).
uint64_t sum_of(const uint64_t* words, size_t count) {
  constexpr size_t kStreams = 4;
  constexpr size_t kWords = 8;  // a cache line, so that no addition waits for the one before it
  const size_t part = count / kStreams;
  uint64_t sums[kWords] = {};
  for (size_t i = 0; i + kWords <= part; i += kWords) {
    for (size_t stream = 0; stream < kStreams; ++stream) {
      for (size_t j = 0; j < kWords; ++j) sums[j] += words[stream * part + i + j];
    }
  }
  uint64_t total = 0;
  for (const uint64_t sum : sums) total += sum;
  return total;
}

}  // namespace

Bandwidth measure_read_bandwidth(int threads, size_t bytes, int runs) {
  const size_t per_thread = bytes / sizeof(uint64_t) / static_cast<size_t>(threads);
  std::vector<std::vector<uint64_t>> parts(static_cast<size_t>(threads));
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int t = 0; t < threads; ++t) {
    parts[static_cast<size_t>(t)].assign(
        per_thread, static_cast<uint64_t>(t) + 1);  // first touched by its reader
  }
  std::vector<double> rates;
  volatile uint64_t sink = 0;  // keeps the sums alive
  for (int run = -1; run < runs; ++run) {
    const auto start = std::chrono::steady_clock::now();
    uint64_t total = 0;
#pragma omp parallel for num_threads(threads) schedule(static, 1) reduction(+ : total)
    for (int t = 0; t < threads; ++t)
      total += sum_of(parts[static_cast<size_t>(t)].data(), per_thread);
    sink = sink + total;
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    const auto read =
        static_cast<double>(per_thread * sizeof(uint64_t) * static_cast<size_t>(threads));
    if (run >= 0) rates.push_back(read / seconds.count());
  }
  std::sort(rates.begin(), rates.end());
  return {.median = rates[rates.size() / 2],
          .least = rates.front(),
          .most = rates.back(),
          .runs = runs,
          .bytes = per_thread * sizeof(uint64_t) * static_cast<size_t>(threads),
          .threads = threads};
}

}  // namespace kvreel::kernels::cpu
