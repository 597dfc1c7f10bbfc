// Bits that look random, as a function of a number: the same on every machine.
#pragma once

#include <cstdint>

namespace kvreel::engine {

// Finaliser of SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number
// generators", with Stafford's variant 13): a bijection of 64 bits that leaves no visible pattern
// in a counter.
constexpr uint64_t mix_bits(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// SplitMix64: its output in state `x`, after which the state is x + kSplitMixStep.
constexpr uint64_t kSplitMixStep = 0x9E3779B97F4A7C15u;
constexpr uint64_t split_mix(uint64_t x) {
  return mix_bits(x + kSplitMixStep);
}

}  // namespace kvreel::engine
