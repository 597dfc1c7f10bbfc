// Attention against double precision: decode and prefill, every cache dtype, pages, windows,
// evicted rows.
#include "attend_case.h"

namespace kvreel::kernels::test {
namespace {

class Attend : public OnEachIsa {
 protected:
  void expect_matches(const AttendCase& c) {
    const AttendProblem problem(c);
    expect_attention(problem, run_attend(exec(2), problem));
  }
};
KVREEL_ON_EACH_ISA(Attend);

TEST_P(Attend, OneQueryMatchesForEachHeadDimAndDType) {
  for (const DType dtype : kDTypes) {
    for (const int32_t head_dim : {8, 16, 20, 64, 80, 96, 128, 256}) {
      expect_matches({.q_heads = 6,
                      .kv_heads = 2,
                      .head_dim = head_dim,
                      .keys = 75,
                      .first_query = 74,
                      .dtype = dtype,
                      .kept_rows = 1});
    }
  }
}

TEST_P(Attend, ManyQueriesMatchForEachHeadDimAndDType) {
  for (const DType dtype : kDTypes) {
    for (const int32_t head_dim : {8, 16, 20, 64, 80, 96, 128, 256}) {
      expect_matches({.rows = 37,
                      .q_heads = 4,
                      .kv_heads = 2,
                      .head_dim = head_dim,
                      .keys = 75,
                      .first_query = 38,
                      .dtype = dtype,
                      .kept_rows = 5});
    }
  }
}

TEST_P(Attend, EveryGroupSizeMatches) {
  for (int64_t group = 1; group <= 9; ++group) {
    for (const int64_t rows : {1, 18}) {
      expect_matches({.rows = rows,
                      .q_heads = 2 * group,
                      .kv_heads = 2,
                      .head_dim = 16,
                      .keys = 40,
                      .first_query = 40 - rows,
                      .dtype = DType::bf16,
                      .page_rows = 7,
                      .kept_rows = rows});
    }
  }
}

TEST_P(Attend, EveryRowCountAroundATileMatches) {
  for (const int64_t rows :
       {2, 3, 4, 5, 6, 7, 8, 13, 14, 15, 16, 31, 47, 48, 49, 55, 56, 57, 113}) {
    expect_matches({.rows = rows,
                    .head_dim = 16,
                    .keys = rows + 20,
                    .first_query = 20,
                    .kept_rows = std::min<int64_t>(rows, 3)});
  }
}

TEST_P(Attend, LongCachesMatchAcrossChunks) {
  // Chunks of 512 keys: one less, exactly, one more, several.
  for (const int64_t keys : {511, 512, 513, 1100, 2100}) {
    for (const int64_t rows : {1, 9}) {
      expect_matches({.rows = rows,
                      .q_heads = 7,
                      .kv_heads = 1,
                      .head_dim = 64,
                      .keys = keys,
                      .first_query = keys - rows,
                      .dtype = DType::bf16,
                      .page_rows = 64,
                      .kept_rows = 1});
    }
  }
}

TEST_P(Attend, EveryPageSizeGivesTheSameBits) {
  for (const int64_t rows : {1, 20}) {
    AttendCase c{.rows = rows,
                 .q_heads = 3,
                 .head_dim = 24,
                 .keys = 100,
                 .first_query = 100 - rows,
                 .dtype = DType::f16,
                 .page_rows = 128};
    const AttendProblem one_page(c);
    expect_attention(one_page, run_attend(exec(), one_page));
    for (const int32_t page_rows : {1, 3, 16, 33}) {
      c.page_rows = page_rows;
      const AttendProblem problem(c);
      expect_attention(problem, run_attend(exec(), problem));
    }
  }
}

TEST_P(Attend, WindowsHideOldKeys) {
  for (const int64_t window : {1, 2, 15, 16, 40, 1000}) {
    for (const int64_t rows : {1, 2, 60}) {
      expect_matches({.rows = rows,
                      .q_heads = 4,
                      .kv_heads = 2,
                      .head_dim = 32,
                      .keys = 90,
                      .first_query = 90 - rows,
                      .dtype = DType::bf16,
                      .window = window,
                      .kept_rows = rows});
    }
  }
}

TEST_P(Attend, EvictedRowsKeepTheirPositions) {
  for (const int64_t rows : {1, 40, 90}) {
    for (const int64_t window : {0, 30}) {
      expect_matches({.rows = rows,
                      .q_heads = 6,
                      .kv_heads = 3,
                      .head_dim = 16,
                      .keys = 80,
                      .first_query = 50,
                      .dtype = DType::bf16,
                      .page_rows = 5,
                      .window = window,
                      .evicted = true,
                      .kept_rows = rows});
    }
  }
}

// Keys behind the queries: the first queries see nothing, later ones do.
TEST_P(Attend, QueriesThatSeeNoKeyGiveZeros) {
  for (const int64_t rows : {1, 3, 30}) {
    const AttendCase c{.rows = rows,
                       .q_heads = 2,
                       .kv_heads = 2,
                       .head_dim = 16,
                       .keys = 20,
                       .first_query = -5,
                       .kept_rows = rows};
    const AttendProblem problem(c);
    const AttendResult result = run_attend(exec(2), problem);
    expect_attention(problem, result);
    for (int64_t i = 0; i < 2 * 16; ++i) ASSERT_EQ(result.out[size_t(i)], 0.0F);
    ASSERT_EQ(result.entropy[0], 0.0F);
    ASSERT_EQ(result.square_sums[0], 0.0F);
    for (size_t j = 0; j < 20; ++j) ASSERT_EQ(result.probabilities[j], 0.0F);
  }
}

TEST_P(Attend, EmptyHeadsGiveZeros) {
  for (const int64_t rows : {1, 20}) {
    const AttendProblem problem({.rows = rows, .head_dim = 16, .keys = 0, .kept_rows = rows});
    const AttendResult result = run_attend(exec(), problem);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t i = 0; i < 32; ++i) {
        ASSERT_EQ(result.out[size_t(r * result.out_stride + i)], 0.0F);
      }
    }
  }
}

TEST_P(Attend, LargeScoresDoNotOverflow) {
  // Scores of some hundreds, as Qwen2's biased keys give: one key takes nearly everything.
  for (const int64_t rows : {1, 25}) {
    const AttendCase c{.rows = rows,
                       .q_heads = 2,
                       .head_dim = 64,
                       .keys = 600,
                       .first_query = 600 - rows,
                       .q_magnitude = 2000,
                       .kept_rows = rows};
    const AttendProblem problem(c);
    const AttendResult result = run_attend(exec(), problem);
    expect_attention(problem, result);
    for (const float value : result.out) ASSERT_TRUE(std::isfinite(value));
  }
}

TEST_P(Attend, WritesNothingBesideItsRows) {
  const AttendCase c{.rows = 19, .head_dim = 20, .keys = 30, .first_query = 11, .kept_rows = 4};
  const AttendProblem problem(c);
  const AttendResult result = run_attend(exec(2), problem);
  for (int64_t r = 0; r < c.rows; ++r) {
    for (int64_t i = c.q_heads * c.head_dim; i < result.out_stride; ++i) {
      ASSERT_EQ(result.out[size_t(r * result.out_stride + i)], kUntouched);
    }
  }
  for (int64_t h = 0; h < c.q_heads; ++h) {
    for (int64_t i = c.rows; i < result.row_stats_stride; ++i) {
      ASSERT_EQ(result.entropy[size_t(h * result.row_stats_stride + i)], kUntouched);
    }
    for (int64_t r = 0; r < c.kept_rows; ++r) {
      for (int64_t j = c.keys; j < result.row_stride; ++j) {
        ASSERT_EQ(result.probabilities[size_t(h * result.head_stride + r * result.row_stride + j)],
                  kUntouched);
      }
    }
    for (int64_t j = c.keys; j < result.column_stride; ++j) {
      ASSERT_EQ(result.column_sums[size_t(h * result.column_stride + j)], kColumnStart);
    }
  }
}

TEST_P(Attend, ResultsDoNotDependOnTheNumberOfThreads) {
  for (const int64_t rows : {1, 3, 150}) {
    const AttendCase c{.rows = rows,
                       .q_heads = 6,
                       .kv_heads = 2,
                       .head_dim = 32,
                       .keys = 1300,
                       .first_query = 1300 - rows,
                       .dtype = DType::bf16,
                       .kept_rows = rows};
    const AttendProblem problem(c);
    const AttendResult one = run_attend(exec(1), problem);
    for (const int threads : {2, 3}) {
      EXPECT_TRUE(run_attend(exec(threads), problem).same_as(one)) << rows << ", " << threads;
    }
  }
}

}  // namespace
}  // namespace kvreel::kernels::test
