// What check() finds.
#include "exports/plot/figure.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "exports/plot/example_figures.h"

namespace kvreel::plot {
namespace {

Figure good() {
  Figure figure;
  figure.name = "good";
  Panel panel;
  panel.title = "only";
  Line line;
  line.series = "full";
  line.x = {1, 2, 3};
  line.y = {1, kNone, 3};
  panel.marks = {line};
  figure.panels = {panel};
  return figure;
}

// What check() says of a good figure after `change`.
std::string complaint(const std::function<void(Figure&)>& change) {
  Figure figure = good();
  change(figure);
  try {
    check(figure);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

Line& line_of(Figure& figure) {
  return std::get<Line>(figure.panels[0].marks[0]);
}

TEST(CheckFigure, AcceptsEveryExample) {
  EXPECT_NO_THROW(check(good()));
  for (const testing::Example& example : testing::examples()) {
    EXPECT_NO_THROW(check(example.make())) << example.name;
  }
}

TEST(CheckFigure, NamesFigurePanelAndMarkWhereLengthsDiffer) {
  const std::string text = complaint([](Figure& f) { line_of(f).y.push_back(4); });
  EXPECT_EQ(text,
            "figure 'good', panel 1 ('only'), mark 1 (line 'full'): x has 3 values but y has 4; "
            "vectors of one mark have one length.");
}

TEST(CheckFigure, FindsVectorsThatDoNotMatch) {
  const auto add = [](Mark mark) {
    return complaint([&](Figure& f) { f.panels[0].marks.push_back(mark); });
  };
  EXPECT_NE(complaint([](Figure& f) { line_of(f).low = {1, 2, 3}; }), "");
  EXPECT_NE(complaint([](Figure& f) { line_of(f).low = line_of(f).high = {1, 2}; }), "");
  EXPECT_EQ(complaint([](Figure& f) { line_of(f).low = line_of(f).high = {1, 2, 3}; }), "");
  Bars bars;
  bars.at = {0, 1};
  bars.base = {0, 0};
  bars.top = {1, 2};
  EXPECT_EQ(add(bars), "");
  bars.labels = {"one"};
  EXPECT_NE(add(bars), "");
  Points points;
  points.x = points.y = {1, 2};
  EXPECT_EQ(add(points), "");
  points.x_low = {1, 2};
  EXPECT_NE(add(points), "");
  Boxes boxes;
  boxes.at = {0};
  EXPECT_NE(add(boxes), "");
  HeatMap map;
  map.rows = 2;
  map.columns = 2;
  map.values = {1, 2, 3};
  EXPECT_NE(add(map).find("3 values are not 2 rows x 2 columns"), std::string::npos);
}

TEST(CheckFigure, FindsQuantilesThatDoNotAscend) {
  Boxes boxes;
  boxes.series = "r";
  boxes.at = {0};
  boxes.boxes = {Box{5, 0, 2, 1, 3, 4, kNone, {}}};
  const std::string text = complaint([&](Figure& f) { f.panels[0].marks.push_back(boxes); });
  EXPECT_NE(text.find("mark 2 (boxes 'r'): the quantiles of box 1 do not ascend"),
            std::string::npos);
}

TEST(CheckFigure, WantsRowsTimesColumnsPanels) {
  EXPECT_NE(complaint([](Figure& f) { f.columns = 2; }).find("1 panels, which are not 1 rows x 2"),
            std::string::npos);
  EXPECT_NE(complaint([](Figure& f) { f.rows = 0; }), "");
}

TEST(CheckFigure, WantsSomethingToDrawOrAMessage) {
  const auto only_gaps = [](Figure& f) { line_of(f).y = {kNone, kNone, kNone}; };
  EXPECT_NE(complaint(only_gaps).find("nothing finite is to be drawn"), std::string::npos);
  EXPECT_EQ(complaint([&](Figure& f) {
              only_gaps(f);
              f.panels[0].message = "Nothing was evicted.";
            }),
            "");
  // What a logarithmic axis cannot show is nothing.
  EXPECT_NE(complaint([](Figure& f) {
              f.panels[0].y.scale = Scale::log;
              line_of(f).y = {0, -1, 0};
            }),
            "");
}

TEST(CheckFigure, FindsAxesThatAreNone) {
  EXPECT_NE(complaint([](Figure& f) { f.panels[0].x.low = kNone; }), "");
  EXPECT_NE(complaint([](Figure& f) {
              f.panels[0].x.low = 2;
              f.panels[0].x.high = 2;
            }).find("its low limit must be below its high one"),
            std::string::npos);
  EXPECT_NE(complaint([](Figure& f) {
              f.panels[0].x.scale = Scale::log;
              f.panels[0].x.low = 0;
            }).find("it must be above 0"),
            std::string::npos);
  EXPECT_NE(complaint([](Figure& f) {
              f.panels[0].x.scale = Scale::log;
              f.panels[0].x.categories = {"a"};
            }),
            "");
}

TEST(CheckFigure, FindsAxesOfTwoKindsThatAreShared) {
  const auto twice = [](Figure& f) {
    f.panels.push_back(f.panels[0]);
    f.columns = 2;
    f.share_y = true;
  };
  EXPECT_EQ(complaint(twice), "");
  const auto other_scale = [&](Figure& f) {
    twice(f);
    f.panels[1].y.scale = Scale::log;
  };
  EXPECT_NE(complaint(other_scale).find("panel 2 ('only'): it shares its y axis"),
            std::string::npos);
  EXPECT_EQ(complaint([&](Figure& f) {
              other_scale(f);
              f.share_y = false;
            }),
            "");
}

TEST(CheckFigure, FindsCellsOfNoKind) {
  HeatMap map;
  map.rows = 1;
  map.columns = 2;
  map.values = {0, 2};
  map.kinds = {{Ink::evicted, "evicted"}, {Ink::kept, "kept"}};
  const std::string text = complaint([&](Figure& f) { f.panels[0].marks.push_back(map); });
  EXPECT_NE(text.find("a cell is of kind 2, but there are 2 kinds"), std::string::npos);
}

}  // namespace
}  // namespace kvreel::plot
