// The machine's read bandwidth: the floor under every decoded token.
#pragma once

#include <cstddef>

namespace kvreel::kernels::cpu {

struct Bandwidth {
  double median = 0;  // bytes per second
  double least = 0;
  double most = 0;
  int runs = 0;
  size_t bytes = 0;  // read in each run
  int threads = 0;
};

// Reads a buffer of `bytes`, larger than any cache, from `threads` threads, `runs` times after one
// that is not counted.
Bandwidth measure_read_bandwidth(int threads, size_t bytes, int runs);

}  // namespace kvreel::kernels::cpu
