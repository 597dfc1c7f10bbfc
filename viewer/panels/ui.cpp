// Named widgets, panes, text and lines.
#include "viewer/panels/ui.h"

#include <imgui_internal.h>

#include <algorithm>
#include <cmath>

#include "viewer/model/short_label.h"
#include "viewer/panels/glyphs.h"

namespace kvreel::viewer {

Rect Rect::take_top(float height) {
  height = std::clamp(height, 0.f, h);
  const Rect taken{x, y, w, height};
  y += height;
  h -= height;
  return taken;
}

Rect Rect::take_bottom(float height) {
  height = std::clamp(height, 0.f, h);
  h -= height;
  return {x, y + h, w, height};
}

Rect Rect::take_left(float width) {
  width = std::clamp(width, 0.f, w);
  const Rect taken{x, y, width, h};
  x += width;
  w -= width;
  return taken;
}

Rect Rect::take_right(float width) {
  width = std::clamp(width, 0.f, w);
  w -= width;
  return {x + w, y, width, h};
}

bool Frame::pressed(KeyPress key) {
  const auto found = std::find(keys.begin(), keys.end(), key);
  if (found == keys.end()) return false;
  keys.erase(found);
  return true;
}

namespace {

void after_item(Frame& frame, const char* name, std::string text, const char* tip) {
  frame.items.add(name, last_item_rect(), std::move(text));
  if (tip != nullptr && ImGui::IsItemHovered()) tooltip(frame, tip);
}

void push_button_colors(ImU32 normal, ImU32 hovered, ImU32 text) {
  ImGui::PushStyleColor(ImGuiCol_Button, normal);
  ImGui::PushStyleColor(ImGuiCol_ButtonHovered, hovered);
  ImGui::PushStyleColor(ImGuiCol_ButtonActive, hovered);
  ImGui::PushStyleColor(ImGuiCol_Text, text);
}

}  // namespace

bool button(Frame& frame, const char* name, const char* label, const char* tip, bool primary) {
  const Palette& p = frame.palette();
  if (primary) {
    push_button_colors(p.accent, mix(p.accent, p.text, 0.12f), p.accent_text);
  } else {
    push_button_colors(p.raised, p.hovered, p.text);
  }
  ImGui::PushID(name);
  const bool clicked = ImGui::Button(label);
  ImGui::PopID();
  ImGui::PopStyleColor(4);
  after_item(frame, name, label, tip);
  if (clicked && frame.log) frame.log(std::string("click ") + name);
  return clicked;
}

bool toggle(Frame& frame, const char* name, const char* label, bool& on, const char* tip) {
  const Palette& p = frame.palette();
  push_button_colors(on ? p.selected : p.raised, p.hovered, on ? p.text : p.text2);
  ImGui::PushID(name);
  const bool clicked = ImGui::Button(label);
  ImGui::PopID();
  ImGui::PopStyleColor(4);
  after_item(frame, name, on ? "on" : "off", tip);
  if (clicked) {
    on = !on;
    if (frame.log) frame.log(std::string("click ") + name + (on ? " on" : " off"));
  }
  return clicked;
}

bool segmented(Frame& frame, const char* name, std::span<const char* const> labels, int& chosen) {
  const Palette& p = frame.palette();
  bool changed = false;
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, {frame.px(2), frame.px(6)});
  for (int i = 0; i < static_cast<int>(labels.size()); ++i) {
    const bool on = i == chosen;
    if (i > 0) ImGui::SameLine();
    push_button_colors(on ? p.selected : p.raised, p.hovered, on ? p.text : p.text2);
    const std::string item = std::string(name) + "." + labels[static_cast<size_t>(i)];
    ImGui::PushID(item.c_str());
    const bool clicked = ImGui::Button(labels[static_cast<size_t>(i)]);
    ImGui::PopID();
    ImGui::PopStyleColor(4);
    after_item(frame, item.c_str(), on ? "on" : "off", nullptr);
    if (clicked && !on) {
      chosen = i;
      changed = true;
      if (frame.log) frame.log("click " + item);
    }
  }
  ImGui::PopStyleVar();
  return changed;
}

bool check(Frame& frame, const char* name, std::string_view label, bool& on, float width,
           std::span<const std::string> all) {
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const float height = frame.px(24);
  ImGui::PushID(name);
  const bool clicked = ImGui::InvisibleButton("check", {width, height});
  ImGui::PopID();
  const bool hovered = ImGui::IsItemHovered();
  if (hovered) {
    list.AddRectFilled(at, {at.x + width, at.y + height}, p.raised, frame.px(5));
  }
  frame.items.add(name, last_item_rect(), on ? "on" : "off");
  const float middle = std::round(at.y + height / 2);
  draw_check(frame, list, {at.x + frame.px(10), middle}, on);
  ImFont* const font = frame.theme.fonts.text;
  const float room = width - frame.px(26);
  const std::string shown = fitted_label(font, room, label, all);
  draw_text(list, font, {at.x + frame.px(24), middle - font->FontSize / 2}, on ? p.text : p.text2,
            shown);
  if (hovered && shown != label) tooltip(frame, label);
  if (clicked) {
    on = !on;
    if (frame.log) frame.log(std::string("click ") + name + (on ? " on" : " off"));
  }
  return clicked;
}

Rect last_item_rect() {
  const ImVec2 min = ImGui::GetItemRectMin();
  const ImVec2 max = ImGui::GetItemRectMax();
  return {min.x, min.y, max.x - min.x, max.y - min.y};
}

namespace {

// `shown`: what the field says, `preview`: all of it.
bool draw_combo(Frame& frame, const char* name, int count,
                const std::function<std::string(int)>& label, int& chosen, float width,
                const std::string& preview, const std::string& shown) {
  bool changed = false;
  ImGui::PushID(name);
  ImGui::SetNextItemWidth(width);
  const bool open = ImGui::BeginCombo("##combo", shown.c_str(), ImGuiComboFlags_HeightLarge);
  frame.items.add(name, last_item_rect(), preview);
  if (open) {
    if (ImGui::IsWindowAppearing() && chosen >= 0) {
      ImGui::SetScrollY(static_cast<float>(chosen) * ImGui::GetTextLineHeightWithSpacing());
    }
    ImGuiListClipper clipper;
    clipper.Begin(count);
    while (clipper.Step()) {
      for (int i = clipper.DisplayStart; i < clipper.DisplayEnd; ++i) {
        const std::string text = label(i);
        ImGui::PushID(i);
        if (ImGui::Selectable(text.c_str(), i == chosen)) {
          changed = i != chosen;
          chosen = i;
          if (frame.log) frame.log(std::string("choose ") + name + " " + text);
        }
        ImGui::PopID();
        frame.items.add(std::string(name) + "." + std::to_string(i), last_item_rect(), text);
      }
    }
    ImGui::EndCombo();
  }
  ImGui::PopID();
  return changed;
}

}  // namespace

bool combo(Frame& frame, const char* name, std::span<const std::string> labels, int& chosen,
           float width) {
  const auto label = [&](int i) { return labels[static_cast<size_t>(i)]; };
  const int count = static_cast<int>(labels.size());
  const std::string preview = chosen >= 0 && chosen < count ? label(chosen) : "-";
  // The arrow has a square at the right.
  const float room = width - ImGui::GetFrameHeight() - 2 * ImGui::GetStyle().FramePadding.x;
  return draw_combo(frame, name, count, label, chosen, width, preview,
                    fitted_label(ImGui::GetFont(), room, preview, labels));
}

bool combo(Frame& frame, const char* name, int count, const std::function<std::string(int)>& label,
           int& chosen, float width) {
  const std::string preview = chosen >= 0 && chosen < count ? label(chosen) : "-";
  return draw_combo(frame, name, count, label, chosen, width, preview, preview);
}

Canvas canvas(Frame& frame, const char* name, const Rect& rect) {
  Canvas state;
  frame.items.add(name, rect);
  if (rect.w < 1 || rect.h < 1) return state;
  ImGui::SetCursorScreenPos(rect.min());
  ImGui::InvisibleButton(name, {rect.w, rect.h},
                         ImGuiButtonFlags_MouseButtonLeft | ImGuiButtonFlags_MouseButtonRight |
                             ImGuiButtonFlags_MouseButtonMiddle);
  const ImGuiIO& io = ImGui::GetIO();
  const bool active = ImGui::IsItemActive();
  state.hovered = ImGui::IsItemHovered();
  state.mouse = io.MousePos;
  state.delta = io.MouseDelta;
  state.pressed_at = io.MouseClickedPos[0];
  // A click that moved less than this is no drag.
  const float slop = frame.px(4);
  if (active && ImGui::IsMouseDragging(ImGuiMouseButton_Left, slop)) state.dragging = true;
  if (active && (ImGui::IsMouseDragging(ImGuiMouseButton_Right, slop) ||
                 ImGui::IsMouseDragging(ImGuiMouseButton_Middle, slop))) {
    state.panning = true;
  }
  if (ImGui::IsItemDeactivated() && ImGui::IsMouseReleased(ImGuiMouseButton_Left)) {
    const ImVec2 moved = {io.MousePos.x - io.MouseClickedPos[0].x,
                          io.MousePos.y - io.MouseClickedPos[0].y};
    state.clicked = std::abs(moved.x) < slop && std::abs(moved.y) < slop && state.hovered;
    if (state.clicked && frame.log) frame.log(std::string("click ") + name);
  }
  state.double_clicked = state.hovered && ImGui::IsMouseDoubleClicked(ImGuiMouseButton_Left);
  if (state.hovered) state.wheel = io.MouseWheel;
  return state;
}

Rect pane(Frame& frame, const char* name, const Rect& rect, const char* title,
          std::string_view caption, float controls) {
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const float round = frame.px(6);
  list.AddRectFilled(rect.min(), rect.max(), p.pane, round);
  list.AddRect({rect.x + 0.5f, rect.y + 0.5f}, {rect.right() - 0.5f, rect.bottom() - 0.5f}, p.line,
               round);
  frame.items.add(name, rect, std::string(caption), title != nullptr ? title : "");
  Rect inner = rect.inset(frame.px(10));
  if (title != nullptr && *title != '\0') {
    const Rect head = inner.take_top(frame.px(22));
    draw_text(list, frame.theme.fonts.text, head.min(), p.text, title);
    const float after = text_width(frame.theme.fonts.text, title) + frame.px(10);
    draw_text_fitted(list, frame.theme.fonts.small, {head.x + after, head.y + frame.px(3)},
                     head.w - after - controls, p.text2, caption);
    inner.take_top(frame.px(4));
  }
  return inner;
}

void message(Frame& frame, const Rect& rect, std::string_view title, std::string_view detail) {
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const Palette& p = frame.palette();
  ImFont* const font = frame.theme.fonts.text;
  const float width = std::min(rect.w - frame.px(24), frame.px(640));
  if (width < frame.px(20)) return;
  const char* const begin = detail.data();
  const ImVec2 size = detail.empty() ? ImVec2{0, 0}
                                     : font->CalcTextSizeA(font->FontSize, FLT_MAX, width, begin,
                                                           begin + detail.size());
  float y = std::round(rect.y + (rect.h - size.y - frame.px(28)) / 2);
  draw_text(list, frame.theme.fonts.title, {rect.x + rect.w / 2, y}, p.text, title, Align::center);
  y += frame.px(30);
  if (!detail.empty()) {
    list.AddText(font, font->FontSize, {std::round(rect.x + (rect.w - size.x) / 2), y}, p.text2,
                 begin, begin + detail.size(), width);
  }
}

void draw_check(Frame& frame, ImDrawList& list, ImVec2 c, bool on) {
  const Palette& p = frame.palette();
  const float r = frame.px(6.5f);
  const float round = frame.px(3);
  const ImVec2 min{c.x - r, c.y - r};
  const ImVec2 max{c.x + r, c.y + r};
  if (!on) {
    list.AddRect({min.x + 0.5f, min.y + 0.5f}, {max.x - 0.5f, max.y - 0.5f}, p.text2, round);
    return;
  }
  list.AddRectFilled(min, max, p.accent, round);
  const ImVec2 tick[] = {
      {c.x - r * 0.55f, c.y}, {c.x - r * 0.1f, c.y + r * 0.45f}, {c.x + r * 0.6f, c.y - r * 0.45f}};
  list.AddPolyline(tick, 3, p.accent_text, 0, std::max(1.5f, frame.px(2)));
}

float text_width(ImFont* font, std::string_view text) {
  if (needs_glyph_text(text)) return text_width(font, glyph_text(text));
  return font->CalcTextSizeA(font->FontSize, FLT_MAX, 0, text.data(), text.data() + text.size()).x;
}

void draw_text(ImDrawList& list, ImFont* font, ImVec2 at, ImU32 color, std::string_view text,
               Align align) {
  if (text.empty()) return;
  if (needs_glyph_text(text)) return draw_text(list, font, at, color, glyph_text(text), align);
  if (align != Align::left) {
    const float width = text_width(font, text);
    at.x -= align == Align::center ? width / 2 : width;
  }
  list.AddText(font, font->FontSize, {std::round(at.x), std::round(at.y)}, color, text.data(),
               text.data() + text.size());
}

void draw_text_fitted(ImDrawList& list, ImFont* font, ImVec2 at, float width, ImU32 color,
                      std::string_view text) {
  if (text.empty() || width <= 0) return;
  if (needs_glyph_text(text)) {
    return draw_text_fitted(list, font, at, width, color, glyph_text(text));
  }
  if (text_width(font, text) <= width) {
    draw_text(list, font, at, color, text);
    return;
  }
  constexpr std::string_view kEllipsis = "\u2026";
  const float room = width - text_width(font, kEllipsis);
  if (room <= 0) return;
  const char* rest = nullptr;
  font->CalcTextSizeA(font->FontSize, room, 0, text.data(), text.data() + text.size(), &rest);
  std::string cut(text.data(), rest);
  cut += kEllipsis;
  draw_text(list, font, at, color, cut);
}

std::string fitted_label(ImFont* font, float width, std::string_view label,
                         std::span<const std::string> all) {
  return short_label(label, all,
                     [&](std::string_view text) { return text_width(font, text) <= width; });
}

// Filled rectangles: a line of ImGui's would be blurred over two rows of pixels.
void horizontal_line(ImDrawList& list, float x0, float x1, float y, ImU32 color, float thickness) {
  const float top = std::round(y);
  list.AddRectFilled({std::round(x0), top}, {std::round(x1), top + std::max(1.f, thickness)},
                     color);
}

void vertical_line(ImDrawList& list, float x, float y0, float y1, ImU32 color, float thickness) {
  const float left = std::round(x);
  list.AddRectFilled({left, std::round(y0)}, {left + std::max(1.f, thickness), std::round(y1)},
                     color);
}

void tooltip(Frame& frame, std::string_view text) {
  ImGui::BeginTooltip();
  ImGui::PushTextWrapPos(frame.px(420));
  ImGui::TextUnformatted(text.data(), text.data() + text.size());
  ImGui::PopTextWrapPos();
  ImGui::EndTooltip();
}

void draw_polyline(ImDrawList& list, std::span<const ImVec2> points, ImU32 color, float thickness) {
  constexpr size_t kChunk = 8192;
  for (size_t begin = 0; begin + 1 < points.size(); begin += kChunk - 1) {
    const size_t count = std::min(kChunk, points.size() - begin);
    list.AddPolyline(points.data() + begin, static_cast<int>(count), color, 0, thickness);
  }
}

}  // namespace kvreel::viewer
