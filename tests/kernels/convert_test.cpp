// Conversions between fp32 and stored elements: every 16-bit pattern, every rounding boundary.
#include "kernel_test.h"

namespace kvreel::kernels::test {
namespace {

class Convert : public OnEachIsa {};
KVREEL_ON_EACH_ISA(Convert);

constexpr DType kHalves[] = {DType::f16, DType::bf16};

std::vector<uint16_t> all_patterns() {
  std::vector<uint16_t> patterns(65536);
  for (size_t i = 0; i < patterns.size(); ++i) patterns[i] = uint16_t(i);
  return patterns;
}

TEST_P(Convert, ReadsEveryPatternExactly) {
  const std::vector<uint16_t> patterns = all_patterns();
  for (const DType dtype : kHalves) {
    std::vector<float> values(65536, 0.0F);
    cpu::to_f32(exec(2), patterns.data(), dtype, 65536, values.data());
    for (uint32_t i = 0; i < 65536; ++i) {
      const double expected = decode(dtype, i);
      if (std::isnan(expected)) {
        ASSERT_TRUE(std::isnan(values[i])) << name_of(dtype) << " pattern " << i;
        ASSERT_EQ(std::signbit(values[i]), i >= 32768) << name_of(dtype) << " pattern " << i;
      } else {
        ASSERT_EQ(std::bit_cast<uint32_t>(values[i]), std::bit_cast<uint32_t>(float(expected)))
            << name_of(dtype) << " pattern " << i;
      }
    }
  }
}

TEST_P(Convert, WritesEveryPatternBack) {
  for (const DType dtype : kHalves) {
    std::vector<float> values(65536, 0.0F);
    for (uint32_t i = 0; i < 65536; ++i) values[i] = float(decode(dtype, i));
    std::vector<uint16_t> written(65536, 0);
    cpu::from_f32(exec(2), values.data(), 65536, dtype, written.data());
    for (uint32_t i = 0; i < 65536; ++i) {
      if (std::isnan(values[i])) {
        ASSERT_TRUE(std::isnan(decode(dtype, written[i]))) << name_of(dtype) << " pattern " << i;
      } else {
        ASSERT_EQ(written[i], i) << name_of(dtype);
      }
    }
  }
}

// Between each pair of neighbours the midpoint goes to the even one, and the floats beside it to
// the nearer. For f16, "neighbours" includes 65504 and the 65536 that infinity stands in for.
TEST_P(Convert, RoundsToNearestEven) {
  for (const DType dtype : kHalves) {
    const uint32_t infinity = dtype == DType::f16 ? 0x7c00 : 0x7f80;
    std::vector<float> values;
    std::vector<uint16_t> expected;
    for (uint32_t i = 0; i < infinity; ++i) {
      const double low = decode(dtype, i);
      const double high = i + 1 < infinity ? decode(dtype, i + 1) : 2 * low - decode(dtype, i - 1);
      const float middle = float((low + high) / 2);
      ASSERT_EQ(double(middle), (low + high) / 2) << "a midpoint is a float";
      values.insert(values.end(), {std::nextafter(middle, 0.0F), middle,
                                   std::nextafter(middle, std::numeric_limits<float>::infinity())});
      const uint16_t even = uint16_t(i % 2 == 0 ? i : i + 1);
      expected.insert(expected.end(), {uint16_t(i), even, uint16_t(i + 1)});
    }
    const size_t positive = values.size();
    for (size_t i = 0; i < positive; ++i) {
      values.push_back(-values[i]);
      expected.push_back(expected[i] | 0x8000U);
    }
    std::vector<uint16_t> written(values.size(), 0);
    cpu::from_f32(exec(), values.data(), int64_t(values.size()), dtype, written.data());
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ(written[i], expected[i]) << name_of(dtype) << " of " << values[i];
    }
  }
}

TEST_P(Convert, OverflowsToInfinityAndKeepsNaN) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  // The last NaN has only low mantissa bits, which do not fit: it must not become infinity.
  const float narrow_nan = std::bit_cast<float>(0x7f800001U);
  const std::vector<float> values{
      65519.996F, 65520.0F, 1e30F,      infinity,
      -infinity,  nan,      narrow_nan, -std::numeric_limits<float>::max()};
  std::vector<uint16_t> f16(values.size()), bf16(values.size());
  cpu::from_f32(exec(), values.data(), int64_t(values.size()), DType::f16, f16.data());
  cpu::from_f32(exec(), values.data(), int64_t(values.size()), DType::bf16, bf16.data());
  EXPECT_EQ(f16[0], 0x7bff);
  EXPECT_EQ(f16[1], 0x7c00);
  EXPECT_EQ(f16[2], 0x7c00);
  EXPECT_EQ(f16[3], 0x7c00);
  EXPECT_EQ(f16[4], 0xfc00);
  EXPECT_EQ(f16[7], 0xfc00);
  EXPECT_EQ(bf16[3], 0x7f80);
  EXPECT_EQ(bf16[4], 0xff80);
  EXPECT_EQ(bf16[7], 0xff80);
  for (const size_t i : {5U, 6U}) {
    EXPECT_TRUE(std::isnan(decode(DType::f16, f16[i]))) << i;
    EXPECT_TRUE(std::isnan(decode(DType::bf16, bf16[i]))) << i;
  }
}

TEST_P(Convert, TouchesExactlyTheElementsAsked) {
  for (const DType dtype : kDTypes) {
    for (int64_t n = 0; n < 40; ++n) {
      const std::vector<float> source = random_floats(n, uint32_t(n) + 1);
      const size_t bytes = size_t(n) * size_of(dtype);
      // One byte of offset: checkpoints need not be aligned.
      std::vector<unsigned char> stored(bytes + 9, 0xab);
      cpu::from_f32(exec(), source.data(), n, dtype, stored.data() + 1);
      EXPECT_EQ(stored[0], 0xab);
      for (size_t i = bytes + 1; i < stored.size(); ++i) ASSERT_EQ(stored[i], 0xab) << n;
      std::vector<float> back(size_t(n) + 1, 77.0F);
      cpu::to_f32(exec(), stored.data() + 1, dtype, n, back.data());
      EXPECT_EQ(back[size_t(n)], 77.0F);
      // Half an ulp: 2^-11 for f16, 2^-8 for bf16, relative to at most 1.
      const double tolerance = dtype == DType::f32 ? 0 : dtype == DType::f16 ? 0x1p-11 : 0x1p-8;
      for (size_t i = 0; i < size_t(n); ++i) ASSERT_NEAR(back[i], source[i], tolerance);
    }
  }
}

TEST_P(Convert, AppendsRowsAcrossPages) {
  for (const DType dtype : kDTypes) {
    for (const int32_t head_dim : {8, 16, 20, 64, 128}) {
      const PageLayout layout{.dtype = dtype, .page_rows = 3, .head_dim = head_dim};
      constexpr int64_t kRows = 8, kBegin = 2, kStride = 200;
      std::vector<std::vector<unsigned char>> pages(4);
      for (auto& page : pages) page.assign(layout.page_bytes(), 0xab);
      std::vector<void*> order{pages[2].data(), pages[0].data(), pages[3].data(), pages[1].data()};
      const Stored k = random_stored(dtype, kRows * kStride, 1);
      const Stored v = random_stored(dtype, kRows * kStride, 2);
      const std::vector<float> keys(k.values.begin(), k.values.end());
      const std::vector<float> values(v.values.begin(), v.values.end());
      cpu::append(exec(2), keys.data(), values.data(), kRows, kStride, layout, order.data(),
                  kBegin);
      for (int64_t r = 0; r < 12; ++r) {
        const unsigned char* page = static_cast<unsigned char*>(order[size_t(r / 3)]);
        for (int64_t i = 0; i < head_dim; ++i) {
          const int64_t at = (r % 3) * head_dim + i;
          if (r < kBegin || r >= kBegin + kRows) {
            ASSERT_EQ(page[size_t(at) * size_of(dtype)], 0xab) << "row " << r;
            continue;
          }
          const size_t source = size_t((r - kBegin) * kStride + i);
          ASSERT_EQ(element(page, dtype, at), k.values[source]) << "key row " << r;
          ASSERT_EQ(element(page + layout.value_offset(), dtype, at), v.values[source])
              << "value row " << r;
        }
      }
    }
  }
}

}  // namespace
}  // namespace kvreel::kernels::test
