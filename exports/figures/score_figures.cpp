// Figures of score against budget and bytes: one point a run.
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exports/figures/budgets.h"
#include "exports/figures/definitions.h"
#include "exports/figures/run_plane.h"
#include "exports/figures/scores.h"
#include "exports/tables/metrics.h"

namespace kvreel::exports {
namespace {

using plot::Figure;

Figure score_figure(const FigureSource& source, std::string title, const plot::Axis& cost,
                    const CostOf& cost_of) {
  const std::string metric = metric_of(source);
  const RunPlane plane = run_plane(
      source, selected_runs(source), metric,
      [](const FigureRun&, const WholePasses& passes, size_t pass) {
        return !std::isnan(passes.score[pass]);
      },
      metric == kExactMatch ? "answers" : "scores",
      [&] { fail_without_scores(*source.traces[0], metric); });
  Figure figure;
  figure.title = std::move(title);
  figure.remarks = plane.remarks;
  figure.metadata = plane.metadata;
  figure.metadata.emplace_back("metric", metric);
  std::vector<IntervalKind> kinds;
  add_plane(
      figure, source, plane, cost, {.label = score_label(metric), .format = plot::Format::percent},
      cost_of,
      [&](const FigureRun& run, const WholePasses& passes, std::span<const int32_t> samples) {
        const std::optional<Score> score = score_of(passes, run.run, samples);
        if (score) kinds.push_back(score->kind);
        return score ? std::optional(PlaneValue{score->value, score->low, score->high})
                     : std::nullopt;
      },
      false);
  std::string bars = interval_remark(kinds);
  if (plane.with_spreads()) {
    bars.pop_back();  // the full stop
    bars += "; along the cost, 10th to 90th percentile over samples.";
  }
  figure.remarks.push_back(std::move(bars));
  return figure;
}

// Mean score of each run (scores.h) by the figure's metric, with its 95 % interval, against the
// mean over samples of its budget (kept / prompt positions after prefill, mean over layers; of one
// layer where the filter names it), with the 10th and 90th percentile over samples where there are
// six runs at most. Thin lines join runs that differ in their threshold or budget alone. Pareto
// front: runs that no other run matches at a lower budget.
Figure score_budget(const FigureSource& source) {
  return score_figure(
      source, "Score against budget",
      {.label = budget_label("Mean budget", source), .format = plot::Format::percent},
      recorded_budgets);
}

// The same against the mean over samples of the cache bytes held after prefill
// (passes.prefill_held: pages at KV-head granularity, a number of its own, not the budget times
// anything).
Figure score_bytes(const FigureSource& source) {
  return score_figure(
      source, "Score against cache bytes",
      {.label = "Cache held after prefill", .format = plot::Format::bytes, .from_zero = true},
      [](const FigureRun& run, const WholePasses& passes, std::span<const int32_t> samples) {
        std::vector<double> bytes;
        for (const int32_t sample : samples)
          bytes.push_back(static_cast<double>(passes.prefill_held[*passes.find(run.run, sample)]));
        return bytes;
      });
}

constexpr std::string_view kNeeds = "prompts with answers";

}  // namespace

std::vector<FigureDefinition> score_figures() {
  return {{{.name = "score-budget",
            .meaning = "Score of every run against its mean budget",
            .needs = kNeeds,
            .takes_metric = true},
           score_budget},
          {{.name = "score-bytes",
            .meaning = "Score of every run against the cache bytes it holds after prefill",
            .needs = kNeeds,
            .takes_metric = true},
           score_bytes}};
}

}  // namespace kvreel::exports
