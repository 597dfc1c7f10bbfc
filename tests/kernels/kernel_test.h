// What the kernels' tests share: one test per instruction set, random data, stored values and their
// exact meaning, tolerances.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/cpu/ops.h"

namespace kvreel::kernels::test {

// A test that runs once for each instruction set and is skipped, visibly, where the processor lacks
// it.
class OnEachIsa : public ::testing::TestWithParam<cpu::Isa> {
 protected:
  void SetUp() override {
    bool available = false;
    for (const cpu::Isa isa : cpu::available_isas()) available |= isa == GetParam();
    if (!available) {
      GTEST_SKIP() << "this processor cannot run " << cpu::name_of(GetParam())
                   << ": run the tests on one that can";
    }
  }

  cpu::Exec exec(int threads = 1) const { return {.isa = GetParam(), .threads = threads}; }
};

inline std::string isa_name(const ::testing::TestParamInfo<cpu::Isa>& info) {
  return std::string(cpu::name_of(info.param));
}

#define KVREEL_ON_EACH_ISA(Suite)                                                                  \
  INSTANTIATE_TEST_SUITE_P(Isas, Suite,                                                            \
                           ::testing::Values(cpu::Isa::generic, cpu::Isa::avx2, cpu::Isa::avx512), \
                           isa_name)

constexpr DType kDTypes[] = {DType::f32, DType::f16, DType::bf16};

// Unit roundoff of fp32, round to nearest.
constexpr double kUnit = 0x1p-24;

// A sum of n rounded terms, in whatever order, deviates by at most n u times the sum of their
// magnitudes; with roundings that behave as independent, by lambda sqrt(n) u with probability 1 - 2
// exp(-lambda^2 / 2) (Higham and Mary, SIAM J. Sci. Comput. 41, 2019, theorem 2.4). lambda = 8
// leaves no false alarm, yet is far below one lost term out of n. The constant covers the few
// roundings besides the sum.
inline double sum_error(int64_t n) {
  return (8.0 * std::sqrt(double(n)) + 8.0) * kUnit;
}

inline std::vector<float> random_floats(int64_t n, uint32_t seed, float low = -1, float high = 1) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> uniform(low, high);
  std::vector<float> values(size_t(n), 0.0F);
  for (float& value : values) value = uniform(generator);
  return values;
}

// The exact value of an element, from the definition of its format.
inline double decode(DType dtype, uint32_t bits) {
  const int exponent_bits = dtype == DType::f16 ? 5 : 8;
  const int mantissa_bits = dtype == DType::f32 ? 23 : dtype == DType::f16 ? 10 : 7;
  const double sign = (bits >> (exponent_bits + mantissa_bits)) & 1U ? -1.0 : 1.0;
  const int top = (1 << exponent_bits) - 1;
  const int bias = top / 2;
  const int exponent = int(bits >> mantissa_bits) & top;
  const uint32_t mantissa = bits & ((1U << mantissa_bits) - 1U);
  if (exponent == top) {
    return mantissa ? std::numeric_limits<double>::quiet_NaN()
                    : sign * std::numeric_limits<double>::infinity();
  }
  if (exponent == 0) return sign * std::ldexp(double(mantissa), 1 - bias - mantissa_bits);
  return sign * std::ldexp(double(mantissa) + std::ldexp(1.0, mantissa_bits),
                           exponent - bias - mantissa_bits);
}

// Elements of a format, and the exact values that they stand for.
struct Stored {
  DType dtype = DType::f32;
  std::vector<unsigned char> bytes;
  std::vector<double> values;

  const void* data() const { return bytes.data(); }
};

// Random elements of magnitude below `scale` (a power of two), every mantissa bit in use.
inline Stored random_stored(DType dtype, int64_t n, uint32_t seed, double scale = 1.0) {
  std::mt19937 generator(seed);
  Stored stored{.dtype = dtype, .bytes = {}, .values = {}};
  stored.bytes.resize(size_t(n) * size_of(dtype));
  stored.values.resize(size_t(n));
  const int mantissa_bits = dtype == DType::f32 ? 23 : dtype == DType::f16 ? 10 : 7;
  const int bias = dtype == DType::f16 ? 15 : 127;
  const int top = std::ilogb(scale) - 1;
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t random = uint32_t(generator());
    const uint32_t exponent = uint32_t(bias + top - int(random >> 28) % 6);
    const uint32_t mantissa = random & ((1U << mantissa_bits) - 1U);
    const uint32_t sign = (random >> 24) & 1U;
    const uint32_t bits =
        (sign << (dtype == DType::f32 ? 31 : 15)) | (exponent << mantissa_bits) | mantissa;
    stored.values[size_t(i)] = decode(dtype, bits);
    if (dtype == DType::f32) {
      std::memcpy(&stored.bytes[size_t(i) * 4], &bits, 4);
    } else {
      const uint16_t half = uint16_t(bits);
      std::memcpy(&stored.bytes[size_t(i) * 2], &half, 2);
    }
  }
  return stored;
}

// The exact value of element i of an array of dtype.
inline double element(const void* data, DType dtype, int64_t i) {
  const unsigned char* at = static_cast<const unsigned char*>(data) + size_t(i) * size_of(dtype);
  uint32_t bits = 0;
  if (dtype == DType::f32) {
    std::memcpy(&bits, at, 4);
  } else {
    uint16_t half = 0;
    std::memcpy(&half, at, 2);
    bits = half;
  }
  return decode(dtype, bits);
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace kvreel::kernels::test
