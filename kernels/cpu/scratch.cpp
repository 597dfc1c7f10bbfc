// Working memory of one operation.
#include "kernels/cpu/scratch.h"

#include <cstdlib>
#include <limits>
#include <new>

namespace kvreel::kernels::cpu {

namespace {
constexpr size_t kAlignment = 64;  // a cache line, and the widest vector
}

Scratch::Scratch(size_t float_count) {
  if (float_count > std::numeric_limits<size_t>::max() / sizeof(float) - kAlignment) {
    throw std::bad_alloc();
  }
  const size_t bytes = (float_count * sizeof(float) / kAlignment + 1) * kAlignment;
  floats = static_cast<float*>(std::aligned_alloc(kAlignment, bytes));
  if (floats == nullptr) throw std::bad_alloc();
}

Scratch::~Scratch() {
  std::free(floats);
}

}  // namespace kvreel::kernels::cpu
