// Figures as JSON.
#include <charconv>
#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/visible_text.h"
#include "exports/plot/data.h"
#include "exports/plot/data_text.h"
#include "exports/plot/markup.h"
#include "exports/plot/output.h"

namespace kvreel::plot {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const std::vector<std::string>& texts) {
  Json array = Json::array();
  for (const std::string& text : texts) array.push_back(plain_text(text));
  return array;
}

// The double that is written with the digits of the float: 0.1, not 0.10000000149011612.
double as_double(float value) {
  if (!std::isfinite(value)) return kNone;
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  double wide = 0;
  std::from_chars(digits, end, wide);
  return wide;
}

// NaN becomes null when it is written.
Json mark_json(const HeatMap& map) {
  Json rows = Json::array();
  for (std::size_t r = 0; r < map.rows; ++r) {
    Json row = Json::array();
    for (std::size_t c = 0; c < map.columns; ++c) {
      row.push_back(as_double(map.values[r * map.columns + c]));
    }
    rows.push_back(std::move(row));
  }
  Json json = {{"mark", "map"}, {"rows", map.rows}, {"columns", map.columns},
               {"x0", map.x0},  {"x1", map.x1},     {"y0", map.y0},
               {"y1", map.y1}};
  json["value"] = plain_text(map.value_label);
  json["unit"] = unit_of(map.format);
  if (!map.kinds.empty()) {
    json["kinds"] = Json::array();
    for (const auto& kind : map.kinds) json["kinds"].push_back(plain_text(kind.second));
  }
  json["values"] = std::move(rows);
  return json;
}

// Adds the vectors that a mark has.
void add_vectors(Json& json,
                 const std::vector<std::pair<const char*, const std::vector<double>*>>& vectors) {
  for (const auto& [name, values] : vectors) {
    if (!values->empty()) json[name] = *values;
  }
}

Json mark_json(const Range& range) {
  return {{"mark", "range"},
          {"vertical", range.vertical},
          {"from", range.from},
          {"to", range.to},
          {"label", plain_text(range.label)}};
}

Json mark_json(const Bars& bars) {
  Json json = {{"mark", "bars"},
               {"series", plain_text(bars.series)},
               {"horizontal", bars.horizontal},
               {"at", bars.at},
               {"base", bars.base},
               {"top", bars.top}};
  add_vectors(json, {{"low", &bars.low}, {"high", &bars.high}});
  if (!bars.labels.empty()) json["labels"] = json_of(bars.labels);
  return json;
}

Json mark_json(const Boxes& boxes) {
  Json json = {{"mark", "boxes"},
               {"series", plain_text(boxes.series)},
               {"horizontal", boxes.horizontal},
               {"at", boxes.at},
               {"boxes", Json::array()}};
  for (const Box& box : boxes.boxes) {
    json["boxes"].push_back({{"n", box.n},
                             {"low", box.low},
                             {"q1", box.q1},
                             {"median", box.median},
                             {"q3", box.q3},
                             {"high", box.high},
                             {"mean", box.mean},
                             {"points", box.points}});
  }
  return json;
}

Json mark_json(const Line& line) {
  Json json = {{"mark", "line"}, {"series", plain_text(line.series)}, {"x", line.x}, {"y", line.y}};
  if (line.steps) json["steps"] = true;
  add_vectors(json, {{"low", &line.low}, {"high", &line.high}});
  return json;
}

Json mark_json(const Points& points) {
  Json json = {
      {"mark", "points"}, {"series", plain_text(points.series)}, {"x", points.x}, {"y", points.y}};
  add_vectors(json, {{"x_low", &points.x_low},
                     {"x_high", &points.x_high},
                     {"y_low", &points.y_low},
                     {"y_high", &points.y_high}});
  if (!points.labels.empty()) json["labels"] = json_of(points.labels);
  return json;
}

Json mark_json(const Rule& rule) {
  return {{"mark", "rule"},
          {"vertical", rule.vertical},
          {"at", rule.at},
          {"label", plain_text(rule.label)}};
}

Json mark_json(const Note& note) {
  return {{"mark", "note"}, {"x", note.x}, {"y", note.y}, {"text", plain_text(note.text)}};
}

Json axis_json(const Axis& axis) {
  Json json = {{"label", plain_text(axis.label)},
               {"unit", unit_of(axis.format)},
               {"scale", axis.scale == Scale::log ? "log" : "linear"}};
  if (axis.low) json["low"] = *axis.low;
  if (axis.high) json["high"] = *axis.high;
  if (axis.reversed) json["reversed"] = true;
  if (!axis.categories.empty()) json["categories"] = json_of(axis.categories);
  return json;
}

Json panel_json(const Panel& panel) {
  Json json = {{"title", plain_text(panel.title)},
               {"x", axis_json(panel.x)},
               {"y", axis_json(panel.y)},
               {"marks", Json::array()}};
  for (const Mark& mark : panel.marks) {
    json["marks"].push_back(std::visit([](const auto& m) { return mark_json(m); }, mark));
  }
  if (!panel.message.empty()) json["message"] = plain_text(panel.message);
  return json;
}

}  // namespace

void write_data_json(std::ostream& out, const Figure& figure) {
  Json json = {{"figure", figure.name},      {"title", plain_text(figure.title)},
               {"metadata", Json::object()}, {"remarks", json_of(figure.remarks)},
               {"rows", figure.rows},        {"columns", figure.columns},
               {"panels", Json::array()}};
  for (const auto& [key, value] : figure.metadata) {
    // A key that several traces have holds all their values.
    Json& values = json["metadata"][key];
    if (values.is_string()) values = Json::array({values});
    if (values.is_array()) {
      values.push_back(value);
    } else {
      values = value;
    }
  }
  for (const Panel& panel : figure.panels) json["panels"].push_back(panel_json(panel));
  write_all(out,
            unseen_escaped_json(json.dump(-1, ' ', false, Json::error_handler_t::replace)) + '\n',
            "data");
}

}  // namespace kvreel::plot
