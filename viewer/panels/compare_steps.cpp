// Time and cache bytes of each step.
#include <fmt/format.h>

#include "viewer/panels/compare_panes.h"

namespace kvreel::viewer {

void StepsPane::refresh(const ComparedRuns& runs) {
  const ImU32 look = runs.all().front().color;  // changes with the theme
  if (version_ == runs.version() && look_ == look) return;
  version_ = runs.version();
  look_ = look;
  series_.clear();
  for (const ComparedRun& run : runs.all()) {
    if (run.pass == nullptr) continue;
    StepSeries main{run.label, run.color, false, {}};
    StepSeries companion{"", run.color, true, {}};
    for (const StepInfo& step : run.pass->steps) {
      if (what_ == What::latency) {
        main.values.push_back(static_cast<double>(step.duration_ns));
      } else {
        main.values.push_back(static_cast<double>(step.cache_held));
        companion.values.push_back(static_cast<double>(step.cache_asked));
      }
    }
    series_.push_back(std::move(main));
    if (what_ == What::bytes) series_.push_back(std::move(companion));
  }
}

void StepsPane::draw(Frame& frame, const Rect& area, const ComparedRuns& runs) {
  refresh(runs);
  const bool latency = what_ == What::latency;
  const char* const name = latency ? "compare.latency" : "compare.bytes";
  const Rect inner = pane(frame, (std::string(name) + ".pane").c_str(), area,
                          latency ? "Time per step" : "Cache after each step",
                          latency ? (log_ ? "step 0: prefill · log scale" : "step 0: prefill")
                                  : "thick: held in pages · thin: asked",
                          frame.px(latency ? 60 : 10));
  if (latency) {
    ImGui::SetCursorScreenPos({area.right() - frame.px(52), area.y + frame.px(7)});
    ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, {frame.px(8), frame.px(2)});
    toggle(frame, "compare.latency.log", "log", log_, "Logarithmic time axis");
    ImGui::PopStyleVar();
  }
  if (series_.empty()) {
    message(frame, inner, runs.loading() ? "Loading ..." : "Nothing to show",
            runs.loading() ? "" : "No shown run has finished this sample.");
    return;
  }
  StepPlotOptions options;
  options.unit = latency ? PlotUnit::nanoseconds : PlotUnit::bytes;
  options.log = latency && log_;
  options.selected = frame.session.view().step;
  options.hovered = frame.session.hover().step.value_or(-1);
  bool clicked = false;
  // The theme is a part of what the lines are made from.
  const uint64_t version = version_ * 1000003u + look_;
  const int32_t step = plot_.draw(frame, name, inner, series_, version, options, clicked);
  if (step < 0) return;
  Hover& hover = frame.session.next_hover();
  hover.step = step;
  std::string tip = fmt::format("step {}{}", step, step == 0 ? ", prefill" : "");
  for (size_t i = 0; i < series_.size(); ++i) {
    const auto at = static_cast<size_t>(step);
    if (at >= series_[i].values.size()) continue;
    const std::string value = unit_text(series_[i].values[at], options.unit);
    if (series_[i].label.empty()) {
      tip += fmt::format(", asked {}", value);
    } else {
      tip += fmt::format("\n{}: {}{}", series_[i].label, latency ? "" : "held ", value);
    }
  }
  hover.text = tip.substr(0, tip.find('\n'));
  tooltip(frame, tip);
  if (clicked) {
    frame.session.view().step = step;
    if (frame.log) frame.log(fmt::format("step {}", step));
  }
}

}  // namespace kvreel::viewer
