// Means of scores and differences between runs, with 95 % intervals.
#include "exports/tables/score_statistics.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "exports/tables/statistics.h"

namespace kvreel::exports {
namespace {

MeanInterval paired_share_interval(int64_t gained, int64_t lost, int64_t n) {
  const double count = static_cast<double>(n) + 2;
  const double a = (static_cast<double>(gained) + 1) / count;
  const double b = (static_cast<double>(lost) + 1) / count;
  const double half = kNormalQuantile * std::sqrt((a + b - (a - b) * (a - b)) / count);
  return {std::max(a - b - half, -1.0), std::min(a - b + half, 1.0)};
}

}  // namespace

bool are_shares(std::span<const double> scores) {
  return std::all_of(scores.begin(), scores.end(), [](double score) {
    return std::isnan(score) || std::abs(score) <= kScoreRounding ||
           std::abs(score - 1) <= kScoreRounding;
  });
}

std::optional<MeanScore> mean_score(std::span<const double> scores) {
  const std::optional<Spread> spread = spread_of({scores.begin(), scores.end()});
  if (!spread) return std::nullopt;
  MeanScore score{.n = spread->n, .mean = spread->mean, .interval = {}, .hits = {}};
  if (are_shares(scores)) {
    const int64_t hits =
        std::count_if(scores.begin(), scores.end(), [](double value) { return value > 0.5; });
    const Proportion share = *proportion_of(hits, spread->n);
    score.hits = hits;
    // Rounding may leave an end of the interval on the wrong side of its middle.
    score.interval =
        MeanInterval{std::min(share.low, share.share()), std::max(share.high, share.share())};
    score.mean = share.share();
  } else if (const std::optional<MeanInterval> interval = mean_interval_of(*spread)) {
    // A mean outside of 0 to 1, as in a damaged file, stays within its interval.
    score.interval = MeanInterval{std::min(std::max(interval->low, 0.0), score.mean),
                                  std::max(std::min(interval->high, 1.0), score.mean)};
  }
  return score;
}

std::optional<MeanDifference> paired_difference(std::span<const double> mine,
                                                std::span<const double> theirs) {
  MeanDifference difference;
  std::vector<double> differences;
  bool shares = true;
  for (size_t i = 0; i < std::min(mine.size(), theirs.size()); ++i) {
    if (std::isnan(mine[i]) || std::isnan(theirs[i])) continue;
    differences.push_back(mine[i] - theirs[i]);
    difference.lost += mine[i] < theirs[i] - kScoreRounding;
    difference.gained += mine[i] > theirs[i] + kScoreRounding;
    shares = shares && are_shares(mine.subspan(i, 1)) && are_shares(theirs.subspan(i, 1));
  }
  const std::optional<Spread> spread = spread_of(std::move(differences));
  if (!spread) return std::nullopt;
  difference.n = spread->n;
  difference.mean = spread->mean;
  difference.interval =
      shares
          ? std::optional(paired_share_interval(difference.gained, difference.lost, difference.n))
          : mean_interval_of(*spread);
  return difference;
}

}  // namespace kvreel::exports
