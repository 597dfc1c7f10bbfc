// How the numbers of columns read in a table for people: one unit for a column, rounded.
#include "exports/tables/column_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace kvreel::exports {
namespace {

std::optional<double> number_of(const Cell& cell) {
  if (is_none(cell)) return std::nullopt;
  return std::visit(
      [](const auto& value) -> std::optional<double> {
        using T = std::remove_cvref_t<decltype(value)>;
        if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
          return static_cast<double>(value);
        } else {
          return std::nullopt;
        }
      },
      cell);
}

bool is_whole(const Cell& cell) {
  return std::holds_alternative<int64_t>(cell) || std::holds_alternative<uint64_t>(cell);
}

// Median of the sizes of finite numbers other than 0; 0 where there are none.
double median_of(std::span<const Cell> cells) {
  std::vector<double> sizes;
  for (const Cell& cell : cells) {
    const std::optional<double> value = number_of(cell);
    if (value && std::isfinite(*value) && *value != 0) sizes.push_back(std::abs(*value));
  }
  if (sizes.empty()) return 0;
  const auto middle = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 2);
  std::nth_element(sizes.begin(), middle, sizes.end());
  return *middle;
}

using Units = std::array<std::pair<const char*, double>, 4>;
constexpr Units kTimes = {{{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}}};
constexpr Units kSizes = {
    {{"B", 1}, {"KiB", 1024.0}, {"MiB", 1024.0 * 1024}, {"GiB", 1024.0 * 1024 * 1024}}};
constexpr Units kRates = {{{"B/s", 1}, {"kB/s", 1e3}, {"MB/s", 1e6}, {"GB/s", 1e9}}};

// The units that a column can be shown in, where it has a choice.
const Units* units_of(const Column& column) {
  if (column.kind == Kind::duration) return &kTimes;
  if (column.kind == Kind::bytes) return &kSizes;
  return column.unit == "B/s" ? &kRates : nullptr;
}

// The largest unit of which the value has at least one.
std::pair<const char*, double> unit_of(const Units& units, double value) {
  std::pair<const char*, double> best = units.front();
  for (const auto& unit : units) {
    if (value >= unit.second) best = unit;
  }
  return best;
}

// A column's name without the words for a statistic: "prefill" of "prefill_p90", "" of "sd_ns".
std::string family_of(const Column& column) {
  constexpr std::array<std::string_view, 12> kStatistics = {
      "mean", "sd", "median", "min", "max", "low", "high", "p10", "p90", "p99", "ns", ""};
  std::string family;
  for (size_t begin = 0; begin <= column.name.size();) {
    const size_t end = std::min(column.name.find('_', begin), column.name.size());
    const std::string_view word = std::string_view(column.name).substr(begin, end - begin);
    if (std::find(kStatistics.begin(), kStatistics.end(), word) == kStatistics.end()) {
      family += word;
      family += ' ';
    }
    begin = end + 1;
  }
  return family;
}

// Decimals that show `digits` significant digits of a value.
int decimals_of(double value, int digits) {
  if (value == 0) return 0;
  return digits - 1 - static_cast<int>(std::floor(std::log10(std::abs(value))));
}

}  // namespace

ColumnFormat::ColumnFormat(const Column& column, std::span<const Cell> cells, double typical)
    : name_(column.name), unit_(column.unit == "1" ? "" : column.unit) {
  constexpr int kDigits = 3;
  is_text_ = column.kind == Kind::text;
  if (const Units* const units = units_of(column)) {
    const auto [unit, size] = unit_of(*units, typical);
    unit_ = unit;
    scale_ = 1 / size;
    whole_ = size == 1;
  } else {
    whole_ = column.kind == Kind::number;
  }
  if (column.kind == Kind::share) {
    unit_ = "%";
    scale_ = 100;
    decimals_ = 1;
    least_ = 0.5;
  } else {
    decimals_ = std::clamp(decimals_of(median_of(cells) * scale_, kDigits), 0, kDigits);
  }
  if (column.kind == Kind::duration && name_.ends_with("_ns")) name_.resize(name_.size() - 3);
  std::replace(name_.begin(), name_.end(), '_', ' ');
  if (name_ == unit_ || name_.ends_with(" " + unit_)) unit_.clear();  // "prompt tokens (tokens)"
}

std::string ColumnFormat::rounded(double value) const {
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const double size = std::abs(value);
  if (size != 0 && (size < 1e-5 || size >= 1e15)) return fmt::format("{:.2e}", value);
  if (size == 0) return fmt::format("{:.{}f}", 0.0, decimals_);  // never -0
  const bool is_lost = size * std::pow(10, decimals_) < least_;
  const int decimals = is_lost ? std::max(decimals_, decimals_of(size, 2)) : decimals_;
  return fmt::format("{:.{}f}", value, decimals);
}

std::string ColumnFormat::text(const Cell& cell) const {
  if (is_none(cell)) return "";
  if (const auto* value = std::get_if<bool>(&cell)) return *value ? "yes" : "no";
  if (const auto* value = std::get_if<std::string>(&cell)) return *value;
  if (whole_ && is_whole(cell)) {
    return std::visit(
        [](const auto& value) -> std::string {
          using T = std::remove_cvref_t<decltype(value)>;
          if constexpr (std::is_integral_v<T>) {
            return fmt::format("{}", value);
          } else {
            return "";
          }
        },
        cell);
  }
  return rounded(*number_of(cell) * scale_);
}

std::vector<ColumnFormat> column_formats(std::span<const Column> columns,
                                         std::span<const Row> rows) {
  std::vector<std::vector<Cell>> cells(columns.size());
  for (const Row& row : rows) {
    for (size_t i = 0; i < columns.size(); ++i) cells[i].push_back(row[i]);
  }
  std::vector<ColumnFormat> formats;
  for (size_t i = 0; i < columns.size(); ++i) {
    std::vector<Cell> family;
    for (size_t other = 0; other < columns.size(); ++other) {
      const bool related = units_of(columns[i]) != nullptr &&
                           units_of(columns[i]) == units_of(columns[other]) &&
                           family_of(columns[i]) == family_of(columns[other]);
      if (related) family.insert(family.end(), cells[other].begin(), cells[other].end());
    }
    formats.emplace_back(columns[i], cells[i], median_of(family));
  }
  return formats;
}

}  // namespace kvreel::exports
