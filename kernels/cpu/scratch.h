// Working memory of one operation: one block, aligned to cache lines, given back when the operation
// ends.
#pragma once

#include <cstddef>

namespace kvreel::kernels::cpu {

// Nothing here is inline: the instruction sets' files include it, and a function compiled in one of
// them must not be the copy that the linker keeps for all.
struct Scratch {
  explicit Scratch(size_t float_count);  // throws std::bad_alloc
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  float* floats = nullptr;  // [float_count], 64-byte aligned, not initialised
};

}  // namespace kvreel::kernels::cpu
