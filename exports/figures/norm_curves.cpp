// norm-curves: how far the attention norm drops as candidates go, layer by layer.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "exports/figures/decision_data.h"
#include "exports/figures/decision_figures.h"
#include "exports/tables/statistics.h"

namespace kvreel::exports {
namespace {

// More lines than this are no longer told apart: a band replaces them.
constexpr size_t kMostLines = 8;

struct Curve {
  PrefillDecision decision;  // of the first KV head that was cut by it
  std::vector<float> distance;
};

std::string curve_name(const PrefillDecision& decision, bool by_head) {
  std::string name = fmt::format("layer {}", decision.layer);
  if (by_head) name += fmt::format(", KV head {}", decision.kv_head);
  if (decision.exempt()) name += " (exempt)";
  return name;
}

// The first run that has a curve in one of the chosen samples, and leaves only samples that have.
RunChoice run_with_curves(const FigureSource& source, std::vector<RunChoice> runs) {
  namespace t = kvreel::tracer;
  std::vector<std::set<int32_t>> samples(runs.size());
  for_each_row_of<t::Decisions>(runs, &t::Passes::decisions_end,
                                [&](size_t run, const t::Decisions& block, size_t i) {
                                  if (block.step[i] == 0 && block.curve[i] >= 0)
                                    samples[run].insert(block.sample[i]);
                                });
  for (size_t i = 0; i < runs.size(); ++i) {
    if (samples[i].empty()) continue;
    std::erase_if(runs[i].passes,
                  [&](const PassAt& pass) { return !samples[i].contains(pass.sample); });
    return std::move(runs[i]);
  }
  fail("{}: no run{} measured norm curves{}; record one that does, such as --policy refreekv.",
       paths_of(runs), source.options.filter.runs.empty() ? "" : " that was asked for",
       source.options.filter.samples.empty() ? "" : " in the samples asked for");
}

std::vector<Curve> curves_of(const RunChoice& run, const PassAt& pass) {
  const bool base_all = base_is_all(run.info);
  std::vector<Curve> curves;
  for (PrefillDecision& decision : read_decisions(run.source(), pass).at_prefill) {
    if (decision.curve < 0) continue;
    // KV heads that are cut together share one.
    const bool again = !curves.empty() && curves.back().decision.layer == decision.layer &&
                       curves.back().decision.curve == decision.curve;
    if (again) continue;
    std::vector<float> distance = read_curve(run.source(), decision, base_all);
    curves.push_back({std::move(decision), std::move(distance)});
  }
  return curves;
}

plot::Line line_of(const Curve& curve, const std::string& name) {
  plot::Line line{.series = name, .x = {}, .y = {}, .low = {}, .high = {}};
  for (size_t i = 0; i < curve.distance.size(); ++i) {
    line.x.push_back(static_cast<double>(i));
    line.y.push_back(curve.distance[i]);  // a drop of 0 is a gap on the logarithmic axis
  }
  if (curve.decision.exempt()) line.weight = 0.6;  // its threshold decides nothing
  return line;
}

// Median and p10 to p90 over curves, at every count of candidates that half of them reach.
plot::Line band_of(const std::vector<Curve>& curves) {
  plot::Line band{
      .series = "median, p10 to p90 of layers", .x = {}, .y = {}, .low = {}, .high = {}};
  band.ink = plot::Ink::neutral;
  for (size_t i = 0;; ++i) {
    std::vector<double> drops;
    for (const Curve& curve : curves) {
      if (i < curve.distance.size()) drops.push_back(curve.distance[i]);
    }
    if (drops.empty() || 2 * drops.size() < curves.size()) break;
    const std::optional<Spread> spread = spread_of(std::move(drops));
    if (!spread) break;
    band.x.push_back(static_cast<double>(i));
    band.y.push_back(spread->median);
    band.low.push_back(spread->p10);
    band.high.push_back(spread->p90);
  }
  return band;
}

// The layer whose halt is named: the one asked for, else the first that halts by threshold and
// evicts, else the first with a curve.
const Curve& chosen_curve(const FigureSource& source, const RunChoice& run,
                          const std::vector<Curve>& curves, const std::string& sample) {
  if (const std::optional<int32_t> layer = source.options.filter.layer) {
    for (const Curve& curve : curves) {
      if (curve.decision.layer == *layer) return curve;
    }
    fail("Run '{}' of {} measured no norm curve in layer {} of sample '{}'.", run.info.name,
         run.source().trace.path(), *layer, sample);
  }
  for (const bool must_evict : {true, false}) {
    for (const Curve& curve : curves) {
      if (curve.decision.by_threshold() && (curve.decision.cut > 0 || !must_evict)) return curve;
    }
  }
  return curves.front();
}

// The lowest power of ten that is shown: two below the threshold, or all where there is none.
std::optional<double> lowest_shown(double threshold) {
  if (!(threshold > 0)) return std::nullopt;
  return std::pow(10.0, std::floor(std::log10(threshold)) - 2);
}

// A mark at the cut: the number of candidates that went, and the drop that they made.
void add_cut(plot::Panel& panel, const Curve& curve, const std::string& series) {
  const auto cut = static_cast<size_t>(std::max(curve.decision.cut, 0));
  if (!curve.decision.by_threshold() || cut >= curve.distance.size()) return;
  if (!(curve.distance[cut] > 0)) return;  // nothing went, or nothing that had any weight
  plot::Points points{
      .series = series, .x = {static_cast<double>(cut)}, .y = {curve.distance[cut]}};
  points.in_legend = false;
  panel.marks.emplace_back(std::move(points));
}

void add_halt_note(plot::Panel& panel, const Curve& curve, const std::string& halt) {
  const auto cut = static_cast<size_t>(std::max(curve.decision.cut, 0));
  if (halt.empty() || cut >= curve.distance.size()) return;
  // Where nothing went, the drop that the first candidate would have made.
  const double drop = curve.distance[cut] > 0 || cut + 1 >= curve.distance.size()
                          ? curve.distance[cut]
                          : curve.distance[cut + 1];
  if (!(drop > 0)) return;
  // The side that has more room.
  const bool to_the_left = 2 * cut > curve.distance.size();
  panel.marks.emplace_back(
      plot::Note{.x = static_cast<double>(cut),
                 .y = drop,
                 .text = fmt::format("layer {} halts at {}", curve.decision.layer, halt),
                 .dx = to_the_left ? -2.0 : 2.0,
                 .dy = 3,
                 .framed = true});
}

}  // namespace

// One sample of one run. A line for each layer's curve, value i (x): the drop of the norm,
// 1 - S_i / F, when the first i candidates of the layer's ranking are gone (ReFreeKV, eq. 3), with
// the base F that the run's cuts were made on. With more than eight curves: the median and the 10th
// and 90th percentile over the layers that are not exempt, at each i, and the chosen layer's line.
// Points: the cut, i = candidates evicted. Rule: the threshold T. Drops of 0 have no place on the
// axis.
plot::Figure norm_curves(const FigureSource& source) {
  require_one_trace(source, "norm-curves");
  plot::Figure figure;
  const RunChoice run = run_with_curves(source, chosen_runs(source));
  remark_run(source, run, figure);
  add_shown_runs({&run, 1}, figure);
  const std::string sample = one_sample(source, {run}, figure);
  const PassAt pass = *run.pass_of(sample);
  const std::vector<Curve> curves = curves_of(run, pass);
  const Curve& chosen = chosen_curve(source, run, curves, sample);
  const double threshold = chosen.decision.threshold;

  bool by_head = false;  // two curves of one layer
  for (size_t i = 1; i < curves.size(); ++i)
    by_head = by_head || curves[i - 1].decision.layer == curves[i].decision.layer;

  figure.title = fmt::format("Drop of the norm in sample {}: {}", shown(sample, 40), run.series);
  plot::Panel panel;
  panel.x = {.label = "Candidates evicted", .format = plot::Format::count};
  panel.y = {
      .label = "Drop of the norm", .format = plot::Format::percent, .scale = plot::Scale::log};
  panel.y.high = 1;
  panel.y.low = lowest_shown(threshold);

  if (curves.size() <= kMostLines) {
    for (const Curve& curve : curves)
      panel.marks.emplace_back(line_of(curve, curve_name(curve.decision, by_head)));
  } else {
    std::vector<Curve> deciding;
    std::copy_if(curves.begin(), curves.end(), std::back_inserter(deciding),
                 [](const Curve& curve) { return !curve.decision.exempt(); });
    const std::vector<Curve>& banded = deciding.empty() ? curves : deciding;
    panel.marks.emplace_back(band_of(banded));
    panel.marks.emplace_back(line_of(chosen, curve_name(chosen.decision, by_head)));
    figure.remarks.push_back(fmt::format(
        "Band over {} curves{}.", banded.size(),
        banded.size() < curves.size()
            ? fmt::format("; those of {} exempt layers are left out", curves.size() - banded.size())
            : ""));
  }
  if (threshold > 0) {
    panel.marks.emplace_back(plot::Rule{.at = threshold, .label = threshold_text(threshold)});
  }
  for (const Curve& curve : curves) {
    if (curves.size() <= kMostLines || &curve == &chosen)
      add_cut(panel, curve, curve_name(curve.decision, by_head));
  }
  add_halt_note(panel, chosen, halt_text(run.source(), pass, chosen.decision));
  if (!source.options.filter.layer && curves.size() > 1) {
    figure.remarks.push_back(
        fmt::format("Halting token of layer {}; --layer names another's.", chosen.decision.layer));
  }
  figure.panels.push_back(std::move(panel));
  return figure;
}

}  // namespace kvreel::exports
