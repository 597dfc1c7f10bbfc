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
  std::string name;                          // markup
  std::vector<std::vector<double>> budgets;  // [layer][sample]
  int64_t samples = 0;
};

struct LayerData {
  std::vector<LayerSeries> series;
  int first_layer = 0;
  int layers = 0;  // of the model with most
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

LayerData layer_data(const FigureSource& source) {
  LayerData data;
  data.runs = runs_with_budgets(source);
  const std::vector<std::string> names = short_names(data.runs);
  std::vector<std::pair<std::string, int64_t>> counts;
  int64_t left_out = 0;
  for (const auto& trace : source.traces) {
    std::vector<FigureRun> of_trace = data.runs;
    std::erase_if(of_trace, [&](const FigureRun& run) { return run.trace != trace.get(); });
    if (of_trace.empty()) {
      fail(
          "{} has no run but that of the full cache, whose budgets are all 1; record a policy that "
          "evicts, such as --policy refreekv, or ask for the full cache with --runs",
          trace->source.trace.path());
    }
    const WholePasses passes(*trace);
    const SampleSet set = finished_samples(*trace, passes, of_trace);
    left_out += set.left_out;
    const int layers = layers_of(*trace, passes);
    data.layers = std::max(data.layers, layers);
    const std::vector<SampleGroup> groups = group_samples(source, *trace, set.samples);
    for (size_t i = 0; i < data.runs.size(); ++i) {
      const FigureRun& run = data.runs[i];
      if (run.trace != trace.get()) continue;
      for (const SampleGroup& group : groups) {
        const bool plain = data.runs.size() == 1 && !group.name.empty();
        const std::string joint = plain || group.name.empty() ? "" : ", ";
        const std::vector<int32_t> samples = chosen(set.samples, group.members);
        data.series.push_back({.name = (plain ? "" : names[i]) + joint + group.name,
                               .budgets = transposed(layer_budgets(run, passes, samples),
                                                     static_cast<size_t>(layers)),
                               .samples = static_cast<int64_t>(samples.size())});
        counts.emplace_back(data.series.back().name, data.series.back().samples);
      }
    }
  }
  if (const std::optional<int32_t>& layer = source.options.filter.layer; layer && *layer >= 0) {
    data.first_layer = *layer;
    data.layers = *layer + 1;
  }
  require_few_series(data.series.size());
  data.remarks = sample_remarks(counts, left_out);
  return data;
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

void add_boxes(Figure& figure, const LayerData& data) {
  Panel& panel = figure.panels[0];
  const auto series = static_cast<double>(data.series.size());
  constexpr double kGroupWidth = 0.8;  // of a layer's place, for the boxes of all runs
  const double step = kGroupWidth / series;
  const bool extremes =
      std::any_of(data.series.begin(), data.series.end(),
                  [](const LayerSeries& of_run) { return of_run.samples <= kMostForExtremes; });
  for (int layer = data.first_layer; layer < data.layers; ++layer)
    panel.x.categories.push_back(fmt::format("{}", layer));
  for (size_t i = 0; i < data.series.size(); ++i) {
    const LayerSeries& of_run = data.series[i];
    plot::Boxes boxes{.series = of_run.name, .width = 0.8 * step};
    for (int layer = data.first_layer; layer < data.layers; ++layer) {
      const auto at = static_cast<size_t>(layer);
      if (at >= of_run.budgets.size()) break;  // a model with fewer layers
      boxes.at.push_back(layer - data.first_layer +
                         (static_cast<double>(i) - (series - 1) / 2) * step);
      boxes.boxes.push_back(box_of(of_run.budgets[at], extremes));
    }
    panel.marks.emplace_back(std::move(boxes));
  }
  figure.remarks.push_back(
      fmt::format("Boxes: quartiles and median; whiskers: {}.",
                  extremes ? "least and most" : "10th and 90th percentile over samples"));
}

void add_lines(Figure& figure, const LayerData& data) {
  Panel& panel = figure.panels[0];
  panel.x.format = plot::Format::count;
  constexpr size_t kMostBands = 3;
  const bool bands = data.series.size() <= kMostBands;
  for (const LayerSeries& of_run : data.series) {
    plot::Line line{.series = of_run.name, .markers = data.layers - data.first_layer < 24};
    for (int layer = data.first_layer; layer < data.layers; ++layer) {
      const auto at = static_cast<size_t>(layer);
      if (at >= of_run.budgets.size()) break;
      const Spread spread = spread_of(of_run.budgets[at]).value_or(Spread{});
      line.x.push_back(layer);
      line.y.push_back(spread.median);
      if (!bands) continue;
      line.low.push_back(spread.p10);
      line.high.push_back(spread.p90);
    }
    panel.marks.emplace_back(std::move(line));
  }
  figure.remarks.push_back(bands ? "Lines: medians; bands: 10th to 90th percentile over samples."
                                 : "Lines: medians over samples.");
}

// Budget of each layer after prefill: kept / prompt positions, mean over KV heads (budgets.h), as
// its spread over samples. Few runs of few layers: boxes of quartiles, with whiskers at the 10th
// and 90th percentile (least and most where a series has 10 samples or fewer) and the mean; else a
// line of medians for each run, with the 10th to 90th percentile as a band for three runs or fewer.
Figure layer_budget(const FigureSource& source) {
  const LayerData data = layer_data(source);
  Figure figure;
  figure.title = "Budget by layer";
  figure.remarks = data.remarks;
  figure.metadata.emplace_back("shown runs", list_of_runs(data.runs));
  figure.panels.emplace_back();
  figure.panels[0].x = {.label = "Layer"};
  figure.panels[0].y = {.label = "Budget", .format = plot::Format::percent, .from_zero = true};
  constexpr int kMostBoxes = 24;  // that can be told apart across a column
  const int layers = data.layers - data.first_layer;
  if (static_cast<int>(data.series.size()) * layers <= kMostBoxes && data.series.size() <= 4) {
    add_boxes(figure, data);
  } else {
    add_lines(figure, data);
  }
  return figure;
}

}  // namespace

std::vector<FigureDefinition> budget_figures() {
  return {
      {{"layer-budget", "Budget of every layer, with its spread over samples", ""}, layer_budget}};
}

}  // namespace kvreel::exports
