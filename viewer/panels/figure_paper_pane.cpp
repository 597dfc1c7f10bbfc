// The figure on its paper.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "viewer/panels/figure_panes.h"

namespace kvreel::viewer {
namespace {

constexpr double kPixelsPerPoint = 96. / 72;  // of a screen at scale 1
constexpr double kLeastZoom = 0.1;
constexpr double kMostZoom = 8;
constexpr double kMostFit = 2;  // larger, a column's figure looks like a poster

constexpr std::array<const char*, 3> kZooms = {"fit", "100 %", "200 %"};
constexpr float kPadding = 8;
constexpr float kGap = 10;

float controls_width(const Frame& frame) {
  float width = 4 * 2 * frame.px(kPadding) + 2 * frame.px(2) + frame.px(kGap);
  for (const char* label : kZooms) width += text_width(frame.theme.fonts.text, label);
  return std::ceil(width + text_width(frame.theme.fonts.text, "Export"));
}

float wrapped_height(ImFont* font, float width, const std::string& text) {
  return font->CalcTextSizeA(font->FontSize, FLT_MAX, width, text.data(), text.data() + text.size())
      .y;
}

}  // namespace

void FigurePaperPane::draw(Frame& frame, const Rect& area, const FigureShown& shown,
                           FigureDesk& desk) {
  std::string caption;
  if (shown.figure && paper_width_ > 0) {
    caption = fmt::format("{} \u00b7 {:.0f} %", paper_size(paper_width_, paper_height_),
                          100 * (zoom_ > 0 ? zoom_ : fitted_));
  }
  const float controls = controls_width(frame);
  Rect inner = pane(frame, "figures.paper", area,
                    shown.info == nullptr ? "Figure" : std::string(shown.info->name).c_str(),
                    caption, controls);
  const Rect place{area.right() - controls - frame.px(8), area.y + frame.px(6), controls,
                   frame.px(26)};
  draw_controls(frame, place, shown.figure.value != nullptr, desk);
  if (shown.info == nullptr) {
    message(frame, inner, "No figures", "This version knows none.");
    return;
  }
  inner.take_top(frame.px(4));
  if (shown.figure.state == LoadState::failed) {
    message(frame, inner, "These traces cannot be drawn as this figure", shown.figure.error);
    frame.items.add("figures.problem", inner, shown.figure.error);
    return;
  }
  if (!ready(frame, inner, shown.figure)) return;
  // The figure's own footer says them, too.
  const bool footer = style_of(frame.session.view().figure).footer;
  const float height = footer ? 0 : draw_remarks(frame, inner, *shown.figure.value, true);
  const Rect remarks = inner.take_bottom(std::min(height, inner.h * 0.4f));
  if (height > 0) inner.take_bottom(frame.px(8));
  draw_paper(frame, inner, shown, desk);
  if (!footer) draw_remarks(frame, remarks, *shown.figure.value, false);
}

void FigurePaperPane::draw_controls(Frame& frame, const Rect& place, bool can_export,
                                    FigureDesk& desk) {
  ImGui::SetCursorScreenPos(place.min());
  ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, {frame.px(kPadding), frame.px(3)});
  int chosen = zoom_ == 0 ? 0 : zoom_ == 1 ? 1 : zoom_ == 2 ? 2 : -1;
  if (segmented(frame, "figures.zoom", kZooms, chosen)) {
    zoom_ = chosen;
    offset_ = {};
  }
  ImGui::SameLine(0, frame.px(kGap));
  if (button(frame, "figures.export", "Export", "To a file, as PDF, SVG, PNG or data (Ctrl+E)",
             can_export) &&
      can_export) {
    desk.export_wanted = true;
  }
  ImGui::PopStyleVar();
  if (frame.pressed({KeyPress::kHome})) {
    zoom_ = 0;
    offset_ = {};
  }
}

double FigurePaperPane::scale(const Frame& frame, const Rect& area,
                              const plot::Scene& scene) const {
  const double screen = kPixelsPerPoint * frame.theme.scale;
  if (zoom_ > 0) return zoom_ * screen;
  const double room_x = std::max(area.w - 2 * frame.px(6), 1.f);
  const double room_y = std::max(area.h - 2 * frame.px(6), 1.f);
  return std::clamp(std::min(room_x / scene.width, room_y / scene.height), kLeastZoom * screen,
                    kMostFit * screen);
}

void FigurePaperPane::draw_paper(Frame& frame, const Rect& area, const FigureShown& shown,
                                 FigureDesk& desk) {
  const Palette& p = frame.palette();
  plot::Style style = style_of(frame.session.view().figure);
  // Laid out once to know how large the paper is, and for as many dots as the screen has there.
  const auto lay_out = [&](double dots_per_inch) {
    style.dots_per_inch = std::clamp(std::round(dots_per_inch), 36., 600.);
    return sheet_.lay_out(desk.fonts, shown.figure.value, style);
  };
  const double screen = kPixelsPerPoint * frame.theme.scale;
  const double last = (zoom_ > 0 ? zoom_ : fitted_) * screen;
  const plot::Scene* scene = lay_out(72 * last);
  if (scene != nullptr && scale(frame, area, *scene) != last) {
    scene = lay_out(72 * scale(frame, area, *scene));
  }
  if (scene == nullptr) {
    message(frame, area, "The figure cannot be laid out", sheet_.problem());
    frame.items.add("figures.problem", area, sheet_.problem());
    return;
  }
  paper_width_ = scene->width;
  paper_height_ = scene->height;
  ScenePlace place;
  place.scale = scale(frame, area, *scene);
  fitted_ = zoom_ > 0 ? fitted_ : place.scale / screen;

  const Canvas c = canvas(frame, "figures.canvas", area);
  const auto width = static_cast<float>(scene->width * place.scale);
  const auto height = static_cast<float>(scene->height * place.scale);
  const ImVec2 middle = {area.x + area.w / 2, area.y + area.h / 2};
  if (c.hovered) {
    frame.session.next_hover().text =
        fmt::format("{} \u00b7 wheel: zoom, drag: move, Home: fit", shown.figure->title);
  }
  if (c.wheel != 0) {
    const double now = place.scale / screen;
    const double wanted = std::clamp(now * std::pow(1.25, c.wheel), kLeastZoom, kMostZoom);
    // What is under the pointer stays there.
    const auto grow = static_cast<float>(wanted / now);
    offset_ = {(offset_.x + middle.x - c.mouse.x) * grow + c.mouse.x - middle.x,
               (offset_.y + middle.y - c.mouse.y) * grow + c.mouse.y - middle.y};
    zoom_ = wanted;
  }
  if (c.dragging || c.panning) {
    offset_.x += c.delta.x;
    offset_.y += c.delta.y;
  }
  // A part of it stays in sight; what has room is in the middle.
  const float most_x = std::max(0.f, (width - area.w) / 2 + frame.px(20));
  const float most_y = std::max(0.f, (height - area.h) / 2 + frame.px(20));
  offset_.x = width > area.w ? std::clamp(offset_.x, -most_x, most_x) : 0;
  offset_.y = height > area.h ? std::clamp(offset_.y, -most_y, most_y) : 0;
  place.at = {std::round(middle.x + offset_.x - width / 2),
              std::round(middle.y + offset_.y - height / 2)};

  ImDrawList& list = *ImGui::GetWindowDrawList();
  list.PushClipRect(area.min(), area.max(), true);
  const Rect paper{place.at.x, place.at.y, std::ceil(width), std::ceil(height)};
  list.AddRect({paper.x - 0.5f, paper.y - 0.5f}, {paper.right() + 0.5f, paper.bottom() + 0.5f},
               p.line);
  painter_.draw(frame.textures, list, *scene, sheet_.version(), *sheet_.fonts(), place, area);
  list.PopClipRect();
  frame.items.add("figures.canvas", area, shown.figure->name);
  frame.items.add("figures.sheet", paper, paper_size(scene->width, scene->height));
}

// Its height, where `measure`.
float FigurePaperPane::draw_remarks(Frame& frame, const Rect& area, const plot::Figure& figure,
                                    bool measure) {
  ImFont* const font = frame.theme.fonts.small;
  const float gap = frame.px(3);
  float height = 0;
  std::string all;
  ImDrawList& list = *ImGui::GetWindowDrawList();
  list.PushClipRect(area.min(), area.max(), true);
  for (const std::string& remark : figure.remarks) {
    if (!measure) {
      list.AddText(font, font->FontSize, {area.x, std::round(area.y + height)},
                   frame.palette().text2, remark.data(), remark.data() + remark.size(), area.w);
    }
    height += wrapped_height(font, area.w, remark) + gap;
    all += (all.empty() ? "" : " ") + remark;
  }
  list.PopClipRect();
  if (!measure && height > 0) frame.items.add("figures.remarks", area, all);
  return height;
}

}  // namespace kvreel::viewer
