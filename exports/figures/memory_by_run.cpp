// memory: what the KV cache takes after prefill, by run.
#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "exports/figures/cost_figures.h"
#include "exports/figures/pass_choice.h"
#include "exports/tables/statistics.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

struct MemoryMeasure {
  std::string_view name;
  std::vector<uint64_t> t::Passes::*column;
};
constexpr std::array<MemoryMeasure, 3> kMemoryMeasures = {
    MemoryMeasure{"asked", &t::Passes::prefill_asked},
    MemoryMeasure{"held", &t::Passes::prefill_held},
    MemoryMeasure{"peak", &t::Passes::prefill_peak}};

std::vector<double> values_of(const RunChoice& run, std::vector<uint64_t> t::Passes::*column) {
  const Source& source = run.source();
  const std::vector<uint64_t> all = source.trace.read_column(column, 0, source.passes.size());
  std::vector<double> values;
  for (const PassAt& pass : run.passes) values.push_back(static_cast<double>(all[pass.row]));
  return values;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

// Three bars for each run, over the samples that all runs finished: mean over samples, and 10th to
// 90th percentile, of passes' prefill_asked, prefill_held and prefill_peak. Rule, where no run
// keeps all: mean of full_asked, what the unpruned prompts need.
plot::Figure memory_by_run(const FigureSource& source) {
  plot::Figure figure;
  std::vector<RunChoice> runs = chosen_runs(source);
  compare_on_shared_samples(source, runs, figure);
  plot::Panel panel;
  panel.x = {.label = "Cache after prefill", .format = plot::Format::bytes, .from_zero = true};
  panel.y = {.reversed = true};
  panel.height = 1.5;  // three bars for each run
  for (const RunChoice& run : runs) panel.y.categories.push_back(run.series);

  constexpr double kPitch = 0.26;  // of the three bars of a run
  double most_asked = 0;
  for (size_t i = 0; i < kMemoryMeasures.size(); ++i) {
    plot::Bars bars;
    bars.series = kMemoryMeasures[i].name;
    bars.horizontal = true;
    bars.width = 0.9 * kPitch;
    for (size_t run = 0; run < runs.size(); ++run) {
      const Spread spread = *spread_of(values_of(runs[run], kMemoryMeasures[i].column));
      bars.at.push_back(static_cast<double>(run) + kPitch * (static_cast<double>(i) - 1));
      bars.base.push_back(0);
      bars.top.push_back(spread.mean);
      bars.low.push_back(spread.p10);
      bars.high.push_back(spread.p90);
      if (i == 0) most_asked = std::max(most_asked, spread.mean);
    }
    panel.marks.emplace_back(std::move(bars));
  }
  const double full = mean(values_of(runs.front(), &t::Passes::full_asked));
  if (most_asked < full) {
    panel.marks.emplace_back(plot::Rule{.vertical = true,
                                        .at = full,
                                        .label = "unpruned",
                                        .ink = plot::Ink::neutral,
                                        .dash = plot::Dash::dashed});
  }
  figure.title = "Cache bytes after prefill";
  figure.panels.push_back(std::move(panel));
  figure.remarks.push_back("Bars: means; whiskers: 10th to 90th percentile over samples.");
  figure.remarks.push_back(
      "Asked: what the kept rows need; held: their pages; peak: most held during prefill.");
  return figure;
}

}  // namespace kvreel::exports
