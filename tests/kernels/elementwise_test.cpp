// RMS norm, rotary position embedding, the SiLU gate and the exponential against double precision.
#include "kernel_test.h"
#include "kernels/cpu/table.h"

namespace kvreel::kernels::test {
namespace {

class Elementwise : public OnEachIsa {};
KVREEL_ON_EACH_ISA(Elementwise);

constexpr int64_t kWidths[] = {1, 3, 7, 64, 172, 896, 1000, 4096};

TEST_P(Elementwise, ExponentialIsWithinTwoUlps) {
  // Every 1009th float from the smallest subnormal result to the overflow, both signs.
  std::vector<float> x;
  for (uint32_t bits = 0; bits < 0x42d00000U; bits += 1009) {
    x.push_back(std::bit_cast<float>(bits));
    x.push_back(-std::bit_cast<float>(bits));
  }
  std::vector<float> y(x.size(), 0.0F);
  cpu::table_of(GetParam()).exp(x.data(), int64_t(x.size()), y.data());
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = std::exp(double(x[i]));
    if (expected > double(std::numeric_limits<float>::max())) {
      ASSERT_EQ(y[i], std::numeric_limits<float>::infinity()) << x[i];
      continue;
    }
    const double ulp = std::ldexp(1.0, std::max(std::ilogb(expected), -126) - 23);
    worst = std::max(worst, std::abs(double(y[i]) - expected) / ulp);
  }
  EXPECT_LE(worst, 2.0);
  RecordProperty("worst_ulps", std::to_string(worst));
}

TEST_P(Elementwise, ExponentialKeepsSpecialValues) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x{
      0.0F, -0.0F, infinity, -infinity, 1e30F, -1e30F, std::numeric_limits<float>::quiet_NaN()};
  std::vector<float> y(x.size(), -1.0F);
  cpu::table_of(GetParam()).exp(x.data(), int64_t(x.size()), y.data());
  EXPECT_EQ(y[0], 1.0F);
  EXPECT_EQ(y[1], 1.0F);
  EXPECT_EQ(y[2], infinity);
  EXPECT_EQ(y[3], 0.0F);
  EXPECT_EQ(y[4], infinity);
  EXPECT_EQ(y[5], 0.0F);
  EXPECT_TRUE(std::isnan(y[6]));
}

TEST_P(Elementwise, RmsNormMatchesItsDefinition) {
  constexpr float kEps = 1e-5F;
  for (const DType dtype : kDTypes) {
    for (const int64_t n : kWidths) {
      constexpr int64_t kRows = 5;
      const std::vector<float> x = random_floats(kRows * n, 11, -3, 3);
      const Stored weight = random_stored(dtype, n, 12, 2.0);
      std::vector<float> y(x.size(), 0.0F);
      cpu::rms_norm(exec(2), x.data(), kRows, {weight.data(), dtype, n}, kEps, y.data());
      for (int64_t r = 0; r < kRows; ++r) {
        double squares = 0;
        for (int64_t i = 0; i < n; ++i) squares += std::pow(double(x[size_t(r * n + i)]), 2);
        const double root = std::sqrt(squares / double(n) + double(kEps));
        for (int64_t i = 0; i < n; ++i) {
          const double expected = double(x[size_t(r * n + i)]) / root * weight.values[size_t(i)];
          ASSERT_NEAR(y[size_t(r * n + i)], expected, sum_error(n) * std::abs(expected))
              << name_of(dtype) << " n " << n;
        }
      }
    }
  }
}

TEST_P(Elementwise, RmsNormWorksInPlace) {
  const std::vector<float> x = random_floats(3 * 172, 13);
  const Stored weight = random_stored(DType::bf16, 172, 14);
  std::vector<float> apart(x.size(), 0.0F), in_place = x;
  const Vector view{weight.data(), DType::bf16, 172};
  cpu::rms_norm(exec(), x.data(), 3, view, 1e-6F, apart.data());
  cpu::rms_norm(exec(), in_place.data(), 3, view, 1e-6F, in_place.data());
  EXPECT_TRUE(same_bits(apart, in_place));
}

TEST_P(Elementwise, RopeRotatesPairsHalfAHeadApart) {
  for (const int64_t head_dim : {2, 8, 16, 64, 80, 128}) {
    constexpr int64_t kRows = 3, kHeads = 7;
    const int64_t half = head_dim / 2, stride = kHeads * head_dim + 5;
    const std::vector<float> x = random_floats(kRows * stride, 21);
    const std::vector<float> angles = random_floats(kRows * half, 22, -3, 3);
    std::vector<float> cosines, sines;
    for (const float angle : angles) {
      cosines.push_back(std::cos(angle));
      sines.push_back(std::sin(angle));
    }
    std::vector<float> y = x;
    cpu::rope(exec(2), y.data(), kRows, kHeads, head_dim, stride, cosines.data(), sines.data());
    for (int64_t r = 0; r < kRows; ++r) {
      for (int64_t h = 0; h < kHeads; ++h) {
        for (int64_t i = 0; i < half; ++i) {
          const size_t at = size_t(r * stride + h * head_dim + i);
          const double a = double(x[at]), b = double(x[at + size_t(half)]);
          const double c = double(cosines[size_t(r * half + i)]);
          const double s = double(sines[size_t(r * half + i)]);
          // Two products and a sum: at most two roundings of magnitudes up to |a| + |b|.
          const double tolerance = 2 * kUnit * (std::abs(a) + std::abs(b));
          ASSERT_NEAR(y[at], a * c - b * s, tolerance) << "head_dim " << head_dim;
          ASSERT_NEAR(y[at + size_t(half)], b * c + a * s, tolerance) << "head_dim " << head_dim;
        }
      }
      for (int64_t i = kHeads * head_dim; i < stride; ++i) {
        ASSERT_EQ(y[size_t(r * stride + i)], x[size_t(r * stride + i)]) << "between the rows";
      }
    }
  }
}

TEST_P(Elementwise, SiluGateMatchesItsDefinition) {
  for (const int64_t n : {1, 7, 172, 4864, 9000}) {
    constexpr int64_t kRows = 3;
    const std::vector<float> gate_up = random_floats(kRows * 2 * n, 31, -30, 30);
    std::vector<float> out(size_t(kRows * n) + 1, 5.0F);
    cpu::silu_mul(exec(2), gate_up.data(), kRows, n, out.data());
    for (int64_t r = 0; r < kRows; ++r) {
      for (int64_t i = 0; i < n; ++i) {
        const double gate = double(gate_up[size_t(r * 2 * n + i)]);
        const double up = double(gate_up[size_t(r * 2 * n + n + i)]);
        const double expected = gate / (1 + std::exp(-gate)) * up;
        // The exponential's two ulps (4 u), and one rounding each of sum, quotient and product.
        ASSERT_NEAR(out[size_t(r * n + i)], expected, 8 * kUnit * std::abs(expected));
      }
    }
    EXPECT_EQ(out.back(), 5.0F);
  }
}

TEST_P(Elementwise, SiluOfLargeGatesIsFinite) {
  const std::vector<float> gate_up{-1000.0F, 1000.0F, -88.0F, 1.0F, 1.0F, 1.0F};
  std::vector<float> out(3, 9.0F);
  cpu::silu_mul(exec(), gate_up.data(), 1, 3, out.data());
  EXPECT_EQ(out[0], 0.0F);
  EXPECT_EQ(out[1], 1000.0F);
  EXPECT_LT(out[2], 0.0F);
}

TEST_P(Elementwise, ResultsDoNotDependOnTheNumberOfThreads) {
  constexpr int64_t kRows = 37, kWidth = 1000;
  const std::vector<float> x = random_floats(kRows * kWidth * 2, 41);
  const Stored weight = random_stored(DType::bf16, kWidth, 42);
  std::vector<float> norm, gated, rotated;
  for (const int threads : {1, 2, 3}) {
    std::vector<float> y(size_t(kRows * kWidth), 0.0F), g(size_t(kRows * kWidth), 0.0F), q = x;
    cpu::rms_norm(exec(threads), x.data(), kRows, {weight.data(), DType::bf16, kWidth}, 1e-5F,
                  y.data());
    cpu::silu_mul(exec(threads), x.data(), kRows, kWidth, g.data());
    cpu::rope(exec(threads), q.data(), kRows, 10, 100, 2 * kWidth, x.data(), x.data() + 2000);
    if (threads == 1) {
      norm = y, gated = g, rotated = q;
    }
    EXPECT_TRUE(same_bits(y, norm) && same_bits(g, gated) && same_bits(q, rotated)) << threads;
  }
}

}  // namespace
}  // namespace kvreel::kernels::test
