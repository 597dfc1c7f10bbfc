// Ticks and numbers.
#include "viewer/model/ticks.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace kvreel::viewer {

std::vector<double> decimal_ticks(double low, double high, int most) {
  std::vector<double> ticks;
  if (!(high > low) || most < 1 || !std::isfinite(low) || !std::isfinite(high)) return ticks;
  const double least_step = (high - low) / most;
  const double power = std::pow(10., std::floor(std::log10(least_step)));
  double step = 10 * power;
  for (const double factor : {1., 2., 5.}) {
    if (factor * power >= least_step * (1 - 1e-9)) {
      step = factor * power;
      break;
    }
  }
  const double first = std::ceil(low / step - 1e-9);
  const double last = std::floor(high / step + 1e-9);
  for (double i = first; i <= last; i += 1) ticks.push_back(i * step);
  return ticks;
}

std::vector<int64_t> binary_ticks(double low, double high, int most) {
  std::vector<int64_t> ticks;
  if (!(high >= low) || most < 1) return ticks;
  int64_t step = 1;
  while ((high - low) / static_cast<double>(step) > most) step *= 2;
  for (auto tick = static_cast<int64_t>(std::ceil(low / static_cast<double>(step))) * step;
       static_cast<double>(tick) <= high; tick += step) {
    ticks.push_back(tick);
  }
  return ticks;
}

std::vector<double> power_ticks(double low, double high) {
  std::vector<double> ticks;
  if (!(low > 0) || !(high >= low)) return ticks;
  for (double e = std::ceil(std::log10(low) - 1e-9); e <= std::log10(high) + 1e-9; e += 1) {
    ticks.push_back(std::pow(10., e));
  }
  return ticks;
}

std::string grouped(int64_t number) {
  std::string digits = std::to_string(number);
  const size_t sign = number < 0 ? 1 : 0;
  if (digits.size() - sign < 5) return digits;
  for (size_t at = digits.size(); at > sign + 3;) {
    at -= 3;
    digits.insert(at, "\u2009");
  }
  return digits;
}

std::string percent_of(double share) {
  if (!std::isfinite(share)) return "-";
  const double percent = share * 100;
  const double size = std::abs(percent);
  int decimals = 1;
  if (size > 0 && size < 10) {
    // Of what it rounds to: 0.99999 is written as 1.00.
    decimals = std::clamp(2 - static_cast<int>(std::floor(std::log10(size * 1.0005))), 2, 6);
  }
  if (size >= 99.95 || size == 0) decimals = size == 0 ? 0 : 1;
  char text[64];
  std::snprintf(text, sizeof text, "%.*f %%", decimals, percent);
  return text;
}

std::string tick_percent(double share) {
  char text[64];
  std::snprintf(text, sizeof text, "%.6g %%", share * 100);
  return text;
}

bool parse_percent(const std::string& text, double& share) {
  size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return false;
  size_t end = text.find_last_not_of(" \t%");
  if (end == std::string::npos || end < begin) return false;
  std::string number = text.substr(begin, end - begin + 1);
  std::replace(number.begin(), number.end(), ',', '.');
  double percent = 0;
  const auto [rest, error] = std::from_chars(number.data(), number.data() + number.size(), percent);
  if (error != std::errc() || rest != number.data() + number.size()) return false;
  if (!std::isfinite(percent) || percent < 0) return false;
  share = percent / 100;
  return true;
}

std::string ordinal(int64_t number) {
  const int64_t tens = number % 100;
  const char* suffix = "th";
  if (tens < 11 || tens > 13) {
    if (number % 10 == 1) suffix = "st";
    if (number % 10 == 2) suffix = "nd";
    if (number % 10 == 3) suffix = "rd";
  }
  return grouped(number) + suffix;
}

}  // namespace kvreel::viewer
