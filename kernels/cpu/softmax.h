// Exact softmax of a row of scores in two passes, with the sums that its statistics come from.
#pragma once

#include "kernels/cpu/ops.h"
#include "kernels/cpu/simd_common.h"

namespace kvreel::kernels::cpu::KVREEL_ISA {

constexpr float kNoScore = -__builtin_inff();

// Over the keys that a query sees, with e = exp(s - max).
struct ExpSums {
  double sum = 0;         // of e
  double square_sum = 0;  // of e^2
  double weighted = 0;    // of e (s - max)
};

// The greatest of scores [count]. Fills up to the next whole vector with -inf: scores has room for
// that.
inline float greatest_score(float* scores, int64_t count) {
  const int64_t padded = round_up(count, kLanes);
  for (int64_t j = count; j < padded; ++j) scores[j] = kNoScore;
  Vf greatest = set1(kNoScore);
  for (int64_t j = 0; j < padded; j += kLanes) greatest = max(greatest, load(scores + j));
  return max_of(greatest);
}

// Turns scores, padded by greatest_score, into e = exp(s - max), zero in the padding, and sums them
// up.
inline ExpSums exponentiate(float* scores, int64_t count, float max_score) {
  // fp32 sums of this many keys go into double: a row's error does not grow with its length.
  constexpr int64_t kBlock = 512;
  ExpSums sums;
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t end = min_of(begin + kBlock, count);
    Vf total = zero(), squares = zero(), weighted = zero();
    for (int64_t j = begin; j < end; j += kLanes) {
      // A finite bound, because the padding's -inf times e = 0 would be NaN.
      const Vf below = max(set1(-1000.0F), load(scores + j) - set1(max_score));
      const Vf e = exp(below);
      store(scores + j, e);
      total = total + e;
      squares = fma(e, e, squares);
      weighted = fma(e, below, weighted);
    }
    sums.sum += double(sum(total));
    sums.square_sum += double(sum(squares));
    sums.weighted += double(sum(weighted));
  }
  return sums;
}

// Row statistics of query head h and query `row` of the call. With a = e / sum: sum a^2 = sum e^2 /
// sum^2, and -sum a ln a = ln(sum) - sum e (s - max) / sum. All sums zero: the query sees no key,
// and both are 0.
inline void write_row_statistics(const AttendArgs& args, int64_t h, int64_t row,
                                 const ExpSums& sums) {
  double square_sum = 0, entropy = 0;
  if (sums.sum != 0) {
    square_sum = sums.square_sum / (sums.sum * sums.sum);
    entropy = __builtin_log(sums.sum) - sums.weighted / sums.sum;
    if (entropy < 0) entropy = 0;  // rounding, where one key takes everything
  }
  const int64_t at = h * args.row_stats_stride + row;
  if (args.row_square_sums != nullptr) args.row_square_sums[at] = float(square_sum);
  if (args.row_entropy != nullptr) args.row_entropy[at] = float(entropy);
}

}  // namespace kvreel::kernels::cpu::KVREEL_ISA
