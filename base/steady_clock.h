// The clock that times are taken from: it goes on evenly, whatever is done to the date.
#pragma once

#include <chrono>
#include <cstdint>

namespace kvreel {

// Nanoseconds since some moment that is the same for everything in this boot of the machine.
inline int64_t steady_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace kvreel
