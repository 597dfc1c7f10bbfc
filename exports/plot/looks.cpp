// Looks of series and inks, markers and hatching.
#include "exports/plot/looks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "exports/plot/color_math.h"

namespace kvreel::plot {
namespace {

using Dashes = std::vector<double>;

// Gaps are measured between the middles of round ends, so a width of line longer than they look.
const Dashes& dashes_of(Dash dash) {
  static const Dashes solid, dashed = {3.5, 3}, dotted = {0.05, 2.2},
                             dash_dot = {4.5, 2.7, 0.05, 2.7};
  switch (dash) {
    case Dash::dashed:
      return dashed;
    case Dash::dotted:
      return dotted;
    case Dash::dash_dot:
      return dash_dot;
    case Dash::automatic:
    case Dash::solid:
      break;
  }
  return solid;
}

// Of palettes without colour, by series.
const Dashes& dashes_of_series(std::size_t index) {
  static const std::array<Dashes, 6> patterns = {
      {{}, {3.5, 3}, {0.05, 2.2}, {4.5, 2.7, 0.05, 2.7}, {8, 3}, {4.5, 2.7, 0.05, 2.4, 0.05, 2.7}}};
  return patterns[index % patterns.size()];
}

void add_name(std::vector<std::string>& names, Ink ink, const std::string& name) {
  if (ink != Ink::series) return;
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

Color fill_of(Color color, const Colors& colors, double share) {
  Color ground = colors.ground;
  ground.a = 255;
  return mix(ground, color, share);
}

}  // namespace

Looks::Looks(const Figure& figure, const Tools& tools) : tools_(tools) {
  for (const Panel& panel : figure.panels) {
    for (const Mark& mark : panel.marks) {
      if (const auto* line = std::get_if<Line>(&mark)) add_name(names_, line->ink, line->series);
      if (const auto* bars = std::get_if<Bars>(&mark)) add_name(names_, bars->ink, bars->series);
      if (const auto* boxes = std::get_if<Boxes>(&mark)) {
        add_name(names_, boxes->ink, boxes->series);
      }
      if (const auto* points = std::get_if<Points>(&mark)) {
        add_name(names_, points->ink, points->series);
      }
    }
  }
}

Look Looks::of_series(std::size_t index) const {
  constexpr std::array<Marker, 8> kMarkers = {Marker::disc,    Marker::square, Marker::triangle,
                                              Marker::diamond, Marker::ring,   Marker::wedge,
                                              Marker::frame,   Marker::cross};
  const std::vector<Color>& series = tools_.colors.series;
  Look look;
  look.color = series[index % series.size()];
  // Large areas of what is nearly black, or white on a dark ground, outweigh everything else.
  Color ground = tools_.colors.ground;
  ground.a = 255;
  look.fill = contrast(look.color, ground) > 10 ? mix(ground, look.color, 0.72) : look.color;
  look.marker = kMarkers[index % kMarkers.size()];
  if (tools_.style.palette == Palette::grey) {
    // Lines by their dashes, bars by lightness and stripes.
    constexpr std::array<double, 6> kShares = {1, 0.2, 0.55, 0.1, 0.28, 0.12};
    constexpr std::array<Hatch, 6> kHatches = {Hatch::none,    Hatch::rising, Hatch::none,
                                               Hatch::falling, Hatch::none,   Hatch::crossed};
    look.dashes = dashes_of_series(index);
    look.fill = fill_of(tools_.colors.text, tools_.colors, kShares[index % kShares.size()]);
    look.hatch = kHatches[index % kHatches.size()];
  } else if (const std::size_t round = index / series.size(); round > 0) {
    // More series than colours: the next round is dashed and striped.
    look.dashes = dashes_of_series(round);
    look.fill = fill_of(look.color, tools_.colors, 0.45);
    look.hatch = round % 2 == 1 ? Hatch::rising : Hatch::falling;
  }
  return look;
}

Look Looks::of(Ink ink, std::string_view series, Dash dash) const {
  const Colors& colors = tools_.colors;
  Look look;
  switch (ink) {
    case Ink::series: {
      const auto found = std::find(names_.begin(), names_.end(), series);
      look = of_series(static_cast<std::size_t>(found - names_.begin()));
      break;
    }
    case Ink::kept:
      look.color = colors.kept;
      look.fill = fill_of(colors.kept, colors, 0.9);
      break;
    case Ink::evicted:
      // Lighter, striped, dashed and hollow: without colour it is still not kept.
      look.color = colors.evicted;
      look.fill = fill_of(colors.evicted, colors, tools_.style.dark ? 0.35 : 0.4);
      look.dashes = dashes_of(Dash::dashed);
      look.marker = Marker::ring;
      look.hatch = Hatch::rising;
      break;
    case Ink::sink:
      look.color = colors.sink;
      // Darker than kept, or between kept and evicted where there is no hue.
      look.fill = tools_.style.palette == Palette::grey ? colors.sink
                  : tools_.style.dark                   ? fill_of(colors.sink, colors, 0.75)
                                      : mix(colors.sink, Color{0, 0, 0, 255}, 0.35);
      look.marker = Marker::diamond;
      break;
    case Ink::threshold:
      look.color = look.fill = colors.threshold;
      break;
    case Ink::neutral:
      // As an area lighter than the softened black of a series, and without colour striped.
      look.color = colors.neutral;
      look.fill = fill_of(colors.neutral, colors, 0.55);
      if (tools_.style.palette == Palette::grey) look.hatch = Hatch::crossed;
      break;
    case Ink::faint:
      look.color = colors.faint;
      look.fill = fill_of(colors.faint, colors, 0.5);
      break;
  }
  if (dash != Dash::automatic) look.dashes = dashes_of(dash);
  look.tint = fill_of(look.color, colors, tools_.style.dark ? 0.35 : 0.25);
  look.band = with_alpha(look.color, tools_.style.dark ? 0.25 : 0.18);
  return look;
}

std::vector<double> scaled(const std::vector<double>& dashes, double line_width) {
  std::vector<double> lengths;
  for (const double length : dashes) lengths.push_back(length * line_width);
  return lengths;
}

void draw_marker(Sheet& sheet, Point c, double r, const Look& look) {
  const double line = std::max(sheet.tools.m.hair, r * 0.45);
  const auto polygon = [&](std::vector<Point> points) {
    sheet.add(Polygon{std::move(points), look.color, false});
  };
  switch (look.marker) {
    case Marker::disc:
      sheet.add(Disc{c, r, look.color, {0, 0, 0, 0}, 0});
      break;
    case Marker::square: {
      const double half = r * 0.88;
      sheet.fill({c.x - half, c.y - half, c.x + half, c.y + half}, look.color);
      break;
    }
    case Marker::triangle:
      polygon({{c.x, c.y - r * 1.15},
               {c.x + r * 1.08, c.y + r * 0.75},
               {c.x - r * 1.08, c.y + r * 0.75}});
      break;
    case Marker::wedge:
      polygon({{c.x - r * 1.08, c.y - r * 0.75},
               {c.x + r * 1.08, c.y - r * 0.75},
               {c.x, c.y + r * 1.15}});
      break;
    case Marker::diamond:
      polygon({{c.x, c.y - r * 1.25},
               {c.x + r * 1.25, c.y},
               {c.x, c.y + r * 1.25},
               {c.x - r * 1.25, c.y}});
      break;
    case Marker::ring:
      sheet.add(Disc{c, r - line / 2, sheet.tools.colors.ground, look.color, line});
      break;
    case Marker::frame: {
      const double half = r * 0.9 - line / 2;
      sheet.add(Rectangle{c.x - half, c.y - half, 2 * half, 2 * half, sheet.tools.colors.ground,
                          look.color, line, 0});
      break;
    }
    case Marker::cross: {
      const double half = r * 0.8;
      sheet.segment({c.x - half, c.y - half}, {c.x + half, c.y + half}, look.color, line);
      sheet.segment({c.x - half, c.y + half}, {c.x + half, c.y - half}, look.color, line);
      break;
    }
  }
}

void draw_hatch(Sheet& sheet, const Area& area, const Look& look) {
  if (look.hatch == Hatch::none || !(area.width() > 0) || !(area.height() > 0)) return;
  const double gap = sheet.tools.m.unit * 1.6, line = sheet.tools.m.hair;
  // Stripes of constant x + y, or x - y; the same constants everywhere, so that neighbours line up.
  const auto stripes = [&](double sign) {
    const double low = area.left + std::min(sign * area.top, sign * area.bottom);
    const double high = area.right + std::max(sign * area.top, sign * area.bottom);
    for (double at = std::ceil(low / gap) * gap; at < high; at += gap) {
      // y = sign * (at - x), between top and bottom.
      const double a = at - sign * area.top, b = at - sign * area.bottom;
      const double left = std::max(area.left, std::min(a, b));
      const double right = std::min(area.right, std::max(a, b));
      if (right - left < line / 2) continue;
      sheet.segment({left, sign * (at - left)}, {right, sign * (at - right)}, look.color, line);
    }
  };
  if (look.hatch != Hatch::falling) stripes(1);
  if (look.hatch != Hatch::rising) stripes(-1);
}

}  // namespace kvreel::plot
