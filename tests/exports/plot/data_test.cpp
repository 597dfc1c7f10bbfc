// Figures' numbers as CSV and JSON.
#include "exports/plot/data.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "exports/plot/figure.h"

namespace kvreel::plot {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Figure figure_of(std::vector<Mark> marks) {
  Figure figure;
  figure.name = "test";
  figure.title = "A_{95} of it";
  Panel panel;
  panel.title = "Layer 1";
  panel.x = {.label = "Budget", .format = Format::percent};
  panel.y = {.label = "max\\_new\\_tokens", .format = Format::count};
  panel.marks = std::move(marks);
  figure.panels = {panel};
  return figure;
}

std::string csv_of(const Figure& figure) {
  std::ostringstream out;
  write_data_csv(out, figure);
  return out.str();
}

// Without comments and names.
std::string rows_of(const Figure& figure) {
  const std::string csv = csv_of(figure);
  const std::string names =
      "panel,series,mark,x,y,low,high,x_low,x_high,value,x_name,y_name,label\n";
  const std::size_t at = csv.find("\n" + names);
  EXPECT_NE(at, csv.npos) << csv;
  return csv.substr(at + 1 + names.size());
}

nlohmann::json json_of(const Figure& figure) {
  std::ostringstream out;
  write_data_json(out, figure);
  return nlohmann::json::parse(out.str());
}

TEST(DataCsv, BeginsWithWhatTheFigureIs) {
  Figure figure = figure_of({});
  figure.metadata = {{"trace", "a\nb.h5"}, {"policies", "x, \"y\" \xff"}};
  figure.remarks = {"2 samples have no answer."};
  EXPECT_EQ(csv_of(figure),
            "# figure: test\n"
            "# title: A95 of it\n"
            "# trace: a\\nb.h5\n"
            "# policies: x, \"y\" \ufffd\n"
            "# remark: 2 samples have no answer.\n"
            "# panel 1: Layer 1; x: Budget (share); y: max_new_tokens\n"
            "panel,series,mark,x,y,low,high,x_low,x_high,value,x_name,y_name,label\n");
}

TEST(DataCsv, WritesLinesAsTheShortestNumbersThatReadBackTheSame) {
  Line line;
  line.series = "refreekv, 5 %";
  line.x = {0.1, 1.0 / 3, 1e300, 4};
  line.y = {1, kNone, -kInfinity, 4096};
  line.low = {0.5, 0.5, 0.5, 0.5};
  line.high = {1.5, 1.5, 1.5, kNone};
  const std::string rows = rows_of(figure_of({line}));
  EXPECT_EQ(rows,
            "1,\"refreekv, 5 %\",line,0.1,1,0.5,1.5,,,,,,\n"
            "1,\"refreekv, 5 %\",line,0.3333333333333333,,0.5,1.5,,,,,,\n"
            "1,\"refreekv, 5 %\",line,1e+300,,0.5,1.5,,,,,,\n"
            "1,\"refreekv, 5 %\",line,4,4096,0.5,,,,,,,\n");
  EXPECT_EQ(std::stod("0.3333333333333333"), 1.0 / 3);
}

TEST(DataCsv, QuotesWhatWouldBreakALine) {
  Points points;
  points.series = "say \"hi\"";
  points.x = {1, 2};
  points.y = {3, 4};
  points.x_low = {0.5, 1.5};
  points.x_high = {1.5, 2.5};
  points.y_low = {2, 3};
  points.y_high = {4, 5};
  points.labels = {"two\nlines", " space"};
  EXPECT_EQ(rows_of(figure_of({points})),
            "1,\"say \"\"hi\"\"\",points,1,3,2,4,0.5,1.5,,,,\"two\nlines\"\n"
            "1,\"say \"\"hi\"\"\",points,2,4,3,5,1.5,2.5,,,,\" space\"\n");
}

TEST(DataCsv, NamesCategoriesAndTurnsHorizontalBars) {
  Bars bars;
  bars.series = "kept";
  bars.at = {-0.2, 0.8};
  bars.base = {0, 1};
  bars.top = {5, 6};
  bars.low = {4, kNone};
  bars.high = {7, kNone};
  bars.labels = {"5", "6"};
  Figure figure = figure_of({bars});
  figure.panels[0].x.categories = {"task\\_a", "b"};
  EXPECT_EQ(rows_of(figure),
            "1,kept,bars,-0.2,5,4,7,,,0,task_a,,5\n"
            "1,kept,bars,0.8,6,,,,,1,b,,6\n");
  bars.horizontal = true;
  figure = figure_of({bars});
  figure.panels[0].y.categories = {"task\\_a", "b"};
  EXPECT_EQ(rows_of(figure),
            "1,kept,bars,5,-0.2,,,4,7,0,,task_a,5\n"
            "1,kept,bars,6,0.8,,,,,1,,b,6\n");
}

TEST(DataCsv, HasARowForEveryQuantile) {
  Boxes boxes;
  boxes.series = "s";
  boxes.at = {2};
  boxes.boxes = {{.n = 35, .low = 1, .q1 = 2, .median = 3, .q3 = 4, .high = 5, .points = {6.5}}};
  EXPECT_EQ(rows_of(figure_of({boxes})),
            "1,s,boxes,2,1,,,,,35,,,low\n"
            "1,s,boxes,2,2,,,,,35,,,q1\n"
            "1,s,boxes,2,3,,,,,35,,,median\n"
            "1,s,boxes,2,4,,,,,35,,,q3\n"
            "1,s,boxes,2,5,,,,,35,,,high\n"
            "1,s,boxes,2,6.5,,,,,35,,,point\n");
}

TEST(DataCsv, PutsMapsAtTheMiddlesOfTheirCells) {
  HeatMap map;
  map.rows = 2;
  map.columns = 2;
  map.values = {0.1f, 1, static_cast<float>(kNone), 0};
  map.x0 = 10;
  map.x1 = 14;
  map.y0 = -0.5;
  map.y1 = 1.5;
  Figure figure = figure_of({map});
  figure.panels[0].y.categories = {"first", "second"};
  EXPECT_EQ(rows_of(figure),
            "1,,map,11,0,,,,,0.1,,first,\n"
            "1,,map,13,0,,,,,1,,first,\n"
            "1,,map,11,1,,,,,,,second,\n"
            "1,,map,13,1,,,,,0,,second,\n");
  map.kinds = {{Ink::evicted, "evicted"}, {Ink::kept, "kept"}};
  map.values = {0, 1, static_cast<float>(kNone), 2};
  EXPECT_EQ(rows_of(figure_of({map})),
            "1,,map,11,0,,,,,0,,,evicted\n"
            "1,,map,13,0,,,,,1,,,kept\n"
            "1,,map,11,1,,,,,,,,\n"
            "1,,map,13,1,,,,,2,,,\n");
}

TEST(DataCsv, SaysWhereRulesRangesAndNotesAre) {
  EXPECT_EQ(rows_of(figure_of({Rule{.at = 0.05, .label = "threshold"},
                               Rule{.vertical = true, .at = 3, .label = ""},
                               Range{.vertical = true, .from = 0, .to = 4, .label = "sinks"},
                               Range{.vertical = false, .from = 1, .to = 2, .label = "y"},
                               Note{.x = 1, .y = 2, .text = "x_{i}"}})),
            "1,,rule,,0.05,,,,,,,,threshold\n"
            "1,,rule,3,,,,,,,,,\n"
            "1,,range,,,,,0,4,,,,sinks\n"
            "1,,range,,,1,2,,,,,,y\n"
            "1,,note,1,2,,,,,,,,xi\n");
}

TEST(DataJson, IsTheFigure) {
  Line line;
  line.series = "a\\_b";
  line.x = {0.1, 1.0 / 3};
  line.y = {kInfinity, kNone};
  HeatMap map;
  map.rows = 1;
  map.columns = 3;
  map.values = {0.1f, static_cast<float>(kNone), 16777217.0f};
  map.value_label = "Norm";
  map.format = Format::duration;
  Bars bars{.series = "b", .at = {0}, .base = {0}, .top = {2}, .labels = {"2"}};
  Boxes boxes{.series = "c", .at = {0}, .boxes = {{.n = 3, .median = 2}}};
  Points points{.series = "d", .x = {1}, .y = {2}, .y_low = {1}, .y_high = {3}};
  Figure figure = figure_of({map, line, bars, boxes, points, Rule{.at = 1, .label = "r"},
                             Range{.from = 1, .to = 2}, Note{.x = 1, .y = 2, .text = "n_{1}"}});
  figure.metadata = {{"trace", "a.h5"}, {"hash", "12"}, {"trace", "b\xff"}};
  figure.remarks = {"One."};
  figure.panels[0].x.low = 0;
  figure.panels[0].y.categories = {"k_{1}"};
  const nlohmann::json json = json_of(figure);
  EXPECT_EQ(json["figure"], "test");
  EXPECT_EQ(json["title"], "A95 of it");
  EXPECT_EQ(json["metadata"]["hash"], "12");
  EXPECT_EQ(json["metadata"]["trace"], (nlohmann::json{"a.h5", "b\ufffd"}));
  EXPECT_EQ(json["remarks"], nlohmann::json::array({"One."}));
  const nlohmann::json& panel = json["panels"].at(0);
  EXPECT_EQ(panel["title"], "Layer 1");
  EXPECT_EQ(
      panel["x"],
      (nlohmann::json{{"label", "Budget"}, {"unit", "share"}, {"scale", "linear"}, {"low", 0.0}}));
  EXPECT_EQ(panel["y"]["categories"], nlohmann::json::array({"k1"}));
  const nlohmann::json& marks = panel["marks"];
  ASSERT_EQ(marks.size(), 8u);
  EXPECT_EQ(marks[0]["values"].dump(), "[[0.1,null,16777216.0]]");
  EXPECT_EQ(marks[0]["unit"], "ns");
  EXPECT_EQ(
      marks[1],
      (nlohmann::json{
          {"mark", "line"}, {"series", "a_b"}, {"x", {0.1, 1.0 / 3}}, {"y", {nullptr, nullptr}}}));
  EXPECT_EQ(marks[2]["top"], nlohmann::json::array({2.0}));
  EXPECT_EQ(marks[3]["boxes"][0]["n"], 3);
  EXPECT_EQ(marks[3]["boxes"][0]["mean"], nullptr);
  EXPECT_EQ(marks[4]["y_high"], nlohmann::json::array({3.0}));
  EXPECT_FALSE(marks[4].contains("x_high"));
  EXPECT_EQ(marks[5]["at"], 1.0);
  EXPECT_EQ(marks[6]["to"], 2.0);
  EXPECT_EQ(marks[7]["text"], "n1");
}

TEST(Data, FailsWhereTheStreamDoes) {
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  EXPECT_THROW(write_data_csv(out, figure_of({})), Error);
  EXPECT_THROW(write_data_json(out, figure_of({})), Error);
}

}  // namespace
}  // namespace kvreel::plot
