// Seconds of the steady clock, for benchmarks.
#pragma once

#include "base/steady_clock.h"

namespace kvreel {

inline double now_seconds() {
  return static_cast<double>(steady_ns()) * 1e-9;
}

inline double seconds_since(double start) {
  return now_seconds() - start;
}

}  // namespace kvreel
