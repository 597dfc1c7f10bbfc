// What the figures page asks for.
#include "viewer/model/figure_choice.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "viewer/model/attention_view.h"

namespace kvreel::viewer {
namespace {

// Open traces that the look does not leave out.
std::vector<TraceId> shown_traces(Session& session) {
  std::vector<TraceId> shown;
  for (const TraceId trace : session.library().traces()) {
    if (session.library().overview(trace) && !session.view().figure.leaves_out(trace)) {
      shown.push_back(trace);
    }
  }
  return shown;
}

// The position's layer, where its decision has a curve that can be pointed out among the others.
std::optional<int32_t> layer_with_curve(Session& session) {
  const auto pass = session.pass();
  if (!pass) return std::nullopt;
  for (const Decision& decision : pass->decisions) {
    if (decision.layer == session.view().layer && decision.curve != nullptr) return decision.layer;
  }
  return std::nullopt;
}

// Not every step's norms are recorded: the attention page shows the last before.
int32_t shown_attention_step(Session& session) {
  const View& view = session.view();
  const auto key = session.pass_key(view.run);
  if (!key) return view.step;
  const auto norms = session.library().attention(*key);
  const int row = norms ? recorded_step(*norms.value, view.step) : -1;
  return row < 0 ? view.step : norms->steps[static_cast<size_t>(row)];
}

}  // namespace

const exports::FigureInfo* find_figure(std::string_view name) {
  const auto& all = exports::known_figures();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& figure) { return figure.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::vector<std::string> figure_runs(Session& session) {
  std::vector<std::string> names;
  for (const TraceId trace : shown_traces(session)) {
    for (const RunInfo& run : session.library().overview(trace)->runs) {
      if (std::find(names.begin(), names.end(), run.name) == names.end()) names.push_back(run.name);
    }
  }
  return names;
}

std::vector<std::string> figure_fields(Session& session) {
  std::set<std::string> fields;
  for (const TraceId trace : shown_traces(session)) {
    for (const SampleInfo& sample : session.library().overview(trace)->samples) {
      for (const auto& [field, value] : sample.metadata) fields.insert(field);
    }
  }
  return {fields.begin(), fields.end()};
}

FigureRequest figure_request(Session& session, const std::string& name) {
  const View& view = session.view();
  const FigureLook& look = view.figure;
  const exports::FigureInfo* info = find_figure(name);
  const exports::FigureScope scope = info == nullptr ? exports::FigureScope::samples : info->scope;
  FigureRequest request;
  request.name = name;
  request.traces = shown_traces(session);
  exports::FigureOptions& options = request.options;
  options.by = look.by;
  options.log_y = look.log_y;
  options.hash_traces = false;
  if (is_of_one_sample(scope)) options.filter.samples = {view.sample};
  if (scope == exports::FigureScope::decision) options.filter.layer = view.layer;
  if (scope == exports::FigureScope::pass) options.filter.layer = layer_with_curve(session);
  if (is_of_one_run(scope)) {
    request.traces = {view.run.trace};
    if (const RunInfo* run = session.run_info(view.run)) options.filter.runs = {run->name};
    return request;
  }
  const std::vector<std::string> runs = figure_runs(session);
  for (const std::string& run : runs) {
    if (!look.leaves_out(run)) options.filter.runs.push_back(run);
  }
  // All of them: also those that a live trace begins later.
  if (options.filter.runs.size() == runs.size()) options.filter.runs.clear();
  // A trace of which every run is left out is left out itself.
  std::erase_if(request.traces, [&](TraceId trace) {
    const auto& of_trace = session.library().overview(trace)->runs;
    return !of_trace.empty() &&
           std::all_of(of_trace.begin(), of_trace.end(),
                       [&](const RunInfo& run) { return look.leaves_out(run.name); });
  });
  // The reference is one of the runs that are shown, or the figure's own choice.
  const RunInfo* reference = session.run_info(view.reference);
  if (reference != nullptr && reference->policy != "full" && !look.leaves_out(reference->name) &&
      !look.leaves_out(view.reference.trace)) {
    options.reference = reference->name;
  }
  return request;
}

const PaneFigure* figure_of_pane(std::string_view pane) {
  static constexpr std::array kPanes = {
      PaneFigure{"overview.runs.pane", "score-bytes"},
      PaneFigure{"replay.curves", "norm-curves", true, true},
      PaneFigure{"replay.map", "eviction-map", true, true},
      PaneFigure{"replay.facts", "decision", true, true, true},
      PaneFigure{"compare.latency.pane", "step-latency", false, true},
      PaneFigure{"compare.bytes.pane", "cache-bytes", false, true},
      PaneFigure{"compare.budgets.pane", "layer-budget", false, true},
      PaneFigure{"compare.overlap.pane", "eviction-map", false, true},
      PaneFigure{"timeline.statistics", "latency", true},
      PaneFigure{"attention.map", "attention-norms", true, true, false, true},
      PaneFigure{"attention.row", "decision", true, true, true},
  };
  const auto found = std::find_if(kPanes.begin(), kPanes.end(),
                                  [&](const PaneFigure& known) { return known.pane == pane; });
  return found == kPanes.end() || find_figure(found->figure) == nullptr ? nullptr : &*found;
}

FigureRequest figure_request(Session& session, const PaneFigure& of) {
  const View& view = session.view();
  FigureRequest request;
  request.name = of.figure;
  exports::FigureOptions& options = request.options;
  options.hash_traces = false;
  options.log_y = view.figure.log_y;
  const std::vector<RunRef> runs =
      of.one_run ? std::vector<RunRef>{view.run} : session.shown_runs();
  for (const TraceId trace : session.library().traces()) {
    for (const RunRef run : runs) {
      const RunInfo* info = session.run_info(run);
      if (run.trace != trace || info == nullptr) continue;
      if (request.traces.empty() || request.traces.back() != trace) request.traces.push_back(trace);
      auto& names = options.filter.runs;
      if (std::find(names.begin(), names.end(), info->name) == names.end()) {
        names.push_back(info->name);
      }
    }
  }
  if (of.one_sample) options.filter.samples = {view.sample};
  if (of.one_layer) options.filter.layer = view.layer;
  if (of.figure == "norm-curves") options.filter.layer = layer_with_curve(session);
  if (of.one_step) {
    const int32_t step = shown_attention_step(session);
    options.filter.first_step = options.filter.last_step = step;
  }
  const RunInfo* reference = session.run_info(view.reference);
  if (!of.one_run && reference != nullptr && reference->policy != "full") {
    options.reference = reference->name;
  }
  return request;
}

}  // namespace kvreel::viewer
