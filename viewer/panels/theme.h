// Colours by meaning, sizes by role. Drawing code names no other colour and no other size.
#pragma once

#include <imgui.h>

#include <array>
#include <cstdint>

#include "viewer/data/timeline_data.h"

namespace kvreel::viewer {

struct Palette {
  bool dark = true;
  ImU32 ground = 0;  // behind the panes
  ImU32 pane = 0;    // of a pane
  ImU32 raised = 0;  // of buttons and fields
  ImU32 hovered = 0;
  ImU32 line = 0;         // borders, separators
  ImU32 grid = 0;         // of plots: 7 % of the text colour
  ImU32 text = 0;         // values; contrast with `pane` at least 12
  ImU32 text2 = 0;        // labels; contrast at least 5
  ImU32 accent = 0;       // primary button, selection, cursor, focus
  ImU32 accent_text = 0;  // on accent
  ImU32 selected = 0;     // ground of a selected row
  ImU32 kept = 0;         // blue
  ImU32 evicted = 0;      // orange
  ImU32 sink = 0;         // purple
  ImU32 kept_ground = 0;  // of a token chip
  ImU32 evicted_ground = 0;
  ImU32 sink_ground = 0;
  ImU32 evicted_text = 0;  // dimmed, still legible
  ImU32 warning = 0;
  ImU32 good = 0;                             // a right answer (never by colour alone)
  std::array<ImU32, 8> series{};              // lines; tell apart under colour-vision deficiency
  std::array<ImU32, kCategories> category{};  // boxes of the timeline
};

const Palette& dark_palette();
const Palette& light_palette();

// A copy with another alpha, 0..1.
ImU32 with_alpha(ImU32 color, float alpha);
ImU32 mix(ImU32 a, ImU32 b, float t);

// 256 colours, from no share (dark ground) to all: viridis (CC0), as 0xAABBGGRR.
const std::array<ImU32, 256>& sequential_colors();
// Two hues around the pane's ground, for differences in [-1, 1]; index 128 is 0.
std::array<ImU32, 256> diverging_colors(const Palette& palette);

struct Fonts {
  ImFont* text = nullptr;   // 16 px at scale 1
  ImFont* title = nullptr;  // 20
  ImFont* small = nullptr;  // 13: axes, captions
};

struct Theme {
  Palette palette = dark_palette();
  Fonts fonts;
  float scale = 1;
  // n px at scale 1, rounded to whole pixels.
  float px(float n) const;
};

// ImGui's style from the palette, for `scale`. From a fresh style each time: scaling is lossy.
void apply_style(const Theme& theme);

}  // namespace kvreel::viewer
