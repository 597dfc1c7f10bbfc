// A table for the screen: what its cells say, how they sort, and in which order its rows are.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kvreel::viewer {

struct GridColumn {
  std::string key;    // for items' names: "budget"
  std::string title;  // of the header
  std::string meaning;
  bool right = true;  // aligned; words are aligned left
};

struct GridCell {
  std::string text = "-";  // "-": not known
  std::string detail;      // quieter, after the text
  std::optional<double>
      number;  // to sort by; none sorts last, by text where a whole column has none
  std::optional<double> share;  // 0..1: a bar below
  std::optional<bool> mark;     // right or wrong: a tick or a cross
  std::string tip;
};

struct GridRow {
  std::vector<GridCell> cells;  // one per column
};

struct Grid {
  std::vector<GridColumn> columns;
  std::vector<GridRow> rows;
};

// No column: the rows' own order.
struct GridOrder {
  int column = -1;
  bool descending = false;
  bool operator==(const GridOrder&) const = default;
};

// A click on a header: ascending, descending, own order again.
GridOrder next_order(GridOrder order, int column);

// Rows of `grid`, sorted; rows that are alike keep their order, unknown values come last either
// way.
std::vector<size_t> sorted_rows(const Grid& grid, GridOrder order);

// Names with numbers in them: "a2" comes before "a10". Negative, 0 or positive.
int compare_names(std::string_view a, std::string_view b);

// Whether any of a row's left-aligned cells contains `wanted`, not minding ASCII case. "" is
// everywhere.
bool row_contains(const Grid& grid, size_t row, std::string_view wanted);

}  // namespace kvreel::viewer
