// Placing labels: candidates in order of preference, the first that is free wins.
#include "exports/plot/labels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "exports/plot/color_math.h"

namespace kvreel::plot {
namespace {

// A block of text that may be placed.
struct Block {
  std::vector<std::string> lines;
  double width = 0, height = 0;
  double size = 0;  // em
};

Block block_of(const Tools& tools, const std::string& text, double width, std::size_t most) {
  const double size = tools.m.small;
  Lines lines = wrap(tools.fonts, text, {size, false}, width, most, Cut::end);
  Block block;
  block.width = lines.width;
  block.height =
      ((static_cast<double>(lines.lines.size()) - 1) * kLineHeight + kAbove + kBelow) * size;
  block.lines = std::move(lines.lines);
  block.size = size;
  return block;
}

struct Candidate {
  Area area;
  double anchor = 0;  // of the lines: 0 left, 0.5 middle, 1 right
  bool turned = false;
  std::optional<Point> target;  // a line goes there
};

Point nearest(const Area& area, Point p) {
  return {std::clamp(p.x, area.left, area.right), std::clamp(p.y, area.top, area.bottom)};
}

Area inside(Area area, const Area& plot) {
  const double dx = area.left < plot.left     ? plot.left - area.left
                    : area.right > plot.right ? plot.right - area.right
                                              : 0;
  const double dy = area.top < plot.top         ? plot.top - area.top
                    : area.bottom > plot.bottom ? plot.bottom - area.bottom
                                                : 0;
  return area.moved(dx, dy);
}

// The first candidate inside the plot that covers nothing; else, of those that cover no text, the
// one that covers least; nothing where all cover text.
std::optional<std::size_t> choose(const std::vector<Candidate>& candidates, const Area& plot,
                                  const Clutter& clutter, double pad, bool cross = false) {
  std::optional<std::size_t> best;
  int least = std::numeric_limits<int>::max();
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (!plot.grown(0.01).holds(candidates[i].area)) continue;
    const Area area = candidates[i].area.grown(pad);
    if (const std::optional<Point>& target = candidates[i].target; target && !cross) {
      if (clutter.crosses_text(nearest(area, *target), *target)) continue;
    }
    const int under = clutter.under(area);
    if (under == 0) return i;
    if (under < least && !clutter.covers_text(area)) {
      best = i;
      least = under;
    }
  }
  // Rather a line through another text than no label at all.
  return best || cross ? best : choose(candidates, plot, clutter, pad, true);
}

void draw_block(const Plot& plot, const Block& block, const Candidate& place, Color color) {
  const Area& area = place.area;
  // Over data, letters stand on a plate of the ground's colour.
  const Color ground = plot.tools().colors.ground;
  if (!plot.clutter.free(area) && ground.a > 0) {
    plot.over.fill(area.grown(plot.tools().m.unit / 4), with_alpha(ground, 0.8));
  }
  if (place.turned) {
    plot.over.turned_lines({area.left + kAbove * block.size, area.bottom}, block.lines,
                           {block.size, false}, color);
  } else {
    const double x = area.left + place.anchor * area.width();
    plot.over.text_lines({x, area.top + kAbove * block.size}, block.lines, {block.size, false},
                         color, place.anchor);
  }
  plot.clutter.add_text(area);
}

// --- Rules and ranges ---

void label_rule(const Plot& plot, const Rule& rule) {
  if (rule.label.empty()) return;
  const Mapping& axis = rule.vertical ? plot.frame.x : plot.frame.y;
  if (!axis.holds(rule.at)) return;
  const Metrics& m = plot.tools().m;
  const Area& area = plot.frame.plot;
  const double at = axis(rule.at), gap = m.unit * 0.75;
  const Block block = block_of(plot.tools(), rule.label, area.width() * 0.9, 2);
  std::vector<Candidate> candidates;
  const auto add = [&](double left, double top) {
    candidates.push_back({{left, top, left + block.width, top + block.height}, 0, false, {}});
  };
  // Along the line from its end backwards, on either side of it.
  constexpr std::array<double, 5> kShares = {1, 0, 0.75, 0.25, 0.5};
  for (const double share : kShares) {
    if (rule.vertical) {
      const double top = area.top + gap + (1 - share) * (area.height() - 2 * gap - block.height);
      add(at + gap, top);
      add(at - gap - block.width, top);
    } else {
      const double left = area.left + gap + share * (area.width() - 2 * gap - block.width);
      add(left, at - gap * 0.6 - block.height);
      add(left, at + gap * 0.6);
    }
  }
  if (rule.vertical && block.lines.size() == 1 && block.width < area.height() - 2 * gap) {
    for (const double left : {at + gap, at - gap - block.height}) {
      const double bottom = area.top + gap + block.width;
      candidates.push_back({{left, area.top + gap, left + block.height, bottom}, 0, true, {}});
    }
  }
  // Text may come near the line that it speaks of, but not near other things.
  const auto chosen = choose(candidates, area, plot.clutter, 0);
  if (!chosen) return;
  draw_block(plot, block, candidates[*chosen], plot.looks.of(rule.ink).color);
}

void label_range(const Plot& plot, const Range& range) {
  if (range.label.empty()) return;
  const Metrics& m = plot.tools().m;
  const Area& area = plot.frame.plot;
  const Mapping& axis = range.vertical ? plot.frame.x : plot.frame.y;
  const auto place = [&](double value) {
    if (axis.scale == Scale::log && value <= 0) value = axis.low;
    return axis(std::clamp(value, axis.low, axis.high));
  };
  const double a = std::min(place(range.from), place(range.to));
  const double b = std::max(place(range.from), place(range.to));
  const double gap = m.unit;
  const Block block = block_of(plot.tools(), range.label, area.width() * 0.9, 2);
  std::vector<Candidate> candidates;
  const auto add = [&](double left, double top) {
    const Area wanted{left, top, left + block.width, top + block.height};
    candidates.push_back({inside(wanted, area.grown(-gap / 2)), 0, false, {}});
  };
  for (const double share : {0., 1., 0.5}) {
    if (range.vertical) {
      const double top = area.top + gap + share * (area.height() - 2 * gap - block.height);
      if (block.width + gap <= b - a) {
        add((a + b - block.width) / 2, top);
      } else {
        add(b + gap, top);
        add(a - gap - block.width, top);
      }
    } else {
      const double left =
          area.right - gap - block.width - share * (area.width() - 2 * gap - block.width);
      add(left, block.height <= b - a ? (a + b - block.height) / 2 : a - block.height);
    }
  }
  const auto chosen = choose(candidates, area, plot.clutter, 0);
  if (!chosen) return;
  const Color color =
      range.ink == Ink::faint ? plot.tools().colors.quiet : plot.looks.of(range.ink).color;
  draw_block(plot, block, candidates[*chosen], color);
}

// --- Notes ---

void draw_arrow(const Plot& plot, Point from, Point to, Color color) {
  const Metrics& m = plot.tools().m;
  const double length = std::hypot(to.x - from.x, to.y - from.y);
  const double head = m.unit * 1.5, half = m.unit * 0.55;
  if (length < head) return;
  const double ux = (to.x - from.x) / length, uy = (to.y - from.y) / length;
  const Point neck{to.x - ux * head, to.y - uy * head};
  const std::vector<Point> line = {from, neck};
  plot.over.add(Polyline{line, color, std::max(m.hair, m.line * 0.6), {}});
  plot.over.add(Polygon{
      {to, {neck.x - uy * half, neck.y + ux * half}, {neck.x + uy * half, neck.y - ux * half}},
      color,
      false});
  plot.clutter.add_line(line);
}

void draw_note(const Plot& plot, const Note& note) {
  if (!plot.frame.x.holds(note.x) || !plot.frame.y.holds(note.y)) return;
  const Tools& tools = plot.tools();
  const Metrics& m = tools.m;
  const Area& area = plot.frame.plot;
  const Point target = plot.at(note.x, note.y);
  const Block block = block_of(tools, note.text, std::min(area.width() * 0.75, 22 * m.small), 3);
  const double pad = note.framed ? m.unit : 0;
  const double width = block.width + 2 * pad, height = block.height + 2 * pad;
  // The corner or edge that is nearest to the place lies at the distance that is asked for.
  const double x = target.x + note.dx * m.small, y = target.y + note.dy * m.small;
  const double left = note.dx > 0 ? x : note.dx < 0 ? x - width : x - width / 2;
  const double top = note.dy > 0 ? y : note.dy < 0 ? y - height : y - height / 2;
  const Area room = area.grown(-m.unit / 2);
  std::vector<Candidate> candidates;
  const Area wanted{left, top, left + width, top + height};
  candidates.push_back({inside(wanted, room), 0, false, target});
  for (int ring = 1; ring <= 16; ++ring) {
    constexpr int kDirections = 12;
    for (int d = 0; d < kDirections; ++d) {
      const double angle = 2 * 3.14159265358979323846 * d / kDirections;
      const double by = ring * 0.8 * m.small;
      const Area moved = inside(wanted.moved(std::cos(angle) * by, std::sin(angle) * by), room);
      // A note does not lie on what it speaks of.
      if (moved.grown(m.unit / 2).holds(target) && (note.dx != 0 || note.dy != 0)) continue;
      candidates.push_back({moved, 0, false, target});
    }
  }
  // Where nothing is free, the place that was asked for, if no text is there.
  auto chosen = choose(candidates, area, plot.clutter, m.unit / 2);
  if (!chosen) return;
  if (!plot.clutter.free(candidates[*chosen].area.grown(m.unit / 2)) &&
      !plot.clutter.covers_text(candidates[0].area)) {
    chosen = 0;
  }
  Candidate place = candidates[*chosen];
  const Color color = note.ink == Ink::neutral ? tools.colors.text : plot.looks.of(note.ink).color;
  const Point start = nearest(place.area.grown(m.unit / 2), target);
  const double distance = std::hypot(start.x - target.x, start.y - target.y);
  if (std::hypot(note.dx, note.dy) > 1.5 || distance > 2.5 * m.small) {
    draw_arrow(plot, start, target, note.ink == Ink::neutral ? tools.colors.quiet : color);
  }
  if (note.framed) {
    plot.over.add(Rectangle{place.area.left, place.area.top, place.area.width(),
                            place.area.height(), with_alpha(tools.colors.ground, 0.9),
                            tools.colors.frame, m.hair, m.unit * 0.75});
    plot.clutter.add_text(place.area);
    place.area = place.area.grown(-pad);
    plot.over.text_lines({place.area.left, place.area.top + kAbove * block.size}, block.lines,
                         {block.size, false}, color);
    return;
  }
  draw_block(plot, block, place, color);
}

// --- Points ---

void label_point(const Plot& plot, Point point, const std::string& text, Color color) {
  const Tools& tools = plot.tools();
  const Metrics& m = tools.m;
  const Block block = block_of(tools, text, plot.frame.plot.width() * 0.6, 2);
  std::vector<Candidate> candidates;
  for (int ring = 0; ring < 5; ++ring) {
    const double by = m.marker + 0.5 * m.unit + ring * 1.1 * m.small;
    constexpr std::array<std::pair<int, int>, 8> kSides = {
        {{1, 0}, {0, -1}, {-1, 0}, {0, 1}, {1, -1}, {-1, -1}, {1, 1}, {-1, 1}}};
    for (const auto& [sx, sy] : kSides) {
      const double slant = sx != 0 && sy != 0 ? 0.75 : 1;
      const double x = point.x + sx * by * slant, y = point.y + sy * by * slant;
      const double left = sx > 0 ? x : sx < 0 ? x - block.width : x - block.width / 2;
      const double top = sy > 0 ? y : sy < 0 ? y - block.height : y - block.height / 2;
      candidates.push_back({{left, top, left + block.width, top + block.height}, 0, false, point});
    }
  }
  const auto chosen = choose(candidates, plot.frame.plot, plot.clutter, 0);
  if (!chosen) return;
  const Area& area = candidates[*chosen].area;
  const Point end = nearest(area, point);
  if (std::hypot(end.x - point.x, end.y - point.y) > m.marker + m.small) {
    plot.over.segment(point, end, with_alpha(color, 0.6), m.hair);
  }
  draw_block(plot, block, candidates[*chosen], tools.colors.text);
}

void label_points(const Plot& plot, const Points& points) {
  const Color color = plot.looks.of(points.ink, points.series).color;
  for (std::size_t i = 0; i < points.labels.size(); ++i) {
    if (points.labels[i].empty()) continue;
    const Point p = plot.at(points.x[i], points.y[i]);
    if (!plot.frame.plot.grown(1e-6).holds(p)) continue;
    label_point(plot, p, points.labels[i], color);
  }
}

}  // namespace

void draw_labels(const Plot& plot) {
  for (const Mark& mark : plot.panel.marks) {
    if (const auto* rule = std::get_if<Rule>(&mark)) label_rule(plot, *rule);
    if (const auto* range = std::get_if<Range>(&mark)) label_range(plot, *range);
  }
  for (const Mark& mark : plot.panel.marks) {
    if (const auto* note = std::get_if<Note>(&mark)) draw_note(plot, *note);
  }
  for (const Mark& mark : plot.panel.marks) {
    if (const auto* points = std::get_if<Points>(&mark)) label_points(plot, *points);
  }
}

std::optional<Point> find_free_place(const Area& plot, double width, double height, double margin,
                                     const Clutter& clutter) {
  const double left = plot.left + margin, right = plot.right - margin - width;
  const double top = plot.top + margin, bottom = plot.bottom - margin - height;
  if (right < left || bottom < top) return std::nullopt;
  const double x = (left + right) / 2, y = (top + bottom) / 2;
  const std::array<Point, 8> places = {{{right, top},
                                        {left, top},
                                        {right, bottom},
                                        {left, bottom},
                                        {right, y},
                                        {left, y},
                                        {x, top},
                                        {x, bottom}}};
  for (const Point& place : places) {
    const Area area{place.x, place.y, place.x + width, place.y + height};
    if (clutter.free(area.grown(margin * 0.75))) return place;
  }
  return std::nullopt;
}

}  // namespace kvreel::plot
