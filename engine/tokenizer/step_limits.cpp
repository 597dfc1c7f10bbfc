// Bounds on a tokenizer's steps.
#include "engine/tokenizer/step_limits.h"

#include <fmt/format.h>

#include <algorithm>

namespace kvreel::engine {
namespace {

constexpr int kMostSteps = 64;
constexpr double kMostGrowth = 64;
constexpr size_t kLongestLiteral = 4096;

}  // namespace

void StepLimits::add(const JsonField& step, double growth) {
  if (++steps_ > kMostSteps) step.refuse(fmt::format("kvreel takes {} steps at most", kMostSteps));
  growth_ *= std::max(growth, 1.0);
  if (growth_ > kMostGrowth) {
    step.refuse(fmt::format(
        "with it the steps could make a text more than {:.0f} times as long; kvreel refuses that",
        kMostGrowth));
  }
}

const std::string& read_literal(const JsonField& pattern) {
  const std::string& literal = pattern.string();
  if (literal.empty()) pattern.refuse("expected a string that is not empty");
  if (literal.size() > kLongestLiteral) {
    pattern.refuse(fmt::format("expected a string of at most {} bytes", kLongestLiteral));
  }
  return literal;
}

double replacing_growth(const std::string& pattern, const std::string& content) {
  return static_cast<double>(content.size()) / static_cast<double>(pattern.size());
}

}  // namespace kvreel::engine
