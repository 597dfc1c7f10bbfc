// A drawing as a flat list of shapes in points (1/72 inch), y down. Painters paint it and know
// nothing of axes; what is not in the scene is on no paper.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace kvreel::plot {

struct Color {
  uint8_t r = 0, g = 0, b = 0, a = 255;
  bool operator==(const Color&) const = default;
};

struct Point {
  double x = 0, y = 0;
  bool operator==(const Point&) const = default;
};

// Filled, then stroked, where alpha is above 0. Axis-parallel.
struct Rectangle {
  double x = 0, y = 0, width = 0, height = 0;
  Color fill{0, 0, 0, 0};
  Color stroke{0, 0, 0, 0};
  double line_width = 0;
  double radius = 0;  // of its corners
};

// Round joins and ends. Lengths of dashes and gaps in points; empty: solid; a dash of 0 is a dot.
struct Polyline {
  std::vector<Point> points;
  Color color;
  double line_width = 1;
  std::vector<double> dashes;
};

// Filled. Bands and arrow heads; simple, but not always convex.
struct Polygon {
  std::vector<Point> points;
  Color fill;
  // Where the polygon is a band: points [0, n/2) are its upper edge from left to right and the rest
  // its lower edge from right to left, so that painters may cut it into convex quads.
  bool band = false;
};

struct Disc {
  Point center;
  double radius = 1;
  Color fill{0, 0, 0, 0};
  Color stroke{0, 0, 0, 0};
  double line_width = 0;
};

// Characters of one face and size, placed from the text's origin along its baseline.
struct TextRun {
  std::string text;      // UTF-8
  std::size_t face = 0;  // of Fonts
  double size = 0;       // em in points
  double dx = 0;         // from the origin
  double rise = 0;       // above the baseline
  double width = 0;      // sum of the unhinted advances
};

// One label: what a person selects in one go.
struct Text {
  Point origin;  // left end of the baseline; of turned text its lower end
  std::vector<TextRun> runs;
  double width = 0;
  Color color;
  bool turned = false;  // by 90 degrees anticlockwise: reads from the bottom up
  // Which end stays where it is when another renderer's fonts are wider: 0 left, 0.5 middle, 1
  // right.
  double anchor = 0;
};

// Cells shown without interpolation.
struct Image {
  double x = 0, y = 0, width = 0, height = 0;
  int columns = 0, rows = 0;
  std::vector<uint32_t> pixels;  // [rows][columns] 0xAABBGGRR, not premultiplied; row 0 on top
};

// What follows is drawn inside the rectangle only, until Unclip. Not nested.
struct Clip {
  double x = 0, y = 0, width = 0, height = 0;
};
struct Unclip {};

using Shape = std::variant<Rectangle, Polyline, Polygon, Disc, Text, Image, Clip, Unclip>;

struct Scene {
  double width = 0, height = 0;
  Color ground{255, 255, 255, 255};  // alpha 0: none
  std::vector<Shape> shapes;
  std::string title;  // of the file
  std::vector<std::pair<std::string, std::string>> metadata;
};

// One shape a line, numbers with three decimals: golden files, and differences that people can
// read. Images are written as their size and a SHA-256 of their pixels.
std::string to_text(const Scene& scene);

}  // namespace kvreel::plot
