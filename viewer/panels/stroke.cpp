// Lines and boxes as ImGui's triangles.
#include "viewer/panels/stroke.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace kvreel::viewer {
namespace {

// Wider lines get discs at corners and ends; on narrower ones nobody sees them.
constexpr float kRoundFrom = 1.5f;
// Wider lines stay where they are, with edges that cover pixels in part.
constexpr float kSnapUpTo = 1.25f;
// Horizontal and vertical lines up to here are boxes; wider ones need round ends.
constexpr float kBoxUpTo = 2.5f;
// Cosine of the turn (25 degrees) from which on a line is drawn in two pieces: ImGui's mitres make
// spikes of sharp corners and thin the line at blunt ones.
constexpr float kCorner = 0.9f;
// Points closer than this are one: they have no direction.
constexpr float kSamePlace = 0.05f;
// Points that ImGui's 16-bit indices and its scratch memory on the stack take in one call.
constexpr size_t kPiece = 8192;

ImVec2 minus(ImVec2 a, ImVec2 b) {
  return {a.x - b.x, a.y - b.y};
}

ImVec2 along(ImVec2 from, ImVec2 direction, float length) {
  return {from.x + direction.x * length, from.y + direction.y * length};
}

float length_of(ImVec2 v) {
  return std::hypot(v.x, v.y);
}

bool is_opaque(ImU32 color) {
  return (color >> IM_COL32_A_SHIFT) == 0xff;
}

// A part of a range of pixels that is covered alike.
struct Span {
  float begin, end;
  float share;
};

// Pixels that [low, high) covers: the first and the last may be covered in part.
struct Spans {
  std::array<Span, 3> parts{};
  size_t count = 0;
  void add(float begin, float end, float share) {
    if (end > begin && share > 0) parts[count++] = {begin, end, share};
  }
};

Spans covered(float low, float high) {
  Spans spans;
  const float first = std::floor(low);
  const float last = std::ceil(high);
  if (last - first <= 1) {
    spans.add(first, first + 1, high - low);
    return spans;
  }
  spans.add(first, std::ceil(low), std::ceil(low) - low);
  spans.add(std::ceil(low), std::floor(high), 1);
  spans.add(std::floor(high), last, high - std::floor(high));
  return spans;
}

// A horizontal or vertical line; about a pixel wide it lies on whole pixels, and so do its ends
// where `whole_ends`.
void draw_straight(ImDrawList& list, ImVec2 from, ImVec2 to, float width, ImU32 color,
                   bool whole_ends) {
  const bool vertical = std::abs(to.x - from.x) < std::abs(to.y - from.y);
  float low = vertical ? std::min(from.y, to.y) : std::min(from.x, to.x);
  float high = vertical ? std::max(from.y, to.y) : std::max(from.x, to.x);
  // As long as round ends are on average.
  const float cap = width * std::numbers::pi_v<float> / 8;
  low -= cap;
  high += cap;
  float side = (vertical ? from.x : from.y) - width / 2;
  if (width <= kSnapUpTo) {
    side = std::floor(vertical ? from.x : from.y);
    width = 1;
    if (whole_ends) {
      low = std::round(low);
      high = std::max(low + 1, std::round(high));
    }
  }
  if (vertical) {
    draw_box(list, {side, low}, {side + width, high}, color);
  } else {
    draw_box(list, {low, side}, {high, side + width}, color);
  }
}

// A line without sharp corners.
void draw_piece(ImDrawList& list, std::span<const ImVec2> points, float width, ImU32 color) {
  for (size_t begin = 0; begin + 1 < points.size(); begin += kPiece - 1) {
    const size_t count = std::min(kPiece, points.size() - begin);
    list.AddPolyline(points.data() + begin, static_cast<int>(count), color, 0, width);
  }
}

void draw_solid(ImDrawList& list, std::span<const ImVec2> all, float width, ImU32 color,
                bool whole_ends) {
  std::vector<ImVec2> points;
  points.reserve(all.size());
  for (const ImVec2 point : all) {
    if (points.empty() || length_of(minus(point, points.back())) > kSamePlace) {
      points.push_back(point);
    }
  }
  if (points.empty()) return;
  if (points.size() == 1) return draw_disc(list, points[0], width / 2, color);
  if (points.size() == 2 && width <= kBoxUpTo) {
    const ImVec2 d = minus(points[1], points[0]);
    constexpr float kStraight = 0.01f;
    if (std::abs(d.x) < kStraight || std::abs(d.y) < kStraight) {
      return draw_straight(list, points[0], points[1], width, color, whole_ends);
    }
  }
  std::vector<ImVec2> directions;
  directions.reserve(points.size() - 1);
  for (size_t i = 0; i + 1 < points.size(); ++i) {
    const ImVec2 d = minus(points[i + 1], points[i]);
    const float length = length_of(d);
    directions.push_back({d.x / length, d.y / length});
  }
  const bool round = width > kRoundFrom && is_opaque(color);
  if (round) {
    draw_disc(list, points.front(), width / 2, color);
    draw_disc(list, points.back(), width / 2, color);
  } else {
    const float cap = width * std::numbers::pi_v<float> / 8;
    points.front() = along(points.front(), directions.front(), -cap);
    points.back() = along(points.back(), directions.back(), cap);
  }
  size_t begin = 0;
  for (size_t i = 1; i < points.size(); ++i) {
    const bool last = i + 1 == points.size();
    if (!last) {
      const ImVec2 before = directions[i - 1];
      const ImVec2 after = directions[i];
      if (before.x * after.x + before.y * after.y >= kCorner) continue;
    }
    draw_piece(list, std::span(points).subspan(begin, i + 1 - begin), width, color);
    if (!last && round) draw_disc(list, points[i], width / 2, color);
    begin = i;
  }
}

int corners_of_circle(float radius) {
  return std::clamp(static_cast<int>(std::ceil(radius * 3)), 16, 128);
}

}  // namespace

ImU32 faded(ImU32 color, float share) {
  const float alpha = static_cast<float>(color >> IM_COL32_A_SHIFT) * std::clamp(share, 0.f, 1.f);
  return (color & ~IM_COL32_A_MASK) | static_cast<ImU32>(std::lround(alpha)) << IM_COL32_A_SHIFT;
}

std::vector<std::vector<ImVec2>> cut_into_dashes(std::span<const ImVec2> points,
                                                 std::span<const float> dashes) {
  std::vector<std::vector<ImVec2>> cut;
  const auto length = [&](size_t i) { return dashes[i % dashes.size()]; };
  size_t at = 0;  // which dash or gap: dashes have even numbers
  float left = length(0);
  if (!points.empty()) cut.push_back({points.front()});
  for (size_t i = 0; i + 1 < points.size(); ++i) {
    const ImVec2 d = minus(points[i + 1], points[i]);
    const float all = length_of(d);
    if (all < kSamePlace) continue;
    const ImVec2 direction = {d.x / all, d.y / all};
    float done = 0;
    while (all - done > left) {
      done += left;
      const ImVec2 place = along(points[i], direction, done);
      if (at % 2 == 0) {
        cut.back().push_back(place);
      } else {
        cut.push_back({place});
      }
      ++at;
      left = length(at);
    }
    left -= all - done;
    if (at % 2 == 0) cut.back().push_back(points[i + 1]);
  }
  return cut;
}

std::vector<BoxPart> parts_of_box(ImVec2 min, ImVec2 max) {
  std::vector<BoxPart> parts;
  if (!(max.x > min.x) || !(max.y > min.y)) return parts;
  const Spans columns = covered(min.x, max.x);
  const Spans rows = covered(min.y, max.y);
  for (size_t i = 0; i < columns.count; ++i) {
    for (size_t j = 0; j < rows.count; ++j) {
      const Span& x = columns.parts[i];
      const Span& y = rows.parts[j];
      parts.push_back({{x.begin, y.begin}, {x.end, y.end}, x.share * y.share});
    }
  }
  return parts;
}

void draw_box(ImDrawList& list, ImVec2 min, ImVec2 max, ImU32 color) {
  for (const BoxPart& part : parts_of_box(min, max)) {
    const ImU32 mixed = faded(color, part.share);
    if ((mixed & IM_COL32_A_MASK) != 0) list.AddRectFilled(part.min, part.max, mixed);
  }
}

void draw_disc(ImDrawList& list, ImVec2 center, float radius, ImU32 color) {
  // ImGui's soft edge is a pixel wide: smaller discs are squares of their area.
  constexpr float kLeast = 0.75f;
  if (radius < kLeast) {
    const float half = radius * std::sqrt(std::numbers::pi_v<float>) / 2;
    draw_box(list, {center.x - half, center.y - half}, {center.x + half, center.y + half}, color);
    return;
  }
  list.AddCircleFilled(center, radius, color, corners_of_circle(radius));
}

void draw_circle(ImDrawList& list, ImVec2 center, float radius, float width, ImU32 color) {
  const float full = 2 * std::numbers::pi_v<float>;
  const int corners = corners_of_circle(radius);
  list.PathArcTo(center, radius, 0,
                 full * static_cast<float>(corners - 1) / static_cast<float>(corners), corners - 1);
  list.PathStroke(faded(color, width), ImDrawFlags_Closed, std::max(width, 1.f));
}

void draw_frame(ImDrawList& list, ImVec2 min, ImVec2 max, float width, ImU32 color) {
  if (width <= 0) return;
  if (width < 1) color = faded(color, width);
  ImVec2 outer_min{min.x - width / 2, min.y - width / 2};
  ImVec2 outer_max{max.x + width / 2, max.y + width / 2};
  float line = width;
  if (width <= kSnapUpTo) {
    outer_min = {std::floor(min.x), std::floor(min.y)};
    outer_max = {std::floor(max.x) + 1, std::floor(max.y) + 1};
    line = 1;
  }
  const float inner_top = std::min(outer_min.y + line, outer_max.y);
  const float inner_bottom = std::max(outer_max.y - line, inner_top);
  draw_box(list, outer_min, {outer_max.x, inner_top}, color);
  draw_box(list, {outer_min.x, inner_bottom}, outer_max, color);
  draw_box(list, {outer_min.x, inner_top}, {outer_min.x + line, inner_bottom}, color);
  draw_box(list, {std::max(outer_max.x - line, outer_min.x + line), inner_top},
           {outer_max.x, inner_bottom}, color);
}

void draw_stroke(ImDrawList& list, std::span<const ImVec2> points, const Stroke& stroke) {
  const ImU32 color = stroke.width < 1 ? faded(stroke.color, stroke.width) : stroke.color;
  const float width = std::max(stroke.width, 1.f);
  if ((color & IM_COL32_A_MASK) == 0) return;
  // Dashes shorter than this would only be a paler line, at the price of one.
  constexpr float kLeastPeriod = 0.25f;
  float period = 0;
  for (const float length : stroke.dashes) period += length;
  if (period < kLeastPeriod) return draw_solid(list, points, width, color, true);
  for (const auto& dash : cut_into_dashes(points, stroke.dashes)) {
    draw_solid(list, dash, width, color, false);
  }
}

}  // namespace kvreel::viewer
