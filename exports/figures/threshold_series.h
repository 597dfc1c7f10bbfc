// What threshold figures are drawn from: runs that differ in nothing but their threshold, on the
// samples of one group.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exports/figures/runs.h"
#include "exports/figures/samples.h"

namespace kvreel::exports {

struct ThresholdSeries {
  std::string name;             // markup
  size_t panel = 0;             // of ThresholdData::panels
  std::vector<FigureRun> runs;  // by threshold, ascending; each has one
  std::optional<FigureRun> reference;
  std::vector<FigureRun> others;  // selected runs of the trace that have no threshold
  const WholePasses* passes = nullptr;
  std::vector<int32_t> samples;  // of the group, finished by all that the figure shows of the trace

  std::vector<double> thresholds() const;
};

struct ThresholdData {
  std::vector<std::unique_ptr<WholePasses>> passes;  // by trace
  std::vector<ThresholdSeries> series;
  // Titles, markup: one panel, without title; or one for each family of runs where there are
  // several and groups beside them.
  std::vector<std::string> panels;
  std::vector<std::string> remarks;  // what n is and what was left out
  std::vector<std::pair<std::string, std::string>> metadata;
  std::string metric;      // of the scores; "": none were read
  bool one_plane = false;  // one trace and one group: what holds for a series holds for the figure
};

// What a figure's samples must have been finished by, beside the runs with thresholds.
enum class Beside { nothing, reference, all_others };

// Throws Error where a trace has no run with a threshold, has no run to be the reference although
// `beside` asks for one by `needs_reference`, or no sample counts; UsageError for more series than
// a figure can show.
// metric: whose scores are read; "" where none are shown.
ThresholdData threshold_data(const FigureSource& source, Beside beside, bool needs_reference,
                             std::string metric = {});

// Throws UsageError for more series in a panel than are told apart.
void require_few_series(size_t series);

// Makes room for `panels` panels, as square as may be. Throws UsageError for more than a page
// holds.
void arrange_panels(plot::Figure& figure, size_t panels);

// "full, refreekv:threshold=1%,5%" of one trace, as a command line could have it; "demo: full,
// demo: refreekv" of several.
std::string list_of_runs(const std::vector<FigureRun>& runs);

}  // namespace kvreel::exports
