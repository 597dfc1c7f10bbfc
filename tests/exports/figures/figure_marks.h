// Ways into a figure that tests look at.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "exports/figures/figures.h"
#include "exports/plot/figure.h"
#include "exports/tables/small_trace.h"

namespace kvreel::exports::testing {

template <typename Mark>
std::vector<Mark> marks_of(const plot::Figure& figure, size_t panel) {
  std::vector<Mark> found;
  for (const plot::Mark& mark : figure.panels.at(panel).marks) {
    if (const auto* wanted = std::get_if<Mark>(&mark)) found.push_back(*wanted);
  }
  return found;
}

// The panel's marks of a kind that belong to a series.
template <typename Mark>
std::vector<Mark> marks_of(const plot::Figure& figure, size_t panel, std::string_view series) {
  std::vector<Mark> found;
  for (Mark& mark : marks_of<Mark>(figure, panel)) {
    if (mark.series == series) found.push_back(std::move(mark));
  }
  return found;
}

template <typename Mark>
std::vector<std::string> series_of(const plot::Figure& figure, size_t panel) {
  std::vector<std::string> names;
  for (const Mark& mark : marks_of<Mark>(figure, panel)) names.push_back(mark.series);
  return names;
}

inline bool remarks(const plot::Figure& figure, std::string_view part) {
  for (const std::string& remark : figure.remarks) {
    if (contains(remark, part)) return true;
  }
  return false;
}

inline std::string all_remarks(const plot::Figure& figure) {
  std::string out;
  for (const std::string& remark : figure.remarks) out += remark + "\n";
  return out;
}

// Equal, with NaN equal to NaN.
template <typename T>
void expect_values(const std::vector<T>& values, const std::vector<double>& expected,
                   double tolerance = 0) {
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(values[i])) << "value " << i << " is " << values[i];
    } else {
      EXPECT_NEAR(values[i], expected[i], tolerance) << "value " << i;
    }
  }
}

inline plot::Figure figure_of(const t::Trace& trace, std::string_view name,
                              const FigureOptions& options = {}) {
  return make_figure({&trace}, name, options);
}

}  // namespace kvreel::exports::testing
