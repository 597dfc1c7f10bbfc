// Sorting and filtering rows.
#include "viewer/model/grid.h"

#include <algorithm>
#include <cctype>
#include <numeric>

#include "base/text.h"

namespace kvreel::viewer {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// The digits at the start of `text`, leading zeros left out; takes them off.
std::string_view take_number(std::string_view& text) {
  size_t end = 0;
  while (end < text.size() && is_digit(text[end])) ++end;
  std::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
  return digits;
}

}  // namespace

GridOrder next_order(GridOrder order, int column) {
  if (order.column != column) return {column, false};
  if (!order.descending) return {column, true};
  return {};
}

int compare_names(std::string_view a, std::string_view b) {
  const std::string_view whole_a = a;
  const std::string_view whole_b = b;
  while (!a.empty() && !b.empty()) {
    if (is_digit(a.front()) && is_digit(b.front())) {
      const std::string_view x = take_number(a);
      const std::string_view y = take_number(b);
      if (x.size() != y.size()) return x.size() < y.size() ? -1 : 1;
      if (const int order = x.compare(y)) return order;
      continue;
    }
    const auto x = static_cast<unsigned char>(lower(a.front()));
    const auto y = static_cast<unsigned char>(lower(b.front()));
    if (x != y) return x < y ? -1 : 1;
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  if (a.empty() != b.empty()) return a.empty() ? -1 : 1;
  return whole_a.compare(whole_b);
}

std::vector<size_t> sorted_rows(const Grid& grid, GridOrder order) {
  std::vector<size_t> rows(grid.rows.size());
  std::iota(rows.begin(), rows.end(), size_t{0});
  if (order.column < 0 || static_cast<size_t>(order.column) >= grid.columns.size()) return rows;
  const auto column = static_cast<size_t>(order.column);
  const auto cell = [&](size_t row) -> const GridCell& { return grid.rows[row].cells[column]; };
  const bool numbers = std::any_of(rows.begin(), rows.end(),
                                   [&](size_t row) { return cell(row).number.has_value(); });
  const auto compare = [&](size_t a, size_t b) {  // both known
    if (!numbers) return compare_names(cell(a).text, cell(b).text);
    const double x = *cell(a).number;
    const double y = *cell(b).number;
    return x < y ? -1 : (x > y ? 1 : 0);
  };
  const auto known = [&](size_t row) {
    return numbers ? cell(row).number.has_value() : cell(row).text != "-";
  };
  std::stable_sort(rows.begin(), rows.end(), [&](size_t a, size_t b) {
    if (known(a) != known(b)) return known(a);
    if (!known(a)) return false;
    const int sign = compare(a, b);
    return order.descending ? sign > 0 : sign < 0;
  });
  return rows;
}

bool row_contains(const Grid& grid, size_t row, std::string_view wanted) {
  if (wanted.empty()) return true;
  const auto same = [](char a, char b) { return lower(a) == lower(b); };
  for (size_t column = 0; column < grid.columns.size(); ++column) {
    if (grid.columns[column].right) continue;
    const std::string& text = grid.rows[row].cells[column].text;
    if (std::search(text.begin(), text.end(), wanted.begin(), wanted.end(), same) != text.end())
      return true;
  }
  return false;
}

}  // namespace kvreel::viewer
