// Lines and boxes as ImGui's triangles, close to what Cairo makes of the same shapes: round joins,
// dashes, edges that cover parts of pixels. All lengths in pixels.
#pragma once

#include <imgui.h>

#include <span>
#include <vector>

namespace kvreel::viewer {

struct Stroke {
  ImU32 color = 0;
  float width = 1;            // below 1 the line is one pixel wide and so much paler
  std::vector<float> dashes;  // lengths of dashes and gaps in turn; empty: solid
};

// Through any number of points. A horizontal or vertical line that is about a pixel wide lies on
// whole pixels.
void draw_stroke(ImDrawList& list, std::span<const ImVec2> points, const Stroke& stroke);

// The dashes of a line, from its first point on. An odd number of lengths is taken twice, as Cairo
// and SVG do.
std::vector<std::vector<ImVec2>> cut_into_dashes(std::span<const ImVec2> points,
                                                 std::span<const float> dashes);

// An axis-parallel rectangle: a pixel that it covers in part is mixed by that part.
void draw_box(ImDrawList& list, ImVec2 min, ImVec2 max, ImU32 color);
// Its parts whose pixels are covered alike, on whole pixels.
struct BoxPart {
  ImVec2 min, max;
  float share = 0;  // of a pixel that is covered
};
std::vector<BoxPart> parts_of_box(ImVec2 min, ImVec2 max);

// Rounder than ImGui's own, which count in few corners for small ones.
void draw_disc(ImDrawList& list, ImVec2 center, float radius, ImU32 color);
void draw_circle(ImDrawList& list, ImVec2 center, float radius, float width, ImU32 color);

// The rectangle's outline, with square corners; about a pixel wide it lies on whole pixels.
void draw_frame(ImDrawList& list, ImVec2 min, ImVec2 max, float width, ImU32 color);

// A copy of the colour with its alpha times `share`, 0..1.
ImU32 faded(ImU32 color, float share);

}  // namespace kvreel::viewer
