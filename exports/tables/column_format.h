// How the numbers of columns read in a table for people: one unit for a column, rounded.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "exports/tables/table.h"

namespace kvreel::exports {

class ColumnFormat {
 public:
  // `cells` are some of the column's; its unit is the largest that is at most `typical`, in base
  // units.
  ColumnFormat(const Column& column, std::span<const Cell> cells, double typical);

  // "%", "us", "KiB"; what the column says where its kind has no choice; "" for mere numbers, and
  // where the name says it.
  const std::string& unit() const { return unit_; }
  bool is_text() const { return is_text_; }
  // "prefill median" of "prefill_median", "total" of "total_ns".
  const std::string& name() const { return name_; }

  // A number in the column's unit: as many decimals as the median needs for three significant
  // digits (shares: one), and more where a small number would lose its second digit (shares: its
  // first). Whole numbers without a choice of units are exact. Without an exponent from 1e-5 to
  // 1e15. "yes", "no"; "" for none; text as it is.
  std::string text(const Cell& cell) const;

 private:
  std::string rounded(double value) const;

  std::string name_;
  std::string unit_;
  bool is_text_ = false;
  bool whole_ = false;  // whole numbers stay exact
  double scale_ = 1;    // of a value in base units
  int decimals_ = 0;
  double least_ = 9.5;  // below it, in units of the last decimal, a number gets more decimals
};

// Of a table whose first rows these are. Columns that differ only in their statistic (mean, sd,
// median, low, high, p10, ...) have one unit: that of the median of all their numbers.
std::vector<ColumnFormat> column_formats(std::span<const Column> columns,
                                         std::span<const Row> rows);

}  // namespace kvreel::exports
