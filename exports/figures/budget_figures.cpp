// Figures of budgets by layer.
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "exports/figures/budgets.h"
#include "exports/figures/definitions.h"
#include "exports/figures/threshold_series.h"
#include "exports/tables/statistics.h"

namespace kvreel::exports {
namespace {

using plot::Figure;
using plot::Panel;

// A run on the samples of a group.
struct LayerSeries {
  std::string name;  // markup
  size_t panel = 0;
  std::vector<std::vector<double>> budgets;  // [layer][sample]
  int64_t samples = 0;
};

struct LayerData {
  std::vector<LayerSeries> series;
  // Titles, markup: one panel without title, or one for each group where there are several runs.
  std::vector<std::string> panels;
  int first_layer = 0;
  int layers = 0;  // one past the last, of the model with most
  std::vector<std::string> remarks;
  std::vector<FigureRun> runs;
};

// Runs whose budgets are news: those of the full cache are 1, and shown where they were asked for.
std::vector<FigureRun> runs_with_budgets(const FigureSource& source) {
  std::vector<FigureRun> runs = selected_runs(source);
  if (source.options.filter.runs.empty())
    std::erase_if(runs, [](const FigureRun& run) { return run.is_full(); });
  return runs;
}

std::vector<std::vector<double>> transposed(const std::vector<std::vector<double>>& rows,
                                            size_t columns) {
  std::vector<std::vector<double>> out(columns);
  for (const std::vector<double>& row : rows) {
    for (size_t i = 0; i < columns; ++i) out[i].push_back(row.at(i));
  }
  return out;
}

std::vector<FigureRun> runs_of(const FigureTrace& trace, const std::vector<FigureRun>& all) {
  std::vector<FigureRun> runs = all;
  std::erase_if(runs, [&](const FigureRun& run) { return run.trace != &trace; });
  if (runs.empty()) {
    fail(
        "{} has no run but that of the full cache, whose budgets are all 1; record a policy that "
        "evicts, such as --policy refreekv, or ask for the full cache with --run",
        trace.source.trace.path());
  }
  return runs;
}

LayerData layer_data(const FigureSource& source) {
  LayerData data;
  data.runs = runs_with_budgets(source);
  const std::vector<std::string> names = short_names(data.runs);
  // Of one run, groups are series; of several, panels.
  const bool grouped = !source.options.by.empty();
  const bool by_panel = grouped && data.runs.size() > 1;
  if (!by_panel) data.panels.emplace_back();
  SampleCounts counts(source);
  for (const auto& trace : source.traces) {
    const WholePasses passes(*trace);
    const SampleSet set = finished_samples(*trace, passes, runs_of(*trace, data.runs));
    counts.leave_out(set.left_out);
    const int layers = layers_of(*trace, passes);
    data.layers = std::max(data.layers, layers);
    for (const SampleGroup& group : group_samples(source, *trace, set.samples)) {
      counts.add(*trace, group);
      const auto same = std::find(data.panels.begin(), data.panels.end(), group.name);
      const size_t panel = by_panel ? static_cast<size_t>(same - data.panels.begin()) : 0;
      if (panel == data.panels.size()) data.panels.push_back(group.name);
      const std::vector<int32_t> samples = chosen(set.samples, group.members);
      for (size_t i = 0; i < data.runs.size(); ++i) {
        const FigureRun& run = data.runs[i];
        if (run.trace != trace.get()) continue;
        data.series.push_back({.name = grouped && !by_panel ? group.name : names[i],
                               .panel = panel,
                               .budgets = transposed(layer_budgets(run, passes, samples),
                                                     static_cast<size_t>(layers)),
                               .samples = static_cast<int64_t>(samples.size())});
      }
    }
  }
  if (const std::optional<int32_t>& layer = source.options.filter.layer; layer && *layer >= 0) {
    data.first_layer = *layer;
    data.layers = *layer + 1;
  }
  require_few_series(by_panel ? data.runs.size() : data.series.size());
  data.remarks = counts.remarks();
  return data;
}

// The series of a panel.
std::vector<const LayerSeries*> series_of(const LayerData& data, size_t panel) {
  std::vector<const LayerSeries*> series;
  for (const LayerSeries& of_run : data.series) {
    if (of_run.panel == panel) series.push_back(&of_run);
  }
  return series;
}

// Whiskers reach to the extremes where a percentile would lie between them and nothing.
constexpr int64_t kMostForExtremes = 10;
// The samples themselves are drawn where they are few.
constexpr int64_t kMostPoints = 12;

plot::Box box_of(const std::vector<double>& budgets, bool extremes) {
  std::vector<double> ascending = budgets;
  std::sort(ascending.begin(), ascending.end());
  const auto n = static_cast<int64_t>(ascending.size());
  return {.n = n,
          .low = extremes ? ascending.front() : quantile(ascending, 0.1),
          .q1 = quantile(ascending, 0.25),
          .median = quantile(ascending, 0.5),
          .q3 = quantile(ascending, 0.75),
          .high = extremes ? ascending.back() : quantile(ascending, 0.9),
          .mean = spread_of(ascending)->mean,
          .points = n <= kMostPoints ? budgets : std::vector<double>{}};
}

void add_boxes(Panel& panel, const LayerData& data, size_t at, bool extremes) {
  const std::vector<const LayerSeries*> series = series_of(data, at);
  const auto count = static_cast<double>(series.size());
  constexpr double kGroupWidth = 0.8;  // of a layer's place, for the boxes of all runs
  const double step = kGroupWidth / count;
  for (int layer = data.first_layer; layer < data.layers; ++layer)
    panel.x.categories.push_back(fmt::format("{}", layer));
  for (size_t i = 0; i < series.size(); ++i) {
    plot::Boxes boxes{.series = series[i]->name, .width = 0.8 * step};
    for (int layer = data.first_layer; layer < data.layers; ++layer) {
      const auto row = static_cast<size_t>(layer);
      if (row >= series[i]->budgets.size()) break;  // a model with fewer layers
      boxes.at.push_back(layer - data.first_layer +
                         (static_cast<double>(i) - (count - 1) / 2) * step);
      boxes.boxes.push_back(box_of(series[i]->budgets[row], extremes));
    }
    panel.marks.emplace_back(std::move(boxes));
  }
}

void add_lines(Panel& panel, const LayerData& data, size_t at, bool bands) {
  panel.x.format = plot::Format::count;
  constexpr int kMostMarkers = 24;
  for (const LayerSeries* const series : series_of(data, at)) {
    plot::Line line{.series = series->name,
                    .markers = data.layers - data.first_layer <= kMostMarkers};
    for (int layer = data.first_layer; layer < data.layers; ++layer) {
      const auto row = static_cast<size_t>(layer);
      if (row >= series->budgets.size()) break;
      const Spread spread = spread_of(series->budgets[row]).value_or(Spread{});
      line.x.push_back(layer);
      line.y.push_back(spread.median);
      if (!bands) continue;
      line.low.push_back(spread.p10);
      line.high.push_back(spread.p90);
    }
    panel.marks.emplace_back(std::move(line));
  }
}

// Budget of each layer after prefill: kept / prompt positions, mean over KV heads (budgets.h), as
// its spread over samples. Few runs of few layers: boxes of quartiles, with the mean, and whiskers
// at the 10th and 90th percentile (least and most where a series has 10 samples or fewer); else a
// line of medians for each run, with the 10th to 90th percentile as a band where there are three
// at most.
Figure layer_budget(const FigureSource& source) {
  const LayerData data = layer_data(source);
  Figure figure;
  figure.title = "Budget by layer";
  figure.remarks = data.remarks;
  figure.metadata.emplace_back("runs", list_of_runs(data.runs));
  arrange_panels(figure, data.panels.size());

  size_t most = 0;  // series of a panel
  for (size_t i = 0; i < data.panels.size(); ++i) most = std::max(most, series_of(data, i).size());
  constexpr size_t kMostBoxes = 24;  // that can be told apart across a column
  constexpr size_t kMostBoxesOfALayer = 4;
  const auto layers = static_cast<size_t>(data.layers - data.first_layer);
  const bool boxes = most <= kMostBoxesOfALayer && most * layers * figure.columns <= kMostBoxes;
  const bool bands = most <= kMostBands;
  const bool extremes =
      std::any_of(data.series.begin(), data.series.end(),
                  [](const LayerSeries& series) { return series.samples <= kMostForExtremes; });
  for (size_t i = 0; i < data.panels.size(); ++i) {
    Panel& panel = figure.panels[i];
    panel.title = data.panels[i];
    panel.x = {.label = "Layer"};
    panel.y = {.label = "Budget", .format = plot::Format::percent, .from_zero = true};
    if (boxes) {
      add_boxes(panel, data, i, extremes);
    } else {
      add_lines(panel, data, i, bands);
    }
  }
  if (boxes) {
    figure.remarks.push_back(fmt::format("Boxes: quartiles and median over samples; whiskers: {}.",
                                         extremes ? "least and most" : "10th and 90th percentile"));
  } else {
    figure.remarks.emplace_back(bands
                                    ? "Lines: medians over samples; bands: 10th to 90th percentile."
                                    : "Lines: medians over samples.");
  }
  return figure;
}

}  // namespace

std::vector<FigureDefinition> budget_figures() {
  return {
      {{"layer-budget", "Budget of every layer, with its spread over samples", ""}, layer_budget}};
}

}  // namespace kvreel::exports
