// The attention page: what to look at, and its three panes.
#include <fmt/format.h>

#include <array>
#include <cstdlib>

#include "viewer/panels/attention_panes.h"
#include "viewer/panels/pages.h"

namespace kvreel::viewer {
namespace {

class AttentionPage : public PagePanel {
 public:
  void draw(Frame& frame, const Rect& area) override;

 private:
  void draw_tools(Frame& frame, const Rect& line, AttentionShown& shown);
  void draw_steps(Frame& frame, const AttentionShown& shown);

  NormMapPane map_;
  NormLinesPane lines_;
  AttentionRowPane row_;
  bool difference_ = false;
};

void AttentionPage::draw(Frame& frame, const Rect& area) {
  Session& session = frame.session;
  const auto overview = session.overview();
  if (!ready(frame, area, overview)) return;
  const auto key = session.pass_key(session.view().run);
  if (!key || overview->pass(key->run, key->sample) == nullptr) {
    message(frame, area, "This pass has not finished",
            "The run has recorded nothing of this sample yet.");
    return;
  }
  const auto norms = frame.library.attention(*key);
  if (!ready(frame, area, norms)) return;
  const auto pass = session.pass();
  if (!ready(frame, area, pass)) return;

  AttentionShown shown;
  shown.key = *key;
  shown.overview = overview.value;
  shown.norms = norms.value;
  shown.pass = pass.value;
  if (difference_ && session.view().reference != session.view().run) {
    if (const auto other = session.pass_key(session.view().reference)) {
      const auto reference = frame.library.attention(*other);
      if (reference) shown.reference = reference.value;
    }
  }
  shown.metric = std::clamp(session.view().metric, 0, int{kAttentionMetrics.size()} - 1);
  shown.step_row = recorded_step(*norms.value, session.view().step);
  if (shown.step_row >= 0) {
    shown.step = norms->steps[static_cast<size_t>(shown.step_row)];
  }

  Rect rest = area;
  draw_tools(frame, rest.take_top(frame.px(34)), shown);
  const float gap = frame.px(8);
  Rect top = rest.take_top((rest.h - gap) * 0.5f);
  rest.take_top(gap);
  if (norms->steps.empty()) {
    message(frame, pane(frame, "attention.map", top, "Attention norms"), "No attention norms",
            "This trace was recorded with `kvreel record --no-norms`.");
  } else {
    const Rect left = top.take_left((top.w - gap) * 0.5f);
    top.take_left(gap);
    map_.draw(frame, left, shown);
    lines_.draw(frame, top, shown);
  }
  row_.draw(frame, rest, shown);
}

void AttentionPage::draw_tools(Frame& frame, const Rect& line, AttentionShown& shown) {
  View& view = frame.session.view();
  ImGui::SetCursorScreenPos(line.min());
  std::array<std::string, kAttentionMetrics.size()> names;
  for (size_t i = 0; i < names.size(); ++i) names[i] = kAttentionMetrics[i].name;
  int metric = shown.metric;
  if (combo(frame, "attention.metric", names, metric, frame.px(180))) {
    view.metric = shown.metric = metric;
  }
  ImGui::SameLine(0, frame.px(14));
  draw_steps(frame, shown);
  ImGui::SameLine(0, frame.px(14));
  const int heads = shown.norms->heads;
  std::vector<std::string> head_names = {"mean over heads"};
  for (int head = 0; head < heads; ++head) head_names.push_back(fmt::format("head {}", head));
  int chosen = view.head >= 0 && view.head < heads ? view.head + 1 : 0;
  if (combo(frame, "attention.head", head_names, chosen, frame.px(160))) view.head = chosen - 1;
  ImGui::SameLine(0, frame.px(14));
  toggle(frame, "attention.difference", "minus reference", difference_,
         "The difference to the reference run, sample by sample");
  ImGui::SameLine(0, frame.px(14));
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const AttentionMetric& what = kAttentionMetrics[static_cast<size_t>(shown.metric)];
  std::string text = what.meaning + prefill_owner_text(shown);
  if (difference_ && shown.reference == nullptr) {
    text = view.reference == view.run ? "This run is the reference itself"
                                      : "The reference has no norms of this sample (yet)";
  }
  draw_text_fitted(*ImGui::GetWindowDrawList(), frame.theme.fonts.small, {at.x, at.y + frame.px(6)},
                   line.right() - at.x, frame.palette().text2, text);
}

void AttentionPage::draw_steps(Frame& frame, const AttentionShown& shown) {
  View& view = frame.session.view();
  const auto& steps = shown.norms->steps;
  const int count = static_cast<int>(steps.size());
  if (button(frame, "attention.step_back", "<", "The recorded step before") && shown.step_row > 0) {
    view.step = steps[static_cast<size_t>(shown.step_row - 1)];
  }
  ImGui::SameLine(0, frame.px(4));
  std::string text = count == 0        ? "no step"
                     : shown.step == 0 ? "step 0 (prefill)"
                                       : fmt::format("step {}", shown.step);
  if (count > 0 && shown.step != view.step) text += fmt::format(", not {}", view.step);
  ImGui::AlignTextToFramePadding();
  ImGui::TextUnformatted(text.c_str());
  frame.items.add("attention.step", last_item_rect(), text);
  if (ImGui::IsItemHovered()) {
    tooltip(frame, count == 1 ? "Norms of this step alone were recorded: `kvreel record "
                                "--decode-norms` records those of decode steps, too."
                              : "Norms of the chosen step; where it has none, of the last before "
                                "it that has.");
  }
  ImGui::SameLine(0, frame.px(4));
  if (button(frame, "attention.step_on", ">", "The next recorded step") &&
      shown.step_row + 1 < count) {
    view.step = steps[static_cast<size_t>(shown.step_row + 1)];
  }
}

}  // namespace

std::unique_ptr<PagePanel> make_attention_page() {
  return std::make_unique<AttentionPage>();
}

}  // namespace kvreel::viewer
