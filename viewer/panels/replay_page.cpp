// The replay page: what the position's run kept of its prompt, eviction by eviction.
#include <fmt/format.h>

#include <algorithm>

#include "viewer/data/token_text.h"
#include "viewer/panels/pages.h"
#include "viewer/panels/replay_parts.h"
#include "viewer/panels/split_panes.h"

namespace kvreel::viewer {

std::string ReplayScene::token_name(int32_t token) const {
  if (token < 0) return "-";
  if (static_cast<size_t>(token) >= prompt->size()) return fmt::format("position {}", token);
  return fmt::format("'{}'", display_piece(prompt->piece(static_cast<size_t>(token))));
}

ImU32 ground_of(const Palette& palette, double share) {
  return mix(palette.evicted_ground, palette.kept_ground,
             static_cast<float>(std::clamp(share, 0., 1.)));
}

PaneArea pane_with_controls(Frame& frame, const char* name, const Rect& rect, const char* title,
                            std::string_view caption, float controls) {
  PaneArea area;
  area.content = pane(frame, name, rect, title, caption, controls + frame.px(8));
  Rect head{rect.x + frame.px(10), rect.y + frame.px(10), rect.w - frame.px(20), frame.px(22)};
  area.controls = head.take_right(controls);
  area.controls.y -= frame.px(3);
  return area;
}

float small_controls_width(Frame& frame, std::initializer_list<const char*> labels) {
  float width = 0;
  for (const char* label : labels) {
    width += text_width(frame.theme.fonts.small, label) + 2 * frame.px(6) + frame.px(4);
  }
  return width - frame.px(4);
}

void begin_small_controls(Frame& frame, ImVec2 at) {
  ImGui::SetCursorScreenPos(at);
  ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, {frame.px(6), frame.px(2)});
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, {frame.px(4), frame.px(4)});
  ImGui::PushFont(frame.theme.fonts.small);
}

void end_small_controls() {
  ImGui::PopFont();
  ImGui::PopStyleVar(2);
}

namespace {

class ReplayPage : public PagePanel {
 public:
  void draw(Frame& frame, const Rect& area) override {
    Session& session = frame.session;
    const auto overview = session.overview();
    if (!ready(frame, area, overview)) return;
    if (overview->samples.empty() || overview->runs.empty()) {
      message(frame, area, "Nothing to replay yet", "The trace has no samples.");
      return;
    }
    const auto prompt = session.prompt();
    const auto detail = run_.update(session, session.view().run, true);
    if (!ready(frame, area, prompt) || !ready(frame, area, detail)) return;
    if (detail->info.prompt_tokens <= 0 || run_.index().layers() == 0) {
      message(frame, area, "Nothing to replay",
              "This pass has no prompt tokens, or its trace does not say how many layers it has.");
      return;
    }
    ReplayScene scene{session, *overview.value, prompt.value, run_};
    scene.position = session.replay_position();
    scene.length = session.replay_length();
    if (session.view().map_difference) find_reference(session, scene);
    lay_out(frame, area, scene);
  }

 private:
  // Whether the reference's prompt is split into the same tokens, whatever their numbers are there.
  static bool same_prompt(Session& session, const Prompt& prompt) {
    const TraceId trace = session.view().reference.trace;
    if (trace == session.view().run.trace) return true;
    const auto other = session.library().prompt(trace, session.sample_in(trace));
    return !other || (other->pieces.values == prompt.pieces.values &&
                      other->pieces.ends == prompt.pieces.ends);
  }

  void find_reference(Session& session, ReplayScene& scene) {
    const auto detail = reference_.update(session, session.view().reference, false);
    if (!detail) {
      problem_ = detail.state == LoadState::failed ? detail.error : "loading the reference";
    } else if (reference_.index().tokens() != scene.tokens() ||
               reference_.index().layers() != scene.layers()) {
      problem_ = "the reference has other tokens or layers";
    } else if (!same_prompt(session, *scene.prompt)) {
      problem_ = "the reference has another prompt under this sample's name";
    } else {
      scene.reference = &reference_;
      problem_.clear();
    }
    scene.reference_problem = problem_;
  }

  void lay_out(Frame& frame, Rect area, const ReplayScene& scene) {
    const float gap = frame.px(8);
    const Rect bar = area.take_bottom(frame.px(30));
    area.take_bottom(gap);
    const Rect threshold = area.take_bottom(frame.px(44));
    area.take_bottom(gap);
    PaneShares& shares = scene.session.view().replay_panes;
    const auto [facts, right] =
        split_panes(frame, "replay.split.facts", area,
                    {.beside = true,
                     .usual = std::clamp(area.w * 0.19f, frame.px(252), frame.px(340)),
                     .least_first = frame.px(210),
                     .least_second = frame.px(420)},
                    shares.facts);
    // Prompts are read below, and the two plots above need less of a tall window.
    const auto [plots, text] =
        split_panes(frame, "replay.split.text", right,
                    {.beside = false,
                     .usual = std::clamp(area.h * 0.47f, std::min(area.h, frame.px(200)),
                                         std::max(frame.px(520), area.h * 0.4f)),
                     .least_first = frame.px(130),
                     .least_second = frame.px(100)},
                    shares.plots);
    const auto [map, curves] = split_panes(frame, "replay.split.curves", plots,
                                           {.beside = true,
                                            .usual = (plots.w - gap) * 0.42f,
                                            .of_second = true,
                                            .least_first = frame.px(220),
                                            .least_second = frame.px(200)},
                                           shares.map);

    const bool over_map = map.contains(ImGui::GetIO().MousePos);
    map_.draw(frame, map, scene);
    handle_replay_keys(frame, over_map);
    facts_.draw(frame, facts, scene);
    curves_.draw(frame, curves, scene);
    text_.draw(frame, text, scene);
    threshold_.draw(frame, threshold, scene);
    draw_replay_bar(frame, bar, scene);
  }

  ReplayData run_;
  ReplayData reference_;
  std::string problem_;
  FactsPane facts_;
  MapPane map_;
  CurvesPane curves_;
  TextPane text_;
  ThresholdBar threshold_;
};

}  // namespace

std::unique_ptr<PagePanel> make_replay_page() {
  return std::make_unique<ReplayPage>();
}

}  // namespace kvreel::viewer
