// A scene that has every shape in every form, at places that tests know.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exports/plot/fonts.h"
#include "exports/plot/scene.h"

namespace kvreel::plot::testing {

inline constexpr Color kBlue{0, 114, 178, 255};
inline constexpr Color kOrange{230, 159, 0, 255};
inline constexpr Color kGreen{0, 158, 115, 255};
inline constexpr Color kBlack{0, 0, 0, 255};
inline constexpr Color kGrey{128, 128, 128, 255};
inline constexpr Color kNone{0, 0, 0, 0};

inline Color faded(Color color, uint8_t alpha) {
  color.a = alpha;
  return color;
}

// `at` is the place of the anchor: the left end of the baseline, its middle, its right end.
inline Text label(const Fonts& fonts, Point at, std::string_view markup, double size,
                  double anchor = 0, bool turned = false, bool bold = false, Color color = kBlack) {
  Text text;
  text.runs = fonts.set(markup, size, bold);
  text.width = fonts.width(markup, size, bold);
  text.origin =
      turned ? Point{at.x, at.y + anchor * text.width} : Point{at.x - anchor * text.width, at.y};
  text.color = color;
  text.turned = turned;
  text.anchor = anchor;
  return text;
}

// Opaque colours that differ in every channel.
inline Image cells(double x, double y, double width, double height, int columns, int rows) {
  Image image{x, y, width, height, columns, rows, {}};
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      const auto red = static_cast<uint32_t>(255 * column / std::max(1, columns - 1));
      const auto green = static_cast<uint32_t>(255 * row / std::max(1, rows - 1));
      const auto blue = static_cast<uint32_t>((column + row) % 2 * 255);
      image.pixels.push_back(0xff000000u | blue << 16 | green << 8 | red);
    }
  }
  return image;
}

// 240 x 180 points.
inline Scene sample_scene(const Fonts& fonts) {
  Scene scene;
  scene.width = 240;
  scene.height = 180;
  scene.title = "Norm \u2016A\u2016 & budget <5 %>";
  scene.metadata = {{"trace", "demo & \"more\".h5"},
                    {"recorded", "2026-11-22T01:02:03Z"},
                    {"policies", "refreekv:threshold=5% -- <all>"}};
  const auto add = [&](auto shape) { scene.shapes.emplace_back(std::move(shape)); };

  // Rectangles: plain, with a frame, rounded, see-through over another.
  add(Rectangle{10, 24, 30, 20, kBlue});
  add(Rectangle{50, 24, 30, 20, kOrange, kBlack, 1});
  add(Rectangle{90, 24, 30, 20, {240, 240, 240, 255}, kGrey, 0.5, 5});
  add(Rectangle{30, 34, 30, 20, faded(kGreen, 128)});
  add(Rectangle{130, 24, 20, 20, kNone, faded(kBlack, 100), 3});

  // Cells: large ones at whole points, and more of them than a screen has pixels.
  add(cells(10, 60, 40, 20, 4, 2));
  add(cells(60, 60, 60, 20, 300, 2));
  Image holes = cells(130, 60, 20, 20, 2, 2);
  holes.pixels[1] = 0;            // nothing there
  holes.pixels[2] = 0x800000ffu;  // half-transparent red
  add(std::move(holes));

  // A band, lines of every dash, markers, inside a clip that cuts some of them.
  add(Rectangle{10, 90, 140, 70, kNone, kGrey, 0.5});
  add(Clip{10, 90, 140, 70});
  Polygon band;
  Polyline wave, steps;
  std::vector<Point> lower;
  for (int i = 0; i <= 50; ++i) {
    const double x = 5 + 3.0 * i, y = 115 + 12 * std::sin(i / 6.0);
    band.points.push_back({x, y - 8});
    lower.push_back({x, y + 8});
    wave.points.push_back({x, y});
  }
  band.points.insert(band.points.end(), lower.rbegin(), lower.rend());
  band.fill = faded(kBlue, 64);
  band.band = true;
  add(band);
  wave.color = kBlue;
  wave.line_width = 1.25;
  add(wave);
  double y = 138;
  for (const std::vector<double>& dashes :
       {std::vector<double>{}, {4, 2.5}, {0, 2}, {4, 2, 0, 2}}) {
    add(Polyline{{{15, y}, {80, y + 4}, {145, y}}, kOrange, 1.25, dashes});
    y += 5;
  }
  // Dense, see-through, and no darker where it crosses itself.
  for (int i = 0; i < 400; ++i) {
    steps.points.push_back({90 + i * 0.14, i % 2 == 0 ? 94.0 : 104.0 + i % 7});
  }
  steps.color = faded(kGreen, 128);
  steps.line_width = 0.75;
  add(steps);
  add(Polyline{{{20, 95}}, kBlack, 3, {}});  // a dot
  add(Disc{{30, 95}, 3, kOrange, kBlack, 0.75});
  add(Disc{{150, 130}, 6, kGreen});  // half of it
  add(Unclip{});
  add(Polygon{{{158, 150}, {170, 145}, {166, 150}, {170, 155}}, kBlack});  // an arrow head

  // Text of every kind.
  add(label(fonts, {10, 16}, "Budget A_{95} of n^{2}, \u03bb \u2212 5\u2009%", 9));
  add(label(fonts, {238, 16}, "right \u2016A\u2016", 8, 1, false, true));
  add(label(fonts, {80, 172}, "centred \u2264 50 \u23ce", 8, 0.5));
  add(label(fonts, {172, 90}, "turned A_{i} (ms)", 8, 0.5, true));
  add(label(fonts, {190, 160}, "up", 10, 0, true, true, kBlue));
  add(label(fonts, {188, 60}, "<&> \"quoted\"", 6));
  add(label(fonts, {188, 75}, "two  spaces ", 6));
  return scene;
}

}  // namespace kvreel::plot::testing
