// Times stacked in horizontal bars: parts in one order and one colour in all panels, the small
// ones joined.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "exports/plot/figure.h"

namespace kvreel::exports {

struct StackedPanel {
  std::string title, axis;                           // markup
  std::vector<std::string> bars;                     // markup, from the top down
  std::map<std::string, std::vector<double>> parts;  // name as in the trace: ns, one for each bar
  std::vector<double> untimed;                       // ns, one for each bar; empty: not known
};

// Adds one panel for each, under one another. Parts are stacked by their share of the panels' time,
// largest first. Those that in no bar reach 2 % of the panel's longest, and those behind the sixth,
// are joined as "other"; a remark says which. What is untimed comes last.
void add_stacked(plot::Figure& figure, const std::vector<StackedPanel>& panels);

}  // namespace kvreel::exports
