// Scores of runs, and what share of another run's score they retain.
#include "exports/figures/scores.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "base/error.h"
#include "base/text.h"
#include "exports/tables/metrics.h"
#include "exports/tables/score_statistics.h"
#include "exports/tables/statistics.h"

namespace kvreel::exports {
namespace {

constexpr double kZ = 1.959963984540054;  // the standard normal's 97.5 % quantile

// NaN where the run has no score of the sample.
double score_at(const WholePasses& passes, int32_t run, int32_t sample) {
  const std::optional<size_t> pass = passes.find(run, sample);
  return pass && *pass < passes.score.size() ? passes.score[*pass] : plot::kNone;
}

// Wilson's interval of `hits` of n, at a quantile of its own.
Interval wilson(double hits, double n, double z) {
  const double middle = 2 * hits + z * z;
  const double half = z * std::sqrt(z * z + 4 * hits * (1 - hits / n));
  const double scale = 2 * (n + z * z);
  return {(middle - half) / scale, (middle + half) / scale};
}

Interval share_ratio_interval(std::span<const double> mine, std::span<const double> theirs) {
  int64_t both = 0;
  int64_t only_run = 0;
  int64_t only_reference = 0;
  for (size_t i = 0; i < mine.size(); ++i) {
    const bool right = mine[i] > 0.5;  // they are 0 or 1, but for rounding
    const bool reference = theirs[i] > 0.5;
    both += right && reference;
    only_run += right && !reference;
    only_reference += !right && reference;
  }
  return paired_ratio_interval(both, only_run, only_reference);
}

}  // namespace

std::string metric_of(const FigureSource& source) {
  const std::string& wanted = source.options.metric;
  std::vector<std::string> known;
  std::string first;
  for (const auto& trace : source.traces) {
    const MetricScores scores(trace->source.trace);
    if (first.empty() && !scores.names().empty()) first = scores.names().front();
    if (!wanted.empty() && scores.knows(wanted)) return wanted;
    known.insert(known.end(), scores.known().begin(), scores.known().end());
  }
  if (!wanted.empty()) {
    fail_usage("{} has no scores by a metric '{}'.{}", source.traces.front()->source.trace.path(),
               wanted, suggest_name(wanted, known));
  }
  return first.empty() ? std::string(kExactMatch) : first;
}

std::string score_label(std::string_view metric) {
  return metric == kExactMatch ? "Exact match" : score_noun(metric);
}

std::string score_noun(std::string_view metric) {
  return plot::escape_markup(metric_words(metric));
}

std::optional<Score> score_of(const WholePasses& passes, int32_t run,
                              std::span<const int32_t> samples) {
  std::vector<double> scores;
  for (const int32_t sample : samples) scores.push_back(score_at(passes, run, sample));
  const std::optional<MeanScore> mean = mean_score(scores);
  if (!mean) return std::nullopt;
  return Score{.n = mean->n,
               .value = mean->mean,
               .low = mean->interval ? mean->interval->low : mean->mean,
               .high = mean->interval ? mean->interval->high : mean->mean,
               .kind = mean->hits ? IntervalKind::wilson : IntervalKind::student};
}

std::optional<Score> retention_of(const WholePasses& passes, int32_t run, int32_t reference,
                                  std::span<const int32_t> samples) {
  std::vector<double> mine;
  std::vector<double> theirs;
  double sum = 0;
  double reference_sum = 0;
  for (const int32_t sample : samples) {
    const double score = score_at(passes, run, sample);
    const double other = score_at(passes, reference, sample);
    if (std::isnan(score) || std::isnan(other)) continue;
    mine.push_back(score);
    theirs.push_back(other);
    sum += score;
    reference_sum += other;
  }
  if (!(reference_sum > kScoreRounding)) return std::nullopt;
  const bool shares = are_shares(mine) && are_shares(theirs);
  const double value = sum / reference_sum;
  const Interval interval =
      shares ? share_ratio_interval(mine, theirs) : bootstrap_ratio_interval(mine, theirs);
  // Percentiles of few resamples may miss what was measured.
  return Score{.n = static_cast<int64_t>(mine.size()),
               .value = value,
               .low = std::min(interval.low, value),
               .high = std::max(interval.high, value),
               .kind = shares ? IntervalKind::paired_ratio : IntervalKind::bootstrap};
}

void fail_without_scores(const FigureTrace& trace, std::string_view metric) {
  if (metric != kExactMatch) {
    fail(
        "no sample of {} that the runs have finished is scored by '{}'; choose another metric with "
        "--metric, or other samples",
        trace.source.trace.path(), metric);
  }
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

Interval bootstrap_ratio_interval(std::span<const double> mine, std::span<const double> theirs) {
  std::mt19937 random(kBootstrapSeed);
  std::vector<double> ratios;
  ratios.reserve(kBootstrapResamples);
  for (int resample = 0; resample < kBootstrapResamples; ++resample) {
    double sum = 0;
    double reference = 0;
    for (size_t j = 0; j < mine.size(); ++j) {
      const size_t i = random() % mine.size();
      sum += mine[i];
      reference += theirs[i];
    }
    if (reference > 0) ratios.push_back(sum / reference);
  }
  if (ratios.empty()) return {plot::kNone, plot::kNone};
  std::sort(ratios.begin(), ratios.end());
  return {quantile(ratios, 0.025), quantile(ratios, 0.975)};
}

std::string interval_remark(std::span<const IntervalKind> kinds) {
  const auto any = [&](IntervalKind kind) {
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
  };
  if (any(IntervalKind::wilson) && any(IntervalKind::student))
    return "Bars: 95 % interval, Wilson's of scores that are 0 or 1, else Student's of the mean.";
  if (any(IntervalKind::student)) return "Bars: 95 % interval of the mean (Student's t).";
  if (any(IntervalKind::bootstrap)) {
    return fmt::format(
        "Bars: 95 % interval of a ratio of means, {} from {} resamples of the "
        "samples (bootstrap, seed {}).",
        any(IntervalKind::paired_ratio) ? "of shares Bonett and Price's (2006), of others"
                                        : "percentiles",
        kBootstrapResamples, kBootstrapSeed);
  }
  if (any(IntervalKind::paired_ratio))
    return "Bars: 95 % interval of a paired ratio (Bonett and Price 2006).";
  return "Bars: Wilson's 95 % interval.";
}

}  // namespace kvreel::exports
