// The layer x token map, with the layers' budgets at its right side.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "viewer/model/ticks.h"
#include "viewer/panels/replay_parts.h"

namespace kvreel::viewer {
namespace {

uint64_t mixed(uint64_t hash, uint64_t value) {
  hash ^= value + 0x9e3779b97f4a7c15ull + (hash << 6) + (hash >> 2);
  return hash;
}

// No share is evicted's colour on the pane, all of it kept's; shares in between are as bright.
std::array<ImU32, 256> kept_colors(const Palette& p) {
  std::array<ImU32, 256> colors{};
  const ImU32 none = mix(p.pane, p.evicted, p.dark ? 0.36f : 0.40f);
  const ImU32 all = mix(p.pane, p.kept, p.dark ? 0.78f : 0.80f);
  for (size_t i = 0; i < colors.size(); ++i) {
    colors[i] = mix(none, all, static_cast<float>(i) / 255);
  }
  return colors;
}

float x_of(const Rect& plot, double begin, double end, double token) {
  return plot.x + static_cast<float>((token - begin) / (end - begin) * static_cast<double>(plot.w));
}

float row_y(const Rect& plot, int layers, int layer) {
  return plot.y + std::round(plot.h * static_cast<float>(layer) / static_cast<float>(layers));
}

std::string eviction_text(const ReplayScene& scene, int layer, int32_t token) {
  if (token < scene.run.index().sinks(layer)) return "sink, never a candidate";
  const int32_t order = scene.run.index().order(layer, token);
  const int32_t cut = scene.run.cut(layer);
  if (order == kNever) return "never a candidate";
  if (order >= cut) {
    return fmt::format("kept ({} in the order of eviction, cut after {})",
                       ordinal(int64_t{order} + 1), grouped(cut));
  }
  return fmt::format("evicted {} of {}", ordinal(int64_t{order} + 1), grouped(cut));
}

}  // namespace

TimeRange MapPane::wanted(const View& view, int32_t tokens) {
  const bool part = view.token_end > view.token_begin;
  const double end = std::clamp(part ? view.token_end : tokens, 1., static_cast<double>(tokens));
  return {std::clamp(part ? view.token_begin : 0., 0., end - 1), end};
}

void MapPane::draw(Frame& frame, const Rect& rect, const ReplayScene& scene) {
  Session& session = scene.session;
  View& view = session.view();
  const int32_t tokens = scene.tokens();
  // Another prompt is seen at once.
  const bool same = glides_in_ == &scene.run.pass();
  glides_in_ = &scene.run.pass();
  const auto [begin, end] = glide_.at(wanted(view, tokens), frame.now_s, frame.motion && same);
  const bool difference = view.map_difference && scene.reference != nullptr;

  Rect plot = rect.inset(frame.px(10));
  plot.take_top(frame.px(30));
  const float gutter = frame.px(26);
  const bool bars = plot.w > frame.px(320);
  const MapColumns columns = map_columns(
      tokens, begin, end, static_cast<int>(plot.w - gutter - (bars ? frame.px(84) : 0)));
  std::string caption =
      columns.width == 1 ? "one column per token"
                         : fmt::format("{} over {} tokens per column",
                                       aggregation_name(view.aggregation), grouped(columns.width));
  caption += fmt::format(" \u00b7 tokens {}\u2013{} of {}", grouped(static_cast<int64_t>(begin)),
                         grouped(static_cast<int64_t>(std::ceil(end)) - 1), grouped(tokens));
  if (difference) {
    caption += fmt::format(" \u00b7 {} minus {}", session.run_label(view.reference),
                           session.run_label(view.run));
  } else if (view.map_difference) {
    caption += fmt::format(" \u00b7 no difference: {}", scene.reference_problem);
  } else if (scene.run.index().heads() > 1) {
    caption += fmt::format(" \u00b7 share of {} KV heads", scene.run.index().heads());
  }
  const char* const difference_label = rect.w > frame.px(560) ? "difference" : "diff";
  const float controls = small_controls_width(frame, {"mean", "max", "min", difference_label});
  const PaneArea area = pane_with_controls(
      frame, "replay.map", rect, rect.w > frame.px(560) ? "Kept by layer and token" : "Kept",
      caption, controls);
  begin_small_controls(frame, area.controls.min());
  constexpr const char* kLabels[] = {"mean", "max", "min"};
  int aggregation = static_cast<int>(view.aggregation);
  if (segmented(frame, "replay.aggregation", kLabels, aggregation)) {
    view.aggregation = static_cast<Aggregation>(aggregation);
  }
  ImGui::SameLine();
  toggle(frame, "replay.difference", difference_label, view.map_difference,
         "Reference minus run, both at the replay position");
  end_small_controls();

  plot.take_bottom(frame.px(18));
  plot.take_left(gutter);
  if (bars) {
    Rect budgets = plot.take_right(frame.px(84));
    budgets.take_left(frame.px(8));
    draw_budgets(frame, budgets, scene);
  }
  plot = {std::round(plot.x), std::round(plot.y), std::floor(plot.w), std::floor(plot.h)};
  if (plot.w < frame.px(20) || plot.h < frame.px(10)) return;

  draw_picture(frame, plot, scene, begin, end, columns, difference);
  draw_axes(frame, plot, scene, begin, end, difference);
  draw_marks(frame, plot, scene, begin, end);
  point_at(frame, plot, scene, begin, end, difference);
  frame.animating = frame.animating || glide_.moving();
}

void MapPane::draw_picture(Frame& frame, const Rect& plot, const ReplayScene& scene, double begin,
                           double end, const MapColumns& columns, bool difference) {
  const Aggregation aggregation = scene.session.view().aggregation;
  uint64_t version = mixed(scene.run.version(), static_cast<uint64_t>(columns.first));
  version = mixed(version, static_cast<uint64_t>(columns.width));
  version = mixed(version, static_cast<uint64_t>(columns.count));
  version = mixed(version, static_cast<uint64_t>(aggregation));
  version = mixed(version, frame.palette().dark ? 1 : 0);
  version = mixed(version, difference ? scene.reference->version() + 1 : 0);
  const ImTextureID picture = frame.textures.picture(
      "replay.map", version, columns.count, scene.layers(), [&](std::span<uint32_t> pixels) {
        std::vector<float> shares(pixels.size());
        scene.run.map().resample(columns, aggregation, shares);
        if (!difference) {
          const std::array<ImU32, 256> colors = kept_colors(frame.palette());
          for (size_t i = 0; i < pixels.size(); ++i) {
            pixels[i] = colors[static_cast<size_t>(std::lround(shares[i] * 255))];
          }
          return;
        }
        std::vector<float> other(pixels.size());
        scene.reference->map().resample(columns, aggregation, other);
        const std::array<ImU32, 256> colors = diverging_colors(frame.palette());
        for (size_t i = 0; i < pixels.size(); ++i) {
          pixels[i] = colors[static_cast<size_t>(
              std::clamp(128 + std::lround((other[i] - shares[i]) * 127), 0l, 255l))];
        }
      });
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const float right = std::min(plot.right(), x_of(plot, begin, end, scene.tokens()));
  list.PushClipRect(plot.min(), {right, plot.bottom()}, true);
  const double last = columns.first + static_cast<double>(columns.width) * columns.count;
  list.AddImage(picture, {x_of(plot, begin, end, columns.first), plot.y},
                {x_of(plot, begin, end, last), plot.bottom()});
  // Rows are told apart where there is room for it.
  if (plot.h >= frame.px(5) * static_cast<float>(scene.layers())) {
    for (int layer = 1; layer < scene.layers(); ++layer) {
      horizontal_line(list, plot.x, right, row_y(plot, scene.layers(), layer),
                      frame.palette().pane);
    }
  }
  list.PopClipRect();
}

void MapPane::draw_axes(Frame& frame, const Rect& plot, const ReplayScene& scene, double begin,
                        double end, bool difference) {
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const Palette& p = frame.palette();
  ImFont* const font = frame.theme.fonts.small;
  const int most = std::max(2, static_cast<int>(plot.w / frame.px(72)));
  float free_until = plot.right() + frame.px(4);  // "budget" stands beside
  if (difference) {
    // Who keeps what the other one evicts.
    const auto entry = [&](const char* text, ImU32 color) {
      free_until -= text_width(font, text);
      draw_text(list, font, {free_until, plot.bottom() + frame.px(4)}, p.text2, text);
      const float side = frame.px(9);
      free_until -= side + frame.px(5);
      list.AddRectFilled({free_until, plot.bottom() + frame.px(7)},
                         {free_until + side, plot.bottom() + frame.px(7) + side}, color);
      free_until -= frame.px(10);
    };
    free_until = plot.right();
    entry("only the run keeps", p.kept);
    entry("only the reference keeps", p.evicted);
  }
  float free_from = plot.x - frame.px(20);
  for (const int64_t tick : binary_ticks(begin, end - 1, most)) {
    const float x = x_of(plot, begin, end, static_cast<double>(tick) + 0.5);
    const std::string label = grouped(tick);
    const float half = text_width(font, label) / 2;
    if (x - half < free_from || x + half > free_until) continue;
    vertical_line(list, x, plot.bottom(), plot.bottom() + frame.px(3), p.text2);
    draw_text(list, font, {x, plot.bottom() + frame.px(4)}, p.text2, label, Align::center);
    free_from = x + half + frame.px(6);
  }
  const int rows = std::max(1, static_cast<int>(plot.h / frame.px(16)));
  for (const int64_t layer : binary_ticks(0, scene.layers() - 1, rows)) {
    const float y0 = row_y(plot, scene.layers(), static_cast<int>(layer));
    const float y1 = row_y(plot, scene.layers(), static_cast<int>(layer) + 1);
    const float y = (y0 + y1) / 2 - font->FontSize / 2;
    draw_text(list, font, {plot.x - frame.px(6), y}, layer == scene.layer() ? p.text : p.text2,
              std::to_string(layer), Align::right);
  }
}

void MapPane::draw_marks(Frame& frame, const Rect& plot, const ReplayScene& scene, double begin,
                         double end) {
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const Palette& p = frame.palette();
  const Session& session = scene.session;
  const auto row = [&](int layer, ImU32 color) {
    if (layer < 0 || layer >= scene.layers()) return;
    const float y0 = row_y(plot, scene.layers(), layer);
    const float y1 = row_y(plot, scene.layers(), layer + 1);
    list.AddRect({plot.x - 0.5f, y0 - 0.5f}, {plot.right() + 0.5f, y1 + 0.5f}, color);
  };
  const auto column = [&](int32_t token, ImU32 color) {
    const float x0 = x_of(plot, begin, end, token);
    const float x1 = x_of(plot, begin, end, token + 1.);
    if (x1 < plot.x || x0 > plot.right()) return;
    if (x1 - x0 > frame.px(4)) {
      list.AddRect({std::round(x0) - 0.5f, plot.y - 0.5f},
                   {std::round(x1) + 0.5f, plot.bottom() + 0.5f}, color);
    } else {
      vertical_line(list, (x0 + x1) / 2, plot.y, plot.bottom(), color);
    }
  };
  list.PushClipRect(plot.inset(-1).min(), plot.inset(-1).max(), true);
  if (session.hover().layer) row(*session.hover().layer, with_alpha(p.text, 0.45f));
  if (session.hover().token) column(*session.hover().token, with_alpha(p.text, 0.45f));
  row(session.view().layer, p.accent);
  if (session.view().token >= 0) column(session.view().token, p.accent);
  list.PopClipRect();
}

void MapPane::draw_budgets(Frame& frame, const Rect& rect, const ReplayScene& scene) {
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const Palette& p = frame.palette();
  const bool what_if = scene.run.what_if().threshold.has_value();
  const float row_height = rect.h / static_cast<float>(scene.layers());
  const bool labels = row_height >= frame.px(15);
  frame.items.add("replay.budgets", rect);
  const float text = frame.px(labels ? 44 : 0);
  const float width = rect.w - text;
  for (int layer = 0; layer < scene.layers(); ++layer) {
    const float y0 = row_y(rect, scene.layers(), layer) + (row_height > 4 ? 1.f : 0.f);
    const float y1 = row_y(rect, scene.layers(), layer + 1);
    const auto at = static_cast<size_t>(layer);
    const double share = scene.run.budget().layers[at].share();
    const float recorded = static_cast<float>(scene.run.recorded().layers[at].share());
    const bool chosen = layer == scene.layer();
    list.AddRectFilled({rect.x, y0}, {rect.x + width, y1}, p.raised);
    list.AddRectFilled({rect.x, y0}, {rect.x + std::round(width * static_cast<float>(share)), y1},
                       chosen ? p.kept : mix(p.raised, p.kept, 0.7f));
    if (what_if) vertical_line(list, rect.x + width * recorded, y0, y1, p.text, frame.px(2));
    if (labels) {
      draw_text(list, frame.theme.fonts.small,
                {rect.right(), (y0 + y1 - frame.theme.fonts.small->FontSize) / 2},
                chosen ? p.text : p.text2, fmt::format("{:.0f} %", share * 100), Align::right);
    }
  }
  draw_text(list, frame.theme.fonts.small, {rect.x, rect.bottom() + frame.px(4)}, p.text2,
            "budget");
}

void MapPane::point_at(Frame& frame, const Rect& plot, const ReplayScene& scene, double begin,
                       double end, bool difference) {
  Session& session = scene.session;
  View& view = session.view();
  const Canvas c = canvas(frame, "replay.map.plot", plot);
  const double tokens = scene.tokens();
  // Input builds on where a glide ends.
  const TimeRange to = wanted(view, scene.tokens());
  const auto show = [&](double from, double visible, bool glides) {
    visible = std::clamp(visible, std::min(8., tokens), tokens);
    from = std::clamp(from, 0., tokens - visible);
    const bool everything = visible >= tokens;
    view.token_begin = everything ? 0 : from;
    view.token_end = everything ? 0 : from + visible;
    glide_.at(wanted(view, scene.tokens()), frame.now_s, frame.motion && glides);
  };
  const auto across = static_cast<double>((c.mouse.x - plot.x) / plot.w);
  if (c.hovered && c.wheel != 0) {
    const double visible = std::clamp(to.length() * std::pow(1.25, static_cast<double>(-c.wheel)),
                                      std::min(8., tokens), tokens);
    show(to.begin + across * (to.length() - visible), visible, true);
  }
  if (c.panning) {
    show(to.begin - static_cast<double>(c.delta.x / plot.w) * to.length(), to.length(), false);
  }
  if (c.hovered && frame.pressed({KeyPress::kHome})) show(0, tokens, true);
  if (!c.hovered && !c.clicked) return;
  const auto token =
      std::clamp(static_cast<int32_t>(begin + across * (end - begin)), 0, scene.tokens() - 1);
  int layer = std::clamp(
      static_cast<int>((c.mouse.y - plot.y) / plot.h * static_cast<float>(scene.layers())), 0,
      scene.layers() - 1);
  if (c.clicked) {
    session.select_layer(layer);
    session.select_token(token);
  }
  session.next_hover().layer = layer;
  session.next_hover().token = token;
  std::string text = fmt::format("layer {}, token {} {}, {}", layer, grouped(token),
                                 scene.token_name(token), eviction_text(scene, layer, token));
  if (difference) {
    const double own = scene.run.index().kept_share(layer, token, scene.run.limits());
    const double other =
        scene.reference->index().kept_share(layer, token, scene.reference->limits());
    text += fmt::format(", reference minus run {:+.0f} %", (other - own) * 100);
  }
  session.next_hover().text = text;
  if (!c.panning) tooltip(frame, text);
}

}  // namespace kvreel::viewer
