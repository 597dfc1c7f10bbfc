// Metrics by name, as data sets and --metric name them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvreel::scores {

struct Metric {
  std::string name;     // "token-f1"
  std::string meaning;  // one line for help
};

// All of them, in the order in which help lists them.
std::span<const Metric> known_metrics();

// A known name; else throws UsageError with the nearest one.
void require_metric(std::string_view name);

// From 0 to 1: the best over the references ("contained": their share). `all_classes` is what
// "classification" chooses from. 0 without references. Throws UsageError for an unknown name.
double score(std::string_view metric, std::string_view prediction,
             std::span<const std::string> references,
             std::span<const std::string> all_classes = {});

}  // namespace kvreel::scores
