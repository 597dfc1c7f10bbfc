// Linear layers against double precision: every dtype, row counts on both sides of each tile, odd
// sizes.
#include "kernel_test.h"

namespace kvreel::kernels::test {
namespace {

class Linear : public OnEachIsa {};
KVREEL_ON_EACH_ISA(Linear);

struct Problem {
  int64_t rows, outputs, cols;
  DType dtype;
  bool bias = false;
  bool accumulate = false;
  int64_t gap = 0;  // floats between the rows of y
};

struct Data {
  std::vector<float> x, y;
  Stored w, bias;
};

Data make_data(const Problem& p) {
  return {.x = random_floats(p.rows * p.cols, 1),
          .y = random_floats(p.rows * (p.outputs + p.gap), 2),
          .w = random_stored(p.dtype, p.outputs * p.cols, 3),
          .bias = random_stored(p.dtype, p.outputs, 4)};
}

std::vector<float> run(const cpu::Exec& exec, const Problem& p, const Data& data) {
  std::vector<float> y = data.y;
  cpu::LinearArgs args;
  args.x = data.x.data();
  args.rows = p.rows;
  args.w = {data.w.data(), p.dtype, p.outputs, p.cols};
  if (p.bias) args.bias = {data.bias.data(), p.dtype, p.outputs};
  args.accumulate = p.accumulate;
  args.y = y.data();
  args.y_stride = p.outputs + p.gap;
  cpu::linear(exec, args);
  return y;
}

void expect_product(const Problem& p, const Data& data, const std::vector<float>& y) {
  const int64_t stride = p.outputs + p.gap;
  for (int64_t r = 0; r < p.rows; ++r) {
    for (int64_t o = 0; o < p.outputs; ++o) {
      double expected = 0, magnitude = 0;
      const auto add = [&](double term) { expected += term, magnitude += std::abs(term); };
      for (int64_t k = 0; k < p.cols; ++k) {
        add(double(data.x[size_t(r * p.cols + k)]) * data.w.values[size_t(o * p.cols + k)]);
      }
      if (p.bias) add(data.bias.values[size_t(o)]);
      if (p.accumulate) add(double(data.y[size_t(r * stride + o)]));
      ASSERT_NEAR(y[size_t(r * stride + o)], expected, sum_error(p.cols) * magnitude)
          << name_of(p.dtype) << " " << p.rows << " x " << p.outputs << " x " << p.cols << ", row "
          << r << ", output " << o;
    }
    for (int64_t o = p.outputs; o < stride; ++o) {
      ASSERT_EQ(y[size_t(r * stride + o)], data.y[size_t(r * stride + o)]) << "between the rows";
    }
  }
}

TEST_P(Linear, MatchesTheProductForEveryRowCount) {
  for (const DType dtype : kDTypes) {
    for (const int64_t rows : {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 28, 29, 33}) {
      const Problem p{.rows = rows, .outputs = 70, .cols = 100, .dtype = dtype};
      const Data data = make_data(p);
      expect_product(p, data, run(exec(2), p, data));
    }
  }
}

TEST_P(Linear, MatchesTheProductForOddShapes) {
  constexpr int64_t kShapes[][2] = {{1, 1},     {5, 3},    {33, 17},  {64, 64},
                                    {172, 64},  {64, 172}, {31, 15},  {32, 1},
                                    {896, 129}, {65, 896}, {48, 600}, {129, 1031}};
  for (const DType dtype : kDTypes) {
    for (const auto& [outputs, cols] : kShapes) {
      for (const int64_t rows : {1, 3, 17}) {
        const Problem p{.rows = rows, .outputs = outputs, .cols = cols, .dtype = dtype};
        const Data data = make_data(p);
        expect_product(p, data, run(exec(), p, data));
      }
    }
  }
}

TEST_P(Linear, MatchesTheProductAtModelSizes) {
  // Qwen2.5-0.5B's down projection (a slice of its outputs), and more rows than one block.
  const Problem problems[] = {
      {.rows = 1, .outputs = 96, .cols = 4864, .dtype = DType::bf16},
      {.rows = 40, .outputs = 96, .cols = 4864, .dtype = DType::bf16},
      {.rows = 600, .outputs = 40, .cols = 896, .dtype = DType::f16},
  };
  for (const Problem& p : problems) {
    const Data data = make_data(p);
    expect_product(p, data, run(exec(2), p, data));
  }
}

TEST_P(Linear, AddsBiasAndResidual) {
  for (const DType dtype : kDTypes) {
    for (const int64_t rows : {1, 4, 5, 30}) {
      for (const bool bias : {false, true}) {
        for (const bool accumulate : {false, true}) {
          const Problem p{.rows = rows,
                          .outputs = 45,
                          .cols = 600,
                          .dtype = dtype,
                          .bias = bias,
                          .accumulate = accumulate,
                          .gap = 3};
          const Data data = make_data(p);
          expect_product(p, data, run(exec(), p, data));
        }
      }
    }
  }
}

TEST_P(Linear, ReadsWeightsAtOddAddresses) {
  for (const DType dtype : kDTypes) {
    for (const int64_t rows : {1, 20}) {
      const Problem p{.rows = rows, .outputs = 37, .cols = 70, .dtype = dtype};
      Data data = make_data(p);
      const std::vector<float> aligned = run(exec(), p, data);
      std::vector<unsigned char> shifted(data.w.bytes.size() + 1);
      std::memcpy(shifted.data() + 1, data.w.bytes.data(), data.w.bytes.size());
      std::vector<float> y(size_t(rows * 37), 0.0F);
      cpu::LinearArgs args;
      args.x = data.x.data();
      args.rows = rows;
      args.w = {shifted.data() + 1, dtype, p.outputs, p.cols};
      args.y = y.data();
      args.y_stride = p.outputs;
      cpu::linear(exec(), args);
      EXPECT_TRUE(same_bits(y, aligned)) << name_of(dtype);
    }
  }
}

TEST_P(Linear, ResultsDoNotDependOnTheNumberOfThreads) {
  for (const int64_t rows : {1, 2, 4, 31, 150}) {
    const Problem p{.rows = rows, .outputs = 300, .cols = 700, .dtype = DType::bf16, .bias = true};
    const Data data = make_data(p);
    const std::vector<float> one = run(exec(1), p, data);
    for (const int threads : {2, 3}) {
      EXPECT_TRUE(same_bits(run(exec(threads), p, data), one)) << rows << " rows, " << threads;
    }
  }
}

TEST_P(Linear, NothingToDoChangesNothing) {
  const Problem p{.rows = 0, .outputs = 8, .cols = 8, .dtype = DType::f32};
  Data data = make_data(p);
  data.y.assign(8, 3.0F);
  EXPECT_TRUE(same_bits(run(exec(2), p, data), data.y));
}

}  // namespace
}  // namespace kvreel::kernels::test
