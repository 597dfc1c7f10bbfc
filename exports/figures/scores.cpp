// Scores of runs, and what share of another run's score they retain.
#include "exports/figures/scores.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "exports/tables/statistics.h"

namespace kvreel::exports {
namespace {

constexpr double kZ = 1.959963984540054;  // the standard normal's 97.5 % quantile

// 1 right, 0 wrong, -1 without answers.
int exact_match(const WholePasses& passes, int32_t run, int32_t sample) {
  const std::optional<size_t> pass = passes.find(run, sample);
  return pass ? passes.exact_match[*pass] : -1;
}

// Wilson's interval of `hits` of n, at a quantile of its own.
Interval wilson(double hits, double n, double z) {
  const double middle = 2 * hits + z * z;
  const double half = z * std::sqrt(z * z + 4 * hits * (1 - hits / n));
  const double scale = 2 * (n + z * z);
  return {(middle - half) / scale, (middle + half) / scale};
}

}  // namespace

std::optional<Score> score_of(const WholePasses& passes, int32_t run,
                              std::span<const int32_t> samples) {
  int64_t hits = 0;
  int64_t n = 0;
  for (const int32_t sample : samples) {
    const int match = exact_match(passes, run, sample);
    n += match >= 0;
    hits += match > 0;
  }
  const std::optional<Proportion> share = proportion_of(hits, n);
  if (!share) return std::nullopt;
  // Rounding may leave an end of the interval on the wrong side of its middle.
  return Score{.n = n,
               .value = share->share(),
               .low = std::min(share->low, share->share()),
               .high = std::max(share->high, share->share())};
}

std::optional<Score> retention_of(const WholePasses& passes, int32_t run, int32_t reference,
                                  std::span<const int32_t> samples) {
  int64_t n = 0;
  int64_t both = 0;
  int64_t only_run = 0;
  int64_t only_reference = 0;
  for (const int32_t sample : samples) {
    const int mine = exact_match(passes, run, sample);
    const int theirs = exact_match(passes, reference, sample);
    if (mine < 0 || theirs < 0) continue;
    ++n;
    both += mine > 0 && theirs > 0;
    only_run += mine > 0 && theirs == 0;
    only_reference += mine == 0 && theirs > 0;
  }
  if (both + only_reference == 0) return std::nullopt;
  const Interval interval = paired_ratio_interval(both, only_run, only_reference);
  return Score{
      .n = n,
      .value = static_cast<double>(both + only_run) / static_cast<double>(both + only_reference),
      .low = interval.low,
      .high = interval.high};
}

void fail_without_answers(const FigureTrace& trace) {
  fail(
      "no sample of {} that the runs have finished has reference answers, so that there is no "
      "score; record prompts with a field 'answer', or name theirs with --answer-field",
      trace.source.trace.path());
}

Interval paired_ratio_interval(int64_t both, int64_t only_run, int64_t only_reference) {
  const auto x11 = static_cast<double>(both);
  const auto x12 = static_cast<double>(only_run);
  const auto x21 = static_cast<double>(only_reference);
  const double n = x11 + x12 + x21;  // samples that at least one of the two answers right
  const double mine = x11 + x12;
  const double theirs = x11 + x21;
  const double a = std::sqrt((x12 + x21 + 2) / ((mine + 1) * (theirs + 1)));
  const double b = std::sqrt((1 - (mine + 1) / (n + 2)) / (mine + 1));
  const double c = std::sqrt((1 - (theirs + 1) / (n + 2)) / (theirs + 1));
  const double z = a / (b + c) * kZ;
  const Interval of_mine = wilson(mine, n, z);
  const Interval of_theirs = wilson(theirs, n, z);
  return {of_mine.low / of_theirs.high, of_mine.high / of_theirs.low};
}

}  // namespace kvreel::exports
