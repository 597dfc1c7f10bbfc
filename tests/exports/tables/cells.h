// Cells of a table by row and by the name of their column.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "exports/tables/table.h"

namespace kvreel::exports::testing {

// The cell of a named column.
inline const Cell& cell(const Table& table, size_t row, std::string_view column) {
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].name == column) return table.rows.at(row).at(i);
  }
  ADD_FAILURE() << "no column " << column << " in " << table.name;
  static const Cell kNone;
  return kNone;
}

inline std::string text(const Table& table, size_t row, std::string_view column) {
  const Cell& value = cell(table, row, column);
  const auto* found = std::get_if<std::string>(&value);
  return found ? *found : "not text";
}
inline int64_t whole(const Table& table, size_t row, std::string_view column) {
  const Cell& value = cell(table, row, column);
  const auto* found = std::get_if<int64_t>(&value);
  return found ? *found : -999;
}
inline double real(const Table& table, size_t row, std::string_view column) {
  const Cell& value = cell(table, row, column);
  if (const auto* found = std::get_if<float>(&value)) return *found;
  const auto* found = std::get_if<double>(&value);
  return found ? *found : -999;
}
inline bool none(const Table& table, size_t row, std::string_view column) {
  return is_none(cell(table, row, column));
}

}  // namespace kvreel::exports::testing
