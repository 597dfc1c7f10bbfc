// ReFreeKV's other metrics against whole attention matrices, and its other options.
#include <algorithm>
#include <cmath>
#include <map>

#include "engine/policy/norm_curve.h"
#include "engine/toy_attention.h"

namespace kvreel::engine {
namespace {

using namespace testing;
using Matrix = ToyAttention::Matrix;

constexpr int64_t kPositions = 24;
constexpr size_t kSinks = 4;

enum class Norm { sum, root };

double sum_of(const Matrix& matrix, bool squares) {
  double sum = 0;
  for (const auto& row : matrix) {
    for (const double a : row) sum += squares ? a * a : a;
  }
  return sum;
}

// The released code's metrics as they are stated: the matrix is masked anew for every i. `evicted`:
// the first i candidates, oldest first.
struct BruteForce {
  std::vector<Matrix> heads;
  size_t n;
  size_t first;  // candidate columns begin here

  // The matrix with the columns outside the metric, and rows and columns of [first, first + i),
  // zeroed.
  Matrix masked(const Matrix& matrix, size_t i, size_t first_column) const {
    Matrix left = matrix;
    for (size_t r = 0; r < n; ++r) {
      for (size_t c = 0; c < n; ++c) {
        const auto gone = [&](size_t at) { return at >= first && at < first + i; };
        if (c < first_column || gone(r) || gone(c)) left[r][c] = 0;
      }
    }
    return left;
  }

  // mean_h ||A_h - mask_i(A_h)|| / mean_h ||A_h||
  double removed(size_t i, bool squares) const {
    double gone = 0;
    double base = 0;
    for (const Matrix& matrix : heads) {
      Matrix difference = masked(matrix, 0, first);
      const Matrix left = masked(matrix, i, first);
      const double whole = sum_of(difference, squares);
      for (size_t r = 0; r < n; ++r) {
        for (size_t c = 0; c < n; ++c) difference[r][c] -= left[r][c];
      }
      gone += squares ? std::sqrt(sum_of(difference, true)) : sum_of(difference, false);
      base += squares ? std::sqrt(whole) : whole;
    }
    return gone / base;
  }

  // The drop of sum_h f(sum of squares of the candidate columns, or rows, from i on).
  double drop(size_t i, bool rows, Norm norm, size_t kept_from) const {
    double base = 0;
    double left = 0;
    const auto f = [&](double sum) { return norm == Norm::root ? std::sqrt(sum) : sum; };
    for (const Matrix& matrix : heads) {
      double whole = 0;
      double remaining = 0;
      for (size_t t = kept_from; t < n; ++t) {
        double energy = 0;
        for (size_t u = 0; u < n; ++u) {
          const double a = rows ? matrix[t][u] : matrix[u][t];
          energy += a * a;
        }
        whole += energy;
        if (t < first || t >= first + i) remaining += energy;
      }
      base += f(whole);
      left += f(remaining);
    }
    return (base - left) / base;
  }
};

BruteForce brute_force(ToyAttention& toy) {
  BruteForce brute{.heads = {}, .n = kPositions, .first = kSinks};
  for (int head = 0; head < toy.config().q_heads; ++head) {
    brute.heads.push_back(toy.attention(0, head));
  }
  return brute;
}

NormCurve curve_of(ToyAttention& toy, const std::string& options) {
  const auto decisions = toy.prefill("refreekv:keep-layers=none,threshold=0," + options);
  return *decisions.at(0).curve;
}

// Statistics are floats (relative error 6e-8 each), distances are stored as floats.
constexpr double kTolerance = 2e-6;

TEST(ReFreeKvMetric, IsWhatTheMaskedMatrixGives) {
  struct Case {
    const char* metric;
    std::function<double(const BruteForce&, size_t)> expected;
  };
  const std::vector<Case> cases = {
      {"col-square-sum",
       [](const BruteForce& b, size_t i) { return b.drop(i, false, Norm::sum, kSinks); }},
      {"col-sqrt-sum",
       [](const BruteForce& b, size_t i) { return b.drop(i, false, Norm::root, kSinks); }},
      {"row-square-sum",
       [](const BruteForce& b, size_t i) { return b.drop(i, true, Norm::sum, kSinks); }},
      {"row-sqrt-sum",
       [](const BruteForce& b, size_t i) { return b.drop(i, true, Norm::root, kSinks); }},
      {"norm-1", [](const BruteForce& b, size_t i) { return b.removed(i, false); }},
      {"norm-2", [](const BruteForce& b, size_t i) { return b.removed(i, true); }},
      {"norm-fro", [](const BruteForce& b, size_t i) { return b.removed(i, true); }}};
  for (uint32_t seed = 1; seed <= 5; ++seed) {
    for (const Case& each : cases) {
      ToyAttention toy(kPositions, seed);
      const BruteForce brute = brute_force(toy);
      const NormCurve curve = curve_of(toy, std::string("metric=") + each.metric);
      ASSERT_EQ(curve.distance.size(), kPositions - kSinks);
      for (size_t i = 0; i < curve.distance.size(); ++i) {
        EXPECT_NEAR(curve.distance[i], each.expected(brute, i), kTolerance)
            << each.metric << " at " << i << ", seed " << seed;
        if (i > 0) {
          EXPECT_GE(curve.distance[i], curve.distance[i - 1]) << each.metric;
        }
      }
    }
  }
}

TEST(ReFreeKvMetric, HasABaseOverAllPositionsToo) {
  ToyAttention toy(kPositions, 7);
  const BruteForce brute = brute_force(toy);
  const NormCurve curve = curve_of(toy, "metric=col-sqrt-sum,base=all");
  for (size_t i = 0; i < curve.distance_all.size(); ++i) {
    EXPECT_NEAR(curve.distance_all[i], brute.drop(i, false, Norm::root, 0), kTolerance);
  }
}

TEST(ReFreeKvMetric, OfARemovedPartNeedsCausality) {
  // What the column sums rest on: without sinks and causally, the rows of what is evicted hold
  // nothing beyond its columns. With a mask that lets them see later keys the two differ.
  ToyAttention toy(kPositions, 3);
  const auto removed_by_columns = [](const Matrix& matrix, size_t i) {
    double sum = 0;
    for (const auto& row : matrix) {
      for (size_t c = 0; c < i; ++c) sum += row[c];
    }
    return sum / sum_of(matrix, false);
  };
  for (const bool causal : {true, false}) {
    BruteForce brute{.heads = {toy.attention(0, 0, causal)}, .n = kPositions, .first = 0};
    const double difference = brute.removed(6, false) - removed_by_columns(brute.heads[0], 6);
    if (causal) {
      EXPECT_NEAR(difference, 0, 1e-12);
    } else {
      EXPECT_GT(difference, 0.01);
    }
  }
}

TEST(ReFreeKvMetric, CutsAtItsOwnCurve) {
  for (const char* metric : {"col-square-sum", "row-sqrt-sum", "norm-1", "norm-fro"}) {
    ToyAttention toy(kPositions, 11);
    const std::string spec =
        std::string("refreekv:keep-layers=none,threshold=70%,metric=") + metric;
    const Decision decision = toy.prefill(spec).at(0);
    EXPECT_EQ(decision.cut, cut_at(decision.curve->distance, 0.7)) << metric;
    EXPECT_GT(decision.cut, 0) << metric;
    EXPECT_EQ(decision.kept.count(), kPositions - decision.cut) << metric;
    EXPECT_EQ(decision.halt_position, static_cast<int32_t>(kSinks) + decision.cut) << metric;
  }
}

TEST(ReFreeKvMetric, SaysWhatNeedsTheMatrix) {
  EXPECT_TRUE(contains(spec_error("refreekv:metric=norm-1,rank=attention"),
                       "needs the n x n attention matrix"));
  EXPECT_TRUE(contains(spec_error("refreekv:metric=norm-fro,preset=released-script"),
                       "needs the n x n attention matrix"));
  EXPECT_TRUE(contains(spec_error("refreekv:metric=norm-inf"), "largest entry of every column"));
  EXPECT_TRUE(contains(spec_error("refreekv:metric=col-sqrt-sum,rows=2"), "metric=last-row"));
  EXPECT_TRUE(contains(spec_error("refreekv:metric=norm-1,rounding=bf16"), "metric=last-row"));
  EXPECT_TRUE(contains(spec_error("refreekv:metric=norm1"), "Did you mean 'norm-1'?"));
  EXPECT_TRUE(contains(spec_error("refreekv:threshold=-101%"),
                       "threshold=-101% is not a share between -1 and 1"));
  EXPECT_TRUE(contains(spec_error("refreekv:budget=0"), "keeps nothing"));
  EXPECT_EQ(spec_error("refreekv:metric=col-sqrt-sum,rank=attention"), "no error");
}

TEST(ReFreeKvMetric, RanksColumnsByAttentionWithoutTheMatrix) {
  ToyAttention toy(kPositions, 5);
  const BruteForce brute = brute_force(toy);
  const auto decisions =
      toy.prefill("refreekv:keep-layers=none,metric=col-square-sum,rank=attention,threshold=20%");
  ASSERT_EQ(decisions.size(), 2u);
  const size_t i = 9;
  double whole = 0;
  double left = 0;
  for (size_t head = 0; head < 4; ++head) {
    const std::vector<int32_t>& ranking = *decisions[head / 2].ranking;
    for (size_t t = 0; t < ranking.size(); ++t) {
      double energy = 0;
      for (size_t r = 0; r < kPositions; ++r) {
        energy += std::pow(brute.heads[head][r][static_cast<size_t>(ranking[t])], 2);
      }
      whole += energy;
      if (t >= i) left += energy;
    }
  }
  EXPECT_NEAR(decisions[0].curve->distance[i], (whole - left) / whole, kTolerance);
  EXPECT_TRUE(std::is_sorted(decisions[0].scores->begin(), decisions[0].scores->end()));
}

TEST(ReFreeKvRows, AreSummedWhereTheyAreNotAveraged) {
  ToyAttention toy(kPositions, 2);
  const NormCurve mean = curve_of(toy, "rows=3");
  ToyAttention again(kPositions, 2);
  const NormCurve sum = curve_of(again, "rows=3,normalize=sum");
  double square_sum = 0;
  for (int head = 0; head < 4; ++head) {
    const Matrix rows = toy.attention(0, head);
    double squares = 0;
    for (size_t j = kSinks; j < kPositions; ++j) {
      const double entry =
          rows[kPositions - 1][j] + rows[kPositions - 2][j] + rows[kPositions - 3][j];
      squares += entry * entry;
    }
    square_sum += std::sqrt(squares);
  }
  EXPECT_NEAR(sum.base_norm, square_sum / 4, kTolerance);
  EXPECT_LT(mean.base_norm, sum.base_norm);
}

TEST(ReFreeKvRows, SeeLaterTokensWhereTheReleasedCodeLetsThem) {
  ToyAttention toy(kPositions, 9);
  const NormCurve curve = curve_of(toy, "rows=3,rows-mask=none");
  std::vector<Matrix> heads;
  for (int head = 0; head < 4; ++head) heads.push_back(toy.attention(0, head, false));
  std::vector<double> norms;
  for (size_t i = 0; i < kPositions - kSinks; ++i) {
    double norm = 0;
    for (const Matrix& rows : heads) {
      double squares = 0;
      for (size_t j = kSinks + i; j < kPositions; ++j) {
        double mean = 0;
        for (size_t r = kPositions - 3; r < kPositions; ++r) mean += rows[r][j] / 3;
        squares += mean * mean;
      }
      norm += std::sqrt(squares);
    }
    norms.push_back(norm);
  }
  for (size_t i = 0; i < norms.size(); ++i) {
    EXPECT_NEAR(curve.distance[i], (norms[0] - norms[i]) / norms[0], kTolerance) << i;
  }
}

TEST(ReFreeKvRows, OfOneAreTheSameWithAndWithoutAMask) {
  ToyAttention causal(kPositions, 4);
  ToyAttention unmasked(kPositions, 4);
  EXPECT_EQ(curve_of(causal, "rows=1").distance, curve_of(unmasked, "rows-mask=none").distance);
}

TEST(ReFreeKvBudget, DropsWhatLiesBetweenSinksAndWindowOutsideTheMetric) {
  // 24 positions at 50 %: 12 of them, 4 sinks and the newest 8; 8 go whatever is measured.
  ToyAttention toy(kPositions, 6);
  const BruteForce brute = brute_force(toy);
  const Decision decision = toy.prefill("refreekv:keep-layers=none,threshold=5%,budget=50%").at(0);
  ASSERT_EQ(decision.ranking->size(), 20u);
  ASSERT_EQ(decision.curve->distance.size(), 20u);
  EXPECT_GE(decision.cut, 12);
  for (size_t i = 0; i <= 12; ++i) EXPECT_EQ(decision.curve->distance[i], 0);
  double base = 0;
  double left = 0;
  for (const Matrix& rows : brute.heads) {
    double squares = 0;
    for (size_t j = 17; j < kPositions; ++j) squares += std::pow(rows[kPositions - 1][j], 2);
    left += std::sqrt(squares);
    squares += std::pow(rows[kPositions - 1][16], 2);
    base += std::sqrt(squares);
  }
  EXPECT_NEAR(decision.curve->distance[13], (base - left) / base, kTolerance);
  EXPECT_EQ(decision.cut, cut_at(decision.curve->distance, 0.05));
  EXPECT_EQ(decision.kept.count(), kPositions - decision.cut);
  EXPECT_TRUE(decision.kept.contains(3));
  EXPECT_FALSE(decision.kept.contains(4));
  EXPECT_FALSE(decision.kept.contains(15));
}

TEST(ReFreeKvBudget, LeavesAWindowOfOneWhereSinksFillIt) {
  ToyAttention toy(kPositions, 6);
  const Decision decision = toy.prefill("refreekv:keep-layers=none,budget=3").at(0);
  EXPECT_EQ(decision.kept, KeptSet::of({0, 1, 23}));
}

TEST(ReFreeKvRandom, KeepsWhatTheDrawsHit) {
  ToyAttention toy(kPositions, 1);
  const auto decisions = toy.prefill("refreekv:keep-layers=none,threshold=-50%");
  ASSERT_EQ(decisions.size(), 2u);  // by KV head
  for (const Decision& decision : decisions) {
    EXPECT_EQ(decision.reason, Reason::fixed_budget);
    EXPECT_EQ(decision.curve, nullptr);
    EXPECT_TRUE(std::isnan(decision.threshold));
    // Ten draws of 20 candidates, some of them twice; sinks stay.
    EXPECT_LE(decision.kept.count(), 14);
    EXPECT_GT(decision.kept.count(), 5);
    for (int32_t sink = 0; sink < 4; ++sink) EXPECT_TRUE(decision.kept.contains(sink));
    EXPECT_EQ(decision.kept.count(), kPositions - decision.cut);
  }
  EXPECT_NE(decisions[0].kept, decisions[1].kept);

  ToyAttention again(kPositions, 2);
  EXPECT_EQ(again.prefill("refreekv:keep-layers=none,threshold=-50%").at(0).kept,
            decisions[0].kept);
  ToyAttention other(kPositions, 1);
  EXPECT_NE(other.prefill("refreekv:keep-layers=none,threshold=-50%,seed=1").at(0).kept,
            decisions[0].kept);
}

TEST(ReFreeKvDefaults, AreThePapersInEveryNewOption) {
  std::map<std::string, std::string> parameters;
  for (const auto& [key, value] : make_policy(parse_policy_specs("refreekv").at(0))->parameters()) {
    parameters[key] = value;
  }
  EXPECT_EQ(parameters["metric"], "last-row");
  EXPECT_EQ(parameters["normalize"], "mean");
  EXPECT_EQ(parameters["rows-mask"], "causal");
  EXPECT_EQ(parameters["budget"], "100%");
  EXPECT_EQ(parameters["seed"], "0");
}

}  // namespace
}  // namespace kvreel::engine
