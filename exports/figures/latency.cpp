// latency: where the time of prefill and of decode steps goes.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "exports/figures/cost_figures.h"
#include "exports/figures/pass_choice.h"
#include "exports/figures/stacked_bars.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

// What the steps of one phase of one run add up to.
struct PhaseTime {
  int64_t steps = 0;
  double duration = 0;                // ns, of the steps
  double spans = 0;                   // ns, of their operations
  std::map<std::string, double> ops;  // ns
};

struct RunTime {
  PhaseTime prefill, decode;
  PhaseTime& of(int32_t step) { return step == 0 ? prefill : decode; }
};

std::vector<RunTime> times_of(const std::vector<RunChoice>& runs) {
  std::vector<RunTime> times(runs.size());
  for_each_row_of<t::Steps>(runs, &t::Passes::steps_end,
                            [&](size_t run, const t::Steps& block, size_t i) {
                              if (!runs[run].source().selection.step(block.step[i])) return;
                              PhaseTime& phase = times[run].of(block.step[i]);
                              ++phase.steps;
                              phase.duration += static_cast<double>(block.duration_ns[i]);
                            });
  for_each_row_of<t::Spans>(
      runs, &t::Passes::spans_end, [&](size_t run, const t::Spans& block, size_t i) {
        const Source& source = runs[run].source();
        if (!source.selection.step(block.step[i]) || !source.selection.layer(block.layer[i]))
          return;
        PhaseTime& phase = times[run].of(block.step[i]);
        const auto duration = static_cast<double>(block.duration_ns[i]);
        phase.ops[source.labels.name(block.op[i])] += duration;
        phase.spans += duration;
      });
  return times;
}

StackedPanel panel_of(const std::vector<RunChoice>& runs, const std::vector<RunTime>& times,
                      PhaseTime RunTime::*member, bool with_untimed, bool& overlaps) {
  StackedPanel panel;
  for (size_t run = 0; run < runs.size(); ++run) {
    panel.bars.push_back(runs[run].series);
    const PhaseTime& phase = times[run].*member;
    const auto steps = static_cast<double>(std::max<int64_t>(phase.steps, 1));
    for (const auto& [op, duration] : phase.ops) {
      std::vector<double>& values = panel.parts[op];
      values.resize(runs.size(), 0);
      values[run] = duration / steps;
    }
    const double untimed = (phase.duration - phase.spans) / steps;
    overlaps = overlaps || untimed < 0;
    if (with_untimed) panel.untimed.push_back(std::max(untimed, 0.0));
  }
  return panel;
}

}  // namespace

// A bar for each run, over the samples that all runs finished.
//
// (a) An operation's part: sum of duration_ns of its spans of step 0 / number of passes. Untimed:
//     (sum of duration_ns of steps with step 0 - sum of all those spans) / passes.
// (b) The same over all decode steps (step >= 1) of all passes / number of decode steps.
// With a layer chosen, its spans only, and nothing is called untimed. Labels: the whole bar.
plot::Figure latency(const FigureSource& source) {
  plot::Figure figure;
  std::vector<RunChoice> runs = chosen_runs(source);
  compare_on_shared_samples(source, runs, figure);
  const std::vector<RunTime> times = times_of(runs);
  const auto has = [&](PhaseTime RunTime::*member) {
    return std::any_of(times.begin(), times.end(),
                       [&](const RunTime& time) { return !(time.*member).ops.empty(); });
  };
  const bool prefill = has(&RunTime::prefill);
  const bool decode = has(&RunTime::decode);
  if (!prefill && !decode) {
    fail(
        "{} has no times of operations in the runs, samples, layers and steps asked for: kvreel "
        "record writes them unless --no-spans is given.",
        paths_of(runs));
  }

  const std::optional<int32_t> layer = source.options.filter.layer;
  figure.title =
      layer ? fmt::format("Time by operation, layer {}", *layer) : std::string("Time by operation");
  std::vector<StackedPanel> panels;
  bool overlaps = false;
  const auto add = [&](PhaseTime RunTime::*member, std::string title, std::string axis) {
    panels.push_back(panel_of(runs, times, member, !layer, overlaps));
    panels.back().title = std::move(title);
    panels.back().axis = std::move(axis);
  };
  if (prefill) add(&RunTime::prefill, "prefill", "Time per prompt");
  if (decode) add(&RunTime::decode, "decode step", "Time per step");
  add_stacked(figure, panels);

  const auto [least, most] = std::minmax_element(
      times.begin(), times.end(),
      [](const RunTime& x, const RunTime& y) { return x.decode.steps < y.decode.steps; });
  const int64_t fewest = least->decode.steps, all = most->decode.steps;
  if (decode) {
    figure.remarks.push_back(
        fmt::format("Means over samples, and over {} decode steps of a run.",
                    fewest == all ? fmt::format("{}", all) : fmt::format("{} to {}", fewest, all)));
  } else {
    figure.remarks.push_back("Means over samples.");
  }
  if (overlaps && !layer) {
    figure.remarks.push_back(
        "Operations add up to more than their steps took: some ran at the same time.");
  }
  if (prefill) remark_shared_prefill(runs, figure);
  remark_drops(runs, t::Spans::kName, figure);
  return figure;
}

}  // namespace kvreel::exports
