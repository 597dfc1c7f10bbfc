// Generated tokens of the compared runs, step under step.
#include <fmt/format.h>
#include <imgui_internal.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "viewer/model/pass_quality.h"
#include "viewer/model/ticks.h"
#include "viewer/panels/compare_panes.h"

namespace kvreel::viewer {
namespace {

constexpr float kRow = 34;
constexpr float kRuler = 18;
constexpr float kScrollbar = 13;

std::string state_text(const ComparedRun& run, const AlignedRow& row, bool reference) {
  if (run.pass == nullptr) return run.missing.empty() ? "loading ..." : run.missing;
  std::string text = fmt::format("{} tokens", row.tokens);
  if (reference) return text + " · reference";
  if (run.other_prompt) return text + " · another prompt";
  if (row.by_text) {
    return text + (row.first_differing ? fmt::format(" · text differs at {}", *row.first_differing)
                                       : " · same text");
  }
  if (!row.first_differing) return text + " · same output";
  return text + fmt::format(" · differs at {}", *row.first_differing);
}

std::string_view ids_text(TokenIds ids) {
  switch (ids) {
    case TokenIds::same:
      return "";
    case TokenIds::unknown:
      return "\nNothing says that it has the reference's tokenizer: its text is compared byte by "
             "byte, "
             "not its tokens.";
    case TokenIds::different:
      return "\nIt has another tokenizer than the reference: its text is compared byte by byte, "
             "not "
             "its tokens.";
  }
  return "";
}

}  // namespace

float TextsPane::height(const Frame& frame, size_t runs) {
  return frame.px(20 + 26) + frame.px(kRuler) + frame.px(kRow) * static_cast<float>(runs) +
         frame.px(kScrollbar);
}

void TextsPane::refresh(Frame& frame, const ComparedRuns& runs) {
  ImFont* const font = frame.theme.fonts.text;
  if (version_ == runs.version() && font_size_ == font->FontSize) return;
  reveal_ = version_ != runs.version();
  version_ = runs.version();
  font_size_ = font->FontSize;
  std::vector<const PassDetail*> passes;
  std::vector<uint8_t> by_text;
  for (const ComparedRun& run : runs.all()) {
    passes.push_back(run.pass.get());
    by_text.push_back(run.ids == TokenIds::same ? 0 : 1);
  }
  alignment_ = align_texts(passes, by_text);
  labels_.assign(passes.size(), {});
  std::vector<float> widths(alignment_.steps, frame.px(24));
  for (size_t r = 0; r < passes.size(); ++r) {
    if (passes[r] == nullptr) continue;
    const size_t pieces = std::min(passes[r]->steps.size(), passes[r]->pieces.rows());
    for (size_t step = 0; step < pieces; ++step) {
      labels_[r].push_back(chip_label(passes[r]->pieces.at(step)));
      widths[step] =
          std::max(widths[step], std::ceil(text_width(font, labels_[r].back())) + frame.px(14));
    }
    labels_[r].resize(passes[r]->steps.size(), "?");
  }
  edges_ = ColumnEdges(widths);
}

Rect TextsPane::column(const Rect& area, float scroll_x, size_t step) const {
  return {std::round(area.x + edges_.left(step) - scroll_x), area.y, std::round(edges_.width(step)),
          area.h};
}

void TextsPane::draw_labels(Frame& frame, const Rect& area, float scroll_y,
                            const ComparedRuns& runs) {
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  ImFont* const small = frame.theme.fonts.small;
  list.PushClipRect(area.min(), area.max(), true);
  const float row_h = frame.px(kRow);
  const std::vector<std::string> all = runs.labels();
  for (size_t r = 0; r < runs.all().size(); ++r) {
    const ComparedRun& run = runs.all()[r];
    const Rect row{area.x, area.y + row_h * static_cast<float>(r) - scroll_y, area.w, row_h};
    const float line = small->FontSize;
    const float top = row.y + (row.h - 2 * line - frame.px(1)) / 2;
    const float size = frame.px(9);
    list.AddRectFilled({row.x, std::round(top + (line - size) / 2)},
                       {row.x + size, std::round(top + (line - size) / 2) + size}, run.color,
                       frame.px(3));
    const float x = row.x + frame.px(15);
    const float mark = frame.px(18);
    draw_text(list, small, {x, top}, p.text,
              fitted_label(small, row.w - frame.px(15) - mark, run.label, all));
    std::string state = state_text(run, alignment_.rows[r], r == 0);
    const auto overview = frame.library.overview(run.run.trace);
    if (run.pass != nullptr && overview) state += quality_brief(*overview.value, run.pass->info);
    const bool warn = run.pass == nullptr && !run.missing.empty();
    const ImU32 color = warn || run.other_prompt ? p.warning : p.text2;
    draw_text_fitted(list, small, {x, top + line + frame.px(1)}, row.w - frame.px(15) - mark, color,
                     state);
    if (run.pass != nullptr && run.pass->info.exact_match >= 0) {
      draw_mark(frame, list, {row.right() - frame.px(10), row.y + row.h / 2},
                run.pass->info.exact_match == 1);
    }
    // Tests read rows that are scrolled away, too; the pointer is over visible ones alone.
    frame.items.add(fmt::format("compare.text.{}", r), row, run.label + ": " + state);
    const ImVec2 mouse = ImGui::GetIO().MousePos;
    if (row.contains(mouse) && area.contains(mouse) && ImGui::IsWindowHovered()) {
      frame.session.next_hover().run = run.run;
      std::string tip = run.label + "\n" + state;
      if (run.pass != nullptr) {
        tip += run.pass->info.exact_match < 0 ? "\nno answers to match"
               : run.pass->info.exact_match   ? "\nmatches an answer exactly"
                                              : "\nmatches no answer";
        if (overview) tip += quality_lines(*overview.value, run.pass->info);
      }
      if (run.other_prompt)
        tip += "\nIts trace has another prompt under this id than the reference's.";
      tip += ids_text(run.ids);
      tooltip(frame, tip);
    }
  }
  list.PopClipRect();
}

void TextsPane::draw_ruler(Frame& frame, const Rect& area, float scroll_x) {
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  ImFont* const small = frame.theme.fonts.small;
  list.PushClipRect(area.min(), area.max(), true);
  draw_text(list, small, {area.x, area.y}, p.text2, "");
  float free_from = area.x - frame.px(4);
  const size_t first = edges_.at(scroll_x);
  for (size_t step = first; step < edges_.count(); ++step) {
    const Rect place = column(area, scroll_x, step);
    if (place.x > area.right()) break;
    const std::string text = grouped(static_cast<int64_t>(step));
    const float width = text_width(small, text);
    const float x = place.x + frame.px(7);
    // Every fifth where there is no room for all.
    if (x < free_from) continue;
    draw_text(list, small, {x, area.y + frame.px(1)}, p.text2, text);
    free_from = x + width + frame.px(8);
  }
  list.PopClipRect();
}

void TextsPane::draw_row(Frame& frame, const Rect& place, float scroll_x, const ComparedRuns& runs,
                         size_t r) {
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  ImFont* const font = frame.theme.fonts.text;
  const AlignedRow& row = alignment_.rows[r];
  const bool reference = r == 0;
  const float high = frame.px(24);
  for (size_t step = edges_.at(scroll_x); step < row.tokens; ++step) {
    const Rect cell = column(place, scroll_x, step);
    if (cell.x > place.right()) break;
    const Rect chip{cell.x, std::round(place.y + (place.h - high) / 2), cell.w - frame.px(3), high};
    const bool differs = row.states[step] == AlignedState::differs;
    const bool first = row.first_differing == step;
    ImU32 ground = reference ? p.raised : mix(p.pane, p.raised, 0.45f);
    if (differs) ground = mix(p.pane, p.warning, first ? 0.34f : 0.2f);
    list.AddRectFilled(chip.min(), chip.max(), ground, frame.px(4));
    const ImU32 color = reference || differs ? p.text : p.text2;
    draw_text(list, font, {chip.x + frame.px(5), chip.y + (chip.h - font->FontSize) / 2}, color,
              labels_[r][step]);
    if (first) {
      horizontal_line(list, chip.x + frame.px(3), chip.right() - frame.px(3),
                      chip.bottom() - frame.px(2), p.warning, frame.px(2));
      const float x = chip.x + chip.w / 2;
      list.AddTriangleFilled({x - frame.px(4), place.y}, {x + frame.px(4), place.y},
                             {x, place.y + frame.px(5)}, p.warning);
      frame.items.add(fmt::format("compare.first.{}", r), chip, labels_[r][step]);
    }
  }
  // The other ended here: the end itself is what differs.
  if (!reference && row.first_differing == row.tokens && runs.all()[r].pass != nullptr &&
      row.tokens < edges_.count()) {
    const Rect cell = column(place, scroll_x, row.tokens);
    const Rect chip{cell.x, std::round(place.y + (place.h - high) / 2), frame.px(44), high};
    if (chip.x < place.right() && chip.right() > place.x) {
      list.AddRect({chip.x + 0.5f, chip.y + 0.5f}, {chip.right() - 0.5f, chip.bottom() - 0.5f},
                   p.warning, frame.px(4));
      draw_text(list, frame.theme.fonts.small,
                {chip.x + chip.w / 2, chip.y + (chip.h - frame.theme.fonts.small->FontSize) / 2},
                p.warning, "ends", Align::center);
      frame.items.add(fmt::format("compare.first.{}", r), chip, "ends");
    }
  }
}

void TextsPane::draw(Frame& frame, const Rect& area, const ComparedRuns& runs) {
  refresh(frame, runs);
  Session& session = frame.session;
  std::string caption = session.view().sample;
  if (const auto overview = session.overview()) {
    const int32_t sample = session.sample_in(session.view().run.trace);
    if (sample >= 0) {
      const SampleInfo& info = overview->samples[static_cast<size_t>(sample)];
      if (!group_of(info).empty()) caption += " · " + group_of(info);
      caption += fmt::format(" · prompt of {} tokens", grouped(info.tokens));
      if (!info.answers.empty()) caption += " · answer " + chip_label(trim(info.answers.front()));
    }
  }
  const bool by_text = std::any_of(alignment_.rows.begin(), alignment_.rows.end(),
                                   [](const AlignedRow& row) { return row.by_text; });
  if (by_text) caption += " · other tokenizers compared by text";
  Rect inner = pane(frame, "compare.texts.pane", area, "Generated tokens by step", caption);
  const float labels = std::clamp(inner.w * 0.2f, frame.px(140), frame.px(250));
  Rect left = inner.take_left(std::round(labels));
  inner.take_left(frame.px(10));
  const Rect ruler = inner.take_top(frame.px(kRuler));
  left.take_top(frame.px(kRuler));

  ImGui::SetCursorScreenPos(inner.min());
  const float row_h = frame.px(kRow);
  const float rows = row_h * static_cast<float>(runs.all().size());
  ImGui::SetNextWindowContentSize({edges_.total() + frame.px(50), rows});
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {0, 0});
  ImGui::BeginChild("compare.texts", {inner.w, inner.h}, false,
                    ImGuiWindowFlags_HorizontalScrollbar);
  ImGui::PopStyleVar();
  const ImRect visible = ImGui::GetCurrentWindow()->InnerRect;
  const Rect view{visible.Min.x, visible.Min.y, visible.GetWidth(), visible.GetHeight()};
  const auto show_step = [&](size_t step) {
    const float x = edges_.left(step);
    if (x < ImGui::GetScrollX() || x + edges_.width(step) > ImGui::GetScrollX() + view.w)
      ImGui::SetScrollX(std::max(0.f, x - view.w / 3));
  };
  if (edges_.count() > 0 && reveal_) {
    std::optional<size_t> earliest;
    for (const AlignedRow& row : alignment_.rows) {
      if (row.first_differing && (!earliest || *row.first_differing < *earliest))
        earliest = row.first_differing;
    }
    show_step(std::min(earliest.value_or(0), edges_.count() - 1));
    reveal_ = false;
    step_ = session.view().step;
  } else if (step_ != session.view().step) {
    step_ = session.view().step;
    if (step_ >= 0 && static_cast<size_t>(step_) < edges_.count())
      show_step(static_cast<size_t>(step_));
  }
  const float scroll_x = std::round(ImGui::GetScrollX());
  const float scroll_y = std::round(ImGui::GetScrollY());
  const Canvas hit = canvas(frame, "compare.texts.tokens", view);
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const auto band = [&](int32_t step, ImU32 color) {
    if (step < 0 || static_cast<size_t>(step) >= edges_.count()) return;
    const Rect place = column(view, scroll_x, static_cast<size_t>(step));
    list.AddRectFilled({place.x - frame.px(2), view.y},
                       {place.right() - frame.px(1), std::min(view.bottom(), view.y + rows)}, color,
                       frame.px(4));
  };
  band(session.view().step, with_alpha(frame.palette().accent, 0.24f));
  band(session.hover().step.value_or(-1), with_alpha(frame.palette().text, 0.1f));
  for (size_t r = 0; r < runs.all().size(); ++r) {
    const Rect place{view.x, view.y + row_h * static_cast<float>(r) - scroll_y, view.w, row_h};
    if (place.bottom() < view.y || place.y > view.bottom()) continue;
    draw_row(frame, place, scroll_x, runs, r);
  }
  ImGui::EndChild();
  draw_labels(frame, {left.x, view.y, left.w, view.h}, scroll_y, runs);
  draw_ruler(frame, {view.x, ruler.y, view.w, ruler.h}, scroll_x);

  const float over = hit.mouse.x - view.x + scroll_x;
  if (!hit.hovered || edges_.count() == 0 || over > edges_.total()) return;
  const size_t step = edges_.at(over);
  const auto r = static_cast<size_t>(std::max(0.f, (hit.mouse.y - view.y + scroll_y) / row_h));
  if (r >= runs.all().size()) return;
  Hover& hover = session.next_hover();
  hover.step = static_cast<int32_t>(step);
  hover.run = runs.all()[r].run;
  if (step < alignment_.rows[r].tokens) {
    const StepInfo& info = runs.all()[r].pass->steps[step];
    hover.text =
        fmt::format("{}: step {}, token {} '{}', log probability {:.3g} nat", runs.all()[r].label,
                    step, info.token, labels_[r][step], static_cast<double>(info.logprob));
  } else {
    hover.text = fmt::format("{}: no step {}", runs.all()[r].label, step);
  }
  if (hit.clicked) {
    session.view().step = step_ = static_cast<int32_t>(step);
    if (frame.log) frame.log(fmt::format("step {}", step));
  }
}

}  // namespace kvreel::viewer
