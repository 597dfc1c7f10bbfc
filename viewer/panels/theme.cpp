// The two palettes, and ImGui's style derived from them.
#include "viewer/panels/theme.h"

#include <algorithm>
#include <cmath>

namespace kvreel::viewer {
namespace {

constexpr ImU32 rgb(uint32_t hex) {
  return IM_COL32((hex >> 16) & 0xff, (hex >> 8) & 0xff, hex & 0xff, 0xff);
}

constexpr ImU32 rgba(uint32_t hex, int alpha) {
  return IM_COL32((hex >> 16) & 0xff, (hex >> 8) & 0xff, hex & 0xff, alpha);
}

Palette make_dark() {
  Palette p;
  p.dark = true;
  p.ground = rgb(0x14161a);
  p.pane = rgb(0x1b1e24);
  p.raised = rgb(0x2a2e36);
  p.hovered = rgb(0x353a44);
  p.line = rgb(0x343943);
  p.grid = rgba(0xe6e8ec, 18);
  p.text = rgb(0xe6e8ec);
  p.text2 = rgb(0x9aa1ad);
  p.accent = rgb(0x5a9cf8);
  p.accent_text = rgb(0x10141c);
  p.selected = rgb(0x26364f);
  // Okabe and Ito's blue and orange, lightened for the dark ground; purple for sinks.
  p.kept = rgb(0x4f9bd9);
  p.evicted = rgb(0xe0893a);
  p.sink = rgb(0x9f7fe0);
  p.kept_ground = rgb(0x24425e);
  p.evicted_ground = rgb(0x3a2f28);
  p.sink_ground = rgb(0x42386a);
  p.evicted_text = rgb(0xa08c7c);
  p.warning = rgb(0xe8b04a);
  p.good = rgb(0x5fc08a);
  p.series = {rgb(0x56b4e9), rgb(0xe69f00), rgb(0x2fc09a), rgb(0xe58ac0),
              rgb(0xf0e442), rgb(0x9f8cf0), rgb(0xe8703a), rgb(0xb8bec8)};
  p.category = {rgb(0x8d949f), rgb(0x5b93d1), rgb(0x5fae73), rgb(0xe8703a), rgb(0xd9a83f),
                rgb(0x6fc3cf), rgb(0xa58bcf), rgb(0xcf86a8), rgb(0x767d88)};
  return p;
}

Palette make_light() {
  Palette p;
  p.dark = false;
  p.ground = rgb(0xf1f2f4);
  p.pane = rgb(0xffffff);
  p.raised = rgb(0xe7e9ec);
  p.hovered = rgb(0xd9dce1);
  p.line = rgb(0xd3d7dd);
  p.grid = rgba(0x1b1f26, 18);
  p.text = rgb(0x1b1f26);
  p.text2 = rgb(0x5f6772);
  p.accent = rgb(0x1f6feb);
  p.accent_text = rgb(0xffffff);
  p.selected = rgb(0xd6e5fa);
  p.kept = rgb(0x1f6fb0);
  p.evicted = rgb(0xc25c05);
  p.sink = rgb(0x6b4fc0);
  p.kept_ground = rgb(0xcfe2f3);
  p.evicted_ground = rgb(0xf7e8da);
  p.sink_ground = rgb(0xded6f5);
  p.evicted_text = rgb(0x84705c);
  p.warning = rgb(0x9a6700);
  p.good = rgb(0x1a7f4b);
  // Without yellow, whose contrast on white is 1.3.
  p.series = {rgb(0x0072b2), rgb(0xd08400), rgb(0x009e73), rgb(0xc05a98),
              rgb(0x6b4fc0), rgb(0xd55e00), rgb(0x3fa0d0), rgb(0x5f6772)};
  p.category = {rgb(0xa9afb8), rgb(0x7fb0e2), rgb(0x84c596), rgb(0xf08a50), rgb(0xe6be62),
                rgb(0x8bd2dc), rgb(0xc0aae2), rgb(0xe3a6c2), rgb(0xbfc4cc)};
  return p;
}

ImVec4 vec(ImU32 color, float alpha = 1) {
  ImVec4 value = ImGui::ColorConvertU32ToFloat4(color);
  value.w *= alpha;
  return value;
}

}  // namespace

const Palette& dark_palette() {
  static const Palette palette = make_dark();
  return palette;
}

const Palette& light_palette() {
  static const Palette palette = make_light();
  return palette;
}

ImU32 with_alpha(ImU32 color, float alpha) {
  const auto a = static_cast<ImU32>(std::lround(std::clamp(alpha, 0.f, 1.f) * 255));
  return (color & ~IM_COL32_A_MASK) | (a << IM_COL32_A_SHIFT);
}

ImU32 mix(ImU32 a, ImU32 b, float t) {
  const auto channel = [&](int shift) {
    const auto x = static_cast<float>((a >> shift) & 0xff);
    const auto y = static_cast<float>((b >> shift) & 0xff);
    return static_cast<ImU32>(std::lround(x + (y - x) * t)) << shift;
  };
  return channel(0) | channel(8) | channel(16) | channel(24);
}

std::array<ImU32, 256> diverging_colors(const Palette& palette) {
  std::array<ImU32, 256> colors{};
  for (int i = 0; i < 256; ++i) {
    const float t = std::clamp(static_cast<float>(i - 128) / 127.f, -1.f, 1.f);
    colors[static_cast<size_t>(i)] =
        mix(palette.raised, t < 0 ? palette.kept : palette.evicted, std::abs(t));
  }
  return colors;
}

float Theme::px(float n) const {
  return std::round(n * scale);
}

void apply_style(const Theme& theme) {
  const Palette& p = theme.palette;
  ImGuiStyle style;
  style.WindowPadding = {10, 10};
  style.ItemSpacing = {8, 6};
  style.ItemInnerSpacing = {6, 4};
  style.FramePadding = {9, 5};
  style.CellPadding = {8, 4};
  style.ScrollbarSize = 11;
  style.WindowRounding = style.ChildRounding = style.PopupRounding = 6;
  style.FrameRounding = style.GrabRounding = style.TabRounding = 5;
  style.ScrollbarRounding = 5;
  style.WindowBorderSize = 0;
  style.ChildBorderSize = style.PopupBorderSize = 1;
  style.FrameBorderSize = 0;
  style.AntiAliasedLinesUseTex = true;
  style.ScaleAllSizes(theme.scale);
  // Borders stay one pixel wide.
  style.ChildBorderSize = style.PopupBorderSize = 1;

  ImVec4* colors = style.Colors;
  for (int i = 0; i < ImGuiCol_COUNT; ++i) colors[i] = vec(p.raised);
  colors[ImGuiCol_Text] = vec(p.text);
  colors[ImGuiCol_TextDisabled] = vec(p.text2);
  colors[ImGuiCol_WindowBg] = vec(p.ground);
  colors[ImGuiCol_ChildBg] = vec(p.pane, 0);
  colors[ImGuiCol_PopupBg] = vec(p.pane);
  colors[ImGuiCol_Border] = vec(p.line);
  colors[ImGuiCol_BorderShadow] = vec(p.line, 0);
  colors[ImGuiCol_FrameBg] = colors[ImGuiCol_Button] = vec(p.raised);
  colors[ImGuiCol_FrameBgHovered] = colors[ImGuiCol_ButtonHovered] = vec(p.hovered);
  colors[ImGuiCol_FrameBgActive] = colors[ImGuiCol_ButtonActive] = vec(p.hovered);
  colors[ImGuiCol_CheckMark] = colors[ImGuiCol_SliderGrab] = vec(p.accent);
  colors[ImGuiCol_SliderGrabActive] = vec(p.accent);
  colors[ImGuiCol_Header] = vec(p.selected);
  colors[ImGuiCol_HeaderHovered] = colors[ImGuiCol_HeaderActive] = vec(p.hovered);
  colors[ImGuiCol_Separator] = colors[ImGuiCol_SeparatorHovered] = vec(p.line);
  colors[ImGuiCol_SeparatorActive] = vec(p.accent);
  colors[ImGuiCol_ScrollbarBg] = vec(p.pane, 0);
  colors[ImGuiCol_ScrollbarGrab] = vec(p.raised);
  colors[ImGuiCol_ScrollbarGrabHovered] = colors[ImGuiCol_ScrollbarGrabActive] = vec(p.hovered);
  colors[ImGuiCol_TableHeaderBg] = vec(p.pane);
  colors[ImGuiCol_TableBorderStrong] = colors[ImGuiCol_TableBorderLight] = vec(p.line);
  colors[ImGuiCol_TableRowBg] = colors[ImGuiCol_TableRowBgAlt] = vec(p.pane, 0);
  colors[ImGuiCol_TextSelectedBg] = vec(p.selected);
  colors[ImGuiCol_DragDropTarget] = colors[ImGuiCol_NavHighlight] = vec(p.accent);
  colors[ImGuiCol_ModalWindowDimBg] = vec(p.ground, 0.6f);
  colors[ImGuiCol_PlotLines] = colors[ImGuiCol_PlotHistogram] = vec(p.accent);
  ImGui::GetStyle() = style;
}

}  // namespace kvreel::viewer
