// y = x w^T (+ bias) (+ y): chooses between the matrix-vector and the matrix-matrix product.
#pragma once

#include "kernels/cpu/convert.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/gemv.h"
#include "kernels/cpu/scratch.h"

namespace kvreel::kernels::cpu::KVREEL_ISA {

inline void linear(int threads, const LinearArgs& args) {
  const bool biased = args.bias.data != nullptr;
  const Scratch bias_scratch(biased ? size_t(args.bias.size) : 0);
  const float* bias = nullptr;
  if (biased) {
    to_f32(1, args.bias.data, args.bias.dtype, args.bias.size, bias_scratch.floats);
    bias = bias_scratch.floats;
  }
  with_stored(args.w.dtype, [&](auto stored) {
    using Stored = decltype(stored);
    if (args.rows <= 0) return;
    if (args.rows <= kGemvRows) {
      gemv<Stored>(threads, args, bias);
    } else {
      gemm<Stored>(threads, args, bias);
    }
  });
}

}  // namespace kvreel::kernels::cpu::KVREEL_ISA
