// The invariants of attention statistics, and that asking for fewer of them changes nothing else.
#include "attend_case.h"

namespace kvreel::kernels::test {
namespace {

class AttendStatistics : public OnEachIsa {};
KVREEL_ON_EACH_ISA(AttendStatistics);

AttendCase prompt(int64_t rows) {
  return {.rows = rows,
          .q_heads = 6,
          .kv_heads = 2,
          .head_dim = 32,
          .keys = 300,
          .first_query = 300 - rows,
          .dtype = DType::bf16,
          .page_rows = 32,
          .q_magnitude = 4,
          .kept_rows = rows};
}

// sum_j c_j = rows; sum_j q_j = sum_i sum_j a_ij^2; 0 <= q_j <= c_j <= rows that may see j.
TEST_P(AttendStatistics, ColumnsAndRowsAgree) {
  for (const int64_t rows : {1, 29, 300}) {
    const AttendProblem problem(prompt(rows));
    AttendResult result;
    cpu::AttendArgs args = attend_args(problem, result);
    std::fill(result.column_sums.begin(), result.column_sums.end(), 0.0F);
    std::fill(result.column_square_sums.begin(), result.column_square_sums.end(), 0.0F);
    cpu::attend(exec(2), args);
    for (int64_t h = 0; h < 6; ++h) {
      double sums = 0, squares = 0, row_squares = 0;
      for (int64_t j = 0; j < 300; ++j) {
        const double c = double(result.column_sums[size_t(h * result.column_stride + j)]);
        const double q = double(result.column_square_sums[size_t(h * result.column_stride + j)]);
        const double seen_by = double(std::min<int64_t>(rows, 300 - j));
        const double slack = 1 + sum_error(rows) + sum_error(300);
        ASSERT_GE(q, 0.0);
        ASSERT_LE(q, c * slack);
        ASSERT_LE(c, seen_by * slack);
        sums += c;
        squares += q;
      }
      for (int64_t r = 0; r < rows; ++r) {
        const float square = result.square_sums[size_t(h * result.row_stats_stride + r)];
        const float entropy = result.entropy[size_t(h * result.row_stats_stride + r)];
        row_squares += double(square);
        const double seen = double(300 - rows + r + 1);
        ASSERT_GE(entropy, 0.0F);
        ASSERT_LE(entropy, std::log(seen) * (1 + sum_error(300)) + sum_error(300));
        // A distribution over n keys has a square sum of at least 1 / n.
        ASSERT_GE(square, (1 - 2 * sum_error(300)) / seen);
        ASSERT_LE(square, 1 + 2 * sum_error(300));
      }
      EXPECT_NEAR(sums, double(rows), double(rows) * (sum_error(300) + sum_error(rows)));
      EXPECT_NEAR(squares, row_squares, row_squares * 2 * (sum_error(300) + sum_error(rows)));
    }
  }
}

TEST_P(AttendStatistics, EachRowOfProbabilitiesSumsToOne) {
  const AttendProblem problem(prompt(64));
  const AttendResult result = run_attend(exec(), problem);
  for (int64_t h = 0; h < 6; ++h) {
    for (int64_t r = 0; r < 64; ++r) {
      double sum = 0;
      for (int64_t j = 0; j < 300; ++j) {
        sum += double(
            result.probabilities[size_t(h * result.head_stride + r * result.row_stride + j)]);
      }
      ASSERT_NEAR(sum, 1.0, sum_error(300));
    }
  }
}

TEST_P(AttendStatistics, EntropyOfAUniformDistributionIsItsLogarithm) {
  for (const int64_t rows : {1, 20}) {
    AttendCase c = prompt(rows);
    c.q_magnitude = 0;
    const AttendProblem problem(c);
    const AttendResult result = run_attend(exec(), problem);
    for (int64_t r = 0; r < rows; ++r) {
      const double seen = double(300 - rows + r + 1);
      EXPECT_NEAR(result.entropy[size_t(r)], std::log(seen), 8 * kUnit * std::log(seen));
      EXPECT_NEAR(result.square_sums[size_t(r)], 1 / seen, sum_error(300) / seen);
    }
  }
}

// Prefill in chunks adds up to the columns of prefill at once.
TEST_P(AttendStatistics, ColumnsAddUpOverCalls) {
  const AttendProblem whole(prompt(120));
  const AttendResult expected = run_attend(exec(), whole);
  AttendResult result;
  cpu::AttendArgs args = attend_args(whole, result);
  constexpr int64_t kCuts[] = {0, 50, 51, 53, 100, 120};
  for (size_t i = 0; i + 1 < std::size(kCuts); ++i) {
    cpu::AttendArgs part = args;
    part.q += kCuts[i] * args.q_stride;
    part.query_positions += kCuts[i];
    part.rows = kCuts[i + 1] - kCuts[i];
    part.out += kCuts[i] * args.out_stride;
    part.row_square_sums += kCuts[i];
    part.row_entropy += kCuts[i];
    part.probabilities = nullptr;
    part.probability_rows = 0;
    cpu::attend(exec(2), part);
  }
  for (size_t i = 0; i < result.column_sums.size(); ++i) {
    ASSERT_NEAR(result.column_sums[i], expected.column_sums[i],
                2 * sum_error(300) * double(expected.column_sums[i]));
    ASSERT_NEAR(result.column_square_sums[i], expected.column_square_sums[i],
                4 * sum_error(300) * double(expected.column_square_sums[i]));
  }
  expect_attention(whole, [&] {
    AttendResult joined = expected;
    joined.out = result.out;
    joined.square_sums = result.square_sums;
    joined.entropy = result.entropy;
    return joined;
  }());
}

TEST_P(AttendStatistics, OutputsDoNotDependOnWhatIsAsked) {
  for (const int64_t rows : {1, 70}) {
    const AttendProblem problem(prompt(rows));
    const AttendResult full = run_attend(exec(), problem);
    for (int asked = 0; asked < 32; ++asked) {
      AttendResult result;
      cpu::AttendArgs args = attend_args(problem, result);
      const auto expect = [&](bool wanted, std::vector<float> AttendResult::*field) {
        EXPECT_TRUE(!wanted || same_bits(result.*field, full.*field)) << rows << " " << asked;
      };
      if (!(asked & 1)) args.row_square_sums = nullptr;
      if (!(asked & 2)) args.row_entropy = nullptr;
      if (!(asked & 4)) args.probabilities = nullptr, args.probability_rows = 0;
      if (!(asked & 8)) args.column_sums = nullptr;
      if (!(asked & 16)) args.column_square_sums = nullptr;
      cpu::attend(exec(), args);
      expect(true, &AttendResult::out);
      expect(asked & 1, &AttendResult::square_sums);
      expect(asked & 2, &AttendResult::entropy);
      expect(asked & 4, &AttendResult::probabilities);
      expect(asked & 8, &AttendResult::column_sums);
      expect(asked & 16, &AttendResult::column_square_sums);
    }
  }
}

}  // namespace
}  // namespace kvreel::kernels::test
