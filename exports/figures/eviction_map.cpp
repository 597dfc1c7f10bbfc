// eviction-map: layers by positions, kept or evicted.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "exports/figures/decision_data.h"
#include "exports/figures/decision_figures.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

// More panels than this are too flat to be read.
constexpr size_t kMostPanels = 6;

// What a run's decisions say of its positions: [layers][positions], rows from first_layer on.
struct RunMap {
  std::map<int32_t, std::vector<float>> share_kept;  // by layer: of its KV heads
  std::map<int32_t, std::vector<TokenKind>> kinds;   // of layers whose heads agree
  bool heads_differ = false;
  bool later = false;
  int64_t kept = 0, cached = 0;  // over layers and heads
};

RunMap map_of(const RunChoice& run, const PassAt& pass) {
  const Source& source = run.source();
  const PassDecisions decisions = read_decisions(source, pass);
  RunMap map;
  map.later = decisions.later;
  std::map<int32_t, std::vector<const PrefillDecision*>> layers;
  for (const PrefillDecision& decision : decisions.at_prefill) {
    if (source.selection.layer(decision.layer)) layers[decision.layer].push_back(&decision);
  }
  for (const auto& [layer, heads] : layers) {
    const int32_t sinks = sinks_of_layer(source, decisions.at_prefill, layer);
    std::vector<TokenKind> first;
    std::vector<float> kept;
    for (const PrefillDecision* head : heads) {
      const std::vector<TokenKind> kinds = token_kinds(source, *head, sinks);
      if (first.empty()) first = kinds;
      map.heads_differ = map.heads_differ || kinds != first;
      kept.resize(std::max(kept.size(), kinds.size()));
      for (size_t i = 0; i < kinds.size(); ++i) kept[i] += kinds[i] != TokenKind::evicted;
      map.kept += head->kept;
      map.cached += head->cached;
    }
    for (float& value : kept) value /= static_cast<float>(heads.size());
    map.share_kept[layer] = std::move(kept);
    map.kinds[layer] = std::move(first);
  }
  return map;
}

// Of the runs that evict something from the chosen samples; of those asked for, all.
std::vector<RunChoice> runs_to_show(const FigureSource& source) {
  std::vector<RunChoice> runs = chosen_runs(source);
  if (!source.options.filter.runs.empty()) return runs;
  std::vector<bool> evicts(runs.size(), false);
  for_each_row_of<t::Decisions>(runs, &t::Passes::decisions_end,
                                [&](size_t run, const t::Decisions& block, size_t i) {
                                  if (block.kept[i] < block.cached[i]) evicts[run] = true;
                                });
  std::vector<RunChoice> kept;
  for (size_t i = 0; i < runs.size(); ++i) {
    if (evicts[i]) kept.push_back(std::move(runs[i]));
  }
  if (kept.empty()) {
    fail(
        "No run of {} evicts anything from the samples asked for: record one that does, such as "
        "--policy refreekv, or name a run with --run to see that it keeps all.",
        paths_of(runs));
  }
  return kept;
}

struct Extent {
  int32_t first_layer = 0, last_layer = 0;
  size_t positions = 0;
};

Extent extent_of(const std::vector<RunMap>& maps) {
  Extent extent;
  bool any = false;
  for (const RunMap& map : maps) {
    for (const auto& [layer, kept] : map.share_kept) {
      extent.first_layer = any ? std::min(extent.first_layer, layer) : layer;
      extent.last_layer = any ? std::max(extent.last_layer, layer) : layer;
      extent.positions = std::max(extent.positions, kept.size());
      any = true;
    }
  }
  return extent;
}

plot::HeatMap heat_map(const RunMap& map, const Extent& extent, bool shares) {
  plot::HeatMap cells;
  cells.rows = static_cast<size_t>(extent.last_layer - extent.first_layer + 1);
  cells.columns = extent.positions;
  cells.values.assign(cells.rows * cells.columns, std::numeric_limits<float>::quiet_NaN());
  cells.x0 = -0.5;
  cells.x1 = static_cast<double>(extent.positions) - 0.5;
  cells.y0 = extent.first_layer - 0.5;
  cells.y1 = extent.last_layer + 0.5;
  for (const auto& [layer, kept] : map.share_kept) {
    float* row =
        cells.values.data() + static_cast<size_t>(layer - extent.first_layer) * cells.columns;
    if (shares) {
      std::copy(kept.begin(), kept.end(), row);
    } else {
      const std::vector<TokenKind>& kinds = map.kinds.at(layer);
      std::transform(kinds.begin(), kinds.end(), row,
                     [](TokenKind kind) { return static_cast<float>(kind); });
    }
  }
  if (shares) {
    cells.colormap = plot::Colormap::kept;
    cells.low = 0;
    cells.high = 1;
    cells.format = plot::Format::percent;
    cells.value_label = "KV heads that keep it";
  } else {
    cells.kinds = {{plot::Ink::evicted, "evicted"},
                   {plot::Ink::kept, "kept"},
                   {plot::Ink::sink, "sink, never evicted"}};
  }
  return cells;
}

}  // namespace

// One sample; a panel for each run, by default those that evict something from any chosen sample.
//
// Cell (layer l, position p) of a run: what the decision of the run's prefill (step 0) in layer l
// did with the cached position p: kept where p lies in the decision's kept_ranges, else evicted. A
// kept position before the first one that the layer's rankings hold is a sink. Where KV heads of a
// layer differ, in any of the runs, cells of all panels are shares instead: heads of the layer that
// keep p / heads of the layer, each head by its own decision.
plot::Figure eviction_map(const FigureSource& source) {
  plot::Figure figure;
  std::vector<RunChoice> runs = runs_to_show(source);
  keep_first_runs(source, runs, kMostPanels, figure);
  const std::string sample = one_sample(source, runs, figure);
  std::erase_if(runs, [&](const RunChoice& run) {
    if (run.pass_of(sample)) return false;
    figure.remarks.push_back(fmt::format("Run {} did not finish the sample.", run.series));
    return true;
  });

  rename_runs(runs);
  add_shown_runs(runs, figure);

  std::vector<RunMap> maps;
  for (const RunChoice& run : runs) maps.push_back(map_of(run, *run.pass_of(sample)));
  const Extent extent = extent_of(maps);
  const auto layers = static_cast<size_t>(extent.last_layer - extent.first_layer + 1);
  constexpr size_t kMostCells = size_t{1} << 28;
  if (layers > kMostCells / std::max<size_t>(extent.positions, 1)) {
    fail("decisions of {} go from layer {} to {}; the file is damaged", paths_of(runs),
         extent.first_layer, extent.last_layer);
  }
  if (extent.positions == 0) {
    fail("{} holds no decision of sample '{}' at the end of prefill in the layer asked for.",
         paths_of(runs), sample);
  }
  const bool shares =
      std::any_of(maps.begin(), maps.end(), [](const RunMap& map) { return map.heads_differ; });

  figure.title = fmt::format("What stays of sample {}", shown(sample, 40));
  figure.rows = runs.size();
  figure.share_x = true;
  figure.share_y = true;
  for (size_t i = 0; i < runs.size(); ++i) {
    const RunMap& map = maps[i];
    plot::Panel panel;
    panel.title =
        map.cached == 0
            ? runs[i].series
            : fmt::format("{}: {:.1f} % kept", runs[i].series,
                          100 * static_cast<double>(map.kept) / static_cast<double>(map.cached));
    panel.x = {.label = "Position", .format = plot::Format::tokens};
    panel.y = {.label = "Layer", .format = plot::Format::count, .reversed = true};
    // Few layers need no more than bands of some height.
    panel.height = std::clamp(static_cast<double>(layers) / 24, 0.45, 1.0);
    if (map.cached == 0) {
      panel.message = "no decisions";
    } else {
      panel.marks.emplace_back(heat_map(map, extent, shares));
    }
    figure.panels.push_back(std::move(panel));
    if (map.later) {
      figure.remarks.push_back(fmt::format(
          "Run {} evicts during decoding, too; the map shows the end of prefill.", runs[i].series));
    }
  }
  if (shares) figure.remarks.push_back("KV heads of a layer differ: cells are the share of heads.");
  return figure;
}

}  // namespace kvreel::exports
