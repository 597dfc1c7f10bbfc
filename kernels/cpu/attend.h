// Attention: few queries by chunks of keys, many queries by tiles.
#pragma once

#include "kernels/cpu/attend_row.h"
#include "kernels/cpu/attend_tiles.h"

namespace kvreel::kernels::cpu::KVREEL_ISA {

// Packing keys and values costs about as much as a few queries that read them in place.
constexpr int64_t kRowsWithoutPacking = 3;

inline void attend(int threads, const AttendArgs& args) {
  if (args.rows > kRowsWithoutPacking) return attend_tiles(threads, args);
  for (int64_t r = 0; r < args.rows; ++r) attend_row(threads, args, r);
}

}  // namespace kvreel::kernels::cpu::KVREEL_ISA
