// Attention norms by layer and head.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "viewer/panels/attention_panes.h"

namespace kvreel::viewer {
namespace {

std::string value_text(float value, const char* unit) {
  if (!std::isfinite(value)) return "-";
  std::string text = fmt::format("{:.3g}", value);
  if (*unit != '\0') text += std::string(" ") + unit;
  return text;
}

// Every so many lines are numbered, so that the numbers do not touch.
int label_step(float cell, float least) {
  int step = 1;
  while (cell * static_cast<float>(step) < least) step *= 2;
  return step;
}

}  // namespace

void NormMapPane::draw(Frame& frame, const Rect& area, const AttentionShown& shown) {
  Session& session = frame.session;
  const View& view = session.view();
  const Palette& p = frame.palette();
  const AttentionMetric& what = kAttentionMetrics[static_cast<size_t>(shown.metric)];
  if (of_ != shown.norms || reference_ != shown.reference || metric_ != shown.metric ||
      step_row_ != shown.step_row) {
    of_ = shown.norms;
    reference_ = shown.reference;
    metric_ = shown.metric;
    step_row_ = shown.step_row;
    grid_ = reference_ != nullptr ? norm_difference(*of_, *reference_, metric_, shown.step)
                                  : norm_grid(*of_, metric_, step_row_);
    ++version_;
  }
  std::string caption =
      fmt::format("{} · step {} · {}", what.name, shown.step, session.run_label(view.run));
  if (reference_ != nullptr) {
    caption += " minus " + session.run_label(view.reference);
    if (grid_.any && grid_.most == 0) caption += ": no difference";
  }
  Rect inner = pane(frame, "attention.map", area, "Norms by layer and head", caption);
  if (!grid_.any) {
    message(frame, inner, "Nothing to compare",
            "The reference run has no norms of this step, or other layers and heads.");
    return;
  }
  ImDrawList& list = *ImGui::GetWindowDrawList();
  ImFont* const font = frame.theme.fonts.small;
  draw_bar(frame, inner.take_right(frame.px(74)), what.unit);
  const Rect left = inner.take_left(frame.px(34));
  const Rect bottom = inner.take_bottom(frame.px(34));
  // Whole pixels for every cell where there is room.
  const auto whole = [](float room, int cells) {
    const float cell = std::floor(room / static_cast<float>(cells));
    return cell >= 1 ? cell * static_cast<float>(cells) : std::floor(room);
  };
  const Rect map{std::round(inner.x), std::round(inner.y), whole(inner.w, grid_.heads),
                 whole(inner.h, grid_.layers)};
  const float cell_w = map.w / static_cast<float>(grid_.heads);
  const float cell_h = map.h / static_cast<float>(grid_.layers);
  const bool diverging = reference_ != nullptr;
  const std::array<ImU32, 256> difference = diverging_colors(p);
  const auto color_of = [&](float value) {
    if (!std::isfinite(value)) return p.raised;
    const float span = grid_.most - grid_.least;
    const float t = span > 0 ? (value - grid_.least) / span : 0.5f;
    const auto i = static_cast<size_t>(std::clamp(std::lround(t * 255), 0l, 255l));
    return diverging ? difference[i] : sequential_colors()[i];
  };
  const ImTextureID picture =
      frame.textures.picture("attention.map", version_ * 2 + (p.dark ? 1 : 0), grid_.heads,
                             grid_.layers, [&](std::span<uint32_t> pixels) {
                               for (size_t i = 0; i < pixels.size(); ++i) {
                                 pixels[i] = color_of(grid_.values[i]);
                               }
                             });
  list.AddImage(picture, map.min(), map.max());
  if (cell_w >= frame.px(10) && cell_h >= frame.px(10)) {
    for (int h = 1; h < grid_.heads; ++h) {
      vertical_line(list, map.x + cell_w * static_cast<float>(h) - 1, map.y, map.bottom(), p.pane);
    }
    for (int l = 1; l < grid_.layers; ++l) {
      horizontal_line(list, map.x, map.right(), map.y + cell_h * static_cast<float>(l) - 1, p.pane);
    }
  }
  const auto cell_rect = [&](int layer, int head) {
    return Rect{map.x + cell_w * static_cast<float>(head),
                map.y + cell_h * static_cast<float>(layer), cell_w - 1, cell_h - 1};
  };
  // Values, where they fit.
  if (cell_w > text_width(font, "-0.00000") + frame.px(8) &&
      cell_h > font->FontSize + frame.px(4)) {
    for (int l = 0; l < grid_.layers; ++l) {
      for (int h = 0; h < grid_.heads; ++h) {
        const Rect cell = cell_rect(l, h);
        const ImU32 ground = color_of(grid_.at(l, h));
        const ImVec4 c = ImGui::ColorConvertU32ToFloat4(ground);
        const bool bright = 0.2126f * c.x + 0.7152f * c.y + 0.0722f * c.z > 0.45f;
        const ImU32 dark = p.dark ? p.ground : p.text;
        const ImU32 light = p.dark ? p.text : p.pane;
        draw_text(list, font, {cell.x + cell.w / 2, cell.y + (cell.h - font->FontSize) / 2},
                  bright ? dark : light, value_text(grid_.at(l, h), ""), Align::center);
      }
    }
  }
  // Axes.
  const int layer_step = label_step(cell_h, font->FontSize + frame.px(2));
  for (int l = 0; l < grid_.layers; l += layer_step) {
    draw_text(list, font,
              {left.right() - frame.px(8),
               map.y + cell_h * (static_cast<float>(l) + 0.5f) - font->FontSize / 2},
              l == view.layer ? p.text : p.text2, std::to_string(l), Align::right);
  }
  const int head_step = label_step(cell_w, text_width(font, "00") + frame.px(8));
  for (int h = 0; h < grid_.heads; h += head_step) {
    draw_text(list, font,
              {map.x + cell_w * (static_cast<float>(h) + 0.5f), map.bottom() + frame.px(3)},
              h == view.head ? p.text : p.text2, std::to_string(h), Align::center);
  }
  draw_text(list, font, {map.x, bottom.bottom() - font->FontSize}, p.text2,
            "query head across, layer down");
  const auto outline = [&](const Rect& rect, ImU32 color, float thickness) {
    list.AddRect({rect.x + 0.5f, rect.y + 0.5f}, {rect.right() - 0.5f, rect.bottom() - 0.5f}, color,
                 0, 0, thickness);
  };
  if (view.layer >= 0 && view.layer < grid_.layers) {
    Rect row = cell_rect(view.layer, 0);
    row.w = map.w - 1;
    outline(row, p.accent, view.head < 0 ? frame.px(2) : 1);
    if (view.head >= 0 && view.head < grid_.heads) {
      outline(cell_rect(view.layer, view.head), p.accent, frame.px(2));
    }
  }
  const Canvas over = canvas(frame, "attention.cells", map);
  if (!over.hovered) return;
  const int head =
      std::clamp(static_cast<int>((over.mouse.x - map.x) / cell_w), 0, grid_.heads - 1);
  const int layer =
      std::clamp(static_cast<int>((over.mouse.y - map.y) / cell_h), 0, grid_.layers - 1);
  outline(cell_rect(layer, head), p.text, 1);
  std::string text = fmt::format("layer {} · head {}\n{} {}", layer, head, what.name,
                                 value_text(grid_.at(layer, head), what.unit));
  if (diverging) text += " more than the reference";
  tooltip(frame, text);
  session.next_hover().layer = layer;
  session.next_hover().text = fmt::format("layer {} · head {} · {} {}", layer, head, what.name,
                                          value_text(grid_.at(layer, head), what.unit));
  frame.items.add("attention.hovered", {}, session.next_hover().text);
  if (over.clicked) {
    session.select_layer(layer);
    session.view().head = head;
  }
}

// The colours with the values at their ends.
void NormMapPane::draw_bar(Frame& frame, Rect area, const char* unit) {
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  ImFont* const font = frame.theme.fonts.small;
  area.take_left(frame.px(14));
  area.take_bottom(frame.px(34));
  const Rect bar = area.take_left(frame.px(12));
  const std::array<ImU32, 256> colors =
      reference_ != nullptr ? diverging_colors(p) : sequential_colors();
  const ImTextureID picture =
      frame.textures.picture("attention.bar", (p.dark ? 1u : 0u) + (reference_ ? 2u : 0u), 1, 256,
                             [&](std::span<uint32_t> pixels) {
                               for (size_t i = 0; i < 256; ++i) pixels[i] = colors[255 - i];
                             });
  list.AddImage(picture, {std::round(bar.x), std::round(bar.y)},
                {std::round(bar.right()), std::round(bar.bottom())});
  const float x = bar.right() + frame.px(5);
  // One value has one label, in the middle.
  const int labels = grid_.most > grid_.least ? 4 : 0;
  for (int i = 0; i <= labels; ++i) {
    const float t = labels == 0 ? 0.5f : static_cast<float>(i) / static_cast<float>(labels);
    const float value = grid_.most + (grid_.least - grid_.most) * t;
    const float y = bar.y + (bar.h - font->FontSize) * t;
    draw_text(list, font, {x, y}, p.text2, value_text(value, ""));
  }
  draw_text(list, font, {bar.x, bar.bottom() + frame.px(5)}, p.text2, unit);
}

}  // namespace kvreel::viewer
