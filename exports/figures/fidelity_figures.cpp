// Figures of how far from the full cache eviction led: against budget, by step, by layer.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "exports/figures/budgets.h"
#include "exports/figures/definitions.h"
#include "exports/figures/pass_choice.h"
#include "exports/figures/run_plane.h"
#include "exports/tables/fidelity.h"
#include "exports/tables/statistics.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

constexpr std::string_view kNeedsFidelity = "fidelity to the full cache, which --fidelity records";

std::string all_paths(const FigureSource& source) {
  std::string paths;
  for (const auto& trace : source.traces)
    paths += (paths.empty() ? "" : ", ") + trace->source.trace.path();
  return paths;
}

// Says that runs have no rows, but of the full cache's, which the others are compared with.
void remark_left_out(std::vector<std::string>& remarks, int64_t runs) {
  if (runs == 0) return;
  remarks.push_back(fmt::format("{} without recorded fidelity {} left out.",
                                runs == 1 ? "1 run" : fmt::format("{} runs", runs),
                                runs == 1 ? "is" : "are"));
}

// A logarithmic axis shows what lies within a factor of more than this.
constexpr double kMostForLinear = 20;

// Divergences reach over orders of magnitude: puts every panel on a logarithmic axis where that
// is asked for or needed. What is 0 has no place there; ends of bars below the axis are cut off.
void choose_scale(plot::Figure& figure, bool log_y) {
  double least = std::numeric_limits<double>::infinity();
  double most = 0;
  double top = 0;
  const auto for_each_points = [&](auto&& use) {
    for (plot::Panel& panel : figure.panels) {
      for (plot::Mark& mark : panel.marks) {
        if (auto* const points = std::get_if<plot::Points>(&mark)) use(*points);
      }
    }
  };
  for_each_points([&](const plot::Points& points) {
    for (size_t i = 0; i < points.y.size(); ++i) {
      if (points.y[i] > 0) least = std::min(least, points.y[i]);
      most = std::max(most, points.y[i]);
      top = std::max({top, points.y[i], points.y_high[i]});
    }
  });
  if (!(most > 0) || !(log_y || most > kMostForLinear * least)) {
    for (plot::Panel& panel : figure.panels) panel.y.from_zero = true;
    return;
  }
  constexpr double kRoom = 3;  // below the least value, as a factor: a bar must have some length
  const double bottom = least / kRoom;
  bool zeros = false;
  for_each_points([&](plot::Points& points) {
    for (size_t i = 0; i < points.y.size(); ++i) {
      zeros = zeros || points.y[i] <= 0;
      if (points.y[i] <= 0) points.y[i] = plot::kNone;
      points.y_low[i] = std::isnan(points.y[i]) ? plot::kNone : std::max(points.y_low[i], bottom);
      if (std::isnan(points.y[i])) points.y_high[i] = plot::kNone;
    }
  });
  for (plot::Panel& panel : figure.panels) {
    if (panel.gap) continue;
    panel.y.scale = plot::Scale::log;
    panel.y.low = bottom;
    panel.y.high = top * 1.3;
    for (plot::Mark& mark : panel.marks) {
      auto* const line = std::get_if<plot::Line>(&mark);
      if (line == nullptr) continue;
      for (double& y : line->y) {
        if (y <= 0) y = plot::kNone;
      }
    }
  }
  if (zeros)
    figure.remarks.emplace_back("Runs that diverge by 0 have no place on the logarithmic axis.");
}

// Fidelity of the passes of each trace, and the runs that have some.
struct RecordedFidelity {
  std::map<const FigureTrace*, std::vector<PassFidelity>> of_pass;
  std::vector<FigureRun> runs;
  int64_t left_out = 0;  // runs without, but for those of the full cache

  const PassFidelity& at(const FigureRun& run, size_t pass) const {
    return of_pass.at(run.trace)[pass];
  }
};

RecordedFidelity recorded_fidelity(const FigureSource& source) {
  RecordedFidelity recorded;
  for (const auto& trace : source.traces)
    recorded.of_pass[trace.get()] = read_fidelity(trace->source.trace, trace->source.passes);
  for (const FigureRun& run : selected_runs(source)) {
    const PassList& passes = run.trace->source.passes;
    bool any = false;
    for (size_t pass = 0; pass < passes.size(); ++pass)
      any = any || (passes.run[pass] == run.run && !recorded.at(run, pass).kl.empty());
    if (any) {
      recorded.runs.push_back(run);
    } else {
      recorded.left_out += !run.is_full();
    }
  }
  return recorded;
}

[[noreturn]] void fail_without_fidelity(const FigureSource& source) {
  fail(
      "{} has no fidelity to the full cache of the runs and samples asked for; record it with "
      "kvreel record --fidelity and --max-new-tokens of 2 or more",
      all_paths(source));
}

// A point for each run: mean over samples of each sample's mean over steps of KL(full cache || run)
// of the next token, with Student's 95 % interval, against its mean budget. The axis is logarithmic
// where runs lie more than a factor of 20 apart.
plot::Figure fidelity_budget(const FigureSource& source) {
  const RecordedFidelity recorded = recorded_fidelity(source);
  if (recorded.runs.empty()) fail_without_fidelity(source);
  const RunPlane plane = run_plane(
      source, recorded.runs, "",
      [&](const FigureRun& run, const WholePasses&, size_t pass) {
        return !recorded.at(run, pass).kl.empty();
      },
      "recorded fidelity", [&] { fail_without_fidelity(source); });
  plot::Figure figure;
  figure.title = "Divergence from the full cache against budget";
  figure.remarks = plane.remarks;
  figure.metadata = plane.metadata;
  add_plane(
      figure, source, plane,
      {.label = budget_label("Mean budget", source), .format = plot::Format::percent},
      {.label = "KL(full || run) (nat)"}, recorded_budgets,
      [&](const FigureRun& run, const WholePasses& passes,
          std::span<const int32_t> samples) -> std::optional<PlaneValue> {
        std::vector<double> divergences;
        for (const int32_t sample : samples)
          divergences.push_back(*recorded.at(run, *passes.find(run.run, sample)).mean_kl());
        const std::optional<SampleMean> mean =
            sample_mean(std::move(divergences), 0, std::numeric_limits<double>::infinity());
        if (!mean) return std::nullopt;
        return PlaneValue{mean->mean, mean->interval ? mean->interval->low : mean->mean,
                          mean->interval ? mean->interval->high : mean->mean};
      },
      true);
  choose_scale(figure, source.options.log_y);
  remark_left_out(figure.remarks, recorded.left_out);
  figure.remarks.push_back(fmt::format(
      "Means over samples of means over steps. Bars: 95 % interval (Student's t){}.",
      plane.with_spreads() ? "; along the budget, 10th to 90th percentile over samples" : ""));
  return figure;
}

// Runs that have rows of a table, on the samples that all of them have finished.
template <typename Table>
std::vector<RunChoice> runs_with_rows(const FigureSource& source,
                                      std::vector<uint64_t> t::Passes::*ends,
                                      plot::Figure& figure) {
  std::vector<RunChoice> runs = chosen_runs(source);
  std::vector<int64_t> rows(runs.size(), 0);
  for_each_row_of<Table>(runs, ends, [&](size_t run, const Table&, size_t) { ++rows[run]; });
  std::vector<RunChoice> chosen;
  int64_t left_out = 0;
  for (size_t i = 0; i < runs.size(); ++i) {
    if (rows[i] > 0) {
      chosen.push_back(std::move(runs[i]));
    } else {
      left_out += !runs[i].info.is_full();
    }
  }
  if (chosen.empty()) fail_without_fidelity(source);
  rename_runs(chosen);
  compare_on_shared_samples(source, chosen, figure);
  remark_left_out(figure.remarks, left_out);
  return chosen;
}

// Values of the samples at a step.
struct StepValues {
  std::vector<double> kl;
  std::vector<double> same_top;  // 1 or 0
};
using ByStep = std::map<int32_t, StepValues>;

// Steps that half of the samples which decode at all have, and three of them where there are so
// many: those left are not the same mix of prompts.
ByStep common_steps(ByStep steps, bool& cut) {
  size_t most = 0;
  for (const auto& [step, values] : steps) most = std::max(most, values.kl.size());
  const size_t least = std::max((most + 1) / 2, std::min<size_t>(most, 3));
  ByStep common;
  for (auto& [step, values] : steps) {
    if (values.kl.size() < least) {
      cut = true;
      break;
    }
    common.emplace(step, std::move(values));
  }
  return common;
}

// Lines by decode step: mean over samples of the divergence, and share of samples with the same
// most probable token.
plot::Figure fidelity_steps(const FigureSource& source) {
  plot::Figure figure;
  const std::vector<RunChoice> runs =
      runs_with_rows<t::Fidelity>(source, &t::Passes::fidelity_end, figure);
  std::vector<ByStep> by_step(runs.size());
  for_each_row_of<t::Fidelity>(runs, &t::Passes::fidelity_end,
                               [&](size_t run, const t::Fidelity& block, size_t i) {
                                 if (!runs[run].source().selection.step(block.step[i])) return;
                                 StepValues& values = by_step[run][block.step[i]];
                                 values.kl.push_back(static_cast<double>(block.kl[i]));
                                 values.same_top.push_back(block.same_top[i] != 0 ? 1 : 0);
                               });
  plot::Panel divergence;
  divergence.x = {.label = "Decode step", .format = plot::Format::count};
  divergence.y = {.label = "KL(full || run) (nat)",
                  .scale = source.options.log_y ? plot::Scale::log : plot::Scale::linear,
                  .from_zero = !source.options.log_y};
  plot::Panel same;
  same.x = divergence.x;
  same.y = {.label = "Same top token", .format = plot::Format::percent};
  const bool bands = runs.size() <= kMostBands;
  const bool share_bands = runs.size() == 1;  // those of shares are wide, and lie on each other
  bool cut = false;
  for (size_t run = 0; run < runs.size(); ++run) {
    plot::Line kl{.series = runs[run].series};
    plot::Line top{.series = runs[run].series};
    for (auto& [step, values] : common_steps(std::move(by_step[run]), cut)) {
      const auto n = static_cast<int64_t>(values.kl.size());
      const std::optional<SampleMean> mean =
          sample_mean(values.kl, 0, std::numeric_limits<double>::infinity());
      const int64_t hits = std::count(values.same_top.begin(), values.same_top.end(), 1.0);
      const Proportion share = *proportion_of(hits, n);
      // Of a mean of 0 a logarithmic axis has no place.
      const bool shown = mean && (mean->mean > 0 || !source.options.log_y);
      kl.x.push_back(step);
      kl.y.push_back(shown ? mean->mean : plot::kNone);
      top.x.push_back(step);
      top.y.push_back(share.share());
      if (!bands) continue;
      const MeanInterval interval =
          mean && mean->interval ? *mean->interval : MeanInterval{kl.y.back(), kl.y.back()};
      const bool band = shown && (interval.low > 0 || !source.options.log_y);
      kl.low.push_back(band ? interval.low : plot::kNone);
      kl.high.push_back(band ? interval.high : plot::kNone);
      if (!share_bands) continue;
      top.low.push_back(std::min(share.low, share.share()));
      top.high.push_back(std::max(share.high, share.share()));
    }
    if (kl.x.empty()) continue;
    kl.markers = kl.x.size() == 1;
    top.markers = kl.markers;
    divergence.marks.emplace_back(std::move(kl));
    same.marks.emplace_back(std::move(top));
  }
  if (divergence.marks.empty()) fail_without_fidelity(source);
  figure.title = "Divergence from the full cache by decode step";
  figure.rows = 2;
  figure.share_x = true;
  figure.panels = {std::move(divergence), std::move(same)};
  figure.remarks.emplace_back(
      share_bands ? "Lines: means over samples; bands: 95 % interval, Student's and Wilson's."
      : bands     ? "Lines: means over samples; bands: 95 % interval (Student's t)."
                  : "Lines: means over samples; with three runs or fewer, bands.");
  if (cut) {
    figure.remarks.emplace_back(
        "Lines end where fewer than half of the samples, or fewer than three, go on.");
  }
  remark_drops(runs, t::Fidelity::kName, figure);
  return figure;
}

// [run][layer][sample]: mean over the shown steps of lost_attention.mean.
std::vector<std::vector<std::vector<double>>> lost_by_layer(const std::vector<RunChoice>& runs) {
  constexpr int16_t kMostLayers = 10000;
  std::vector<std::vector<std::vector<double>>> lost(runs.size());
  struct Sum {
    double sum = 0;
    int64_t steps = 0;
  };
  std::map<int16_t, Sum> pass;  // by layer
  size_t run = 0;
  int32_t sample = -1;
  const auto close = [&] {
    for (const auto& [layer, sum] : pass) {
      auto& layers = lost[run];
      layers.resize(std::max(layers.size(), static_cast<size_t>(layer) + 1));
      layers[static_cast<size_t>(layer)].push_back(sum.sum / static_cast<double>(sum.steps));
    }
    pass.clear();
  };
  // A pass's rows lie together.
  for_each_row_of<t::LostAttention>(
      runs, &t::Passes::lost_attention_end,
      [&](size_t of, const t::LostAttention& block, size_t i) {
        if (of != run || block.sample[i] != sample) close();
        run = of;
        sample = block.sample[i];
        const Source& source = runs[of].source();
        const int16_t layer = block.layer[i];
        if (layer < 0 || layer > kMostLayers) {
          fail("a row of table 'lost_attention' of {} has layer {}; the file is damaged",
               source.trace.path(), layer);
        }
        if (!source.selection.step(block.step[i]) || !source.selection.layer(layer)) return;
        pass[layer].sum += static_cast<double>(block.mean[i]);
        ++pass[layer].steps;
      });
  close();
  return lost;
}

// More lines than these are not told apart: a map shows more runs.
constexpr size_t kMostFidelityLines = 6;

void add_lost_lines(plot::Panel& panel, const std::vector<RunChoice>& runs,
                    const std::vector<std::vector<std::vector<double>>>& lost) {
  constexpr size_t kMostMarkers = 24;
  panel.x = {.label = "Layer", .format = plot::Format::count};
  panel.y = {.label = "Attention lost", .format = plot::Format::percent, .from_zero = true};
  for (size_t run = 0; run < runs.size(); ++run) {
    plot::Line line{.series = runs[run].series, .markers = lost[run].size() <= kMostMarkers};
    for (size_t layer = 0; layer < lost[run].size(); ++layer) {
      const std::optional<SampleMean> mean = sample_mean(lost[run][layer], 0, 1);
      if (!mean) continue;
      line.x.push_back(static_cast<double>(layer));
      line.y.push_back(mean->mean);
      if (runs.size() > kMostBands) continue;
      line.low.push_back(mean->interval ? mean->interval->low : mean->mean);
      line.high.push_back(mean->interval ? mean->interval->high : mean->mean);
    }
    if (!line.x.empty()) panel.marks.emplace_back(std::move(line));
  }
}

void add_lost_map(plot::Panel& panel, const std::vector<RunChoice>& runs,
                  const std::vector<std::vector<std::vector<double>>>& lost) {
  plot::HeatMap map{.rows = runs.size(), .format = plot::Format::percent};
  for (const auto& layers : lost) map.columns = std::max(map.columns, layers.size());
  map.values.assign(map.rows * map.columns, std::numeric_limits<float>::quiet_NaN());
  for (size_t run = 0; run < runs.size(); ++run) {
    panel.y.categories.push_back(runs[run].series);
    for (size_t layer = 0; layer < lost[run].size(); ++layer) {
      const std::optional<SampleMean> mean = sample_mean(lost[run][layer], 0, 1);
      if (mean) map.values[run * map.columns + layer] = static_cast<float>(mean->mean);
    }
  }
  map.x0 = -0.5;
  map.x1 = static_cast<double>(map.columns) - 0.5;
  map.y0 = -0.5;
  map.y1 = static_cast<double>(map.rows) - 0.5;
  map.low = 0;
  map.value_label = "Attention lost";
  panel.x = {.label = "Layer", .format = plot::Format::count};
  panel.y.reversed = true;
  panel.marks.emplace_back(std::move(map));
}

// By layer and run: mean over samples of the mean over steps of the share of the probability mass,
// mean over query heads, that the full cache puts on positions which the run has evicted. Lines,
// with Student's 95 % interval as a band where there are three at most; a map of more than six.
plot::Figure lost_attention(const FigureSource& source) {
  plot::Figure figure;
  const std::vector<RunChoice> runs =
      runs_with_rows<t::LostAttention>(source, &t::Passes::lost_attention_end, figure);
  const auto lost = lost_by_layer(runs);
  plot::Panel panel;
  if (runs.size() <= kMostFidelityLines) {
    add_lost_lines(panel, runs, lost);
  } else {
    add_lost_map(panel, runs, lost);
    // A row of the map is to be as high as its run's name.
    constexpr double kBesideTheMap = 0.5;
    constexpr double kRow = 0.06;
    figure.aspect = std::min(kBesideTheMap + kRow * static_cast<double>(runs.size()), 1.5);
  }
  const bool any = std::any_of(lost.begin(), lost.end(), [](const auto& run) {
    return std::any_of(run.begin(), run.end(), [](const auto& layer) { return !layer.empty(); });
  });
  if (!any) fail_without_fidelity(source);
  figure.title = "Attention lost to eviction, by layer";
  figure.panels.push_back(std::move(panel));
  figure.remarks.emplace_back(runs.size() <= kMostBands
                                  ? "Means over samples of means over steps; bands: 95 % interval "
                                    "(Student's t)."
                                  : "Means over samples of means over steps.");
  remark_drops(runs, t::LostAttention::kName, figure);
  return figure;
}

}  // namespace

std::vector<FigureDefinition> fidelity_figures() {
  return {{{.name = "fidelity-budget",
            .meaning = "Divergence of every run from the full cache against its mean budget",
            .needs = kNeedsFidelity},
           fidelity_budget},
          {{.name = "fidelity-steps",
            .meaning = "Divergence from the full cache, and same top tokens, by decode step",
            .needs = kNeedsFidelity},
           fidelity_steps},
          {{.name = "lost-attention",
            .meaning = "Attention of the full cache on evicted positions, by layer and run",
            .needs = kNeedsFidelity},
           lost_attention}};
}

}  // namespace kvreel::exports
