// How the figure looks and what is in it.
#include <fmt/format.h>
#include <imgui.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "viewer/panels/figure_panes.h"
#include "viewer/panels/run_choice.h"

namespace kvreel::viewer {
namespace {

// A quiet label before a control; what is left of the line is the control's width.
float label(Frame& frame, const char* text, float width) {
  const float left = frame.px(68);
  ImGui::AlignTextToFramePadding();
  const float x = ImGui::GetCursorPosX();
  ImGui::TextDisabled("%s", text);
  ImGui::SameLine(x + left);
  return width - left;
}

// All of the names side by side in the width that there is; true when another was chosen.
bool named_segmented(Frame& frame, const char* name, std::span<const std::string_view> known,
                     std::string& value, float width) {
  const std::vector<std::string> names(known.begin(), known.end());
  std::vector<const char*> labels;
  int chosen = -1;
  float texts = frame.px(2) * static_cast<float>(names.size() - 1);
  for (size_t i = 0; i < names.size(); ++i) {
    labels.push_back(names[i].c_str());
    texts += text_width(frame.theme.fonts.text, names[i]);
    if (names[i] == value) chosen = static_cast<int>(i);
  }
  const float padding = (width - texts) / (2 * static_cast<float>(names.size()));
  ImGui::PushStyleVar(ImGuiStyleVar_FramePadding,
                      {std::floor(std::clamp(padding, frame.px(2), frame.px(9))), frame.px(5)});
  const bool changed = segmented(frame, name, labels, chosen);
  ImGui::PopStyleVar();
  if (changed) value = names[static_cast<size_t>(chosen)];
  return changed;
}

}  // namespace

std::string paper_size(double width, double height) {
  constexpr double kPointsPerCm = 72 / 2.54;
  return fmt::format("{:.1f} \u00d7 {:.1f} cm", width / kPointsPerCm, height / kPointsPerCm);
}

void style_choice(Frame& frame, const char* name, float width) {
  FigureLook& look = frame.session.view().figure;
  if (!named_segmented(frame, name, plot::known_styles(), look.style, width)) return;
  // What a style is for decides these.
  look.title.reset();
  look.footer.reset();
}

void size_choice(Frame& frame, const char* name, float width) {
  FigureLook& look = frame.session.view().figure;
  const auto known = plot::known_sizes();
  std::vector<std::string> names = {"the style's"};
  std::string tip = "As large as the style is made for.";
  int chosen = look.size.empty() ? 0 : -1;
  for (const plot::NamedSize& size : known) {
    if (size.name == look.size) {
      chosen = static_cast<int>(names.size());
      tip = size.meaning;
    }
    names.emplace_back(size.name);
  }
  if (chosen < 0) {
    chosen = static_cast<int>(names.size());
    names.push_back(look.size);
    tip = "A size of your own.";
  }
  if (combo(frame, name, names, chosen, width)) {
    look.size = chosen == 0 ? std::string() : names[static_cast<size_t>(chosen)];
  }
  if (ImGui::IsItemHovered()) tooltip(frame, tip);
}

void FigureOptionsPane::draw(Frame& frame, const Rect& area, const FigureShown& shown) {
  const Rect inner = pane(frame, "figures.options.pane", area, "Options");
  ImGui::SetCursorScreenPos(inner.min());
  ImGui::BeginChild("figures.options", {inner.w + frame.px(6), inner.h});
  const float width = ImGui::GetContentRegionAvail().x - frame.px(6);
  draw_look(frame, width);
  draw_content(frame, width, shown);
  ImGui::EndChild();
}

void FigureOptionsPane::draw_look(Frame& frame, float width) {
  FigureLook& look = frame.session.view().figure;
  const Palette& p = frame.palette();
  float room = label(frame, "Style", width);
  style_choice(frame, "figures.style", room);

  room = label(frame, "Size", width);
  size_choice(frame, "figures.size", room);
  room = label(frame, "", width);
  ImGui::SetNextItemWidth(room);
  ImGui::PushID("figures.size.own");
  if (ImGui::InputTextWithHint("##field", "or 88x60mm, 3.25in", &own_size_,
                               ImGuiInputTextFlags_EnterReturnsTrue)) {
    try {
      const std::string wanted(trim(own_size_));
      if (!wanted.empty()) plot::parse_size(wanted);
      look.size = wanted;
      problem_.clear();
    } catch (const Error& error) {
      problem_ = error.what();
    }
  }
  ImGui::PopID();
  frame.items.add("figures.size.own", last_item_rect(), own_size_);
  if (!problem_.empty()) {
    ImGui::PushStyleColor(ImGuiCol_Text, p.warning);
    ImGui::PushTextWrapPos(ImGui::GetCursorPosX() + width);
    ImGui::TextWrapped("%s", problem_.c_str());
    ImGui::PopTextWrapPos();
    ImGui::PopStyleColor();
    frame.items.add("figures.size.problem", last_item_rect(), problem_);
  }

  room = label(frame, "Colours", width);
  const auto known = plot::known_palettes();
  std::vector<std::string> palettes = {"the style's"};
  palettes.insert(palettes.end(), known.begin(), known.end());
  const auto found = std::find(palettes.begin() + 1, palettes.end(), look.palette);
  int palette = found == palettes.end() ? 0 : static_cast<int>(found - palettes.begin());
  if (combo(frame, "figures.palette", palettes, palette, room)) {
    look.palette = palette == 0 ? std::string() : palettes[static_cast<size_t>(palette)];
  }

  room = label(frame, "Font", width);
  named_segmented(frame, "figures.font", plot::known_families(), look.family, room);

  label(frame, "Show", width);
  const plot::Style style = style_of(look);
  bool title = style.title;
  if (toggle(frame, "figures.title", "title", title,
             "The figure's title; a caption says it in a paper")) {
    look.title = title;
  }
  ImGui::SameLine(0, frame.px(2));
  bool footer = style.footer;
  if (toggle(frame, "figures.footer", "footer", footer,
             "Trace, policies and n in small type below")) {
    look.footer = footer;
  }
  ImGui::SameLine(0, frame.px(2));
  toggle(frame, "figures.log", "log", look.log_y, "A logarithmic axis, where the figure offers it");
  ImGui::Dummy({0, frame.px(6)});
}

void FigureOptionsPane::draw_content(Frame& frame, float width, const FigureShown& shown) {
  Session& session = frame.session;
  FigureLook& look = session.view().figure;
  const exports::FigureScope scope =
      shown.info == nullptr ? exports::FigureScope::samples : shown.info->scope;
  if (is_of_one_run(scope)) {
    ImGui::PushTextWrapPos(ImGui::GetCursorPosX() + width);
    ImGui::TextDisabled("%s", scope == exports::FigureScope::decision
                                  ? "Shows the run, sample and layer that are chosen above."
                                  : "Shows the run and sample that are chosen above.");
    ImGui::PopTextWrapPos();
    return;
  }
  if (scope == exports::FigureScope::sample) {
    ImGui::PushTextWrapPos(ImGui::GetCursorPosX() + width);
    ImGui::TextDisabled("Shows the sample that is chosen above.");
    ImGui::PopTextWrapPos();
  } else {
    std::vector<std::string> fields = {"-"};
    int field = 0;
    for (const std::string& name : figure_fields(session)) {
      if (name == look.by) field = static_cast<int>(fields.size());
      fields.push_back(name);
    }
    const float room = label(frame, "By", width);
    if (combo(frame, "figures.by", fields, field, room)) {
      look.by = field == 0 ? std::string() : fields[static_cast<size_t>(field)];
    }
    if (ImGui::IsItemHovered()) {
      tooltip(frame,
              "A field of the samples' metadata: one series or panel for each of its values");
    }
  }
  const std::vector<RunRef> runs = session.runs();
  std::vector<std::string> labels;
  int reference = -1;
  for (size_t i = 0; i < runs.size(); ++i) {
    labels.push_back(to_utf8_lossy(session.run_label(runs[i])));
    if (runs[i] == session.view().reference) reference = static_cast<int>(i);
  }
  const float room = label(frame, "Ref.", width);
  if (combo(frame, "figures.reference", labels, reference, room)) {
    choose_reference(frame, runs[static_cast<size_t>(reference)]);
  }
  if (ImGui::IsItemHovered()) {
    tooltip(frame, "The run that scores and bytes are compared with, on every page");
  }
  draw_runs(frame, width);
}

void FigureOptionsPane::draw_runs(Frame& frame, float width) {
  Session& session = frame.session;
  FigureLook& look = session.view().figure;
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, {frame.px(8), frame.px(1)});
  const auto& traces = frame.library.traces();
  if (traces.size() > 1) {
    ImGui::Dummy({0, frame.px(4)});
    ImGui::TextDisabled("Traces");
    std::vector<std::string> files;
    for (const TraceId trace : traces) {
      const auto overview = frame.library.overview(trace);
      files.push_back(overview ? overview->file : std::string());
    }
    for (size_t i = 0; i < traces.size(); ++i) {
      bool on = !look.leaves_out(traces[i]);
      const std::string name = fmt::format("figures.trace.{}", i);
      if (files[i].empty() || !check(frame, name.c_str(), files[i], on, width, files)) continue;
      std::erase(look.traces_left_out, traces[i]);
      if (!on) look.traces_left_out.push_back(traces[i]);
    }
  }
  ImGui::Dummy({0, frame.px(4)});
  ImGui::TextDisabled("Runs");
  const std::vector<std::string> names = figure_runs(session);
  std::vector<std::string> labels;
  for (const std::string& name : names) labels.push_back(to_utf8_lossy(name));
  for (size_t i = 0; i < names.size(); ++i) {
    bool on = !look.leaves_out(names[i]);
    const std::string name = fmt::format("figures.run.{}", i);
    if (!check(frame, name.c_str(), labels[i], on, width, labels)) continue;
    std::erase(look.runs_left_out, names[i]);
    if (!on) look.runs_left_out.push_back(names[i]);
  }
  ImGui::PopStyleVar();
}

}  // namespace kvreel::viewer
