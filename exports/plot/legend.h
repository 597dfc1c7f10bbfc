// The legend: what it holds, how large it is, how it is drawn.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "exports/plot/figure.h"
#include "exports/plot/looks.h"
#include "exports/plot/sheet.h"

namespace kvreel::plot {

struct LegendEntry {
  std::string name;
  Look look;
  bool line = false, marker = false, fill = false, box = false;
  bool steps = false;
  double weight = 1;
  bool text_only = false;  // a remark beside the entries, without a key
};

// Series in the order of their first appearance, then kinds of maps.
std::vector<LegendEntry> legend_entries(const Figure& figure, const Looks& looks);

// Entries in rows and columns; the first row is filled first.
struct LegendBlock {
  std::vector<LegendEntry> entries;
  std::vector<std::vector<std::string>> lines;  // of each name
  std::size_t columns = 1;
  std::vector<double> column_widths;
  std::vector<double> row_heights;
  double width = 0, height = 0;
  bool whole = true;  // no name was shortened
  bool empty() const { return entries.empty(); }
};
// In as many columns as `width` and `most_columns` allow; names that are too long for one column
// are broken or shortened.
LegendBlock arrange_legend(std::vector<LegendEntry> entries, double width, std::size_t most_columns,
                           const Tools& tools);
void draw_legend(Sheet& sheet, const LegendBlock& block, Point top_left);

}  // namespace kvreel::plot
