// Figures of score against budget and bytes: one point a run.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "base/error.h"
#include "exports/figures/budgets.h"
#include "exports/figures/definitions.h"
#include "exports/figures/scores.h"
#include "exports/figures/threshold_series.h"
#include "exports/tables/provenance.h"
#include "exports/tables/statistics.h"

namespace kvreel::exports {
namespace {

using plot::Figure;
using plot::Panel;

// What a run costs on each of these samples of its trace.
using CostOf = std::function<std::vector<double>(const FigureRun& run, const WholePasses& passes,
                                                 std::span<const int32_t> samples)>;

struct ScoreData {
  std::vector<Family> families;
  std::vector<std::string> names;   // of the families, markup
  std::vector<WholePasses> passes;  // by trace
  SharedSamples shared;
  std::vector<SampleGroup> groups;  // of the shared samples, by the first trace's metadata
  std::vector<std::string> remarks;
  std::vector<std::pair<std::string, std::string>> metadata;
};

size_t index_of(const FigureSource& source, const FigureTrace& trace) {
  const auto found = std::find_if(source.traces.begin(), source.traces.end(),
                                  [&](const auto& other) { return other.get() == &trace; });
  return static_cast<size_t>(found - source.traces.begin());
}

// Only samples with answers have a score, and what runs cost is to be of the same ones.
void keep_answered(const FigureSource& source, const std::vector<FigureRun>& runs,
                   ScoreData& data) {
  std::vector<bool> answered(data.shared.samples[0].size(), true);
  for (const FigureRun& run : runs) {
    const size_t trace = index_of(source, *run.trace);
    for (size_t i = 0; i < answered.size(); ++i) {
      const auto pass = data.passes[trace].find(run.run, data.shared.samples[trace][i]);
      answered[i] = answered[i] && pass && data.passes[trace].exact_match[*pass] >= 0;
    }
  }
  const auto without = std::count(answered.begin(), answered.end(), false);
  if (static_cast<size_t>(without) == answered.size()) fail_without_answers(*source.traces[0]);
  for (std::vector<int32_t>& samples : data.shared.samples) {
    std::vector<int32_t> kept;
    for (size_t i = 0; i < samples.size(); ++i) {
      if (answered[i]) kept.push_back(samples[i]);
    }
    samples = std::move(kept);
  }
  if (without > 0) {
    data.remarks.push_back(fmt::format("{} {} without answers {} left out.", without,
                                       without == 1 ? "sample" : "samples",
                                       without == 1 ? "is" : "are"));
  }
}

// Settings of the traces' recordings that change scores although model and prompts are the same.
void remark_on_settings(const FigureSource& source, std::vector<std::string>& remarks) {
  for (const char* key : {"max_new_tokens", "sampling"}) {
    const std::string pointer = std::string("/engine/") + key;
    const FigureTrace& first = *source.traces.front();
    const std::string mine = Provenance(first.source.trace).at(pointer.c_str()).dump();
    for (const auto& other : source.traces) {
      const std::string theirs = Provenance(other->source.trace).at(pointer.c_str()).dump();
      if (mine == theirs) continue;
      remarks.push_back(plot::escape_markup(
          fmt::format("{}: {} in {}, {} in {}.", key, mine, first.label, theirs, other->label)));
    }
  }
}

ScoreData score_data(const FigureSource& source) {
  const std::vector<FigureRun> runs = selected_runs(source);
  ScoreData data;
  data.families = families_of(runs);
  data.names = point_names(data.families);
  require_few_series(data.families.size());
  for (size_t i = 0; i < data.families.size(); ++i) {
    if (data.families[i].runs.size() > 1) data.names[i] += " (" + data.families[i].swept + ")";
  }
  for (const auto& trace : source.traces) data.passes.emplace_back(*trace);
  data.shared = shared_samples(source, data.passes, runs);
  keep_answered(source, runs, data);
  data.groups = group_samples(source, *source.traces.front(), data.shared.samples[0]);
  SampleCounts counts(source);
  for (const SampleGroup& group : data.groups) counts.add(*source.traces.front(), group);
  counts.leave_out(data.shared.left_out);
  const std::vector<std::string> remarks = counts.remarks();
  data.remarks.insert(data.remarks.begin(), remarks.begin(), remarks.end());
  remark_on_settings(source, data.remarks);
  data.metadata.emplace_back("runs", list_of_runs(runs));
  return data;
}

struct Place {
  double cost = 0, score = 0;
};

// Runs that no other run matches at a lower cost or beats at the same one, by cost.
std::vector<Place> pareto_front(std::vector<Place> places) {
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return a.cost != b.cost ? a.cost < b.cost : a.score > b.score;
  });
  std::vector<Place> front;
  for (const Place& place : places) {
    if (front.empty() || place.score > front.back().score) front.push_back(place);
  }
  return front;
}

// In narrow panels, or beside a name that says it, a value would be too much.
bool with_labels(const ScoreData& data, const Family& family) {
  constexpr size_t kMostPanels = 2;
  return family.runs.size() > 1 && data.groups.size() <= kMostPanels;
}

std::string point_label(const Family& family, const FigureRun& run) {
  const std::string* const value = run.parameter(family.swept);
  return value == nullptr ? "" : plot::escape_markup(spaced_percent(*value));
}

// Along the cost, the spreads of more points would hide each other.
bool with_spreads(const ScoreData& data) {
  constexpr size_t kMost = 6;
  size_t points = 0;
  for (const Family& family : data.families) points += family.runs.size();
  return points <= kMost;
}

Panel score_panel(const FigureSource& source, const ScoreData& data, const SampleGroup& group,
                  const CostOf& cost_of) {
  Panel panel;
  panel.title = group.name;
  std::vector<plot::Mark> lines;
  std::vector<plot::Mark> points;
  std::vector<Place> places;
  for (size_t i = 0; i < data.families.size(); ++i) {
    const Family& family = data.families[i];
    plot::Points of_runs{.series = data.names[i]};
    plot::Line line{.series = data.names[i], .weight = 0.6, .in_legend = false};
    for (const FigureRun& run : family.runs) {
      const size_t trace = index_of(source, *run.trace);
      const std::vector<int32_t> samples = chosen(data.shared.samples[trace], group.members);
      const auto cost = spread_of(cost_of(run, data.passes[trace], samples));
      const auto score = score_of(data.passes[trace], run.run, samples);
      if (!cost || !score) continue;
      of_runs.x.push_back(cost->mean);
      if (with_spreads(data)) {
        of_runs.x_low.push_back(cost->p10);
        of_runs.x_high.push_back(cost->p90);
      }
      of_runs.y.push_back(score->value);
      of_runs.y_low.push_back(score->low);
      of_runs.y_high.push_back(score->high);
      if (with_labels(data, family)) of_runs.labels.push_back(point_label(family, run));
      line.x.push_back(cost->mean);
      line.y.push_back(score->value);
      places.push_back({cost->mean, score->value});
    }
    if (of_runs.x.empty()) continue;
    if (line.x.size() > 1) lines.emplace_back(std::move(line));
    points.emplace_back(std::move(of_runs));
  }
  const std::vector<Place> front = pareto_front(std::move(places));
  if (front.size() > 1) {
    plot::Line line{.series = "Pareto front", .ink = plot::Ink::faint, .steps = true};
    for (const Place& place : front) {
      line.x.push_back(place.cost);
      line.y.push_back(place.score);
    }
    panel.marks.emplace_back(std::move(line));
  }
  for (plot::Mark& mark : lines) panel.marks.push_back(std::move(mark));
  for (plot::Mark& mark : points) panel.marks.push_back(std::move(mark));
  return panel;
}

// The panels of groups are to be compared: one range for all.
void share_costs(Figure& figure) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const Panel& panel : figure.panels) {
    for (const plot::Mark& mark : panel.marks) {
      const auto* const points = std::get_if<plot::Points>(&mark);
      if (points == nullptr) continue;
      for (const auto* values : {&points->x, &points->x_low, &points->x_high}) {
        for (const double value : *values) {
          low = std::min(low, value);
          high = std::max(high, value);
        }
      }
    }
  }
  const double room = 0.05 * (high > low ? high - low : std::max(high, 1.0));
  for (Panel& panel : figure.panels) {
    if (panel.gap) continue;
    panel.x.low = panel.x.from_zero ? 0 : low - room;
    panel.x.high = high + room;
  }
}

Figure score_figure(const FigureSource& source, std::string title, const plot::Axis& cost,
                    const CostOf& cost_of) {
  const ScoreData data = score_data(source);
  Figure figure;
  figure.title = std::move(title);
  figure.remarks = data.remarks;
  figure.remarks.emplace_back(
      with_spreads(data)
          ? "Bars: Wilson's 95 % interval of the score; 10th to 90th percentile of the cost over "
            "samples."
          : "Bars: Wilson's 95 % interval.");
  figure.metadata = data.metadata;
  arrange_panels(figure, data.groups.size());
  for (size_t i = 0; i < data.groups.size(); ++i) {
    figure.panels[i] = score_panel(source, data, data.groups[i], cost_of);
    figure.panels[i].x = cost;
    figure.panels[i].y = {.label = std::string(kScoreName), .format = plot::Format::percent};
  }
  if (data.groups.size() > 1) share_costs(figure);
  return figure;
}

// Score of each run (scores.h: exact match with Wilson's 95 % interval) against the mean over
// samples of its budget (kept / prompt positions after prefill, mean over layers; of one layer
// where the filter names it), with the 10th and 90th percentile over samples where there are six
// runs at most. Thin lines join runs that differ in their threshold or budget alone. Pareto front:
// runs that no other run matches at a lower budget.
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
  return {
      {{"score-budget", "Score of every run against its mean budget", kNeeds}, score_budget},
      {{"score-bytes", "Score of every run against the cache bytes it holds after prefill", kNeeds},
       score_bytes}};
}

}  // namespace kvreel::exports
