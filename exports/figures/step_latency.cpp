// step-latency: time per token against the decode step.
#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "exports/figures/cost_figures.h"
#include "exports/figures/definitions.h"
#include "exports/figures/pass_choice.h"
#include "exports/tables/statistics.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

using DurationsByStep = std::map<int32_t, std::vector<double>>;  // ns, one value for each sample

std::vector<DurationsByStep> durations_of(const std::vector<RunChoice>& runs) {
  std::vector<DurationsByStep> durations(runs.size());
  for_each_row_of<t::Steps>(
      runs, &t::Passes::steps_end, [&](size_t run, const t::Steps& block, size_t i) {
        if (block.step[i] < 1 || !runs[run].source().selection.step(block.step[i])) return;
        durations[run][block.step[i]].push_back(static_cast<double>(block.duration_ns[i]));
      });
  return durations;
}

// Samples that a step must have to be shown: half of those that decode at all, and three where
// there are so many.
size_t least_samples(const DurationsByStep& steps) {
  size_t most = 0;
  for (const auto& [step, values] : steps) most = std::max(most, values.size());
  return std::max((most + 1) / 2, std::min<size_t>(most, 3));
}

}  // namespace

// A line for each run, over the samples that all runs finished. At decode step s >= 1: median over
// the samples that have a step s of steps' duration_ns, which is the time to the next token; where
// there are three runs at most, with the 10th to 90th percentile as a band. A line ends at the last
// step before the first that fewer than half of its samples (and fewer than three, where there are
// three) have reached: those left are not the same mix of prompts.
plot::Figure step_latency(const FigureSource& source) {
  plot::Figure figure;
  std::vector<RunChoice> runs = chosen_runs(source);
  compare_on_shared_samples(source, runs, figure);
  std::vector<DurationsByStep> durations = durations_of(runs);

  plot::Panel panel;
  panel.x = {.label = "Decode step", .format = plot::Format::count};
  panel.y = {.label = "Time per token",
             .format = plot::Format::duration,
             .scale = source.options.log_y ? plot::Scale::log : plot::Scale::linear,
             .from_zero = !source.options.log_y};
  const bool with_bands = runs.size() <= kMostBands;
  bool cut = false;
  for (size_t run = 0; run < runs.size(); ++run) {
    if (durations[run].empty()) continue;
    plot::Line line{.series = runs[run].series, .x = {}, .y = {}, .low = {}, .high = {}};
    const size_t least = least_samples(durations[run]);
    for (auto& [step, values] : durations[run]) {
      if (values.size() < least) {
        cut = true;
        break;
      }
      const Spread spread = *spread_of(std::move(values));
      line.x.push_back(step);
      line.y.push_back(spread.median);
      if (!with_bands) continue;
      line.low.push_back(spread.p10);
      line.high.push_back(spread.p90);
    }
    line.markers = line.x.size() == 1;  // a line of one point is nothing
    panel.marks.emplace_back(std::move(line));
  }
  if (panel.marks.empty()) {
    fail(
        "{} has no decode steps in the runs, samples and steps asked for; record with "
        "--max-new-tokens of 2 or more.",
        paths_of(runs));
  }
  figure.title = "Time per token";
  figure.panels.push_back(std::move(panel));
  figure.remarks.push_back(with_bands
                               ? "Lines: medians; bands: 10th to 90th percentile over samples."
                               : "Lines: medians over samples; with three runs or fewer, bands.");
  if (cut) {
    figure.remarks.push_back(
        "Lines end where fewer than half of the samples, or fewer than three, go on.");
  }
  return figure;
}

}  // namespace kvreel::exports
