// Sorting and filtering of tables.
#include <gtest/gtest.h>

#include "viewer/model/grid.h"

namespace kvreel::viewer {
namespace {

GridRow row(const std::string& name, std::optional<double> number) {
  GridRow made;
  made.cells.resize(2);
  made.cells[0].text = name;
  made.cells[1].number = number;
  if (number) made.cells[1].text = std::to_string(*number);
  return made;
}

Grid grid() {
  Grid made;
  made.columns = {{"name", "Name", "", false}, {"value", "Value", ""}};
  made.rows = {row("b10", 2.0), row("b9", std::nullopt), row("A1", 1.0), row("b010", 2.0),
               row("c", 1.0)};
  return made;
}

using Rows = std::vector<size_t>;

TEST(Grid, RowsThatAreAlikeKeepTheirOrderAndUnknownOnesComeLast) {
  EXPECT_EQ(sorted_rows(grid(), {}), (Rows{0, 1, 2, 3, 4}));
  EXPECT_EQ(sorted_rows(grid(), {1, false}), (Rows{2, 4, 0, 3, 1}));
  EXPECT_EQ(sorted_rows(grid(), {1, true}), (Rows{0, 3, 2, 4, 1}));
}

TEST(Grid, NamesSortByTheNumbersInThem) {
  // "b010" and "b10" are the same number; then the bytes decide.
  EXPECT_EQ(sorted_rows(grid(), {0, false}), (Rows{2, 1, 3, 0, 4}));
  EXPECT_LT(compare_names("fact-9", "fact-10"), 0);
  EXPECT_GT(compare_names("fact-10", "fact-9"), 0);
  EXPECT_LT(compare_names("fact", "fact-1"), 0);
  EXPECT_LT(compare_names("Alpha", "beta"), 0);
  EXPECT_EQ(compare_names("same", "same"), 0);
  EXPECT_LT(compare_names("1", "99999999999999999999999"), 0);  // more than any integer holds
}

TEST(Grid, AnOrderThatNoColumnHasIsTheRowsOwn) {
  EXPECT_EQ(sorted_rows(grid(), {7, false}), (Rows{0, 1, 2, 3, 4}));
}

TEST(Grid, AClickOnAHeaderGoesUpDownAndBack) {
  GridOrder order = next_order({}, 3);
  EXPECT_EQ(order, (GridOrder{3, false}));
  order = next_order(order, 3);
  EXPECT_EQ(order, (GridOrder{3, true}));
  EXPECT_EQ(next_order(order, 3), GridOrder{});
  EXPECT_EQ(next_order(order, 1), (GridOrder{1, false}));
}

TEST(Grid, AFilterFindsWordsInAnyCaseButNoNumbers) {
  const Grid made = grid();
  EXPECT_TRUE(row_contains(made, 2, "a"));
  EXPECT_TRUE(row_contains(made, 0, "B1"));
  EXPECT_FALSE(row_contains(made, 4, "b"));
  EXPECT_FALSE(row_contains(made, 4, "1.0"));  // the value's column
  EXPECT_TRUE(row_contains(made, 4, ""));
}

}  // namespace
}  // namespace kvreel::viewer
