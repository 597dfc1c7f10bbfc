// How numbers of a figure read, and in which unit.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exports/plot/figure.h"

namespace kvreel::plot {

// With U+2212 for minus and thin spaces between thousands from 10 000 on; never "-0".
std::string format_fixed(double value, int decimals);
// The shortest decimals of at most `digits` significant digits: 0.05, 12.3.
std::string format_short(double value, int digits = 3);
// A number alone, with its unit: "5 %", "1.5 MiB", "12.3 ms", "4096".
std::string format_value(double value, Format format);

// What numbers of an axis are counted in: a value is its number times `size`.
struct Unit {
  double size = 1;
  std::string text;  // "%", "ms", "MiB", markup such as "10^{6}", or nothing
};
// The unit in which `largest`, an absolute value, has one to four digits before its point. One for
// the whole axis.
Unit unit_of(Format format, double largest);
// "budget" and "%" -> "budget (%)"; "score (F1)" and "%" -> "score (F1, %)".
std::string with_unit(std::string_view label, const Unit& unit);

// Labels of one axis: as many decimals on all as the one that needs most.
std::vector<std::string> format_alike(std::span<const double> values, const Unit& unit);
// Each with as many decimals as it needs: 0.1, 1, 10. From 100 000 on, and below 0.001, a power of
// ten, as markup.
std::vector<std::string> format_each(std::span<const double> values, const Unit& unit);

}  // namespace kvreel::plot
