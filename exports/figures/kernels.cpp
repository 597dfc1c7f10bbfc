// kernels: time on the GPU by operation and kernel.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exports/figures/cost_figures.h"
#include "exports/figures/pass_choice.h"
#include "exports/figures/stacked_bars.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

struct PhaseKernels {
  int64_t steps = 0;
  std::map<std::string, std::map<std::string, double>> times;  // ns, by operation, then kernel
};

struct RunKernels {
  PhaseKernels prefill, decode;
  PhaseKernels& of(int32_t step) { return step == 0 ? prefill : decode; }
  bool empty() const { return prefill.times.empty() && decode.times.empty(); }
};

std::vector<RunKernels> kernels_of(const std::vector<RunChoice>& runs) {
  std::vector<RunKernels> kernels(runs.size());
  for_each_row_of<t::Kernels>(
      runs, &t::Passes::kernels_end, [&](size_t run, const t::Kernels& block, size_t i) {
        const Source& source = runs[run].source();
        if (!source.selection.step(block.step[i]) || !source.selection.layer(block.layer[i]))
          return;
        const std::string& op = source.labels.name(block.op[i]);
        const std::string& kernel = source.labels.name(block.name[i]);
        kernels[run].of(block.step[i]).times[op][kernel] +=
            static_cast<double>(block.duration_ns[i]);
      });
  for_each_row_of<t::Steps>(runs, &t::Passes::steps_end,
                            [&](size_t run, const t::Steps& block, size_t i) {
                              if (runs[run].source().selection.step(block.step[i]))
                                ++kernels[run].of(block.step[i]).steps;
                            });
  return kernels;
}

// Operations with less of the longest one's time share a bar.
constexpr double kSmallOp = 0.01;

// Bars: operations, the longest first, the small ones joined and named in `joined`.
StackedPanel panel_of(const PhaseKernels& phase, std::set<std::string>& joined) {
  const auto steps = static_cast<double>(std::max<int64_t>(phase.steps, 1));
  std::vector<std::pair<std::string, double>> ops;
  for (const auto& [op, kernels] : phase.times) {
    double total = 0;
    for (const auto& [kernel, time] : kernels) total += time;
    ops.emplace_back(op, total);
  }
  std::stable_sort(ops.begin(), ops.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  size_t large = 0;
  while (large < ops.size() && ops[large].second >= kSmallOp * ops.front().second) ++large;
  if (ops.size() - large == 1) large = ops.size();  // one alone is shown

  StackedPanel panel;
  for (size_t i = 0; i < ops.size(); ++i) {
    const auto& [op, total] = ops[i];
    const size_t bar = std::min(i, large);
    if (i <= large) panel.bars.push_back(i < large ? shown(op) : "other operations");
    if (i >= large) joined.insert(op);
    for (const auto& [kernel, time] : phase.times.at(op)) {
      std::vector<double>& values = panel.parts[kernel];
      values.resize(std::min(ops.size(), large + 1), 0);
      values[bar] += time / steps;
    }
  }
  return panel;
}

}  // namespace

// One run by default; panels for its prefill and its decode steps, a bar for each operation; those
// with less than 1 % of the longest one's time share a bar.
//
// A kernel's part of a bar: sum of its duration_ns, launched by the operation in step 0, over the
// run's passes / number of passes; of decode steps (step >= 1) / number of decode steps. Times are
// the device's; kernels that ran at the same time both count.
plot::Figure kernels(const FigureSource& source) {
  plot::Figure figure;
  std::vector<RunChoice> runs = chosen_runs(source);
  const std::vector<RunKernels> found = kernels_of(runs);
  std::vector<size_t> shown_runs;
  for (size_t run = 0; run < runs.size(); ++run) {
    if (!found[run].empty()) shown_runs.push_back(run);
  }
  if (shown_runs.empty()) {
    const bool none_at_all = std::all_of(runs.begin(), runs.end(), [](const RunChoice& run) {
      return run.source().trace.rows<t::Kernels>() == 0;
    });
    fail(
        "{} has no GPU kernels{}; a trace has them that was recorded on a GPU, which this version "
        "of kvreel does not use.",
        paths_of(runs), none_at_all ? "" : " in the runs, samples, layers and steps asked for");
  }
  const bool choose = source.options.filter.runs.empty() && !source.several();
  if (choose && shown_runs.size() > 1) {
    remark_run(source, runs[shown_runs.front()], figure);
    shown_runs.resize(1);
  }

  std::vector<StackedPanel> panels;
  std::vector<RunChoice> counted;
  std::set<std::string> joined;
  for (const size_t run : shown_runs) {
    const auto add = [&](const PhaseKernels& phase, std::string_view name, std::string_view axis) {
      if (phase.times.empty()) return;
      panels.push_back(panel_of(phase, joined));
      panels.back().title =
          shown_runs.size() > 1 ? fmt::format("{}, {}", runs[run].series, name) : std::string(name);
      panels.back().axis = axis;
    };
    add(found[run].prefill, "prefill", "Time per prompt");
    add(found[run].decode, "decode step", "Time per step");
    counted.push_back(runs[run]);
  }
  add_stacked(figure, panels);
  figure.title = shown_runs.size() > 1 ? std::string("Time on the GPU by operation and kernel")
                                       : fmt::format("{}: time on the GPU by operation and kernel",
                                                     runs[shown_runs.front()].series);
  if (!joined.empty()) {
    std::string names;
    for (const std::string& name : joined) names += (names.empty() ? "" : ", ") + shown(name);
    figure.remarks.push_back(fmt::format(
        "Other operations, each with less than 1 % of the longest one's time: {}.", names));
  }
  remark_counts(counted, figure);
  add_shown_runs(counted, figure);
  remark_drops(counted, t::Kernels::kName, figure);
  return figure;
}

}  // namespace kvreel::exports
