// Playing: buttons, the scrubber, speed, and the keys.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "viewer/model/ticks.h"
#include "viewer/panels/replay_parts.h"

namespace kvreel::viewer {
namespace {

enum class Icon { start, play, pause, end };

// Drawn, so that it looks the same whatever the font has.
void draw_icon(ImDrawList& list, Icon icon, ImVec2 center, float size, ImU32 color) {
  const float h = size / 2;
  const auto triangle = [&](float x, float direction) {
    list.AddTriangleFilled({x - direction * h * 0.8f, center.y - h},
                           {x + direction * h * 0.8f, center.y},
                           {x - direction * h * 0.8f, center.y + h}, color);
  };
  const auto bar = [&](float x) {
    list.AddRectFilled({std::round(x - h * 0.2f), center.y - h},
                       {std::round(x + h * 0.2f), center.y + h}, color);
  };
  switch (icon) {
    case Icon::start:
      bar(center.x - h * 0.9f);
      triangle(center.x + h * 0.2f, -1);
      break;
    case Icon::end:
      triangle(center.x - h * 0.2f, 1);
      bar(center.x + h * 0.9f);
      break;
    case Icon::play:
      triangle(center.x, 1);
      break;
    case Icon::pause:
      bar(center.x - h * 0.45f);
      bar(center.x + h * 0.45f);
      break;
  }
}

// A button with an icon, and a label beside it where there is one.
bool icon_button(Frame& frame, const char* name, Icon icon, const char* label, const char* tip,
                 bool primary) {
  const ImVec2 at = ImGui::GetCursorScreenPos();
  // The icon's room, in spaces of the label.
  const float space = text_width(frame.theme.fonts.text, " ");
  const bool alone = label[0] == '\0';
  std::string padded(static_cast<size_t>(std::ceil(frame.px(alone ? 12 : 16) / space)), ' ');
  padded += label;
  const bool clicked = button(frame, name, padded.c_str(), tip, primary);
  const Palette& p = frame.palette();
  const float pad = ImGui::GetStyle().FramePadding.x;
  draw_icon(*ImGui::GetWindowDrawList(), icon,
            {std::round(at.x + pad + frame.px(6)), std::round(at.y + ImGui::GetFrameHeight() / 2)},
            frame.px(11), primary ? p.accent_text : p.text);
  return clicked;
}

void draw_scrubber(Frame& frame, const Rect& rect, const ReplayScene& scene) {
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const Palette& p = frame.palette();
  Session& session = scene.session;
  const Canvas c = canvas(frame, "replay.scrubber", rect);
  const float handle = frame.px(8);
  const Rect track{rect.x + handle / 2, rect.y, rect.w - handle, rect.h};
  if ((c.dragging || c.clicked) && scene.length > 0) {
    const float share = std::clamp((c.mouse.x - track.x) / track.w, 0.f, 1.f);
    session.play(false);
    session.set_replay(std::lround(static_cast<double>(share) * static_cast<double>(scene.length)));
  }
  list.AddRectFilled(rect.min(), rect.max(), p.raised, frame.px(5));
  const int64_t position = session.replay_position();
  const double share =
      scene.length > 0 ? static_cast<double>(position) / static_cast<double>(scene.length) : 1;
  const float x = std::round(track.x + track.w * static_cast<float>(share));
  list.AddRectFilled(rect.min(), {x, rect.bottom()}, with_alpha(p.accent, 0.22f), frame.px(5));
  // Where each layer stops.
  if (scene.length > 0) {
    for (int layer = 0; layer < scene.layers(); ++layer) {
      const float at = track.x + track.w * static_cast<float>(scene.run.cut(layer)) /
                                     static_cast<float>(scene.length);
      const bool chosen = layer == scene.layer();
      vertical_line(list, at, rect.bottom() - frame.px(chosen ? 9 : 5), rect.bottom(),
                    chosen ? p.evicted : with_alpha(p.text2, 0.6f), frame.px(chosen ? 2 : 1));
    }
  }
  const std::string text =
      scene.length == 0
          ? "nothing is evicted"
          : fmt::format("{} of {} evictions{}", grouped(position), grouped(scene.length),
                        session.view().replay_one_layer ? fmt::format(" in layer {}", scene.layer())
                                                        : " in every layer, until each stops");
  draw_text(list, frame.theme.fonts.text,
            {rect.x + rect.w / 2, rect.y + (rect.h - frame.theme.fonts.text->FontSize) / 2}, p.text,
            text, Align::center);
  list.AddRectFilled({x - handle / 2, rect.y + frame.px(3)},
                     {x + handle / 2, rect.bottom() - frame.px(3)}, p.accent, frame.px(3));
  frame.items.add("replay.position", rect, fmt::format("{}/{}", position, scene.length));
}

}  // namespace

void draw_replay_bar(Frame& frame, const Rect& rect, const ReplayScene& scene) {
  Session& session = scene.session;
  View& view = session.view();
  ImGui::SetCursorScreenPos(rect.min());
  if (icon_button(frame, "replay.start", Icon::start, "", "To the start (Home)", false)) {
    session.play(false);
    session.set_replay(0);
  }
  ImGui::SameLine();
  const bool playing = session.playing();
  if (icon_button(frame, "replay.play", playing ? Icon::pause : Icon::play,
                  playing ? "Pause" : "Play", "Play or pause (Space)", true)) {
    session.play(!playing);
  }
  ImGui::SameLine();
  if (icon_button(frame, "replay.end", Icon::end, "", "To the end (End)", false)) {
    session.play(false);
    session.set_replay(session.replay_length());
  }
  ImGui::SameLine();
  const float left = ImGui::GetCursorScreenPos().x;

  // On the right: speed, loop, one layer.
  const float controls = frame.px(86 + 62 + 96);
  const Rect scrubber{left, rect.y, rect.right() - left - controls - frame.px(12),
                      ImGui::GetFrameHeight()};
  draw_scrubber(frame, scrubber, scene);
  ImGui::SetCursorScreenPos({scrubber.right() + frame.px(12), rect.y});
  static const std::array<std::string, 5> kLabels = {"0.25 x", "0.5 x", "1 x", "2 x", "4 x"};
  constexpr std::array<double, 5> kSpeeds = {0.25, 0.5, 1, 2, 4};
  int speed = 2;
  for (size_t i = 0; i < kSpeeds.size(); ++i) {
    if (kSpeeds[i] == view.replay_speed) speed = static_cast<int>(i);
  }
  if (combo(frame, "replay.speed", kLabels, speed, frame.px(78))) {
    view.replay_speed = kSpeeds[static_cast<size_t>(speed)];
  }
  ImGui::SameLine();
  toggle(frame, "replay.loop", "Loop", view.replay_loop, "Play again from the start");
  ImGui::SameLine();
  if (toggle(frame, "replay.one_layer", "One layer", view.replay_one_layer,
             "Play the chosen layer alone; the others stand at their end")) {
    session.play(false);
    view.replay = -1;
  }
}

void handle_replay_keys(Frame& frame, bool home_is_taken) {
  Session& session = frame.session;
  if (frame.pressed({KeyPress::kSpace})) session.play(!session.playing());
  const auto step = [&](int64_t by) {
    session.play(false);
    session.set_replay(session.replay_position() + by);
  };
  if (frame.pressed({KeyPress::kLeft})) step(-1);
  if (frame.pressed({KeyPress::kRight})) step(1);
  if (frame.pressed({KeyPress::kLeft, true})) step(-10);
  if (frame.pressed({KeyPress::kRight, true})) step(10);
  if (!home_is_taken && frame.pressed({KeyPress::kHome})) {
    session.play(false);
    session.set_replay(0);
  }
  if (frame.pressed({KeyPress::kEnd})) {
    session.play(false);
    session.set_replay(session.replay_length());
  }
}

}  // namespace kvreel::viewer
