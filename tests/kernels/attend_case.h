// Attention problems for the tests: a cache in shuffled pages, queries, a run of the kernel with
// every statistic, and the same in double precision.
#pragma once

#include <algorithm>
#include <utility>

#include "kernel_test.h"

namespace kvreel::kernels::test {

// What a test varies. Query i stands at first_query + i; each KV head holds `keys` rows or a few
// fewer.
struct AttendCase {
  int64_t rows = 1;
  int64_t q_heads = 2;
  int64_t kv_heads = 1;
  int32_t head_dim = 64;
  int64_t keys = 10;
  int64_t first_query = 9;
  DType dtype = DType::f32;
  int32_t page_rows = 16;
  int64_t window = 0;
  bool evicted = false;    // positions have gaps, and the heads hold different rows
  double q_magnitude = 1;  // queries are drawn from [-q_magnitude, q_magnitude]
  int64_t kept_rows = 0;   // rows of probabilities that are asked for
};

inline std::string describe(const AttendCase& c) {
  return std::to_string(c.rows) + " rows, " + std::to_string(c.q_heads) + "/" +
         std::to_string(c.kv_heads) + " heads of " + std::to_string(c.head_dim) + ", " +
         std::to_string(c.keys) + " keys of " + std::string(name_of(c.dtype)) + " in pages of " +
         std::to_string(c.page_rows) + ", window " + std::to_string(c.window);
}

// One KV head's rows: exact keys and values, and the pages that hold them in shuffled order.
struct CachedRows {
  std::vector<int32_t> positions;
  std::vector<double> keys, values;  // [length, head_dim]
  std::vector<std::vector<unsigned char>> storage;
  std::vector<void*> pages;
};

inline CachedRows make_rows(const AttendCase& c, int64_t kv_head) {
  CachedRows rows;
  int32_t position = c.evicted ? int32_t(kv_head) : 0;
  const int64_t length = c.evicted ? std::max<int64_t>(0, c.keys - 3 * kv_head) : c.keys;
  std::mt19937 generator(uint32_t(100 + kv_head));
  for (int64_t j = 0; j < length; ++j) {
    rows.positions.push_back(position);
    position += 1 + (c.evicted ? int32_t(generator() % 3) : 0);
  }
  const PageLayout layout{.dtype = c.dtype, .page_rows = c.page_rows, .head_dim = c.head_dim};
  const size_t count = size_t((length + c.page_rows - 1) / c.page_rows);
  std::vector<size_t> order(count);
  for (size_t i = 0; i < count; ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), generator);
  // Whatever lies behind the last row must not matter: NaNs.
  rows.storage.assign(count, std::vector<unsigned char>(layout.page_bytes(), 0xff));
  for (size_t i = 0; i < count; ++i) rows.pages.push_back(rows.storage[order[i]].data());

  const Stored k = random_stored(c.dtype, length * c.head_dim, uint32_t(200 + kv_head));
  const Stored v = random_stored(c.dtype, length * c.head_dim, uint32_t(300 + kv_head));
  rows.keys = k.values;
  rows.values = v.values;
  const size_t row_bytes = size_t(c.head_dim) * size_of(c.dtype);
  for (size_t j = 0; j < size_t(length); ++j) {
    unsigned char* page = static_cast<unsigned char*>(rows.pages[j / size_t(c.page_rows)]);
    unsigned char* key = page + j % size_t(c.page_rows) * row_bytes;
    std::memcpy(key, &k.bytes[j * row_bytes], row_bytes);
    std::memcpy(key + layout.value_offset(), &v.bytes[j * row_bytes], row_bytes);
  }
  return rows;
}

struct AttendProblem {
  AttendCase c;
  std::vector<CachedRows> caches;  // [kv_heads]
  std::vector<CachedHead> heads;   // views of caches
  std::vector<int32_t> query_positions;
  std::vector<float> q;  // [rows, q_stride]
  int64_t q_stride = 0;
  float scale = 1;

  explicit AttendProblem(const AttendCase& of) : c(of) {
    for (int64_t h = 0; h < c.kv_heads; ++h) caches.push_back(make_rows(c, h));
    for (const CachedRows& rows : caches) {
      heads.push_back({.pages = rows.pages.data(),
                       .positions = rows.positions.data(),
                       .length = int64_t(rows.positions.size())});
    }
    for (int64_t r = 0; r < c.rows; ++r) query_positions.push_back(int32_t(c.first_query + r));
    q_stride = c.q_heads * c.head_dim + 7;
    const float magnitude = float(c.q_magnitude);
    q = random_floats(c.rows * q_stride, 400, -magnitude, magnitude);
    scale = 1.0F / std::sqrt(float(c.head_dim));
  }
};

// Everything that a run writes. Column statistics start from kColumnStart, the rest from
// kUntouched.
constexpr float kUntouched = -123.0F;
constexpr float kColumnStart = 0.5F;
struct AttendResult {
  std::vector<float> out, square_sums, entropy, probabilities, column_sums, column_square_sums;
  int64_t out_stride = 0, row_stats_stride = 0, row_stride = 0, head_stride = 0, column_stride = 0;

  bool same_as(const AttendResult& other) const {
    return same_bits(out, other.out) && same_bits(square_sums, other.square_sums) &&
           same_bits(entropy, other.entropy) && same_bits(probabilities, other.probabilities) &&
           same_bits(column_sums, other.column_sums) &&
           same_bits(column_square_sums, other.column_square_sums);
  }
};

inline cpu::AttendArgs attend_args(const AttendProblem& p, AttendResult& result) {
  const AttendCase& c = p.c;
  result.out_stride = c.q_heads * c.head_dim + 3;
  result.row_stats_stride = c.rows + 2;
  result.row_stride = c.keys + 5;
  result.head_stride = c.kept_rows * result.row_stride + 1;
  result.column_stride = c.keys + 9;
  result.out.assign(size_t(c.rows * result.out_stride), kUntouched);
  result.square_sums.assign(size_t(c.q_heads * result.row_stats_stride), kUntouched);
  result.entropy = result.square_sums;
  result.probabilities.assign(size_t(c.q_heads * result.head_stride), kUntouched);
  result.column_sums.assign(size_t(c.q_heads * result.column_stride), kColumnStart);
  result.column_square_sums = result.column_sums;

  cpu::AttendArgs args;
  args.q = p.q.data();
  args.q_stride = p.q_stride;
  args.rows = c.rows;
  args.q_heads = c.q_heads;
  args.kv_heads = c.kv_heads;
  args.query_positions = p.query_positions.data();
  args.layout = {.dtype = c.dtype, .page_rows = c.page_rows, .head_dim = c.head_dim};
  args.heads = p.heads.data();
  args.window = c.window;
  args.scale = p.scale;
  args.out = result.out.data();
  args.out_stride = result.out_stride;
  args.row_square_sums = result.square_sums.data();
  args.row_entropy = result.entropy.data();
  args.row_stats_stride = result.row_stats_stride;
  if (c.kept_rows > 0) args.probabilities = result.probabilities.data();
  args.probability_rows = c.kept_rows;
  args.probability_row_stride = result.row_stride;
  args.probability_head_stride = result.head_stride;
  args.column_sums = result.column_sums.data();
  args.column_square_sums = result.column_square_sums.data();
  args.column_stride = result.column_stride;
  return args;
}

inline AttendResult run_attend(const cpu::Exec& exec, const AttendProblem& p) {
  AttendResult result;
  cpu::attend(exec, attend_args(p, result));
  return result;
}

// One query's probabilities over a head's rows in double precision, and how far fp32 may be from
// them.
struct ReferenceRow {
  std::vector<double> probabilities;  // [length], zero where the query may not see
  double relative_error = 0;          // of each probability
  bool sees_any = false;
};

inline ReferenceRow reference_row(const AttendProblem& p, int64_t row, int64_t h) {
  const AttendCase& c = p.c;
  const CachedRows& cache = p.caches[size_t(h / (c.q_heads / c.kv_heads))];
  const float* q = p.q.data() + row * p.q_stride + h * c.head_dim;
  const int64_t at = p.query_positions[size_t(row)];
  ReferenceRow reference;
  std::vector<double> scores;
  std::vector<size_t> seen;
  double largest = 0;  // sum of |q_i k_i| scale
  for (size_t j = 0; j < cache.positions.size(); ++j) {
    const int64_t position = cache.positions[j];
    if (position > at || (c.window > 0 && position <= at - c.window)) continue;
    double score = 0, magnitude = 0;
    for (int64_t i = 0; i < c.head_dim; ++i) {
      const double term = double(q[i]) * cache.keys[j * size_t(c.head_dim) + size_t(i)];
      score += term;
      magnitude += std::abs(term);
    }
    seen.push_back(j);
    scores.push_back(score * double(p.scale));
    largest = std::max(largest, magnitude * double(p.scale));
  }
  reference.probabilities.assign(cache.positions.size(), 0.0);
  if (seen.empty()) return reference;
  reference.sees_any = true;
  const double max = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (const double s : scores) sum += std::exp(s - max);
  for (size_t i = 0; i < seen.size(); ++i) {
    reference.probabilities[seen[i]] = std::exp(scores[i] - max) / sum;
  }
  // A score's dot product and its difference from the maximum (at most twice the largest score) are
  // off by delta; so are the maximum's; e^x turns that into a relative error. The normaliser adds
  // its own sum.
  const double delta = (sum_error(c.head_dim) + 2 * kUnit) * largest;
  reference.relative_error = 4 * delta + sum_error(int64_t(seen.size()));
  return reference;
}

// Compares a run with the reference: outputs, row statistics, probabilities, columns.
inline void expect_attention(const AttendProblem& p, const AttendResult& result) {
  const AttendCase& c = p.c;
  // Probabilities below this are subnormal or vanish in fp32.
  constexpr double kTiny = 1e-37;
  for (int64_t h = 0; h < c.q_heads; ++h) {
    const CachedRows& cache = p.caches[size_t(h / (c.q_heads / c.kv_heads))];
    const size_t length = cache.positions.size();
    std::vector<double> sums(length, 0.0), squares(length, 0.0), slack(length, 0.0);
    for (int64_t r = 0; r < c.rows; ++r) {
      const ReferenceRow row = reference_row(p, r, h);
      const double error = row.relative_error;
      double square_sum = 0, entropy = 0;
      for (size_t j = 0; j < length; ++j) {
        const double a = row.probabilities[j];
        sums[j] += a;
        squares[j] += a * a;
        slack[j] += a * error + kTiny;
        square_sum += a * a;
        if (a > 0) entropy -= a * std::log(a);
      }
      for (int64_t i = 0; i < c.head_dim; ++i) {
        double expected = 0, magnitude = 0;
        for (size_t j = 0; j < length; ++j) {
          const double term =
              row.probabilities[j] * cache.values[j * size_t(c.head_dim) + size_t(i)];
          expected += term;
          magnitude += std::abs(term);
        }
        const double tolerance = (error + sum_error(int64_t(length))) * magnitude + kTiny;
        ASSERT_NEAR(result.out[size_t(r * result.out_stride + h * c.head_dim + i)], expected,
                    tolerance)
            << describe(c) << ": row " << r << ", head " << h << ", dimension " << i;
      }
      const size_t statistic = size_t(h * result.row_stats_stride + r);
      ASSERT_NEAR(result.square_sums[statistic], square_sum, 3 * error * square_sum)
          << describe(c) << ": row " << r << ", head " << h;
      // d(-a ln a) = -(ln a + 1) da, and ln(sum) - weighted / sum cancels numbers of their size.
      const double spread = entropy + 2 + std::log(double(std::max<size_t>(1, length)));
      ASSERT_NEAR(result.entropy[statistic], entropy, error * spread)
          << describe(c) << ": row " << r << ", head " << h;
      const int64_t kept = r - (c.rows - c.kept_rows);
      for (size_t j = 0; kept >= 0 && j < length; ++j) {
        const double a = row.probabilities[j];
        const float* kernel =
            &result.probabilities[size_t(h * result.head_stride + kept * result.row_stride)];
        ASSERT_NEAR(kernel[j], a, error * a + (a > 0 ? kTiny : 0.0))
            << describe(c) << ": row " << r << ", head " << h << ", key " << j;
      }
    }
    for (size_t j = 0; j < length; ++j) {
      const size_t at = size_t(h * result.column_stride) + j;
      const double tolerance = 2 * slack[j] + sum_error(c.rows) * (sums[j] + double(kColumnStart));
      ASSERT_NEAR(result.column_sums[at] - kColumnStart, sums[j], tolerance)
          << describe(c) << ": head " << h << ", key " << j;
      ASSERT_NEAR(result.column_square_sums[at] - kColumnStart, squares[j], 2 * tolerance)
          << describe(c) << ": head " << h << ", key " << j;
    }
  }
}

}  // namespace kvreel::kernels::test
