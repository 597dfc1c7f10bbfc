// Numbers as people read them.
#include "exports/plot/numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvreel::plot {
namespace {

constexpr std::string_view kMinus = "\u2212";
constexpr std::string_view kThinSpace = "\u2009";
constexpr int kMostDecimals = 12;

struct Step {
  double size;
  std::string_view text;
};
constexpr std::array<Step, 5> kBytes = {{{1, "B"},
                                         {1024., "KiB"},
                                         {1024. * 1024, "MiB"},
                                         {1024. * 1024 * 1024, "GiB"},
                                         {1024. * 1024 * 1024 * 1024, "TiB"}}};
constexpr std::array<Step, 4> kTimes = {{{1, "ns"}, {1e3, "\u00b5s"}, {1e6, "ms"}, {1e9, "s"}}};

// The largest step that `largest` reaches.
template <std::size_t n>
Unit step_of(const std::array<Step, n>& steps, double largest) {
  const Step* best = &steps.front();
  for (const Step& step : steps) {
    if (largest >= step.size * (1 - 1e-9)) best = &step;
  }
  return {best->size, std::string(best->text)};
}

// How many decimals show `value` to within `tolerance`.
int decimals_of(double value, double tolerance) {
  double power = 1;
  for (int decimals = 0; decimals < kMostDecimals; ++decimals, power *= 10) {
    if (std::abs(value - std::round(value * power) / power) <= tolerance) return decimals;
  }
  return kMostDecimals;
}

// The largest distance that still leaves neighbours apart.
double tolerance_of(std::span<const double> values, double size) {
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 1; i < values.size(); ++i) {
    const double gap = std::abs(values[i] - values[i - 1]) / size;
    if (gap > 0) least = std::min(least, gap);
  }
  if (!std::isfinite(least)) least = values.empty() ? 1 : std::abs(values[0]) / size;
  return least * 1e-4;
}

}  // namespace

std::string format_fixed(double value, int decimals) {
  std::string digits = fmt::format("{:.{}f}", std::abs(value), decimals);
  const bool zero = digits.find_first_not_of("0.") == std::string::npos;
  const std::size_t whole = std::min(digits.find('.'), digits.size());
  if (whole >= 5) {
    for (std::size_t at = whole; at > 3;) {
      at -= 3;
      digits.insert(at, kThinSpace);
    }
  }
  if (value < 0 && !zero) digits.insert(0, kMinus);
  return digits;
}

std::string format_short(double value, int digits) {
  if (!std::isfinite(value)) return "\u2013";
  if (value == 0) return "0";
  // Of what it rounds to: 0.9996 has three digits as 1.
  const double power = std::pow(10., digits - 1 - std::floor(std::log10(std::abs(value))));
  const double rounded = std::round(value * power) / power;
  return format_fixed(rounded, decimals_of(rounded, std::abs(rounded) * 1e-9));
}

std::string format_value(double value, Format format) {
  if (format == Format::tokens || format == Format::count) return format_fixed(value, 0);
  const Unit unit = unit_of(format, std::abs(value));
  const std::string number = format_short(value / unit.size);
  if (unit.text.empty()) return number;
  if (unit.text.starts_with("10^")) return fmt::format("{}\u00b7{}", number, unit.text);
  return fmt::format("{} {}", number, unit.text);
}

Unit unit_of(Format format, double largest) {
  if (!std::isfinite(largest)) largest = 0;
  switch (format) {
    case Format::percent:
      return {0.01, "%"};
    case Format::bytes:
      return step_of(kBytes, largest);
    case Format::duration:
      return step_of(kTimes, largest);
    case Format::number: {
      // Five digits before the point still read; an exponent is for more.
      if (largest == 0 || (largest >= 1e-3 && largest < 1e6)) return {};
      const int exponent = static_cast<int>(std::floor(std::log10(largest) + 1e-9));
      return {std::pow(10., exponent),
              fmt::format("10^{{{}}}", format_fixed(static_cast<double>(exponent), 0))};
    }
    case Format::tokens:
    case Format::count:
      return {};
  }
  return {};
}

std::string with_unit(std::string_view label, const Unit& unit) {
  if (unit.text.empty()) return std::string(label);
  if (label.empty()) return unit.text;
  if (label.ends_with(')')) {
    return fmt::format("{}, {})", label.substr(0, label.size() - 1), unit.text);
  }
  return fmt::format("{} ({})", label, unit.text);
}

std::vector<std::string> format_alike(std::span<const double> values, const Unit& unit) {
  const double tolerance = tolerance_of(values, unit.size);
  int decimals = 0;
  for (const double value : values) {
    decimals = std::max(decimals, decimals_of(value / unit.size, tolerance));
  }
  std::vector<std::string> labels;
  for (const double value : values) labels.push_back(format_fixed(value / unit.size, decimals));
  return labels;
}

std::vector<std::string> format_each(std::span<const double> values, const Unit& unit) {
  std::vector<std::string> labels;
  double least = std::numeric_limits<double>::infinity(), most = 0;
  for (const double value : values) {
    if (value == 0) continue;
    least = std::min(least, std::abs(value / unit.size));
    most = std::max(most, std::abs(value / unit.size));
  }
  const bool powers = most >= 1e5 * (1 - 1e-9) || least < 1e-3 * (1 - 1e-9);
  for (const double value : values) {
    const double number = value / unit.size;
    const double exponent = std::log10(std::abs(number));
    if (powers && number > 0 && std::abs(exponent - std::round(exponent)) < 1e-9) {
      labels.push_back(fmt::format("10^{{{}}}", format_fixed(std::round(exponent), 0)));
    } else {
      labels.push_back(format_fixed(number, decimals_of(number, std::abs(number) * 1e-6)));
    }
  }
  return labels;
}

}  // namespace kvreel::plot
