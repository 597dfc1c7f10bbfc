// Scenes as SVG, in which text stays text.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/text.h"
#include "exports/plot/image_cells.h"
#include "exports/plot/output.h"
#include "exports/plot/paint.h"
#include "exports/plot/painting.h"
#include "exports/plot/png.h"
#include "exports/plot/utf8.h"

namespace kvreel::plot {
namespace {

// Cells that are larger than a screen's pixel; smaller ones had better be smoothed than left out.
constexpr double kCoarseCell = 0.75;

// For text and attributes: what XML 1.0 does not allow is left out.
std::string escape(std::string_view bytes) {
  const std::string text = to_utf8_lossy(bytes);
  std::string escaped;
  std::string_view rest = text;
  while (!rest.empty()) {
    const char32_t code = take_character(rest);
    switch (code) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\n':
        escaped += "&#10;";
        break;
      case '\t':
        escaped += "&#9;";
        break;
      default:
        if (code >= 0x20 && code != 0xfffe && code != 0xffff) append_utf8(escaped, code);
    }
  }
  return escaped;
}

std::string base64(std::string_view bytes) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    const std::size_t digits = std::min<std::size_t>(bytes.size() - i, 3) + 1;
    for (std::size_t k = 0; k < 4; ++k) {
      text += k < digits ? kDigits[group >> (18 - 6 * k) & 63] : '=';
    }
  }
  return text;
}

std::string attribute(std::string_view name, std::string_view value) {
  return fmt::format(" {}=\"{}\"", name, value);
}

std::string attribute(std::string_view name, double value) {
  return attribute(name, short_decimals(value));
}

// fill="#rrggbb" and, where it is not opaque, fill-opacity="0.5".
std::string paint_attribute(std::string_view name, const Color& color) {
  if (color.a == 0) return attribute(name, "none");
  std::string text = attribute(name, fmt::format("#{:02x}{:02x}{:02x}", color.r, color.g, color.b));
  if (color.a < 255) text += attribute(std::string(name) + "-opacity", color.a / 255.0);
  return text;
}

std::string stroke_attributes(const Color& color, double line_width) {
  if (color.a == 0 || line_width <= 0) return {};
  return paint_attribute("stroke", color) + attribute("stroke-width", line_width);
}

std::string box_attributes(double x, double y, double width, double height) {
  return attribute("x", x) + attribute("y", y) + attribute("width", width) +
         attribute("height", height);
}

std::string svg_points(const std::vector<Point>& points) {
  std::string text;
  for (const Point& point : points) {
    if (!text.empty()) text += ' ';
    text += short_decimals(point.x) + ',' + short_decimals(point.y);
  }
  return text;
}

// Hundredths of a point as a decimal without what can be left out: "12", ".5", "-.25".
std::string hundredths(int64_t value) {
  std::string text = short_decimals(static_cast<double>(value) / 100);
  if (text.starts_with("0.")) text.erase(0, 1);
  if (text.starts_with("-0.")) text.erase(1, 1);
  return text;
}

// Points as the data of a path, each relative to the one before: half the bytes of a list of
// places. Places are rounded before they are subtracted, so that errors do not add up.
std::string path_of(const std::vector<Point>& points) {
  std::string text;
  int64_t x = 0, y = 0;
  for (const Point& point : points) {
    const int64_t next_x = std::llround(point.x * 100), next_y = std::llround(point.y * 100);
    const std::string dx = hundredths(next_x - x), dy = hundredths(next_y - y);
    if (text.empty()) {
      text = "m";
    } else if (dx.front() != '-') {
      text += ' ';
    }
    text += dx;
    if (dy.front() != '-') text += ' ';
    text += dy;
    x = next_x;
    y = next_y;
  }
  return text;
}

// Of fewer points a list of places is as short, and easier for a person to edit.
constexpr std::size_t kPathPoints = 32;

// With families of like width for machines that lack the figure's.
std::string families_of(const Fonts::Face& face) {
  if (face.name == "DejaVu Sans") return "'DejaVu Sans', Verdana, sans-serif";
  if (face.name == "Latin Modern Sans") {
    return "'LM Sans 10', 'Latin Modern Sans', 'CMU Sans Serif', 'DejaVu Sans', sans-serif";
  }
  std::string name = face.name;
  std::erase_if(name, [](char c) { return c == '\'' || c == '\\'; });
  return "'" + name + "', 'DejaVu Sans', sans-serif";
}

class SvgWriter {
 public:
  explicit SvgWriter(const Fonts& fonts) : fonts_(fonts) {}
  std::string write(const Scene& scene);

 private:
  void add(const Rectangle& rectangle);
  void add(const Polyline& line);
  void add(const Polygon& polygon);
  void add(const Disc& disc);
  void add(const Text& text);
  void add(const Image& image);
  void add(const Clip& clip);
  void add(const Unclip&);
  void head(const Scene& scene);
  std::string font_attributes(const TextRun& run) const;

  const Fonts& fonts_;
  std::string out_;
  bool clipped_ = false;
};

std::string SvgWriter::write(const Scene& scene) {
  head(scene);
  if (scene.ground.a > 0) add(Rectangle{0, 0, scene.width, scene.height, scene.ground});
  for (const Shape& shape : scene.shapes) {
    std::visit([&](const auto& s) { add(s); }, shape);
  }
  add(Unclip{});
  out_ += "</svg>\n";
  return std::move(out_);
}

void SvgWriter::head(const Scene& scene) {
  out_ += "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"" +
          attribute("xmlns:xlink", "http://www.w3.org/1999/xlink") +
          attribute("width", short_decimals(scene.width) + "pt") +
          attribute("height", short_decimals(scene.height) + "pt") +
          attribute("viewBox",
                    "0 0 " + short_decimals(scene.width) + ' ' + short_decimals(scene.height)) +
          attribute("stroke-linecap", "round") + attribute("stroke-linejoin", "round") +
          // The widths that the layout reckoned with: unhinted, letter by letter.
          attribute("text-rendering", "geometricPrecision") +
          attribute("style", "font-kerning:none;font-variant-ligatures:none") + ">\n";
  if (!scene.title.empty()) out_ += "<title>" + escape(scene.title) + "</title>\n";
  if (scene.metadata.empty()) return;
  out_ += "<metadata xmlns:kvreel=\"urn:kvreel:figure\">\n";
  for (const auto& [key, value] : scene.metadata) {
    out_ +=
        "<kvreel:item" + attribute("name", escape(key)) + ">" + escape(value) + "</kvreel:item>\n";
  }
  out_ += "</metadata>\n";
}

void SvgWriter::add(const Rectangle& r) {
  const std::string stroke = stroke_attributes(r.stroke, r.line_width);
  if (r.fill.a == 0 && stroke.empty()) return;
  const double radius = std::min({r.radius, r.width / 2, r.height / 2});
  out_ += "<rect" + box_attributes(r.x, r.y, r.width, r.height) +
          (radius > 0 ? attribute("rx", radius) : std::string()) + paint_attribute("fill", r.fill) +
          stroke + (stroke.empty() ? std::string() : attribute("stroke-linejoin", "miter")) +
          "/>\n";
}

void SvgWriter::add(const Polyline& line) {
  const std::string stroke = stroke_attributes(line.color, line.line_width);
  if (line.points.empty() || stroke.empty()) return;
  std::string dashes;
  for (const double length : shown_dashes(line.dashes)) {
    dashes += (dashes.empty() ? "" : " ") + short_decimals(length);
  }
  const std::string look = attribute("fill", "none") + stroke +
                           (dashes.empty() ? std::string() : attribute("stroke-dasharray", dashes));
  if (line.points.size() >= kPathPoints) {
    out_ += "<path" + look + attribute("d", path_of(line.points)) + "/>\n";
    return;
  }
  std::string points = svg_points(line.points);
  // A line to its own beginning is a dot.
  if (line.points.size() == 1) points += ' ' + points;
  out_ += "<polyline" + look + attribute("points", points) + "/>\n";
}

void SvgWriter::add(const Polygon& polygon) {
  if (polygon.points.size() < 3 || polygon.fill.a == 0) return;
  const std::string fill = paint_attribute("fill", polygon.fill);
  if (polygon.points.size() >= kPathPoints) {
    out_ += "<path" + fill + attribute("d", path_of(polygon.points) + "z") + "/>\n";
  } else {
    out_ += "<polygon" + fill + attribute("points", svg_points(polygon.points)) + "/>\n";
  }
}

void SvgWriter::add(const Disc& disc) {
  const std::string stroke = stroke_attributes(disc.stroke, disc.line_width);
  if (disc.fill.a == 0 && stroke.empty()) return;
  out_ += "<circle" + attribute("cx", disc.center.x) + attribute("cy", disc.center.y) +
          attribute("r", disc.radius) + paint_attribute("fill", disc.fill) + stroke + "/>\n";
}

std::string SvgWriter::font_attributes(const TextRun& run) const {
  const Fonts::Face& face = fonts_.face(run.face);
  return attribute("font-family", escape(families_of(face))) + attribute("font-size", run.size) +
         (face.bold ? attribute("font-weight", "bold") : std::string());
}

void SvgWriter::add(const Text& text) {
  if (text.runs.empty() || text.color.a == 0) return;
  const double along = text.width * text.anchor;
  const double x = text.origin.x + (text.turned ? 0 : along);
  const double y = text.origin.y - (text.turned ? along : 0);
  out_ += "<text" + attribute("x", x) + attribute("y", y) + paint_attribute("fill", text.color) +
          attribute("xml:space", "preserve");
  if (text.anchor > 0) {
    out_ += attribute("text-anchor", text.anchor < 0.75 ? "middle" : "end");
  }
  if (text.turned) {
    out_ +=
        attribute("transform", "rotate(-90 " + short_decimals(x) + ' ' + short_decimals(y) + ")");
  }
  const TextRun& first = text.runs.front();
  out_ += font_attributes(first);
  if (text.runs.size() == 1 && first.rise == 0) {
    out_ += ">" + escape(first.text) + "</text>\n";
    return;
  }
  out_ += ">";
  double rise = 0;
  for (const TextRun& run : text.runs) {
    // Runs follow each other, so that all of the label keeps its anchor in other fonts.
    out_ += "<tspan";
    if (run.rise != rise) out_ += attribute("dy", rise - run.rise);
    rise = run.rise;
    out_ += (&run == &first ? std::string() : font_attributes(run)) + ">" + escape(run.text) +
            "</tspan>";
  }
  out_ += "</text>\n";
}

void SvgWriter::add(const Image& image) {
  if (image.columns < 1 || image.rows < 1 || image.width <= 0 || image.height <= 0) return;
  const double cell_width = image.width / image.columns, cell_height = image.height / image.rows;
  const Image blocks = as_blocks(image);
  const std::string png = encode_png({blocks.columns, blocks.rows, blocks.pixels});
  out_ += "<image" + box_attributes(image.x, image.y, image.width, image.height) +
          attribute("preserveAspectRatio", "none");
  if (cell_width >= kCoarseCell && cell_height >= kCoarseCell) {
    out_ += attribute("image-rendering", "optimizeSpeed") +
            attribute("style", "image-rendering:crisp-edges;image-rendering:pixelated");
  }
  out_ += attribute("xlink:href", "data:image/png;base64," + base64(png)) + "/>\n";
}

void SvgWriter::add(const Clip& clip) {
  add(Unclip{});
  // Named by its place: pages that hold several figures then hold no two clips of one name that
  // differ.
  std::string name = "clip";
  for (const double value : {clip.x, clip.y, clip.width, clip.height}) {
    name += '-' + short_decimals(value);
  }
  out_ += "<clipPath" + attribute("id", name) + "><rect" +
          box_attributes(clip.x, clip.y, clip.width, clip.height) + "/></clipPath>\n<g" +
          attribute("clip-path", "url(#" + name + ")") + ">\n";
  clipped_ = true;
}

void SvgWriter::add(const Unclip&) {
  if (clipped_) out_ += "</g>\n";
  clipped_ = false;
}

}  // namespace

void write_svg(std::ostream& out, const Scene& scene, const Fonts& fonts) {
  write_all(out, SvgWriter(fonts).write(scene), "SVG");
}

}  // namespace kvreel::plot
