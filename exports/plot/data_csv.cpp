// Figures' numbers as CSV.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/text.h"
#include "base/visible_text.h"
#include "exports/plot/data.h"
#include "exports/plot/data_text.h"
#include "exports/plot/markup.h"
#include "exports/plot/output.h"

namespace kvreel::plot {
namespace {

double value_at(const std::vector<double>& values, std::size_t i) {
  return i < values.size() ? values[i] : kNone;
}

std::string text_at(const std::vector<std::string>& texts, std::size_t i) {
  return i < texts.size() ? plain_text(texts[i]) : std::string();
}

std::string kind_of(const HeatMap& map, float value) {
  const bool known = value >= 0 && value < static_cast<float>(map.kinds.size());
  return known ? plain_text(map.kinds[static_cast<std::size_t>(value)].second) : std::string();
}

template <typename Number>
std::string shortest(Number value) {
  return std::isfinite(value) ? fmt::format("{}", value) : std::string();
}

// RFC 4180; white space at the ends, which some readers drop, is kept.
std::string field(const std::string& text) {
  const bool quoted = text.find_first_of(",\"\r\n") != text.npos ||
                      (!text.empty() && (text.front() == ' ' || text.back() == ' '));
  if (!quoted) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

class CsvWriter {
 public:
  CsvWriter(std::ostream& out, const Figure& figure) : out_(out), figure_(figure) {}
  void write();

 private:
  struct Row {
    double x = kNone, y = kNone, low = kNone, high = kNone, x_low = kNone, x_high = kNone;
    std::string value;  // written as it is: of a map it is a float
    std::string label;
  };

  void add(const HeatMap& map);
  void add(const Range& range);
  void add(const Bars& bars);
  void add(const Boxes& boxes);
  void add(const Line& line);
  void add(const Points& points);
  void add(const Rule& rule);
  void add(const Note& note);

  void head();
  void comment(std::string_view key, std::string_view text);
  void begin(std::string_view mark, const std::string& series = {});
  void row(Row row, bool horizontal = false);
  void flush();

  std::ostream& out_;
  const Figure& figure_;
  const Panel* panel_ = nullptr;
  std::string start_;  // of every row of the mark
  std::string buffer_;
};

void CsvWriter::write() {
  head();
  for (const Panel& panel : figure_.panels) {
    panel_ = &panel;
    for (const Mark& mark : panel.marks) {
      std::visit([&](const auto& m) { add(m); }, mark);
    }
  }
  flush();
}

void CsvWriter::head() {
  comment("figure", figure_.name);
  comment("title", plain_text(figure_.title));
  for (const auto& [key, value] : figure_.metadata) comment(key, value);
  for (const std::string& remark : figure_.remarks) comment("remark", plain_text(remark));
  const auto axis = [](std::string_view name, const Axis& a) {
    const std::string_view unit = unit_of(a.format);
    return fmt::format("{}: {}{}{}{}", name, plain_text(a.label), unit.empty() ? "" : " (", unit,
                       unit.empty() ? "" : ")");
  };
  for (std::size_t i = 0; i < figure_.panels.size(); ++i) {
    const Panel& panel = figure_.panels[i];
    const std::string title = plain_text(panel.title);
    comment(fmt::format("panel {}", i + 1),
            title + (title.empty() ? "" : "; ") + axis("x", panel.x) + "; " + axis("y", panel.y));
  }
  buffer_ += "panel,series,mark,x,y,low,high,x_low,x_high,value,x_name,y_name,label\n";
}

void CsvWriter::comment(std::string_view key, std::string_view text) {
  buffer_ += fmt::format("# {}: {}\n", visible_line(key), visible_line(text));
}

void CsvWriter::begin(std::string_view mark, const std::string& series) {
  start_ = fmt::format("{},{},{}", panel_ - figure_.panels.data() + 1,
                       field(to_utf8_lossy(plain_text(series))), mark);
}

void CsvWriter::row(Row row, bool horizontal) {
  if (horizontal) {
    std::swap(row.x, row.y);
    std::swap(row.low, row.x_low);
    std::swap(row.high, row.x_high);
  }
  const auto name = [](const Axis& axis, double at) {
    const double i = std::round(at);  // bars of several series stand beside the place
    const bool known = i >= 0 && i < static_cast<double>(axis.categories.size());
    return known ? text_at(axis.categories, static_cast<std::size_t>(i)) : std::string();
  };
  buffer_ += start_;
  for (const double number : {row.x, row.y, row.low, row.high, row.x_low, row.x_high}) {
    buffer_ += ',';
    buffer_ += shortest(number);
  }
  for (const std::string& text :
       {row.value, name(panel_->x, row.x), name(panel_->y, row.y), row.label}) {
    buffer_ += ',';
    buffer_ += field(to_utf8_lossy(text));
  }
  buffer_ += '\n';
  constexpr std::size_t kBufferBytes = 1 << 16;
  if (buffer_.size() >= kBufferBytes) flush();
}

void CsvWriter::flush() {
  write_all(out_, buffer_, "data");
  buffer_.clear();
}

void CsvWriter::add(const HeatMap& map) {
  begin("map");
  const double width = (map.x1 - map.x0) / static_cast<double>(map.columns);
  const double height = (map.y1 - map.y0) / static_cast<double>(map.rows);
  for (std::size_t r = 0; r < map.rows; ++r) {
    for (std::size_t c = 0; c < map.columns; ++c) {
      const float value = map.values[r * map.columns + c];
      row({.x = map.x0 + (static_cast<double>(c) + 0.5) * width,
           .y = map.y0 + (static_cast<double>(r) + 0.5) * height,
           .value = shortest(value),
           .label = kind_of(map, value)});
    }
  }
}

void CsvWriter::add(const Range& range) {
  begin("range");
  row({.low = range.from, .high = range.to, .label = plain_text(range.label)}, range.vertical);
}

void CsvWriter::add(const Bars& bars) {
  begin("bars", bars.series);
  for (std::size_t i = 0; i < bars.at.size(); ++i) {
    row({.x = bars.at[i],
         .y = value_at(bars.top, i),
         .low = value_at(bars.low, i),
         .high = value_at(bars.high, i),
         .value = shortest(value_at(bars.base, i)),
         .label = text_at(bars.labels, i)},
        bars.horizontal);
  }
}

void CsvWriter::add(const Boxes& boxes) {
  begin("boxes", boxes.series);
  for (std::size_t i = 0; i < boxes.boxes.size(); ++i) {
    const Box& box = boxes.boxes[i];
    const auto add_value = [&](const char* what, double value) {
      if (!std::isfinite(value)) return;
      row({.x = value_at(boxes.at, i),
           .y = value,
           .value = fmt::format("{}", box.n),
           .label = what},
          boxes.horizontal);
    };
    add_value("low", box.low);
    add_value("q1", box.q1);
    add_value("median", box.median);
    add_value("q3", box.q3);
    add_value("high", box.high);
    add_value("mean", box.mean);
    for (const double point : box.points) add_value("point", point);
  }
}

void CsvWriter::add(const Line& line) {
  begin("line", line.series);
  for (std::size_t i = 0; i < line.x.size(); ++i) {
    row({.x = line.x[i],
         .y = value_at(line.y, i),
         .low = value_at(line.low, i),
         .high = value_at(line.high, i)});
  }
}

void CsvWriter::add(const Points& points) {
  begin("points", points.series);
  for (std::size_t i = 0; i < points.x.size(); ++i) {
    row({.x = points.x[i],
         .y = value_at(points.y, i),
         .low = value_at(points.y_low, i),
         .high = value_at(points.y_high, i),
         .x_low = value_at(points.x_low, i),
         .x_high = value_at(points.x_high, i),
         .label = text_at(points.labels, i)});
  }
}

void CsvWriter::add(const Rule& rule) {
  begin("rule");
  row({.y = rule.at, .label = plain_text(rule.label)}, rule.vertical);
}

void CsvWriter::add(const Note& note) {
  begin("note");
  row({.x = note.x, .y = note.y, .label = plain_text(note.text)});
}

}  // namespace

void write_data_csv(std::ostream& out, const Figure& figure) {
  CsvWriter(out, figure).write();
}

}  // namespace kvreel::plot
