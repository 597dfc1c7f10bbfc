// Scores of passes by metric.
#include "exports/tables/metrics.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace kvreel::exports {

using tracer::Passes;
using tracer::Scores;
using tracer::Trace;

std::string metric_words(std::string_view metric) {
  return metric == kExactMatch ? "exact match" : std::string(metric);
}

MetricScores::MetricScores(const Trace& trace) {
  const uint64_t passes = trace.rows<Passes>();
  const std::vector<uint64_t> ends = trace.read_column(&Passes::scores_end, 0, passes);
  const Scores scores = trace.read<Scores>(0, trace.rows<Scores>());
  uint64_t begin = 0;
  for (size_t pass = 0; pass < passes; ++pass) {
    const uint64_t end = ends[pass];
    if (end < begin || end > scores.value.size()) {
      fail("pass {} of {} has rows {} to {} of table 'scores', which has {}; the file is damaged",
           pass, trace.path(), begin, end, scores.value.size());
    }
    for (uint64_t row = begin; row < end; ++row) {
      const auto i = static_cast<size_t>(row);
      column(scores.metric.at(i), passes)[pass] = scores.value[i];
    }
    begin = end;
  }
  names_ = known_;
  if (knows(kExactMatch)) return;
  const std::vector<int8_t> match = trace.read_column(&Passes::exact_match, 0, passes);
  if (std::all_of(match.begin(), match.end(), [](int8_t value) { return value < 0; })) return;
  std::vector<double>& values = column(kExactMatch, passes);
  for (size_t pass = 0; pass < passes; ++pass) {
    if (match[pass] >= 0) values[pass] = match[pass] != 0 ? 1 : 0;
  }
  if (names_.empty()) names_ = known_;
}

std::vector<double>& MetricScores::column(std::string_view metric, size_t passes) {
  const auto found = std::find(known_.begin(), known_.end(), metric);
  if (found != known_.end()) return values_[static_cast<size_t>(found - known_.begin())];
  known_.emplace_back(metric);
  return values_.emplace_back(passes, std::numeric_limits<double>::quiet_NaN());
}

bool MetricScores::knows(std::string_view metric) const {
  return std::find(known_.begin(), known_.end(), metric) != known_.end();
}

const std::vector<double>& MetricScores::of(std::string_view metric) const {
  static const std::vector<double> kNothing;
  const auto found = std::find(known_.begin(), known_.end(), metric);
  return found == known_.end() ? kNothing : values_[static_cast<size_t>(found - known_.begin())];
}

}  // namespace kvreel::exports
