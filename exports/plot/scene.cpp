// Scenes as text, for golden files and for people.
#include "exports/plot/scene.h"

#include <fmt/format.h>

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/sha256.h"
#include "exports/plot/painting.h"

namespace kvreel::plot {
namespace {

std::string numbers(std::initializer_list<double> values) {
  std::string text;
  for (const double value : values) text += ' ' + three_decimals(value);
  return text;
}

std::string hex(const Color& color) {
  return fmt::format("#{:02x}{:02x}{:02x}{:02x}", color.r, color.g, color.b, color.a);
}

// In quotes, on one line.
std::string in_quotes(std::string_view text) {
  return nlohmann::json(std::string(text))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string points_of(const std::vector<Point>& points) {
  std::string text;
  for (const Point& point : points) {
    text += ' ' + three_decimals(point.x) + ',' + three_decimals(point.y);
  }
  return text;
}

// Of what is stroked: nothing where it is not seen.
std::string stroke_of(const Color& color, double line_width) {
  return color.a == 0 ? "" : " stroke " + hex(color) + numbers({line_width});
}

std::string fill_of(const Color& color) {
  return color.a == 0 ? "" : " fill " + hex(color);
}

std::string line_of(const Rectangle& r) {
  return "rectangle" + numbers({r.x, r.y, r.width, r.height}) + fill_of(r.fill) +
         stroke_of(r.stroke, r.line_width) +
         (r.radius > 0 ? " radius" + numbers({r.radius}) : std::string());
}

std::string line_of(const Polyline& line) {
  std::string dashes;
  if (!line.dashes.empty()) {
    dashes = " dashes";
    for (const double length : line.dashes) dashes += numbers({length});
  }
  return "polyline " + hex(line.color) + numbers({line.line_width}) + dashes + " points" +
         points_of(line.points);
}

std::string line_of(const Polygon& polygon) {
  return std::string(polygon.band ? "band" : "polygon") + fill_of(polygon.fill) + " points" +
         points_of(polygon.points);
}

std::string line_of(const Disc& disc) {
  return "disc" + numbers({disc.center.x, disc.center.y, disc.radius}) + fill_of(disc.fill) +
         stroke_of(disc.stroke, disc.line_width);
}

std::string line_of(const Text& text) {
  std::string line = std::string(text.turned ? "turned-text" : "text") +
                     numbers({text.origin.x, text.origin.y}) + " width" + numbers({text.width}) +
                     " anchor" + numbers({text.anchor}) + ' ' + hex(text.color);
  for (const TextRun& run : text.runs) {
    line += fmt::format(" [{} face {} size{} at{} width{}]", in_quotes(run.text), run.face,
                        numbers({run.size}), numbers({run.dx, run.rise}), numbers({run.width}));
  }
  return line;
}

std::string line_of(const Image& image) {
  return "image" + numbers({image.x, image.y, image.width, image.height}) +
         fmt::format(" {}x{} sha256 {}", image.columns, image.rows,
                     sha256(rgba_bytes(image.pixels)));
}

std::string line_of(const Clip& clip) {
  return "clip" + numbers({clip.x, clip.y, clip.width, clip.height});
}

std::string line_of(const Unclip&) {
  return "unclip";
}

}  // namespace

std::string to_text(const Scene& scene) {
  std::string text = "scene" + numbers({scene.width, scene.height}) + " ground " +
                     hex(scene.ground) + "\ntitle " + in_quotes(scene.title) + '\n';
  for (const auto& [key, value] : scene.metadata) {
    text += "metadata " + in_quotes(key) + ' ' + in_quotes(value) + '\n';
  }
  for (const Shape& shape : scene.shapes) {
    text += std::visit([](const auto& s) { return line_of(s); }, shape) + '\n';
  }
  return text;
}

}  // namespace kvreel::plot
