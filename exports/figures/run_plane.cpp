// A point for each run in a plane of what it costs and what it gives.
#include "exports/figures/run_plane.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "exports/figures/threshold_series.h"
#include "exports/tables/provenance.h"
#include "exports/tables/statistics.h"

namespace kvreel::exports {
namespace {

using plot::Panel;

size_t index_of(const FigureSource& source, const FigureTrace& trace) {
  const auto found = std::find_if(source.traces.begin(), source.traces.end(),
                                  [&](const auto& other) { return other.get() == &trace; });
  return static_cast<size_t>(found - source.traces.begin());
}

// Leaves the samples that every run has a value of.
void keep_valued(const FigureSource& source, const std::vector<FigureRun>& runs,
                 const HasValue& has_value, std::string_view without,
                 const std::function<void()>& fail_empty, RunPlane& plane) {
  std::vector<bool> valued(plane.shared.samples[0].size(), true);
  for (const FigureRun& run : runs) {
    const size_t trace = index_of(source, *run.trace);
    for (size_t i = 0; i < valued.size(); ++i) {
      const auto pass = plane.passes[trace].find(run.run, plane.shared.samples[trace][i]);
      valued[i] = valued[i] && pass && has_value(run, plane.passes[trace], *pass);
    }
  }
  const auto missing = std::count(valued.begin(), valued.end(), false);
  if (static_cast<size_t>(missing) == valued.size()) fail_empty();
  for (std::vector<int32_t>& samples : plane.shared.samples) {
    std::vector<int32_t> kept;
    for (size_t i = 0; i < samples.size(); ++i) {
      if (valued[i]) kept.push_back(samples[i]);
    }
    samples = std::move(kept);
  }
  if (missing > 0) {
    plane.remarks.push_back(fmt::format("{} {} without {} {} left out.", missing,
                                        missing == 1 ? "sample" : "samples", without,
                                        missing == 1 ? "is" : "are"));
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

struct Place {
  double cost = 0;
  double value = 0;
};

// Runs that no other run matches at a lower cost or beats at the same one, by cost.
std::vector<Place> pareto_front(std::vector<Place> places, bool less_is_better) {
  const auto better = [&](const Place& a, const Place& b) {
    return less_is_better ? a.value < b.value : a.value > b.value;
  };
  std::sort(places.begin(), places.end(), [&](const Place& a, const Place& b) {
    return a.cost != b.cost ? a.cost < b.cost : better(a, b);
  });
  std::vector<Place> front;
  for (const Place& place : places) {
    if (front.empty() || better(place, front.back())) front.push_back(place);
  }
  return front;
}

// In narrow panels, or beside a name that says it, a value would be too much.
bool with_labels(const RunPlane& plane, const Family& family) {
  constexpr size_t kMostPanels = 2;
  return family.runs.size() > 1 && plane.groups.size() <= kMostPanels;
}

std::string point_label(const Family& family, const FigureRun& run) {
  const std::string* const value = run.parameter(family.swept);
  return value == nullptr ? "" : plot::escape_markup(spaced_percent(*value));
}

Panel plane_panel(const FigureSource& source, const RunPlane& plane, const SampleGroup& group,
                  const CostOf& cost_of, const ValueOf& value_of, bool less_is_better) {
  Panel panel;
  panel.title = group.name;
  std::vector<plot::Mark> lines;
  std::vector<plot::Mark> points;
  std::vector<Place> places;
  for (size_t i = 0; i < plane.families.size(); ++i) {
    const Family& family = plane.families[i];
    plot::Points of_runs{.series = plane.names[i]};
    plot::Line line{.series = plane.names[i], .weight = 0.6, .in_legend = false};
    for (const FigureRun& run : family.runs) {
      const size_t trace = index_of(source, *run.trace);
      const std::vector<int32_t> samples = chosen(plane.shared.samples[trace], group.members);
      const auto cost = spread_of(cost_of(run, plane.passes[trace], samples));
      const auto value = value_of(run, plane.passes[trace], samples);
      if (!cost || !value) continue;
      of_runs.x.push_back(cost->mean);
      if (plane.with_spreads()) {
        of_runs.x_low.push_back(cost->p10);
        of_runs.x_high.push_back(cost->p90);
      }
      of_runs.y.push_back(value->value);
      of_runs.y_low.push_back(value->low);
      of_runs.y_high.push_back(value->high);
      if (with_labels(plane, family)) of_runs.labels.push_back(point_label(family, run));
      line.x.push_back(cost->mean);
      line.y.push_back(value->value);
      places.push_back({cost->mean, value->value});
    }
    if (of_runs.x.empty()) continue;
    if (line.x.size() > 1) lines.emplace_back(std::move(line));
    points.emplace_back(std::move(of_runs));
  }
  const std::vector<Place> front = pareto_front(std::move(places), less_is_better);
  if (front.size() > 1) {
    plot::Line line{.series = "Pareto front", .ink = plot::Ink::faint, .steps = true};
    for (const Place& place : front) {
      line.x.push_back(place.cost);
      line.y.push_back(place.value);
    }
    panel.marks.emplace_back(std::move(line));
  }
  for (plot::Mark& mark : lines) panel.marks.push_back(std::move(mark));
  for (plot::Mark& mark : points) panel.marks.push_back(std::move(mark));
  return panel;
}

// The panels of groups are to be compared: one range for all.
void share_costs(plot::Figure& figure) {
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

}  // namespace

bool RunPlane::with_spreads() const {
  constexpr size_t kMost = 6;
  size_t points = 0;
  for (const Family& family : families) points += family.runs.size();
  return points <= kMost;
}

RunPlane run_plane(const FigureSource& source, const std::vector<FigureRun>& runs,
                   std::string_view metric, const HasValue& has_value, std::string_view without,
                   const std::function<void()>& fail_empty) {
  RunPlane plane;
  plane.families = families_of(runs);
  plane.names = point_names(plane.families);
  require_few_series(plane.families.size());
  for (size_t i = 0; i < plane.families.size(); ++i) {
    if (plane.families[i].runs.size() > 1) plane.names[i] += " (" + plane.families[i].swept + ")";
  }
  for (const auto& trace : source.traces) plane.passes.emplace_back(*trace, metric);
  plane.shared = shared_samples(source, plane.passes, runs);
  keep_valued(source, runs, has_value, without, fail_empty, plane);
  plane.groups = group_samples(source, *source.traces.front(), plane.shared.samples[0]);
  SampleCounts counts(source);
  for (const SampleGroup& group : plane.groups) counts.add(*source.traces.front(), group);
  counts.leave_out(plane.shared.left_out);
  const std::vector<std::string> remarks = counts.remarks();
  plane.remarks.insert(plane.remarks.begin(), remarks.begin(), remarks.end());
  remark_on_settings(source, plane.remarks);
  plane.metadata.emplace_back("runs", list_of_runs(runs));
  return plane;
}

void add_plane(plot::Figure& figure, const FigureSource& source, const RunPlane& plane,
               const plot::Axis& cost, const plot::Axis& value, const CostOf& cost_of,
               const ValueOf& value_of, bool less_is_better) {
  arrange_panels(figure, plane.groups.size());
  for (size_t i = 0; i < plane.groups.size(); ++i) {
    figure.panels[i] =
        plane_panel(source, plane, plane.groups[i], cost_of, value_of, less_is_better);
    figure.panels[i].x = cost;
    figure.panels[i].y = value;
  }
  if (plane.groups.size() > 1) share_costs(figure);
}

}  // namespace kvreel::exports
