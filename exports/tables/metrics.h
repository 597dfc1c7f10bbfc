// Scores of passes by metric: those of table `scores`, and the exact match that every trace holds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tracer/read/trace.h"

namespace kvreel::exports {

// The metric that needs no table: passes.exact_match, where `scores` does not name it.
inline constexpr std::string_view kExactMatch = "exact-match";

// "exact match" of "exact-match"; other metrics as they are named.
std::string metric_words(std::string_view metric);

class MetricScores {
 public:
  // Throws Error for passes whose rows of `scores` are not there: the file is damaged.
  explicit MetricScores(const tracer::Trace& trace);

  // What the samples are scored by: the metrics of table `scores` in the order in which they first
  // appear; without any, exact match where a sample has answers. May be empty.
  const std::vector<std::string>& names() const { return names_; }
  // Every metric that the trace can answer: names(), and exact match.
  const std::vector<std::string>& known() const { return known_; }
  bool knows(std::string_view metric) const;
  // By row of passes, from 0 to 1; NaN where the pass is not scored by it. Empty for a metric that
  // is not known.
  const std::vector<double>& of(std::string_view metric) const;

 private:
  std::vector<double>& column(std::string_view metric, size_t passes);

  std::vector<std::string> names_;
  std::vector<std::string> known_;
  std::vector<std::vector<double>> values_;  // [known][pass]
};

}  // namespace kvreel::exports
