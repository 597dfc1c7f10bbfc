// Figures of attention norms by layer and head.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exports/figures/definitions.h"
#include "exports/figures/pass_choice.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

struct Measure {
  std::string_view title;
  std::vector<float> t::Attention::*column;
  plot::Format format;
};
constexpr std::array<Measure, 3> kMeasures = {
    Measure{"Norm of the last row", &t::Attention::last_row_norm, plot::Format::number},
    Measure{"Mean entropy (nat)", &t::Attention::mean_entropy, plot::Format::number},
    Measure{"Mass on the first 4 keys", &t::Attention::last_row_sinks, plot::Format::percent}};

// Sums of one pass, then of all passes, by layer and head.
struct Means {
  std::array<double, kMeasures.size()> sums{};
  std::array<int64_t, kMeasures.size()> counts{};

  void add(size_t measure, double value) {
    if (std::isnan(value)) return;
    sums[measure] += value;
    ++counts[measure];
  }
  double mean(size_t measure) const { return sums[measure] / static_cast<double>(counts[measure]); }
};
using ByHead = std::map<std::pair<int32_t, int32_t>, Means>;  // by (layer, head)

struct Steps {
  int32_t first = 0, last = 0;
  bool has(int32_t step) const { return step >= first && step <= last; }
};

// Prefill, unless steps were asked for.
Steps steps_shown(const FigureSource& source) {
  const Filter& filter = source.options.filter;
  const bool asked = filter.first_step > 0 || filter.last_step != Filter{}.last_step;
  return asked ? Steps{filter.first_step, filter.last_step} : Steps{};
}

// By run: means over the run's passes of each pass's mean over steps.
std::vector<ByHead> means_of(const std::vector<RunChoice>& runs, Steps steps) {
  std::vector<ByHead> means(runs.size());
  ByHead pass;
  int32_t sample = -1;
  size_t run = 0;
  const auto close = [&] {
    for (const auto& [where, sums] : pass) {
      for (size_t i = 0; i < kMeasures.size(); ++i) {
        if (sums.counts[i] > 0) means[run][where].add(i, sums.mean(i));
      }
    }
    pass.clear();
  };
  // A pass's rows lie together.
  for_each_row_of<t::Attention>(
      runs, &t::Passes::attention_end, [&](size_t of, const t::Attention& block, size_t i) {
        if (of != run || block.sample[i] != sample) close();
        run = of;
        sample = block.sample[i];
        const Source& source = runs[of].source();
        if (!steps.has(block.step[i]) || !source.selection.layer(block.layer[i])) return;
        if (block.layer[i] < 0 || block.head[i] < 0) {
          fail("a row of table 'attention' of {} has layer {} and head {}; the file is damaged",
               source.trace.path(), block.layer[i], block.head[i]);
        }
        Means& sums = pass[{block.layer[i], block.head[i]}];
        for (size_t measure = 0; measure < kMeasures.size(); ++measure)
          sums.add(measure, (block.*kMeasures[measure].column)[i]);
      });
  close();
  return means;
}

plot::HeatMap heat_map(const ByHead& means, size_t measure, const std::string& path) {
  plot::HeatMap map;
  const int32_t first = means.begin()->first.first;
  const int32_t last = means.rbegin()->first.first;
  int32_t heads = 0;
  for (const auto& [where, sums] : means) heads = std::max(heads, where.second + 1);
  map.rows = static_cast<size_t>(last - first + 1);
  map.columns = static_cast<size_t>(heads);
  // Before memory is taken for what a damaged row claims.
  constexpr size_t kMostCells = size_t{1} << 22;
  if (map.rows * map.columns > kMostCells) {
    fail("table 'attention' of {} has rows of {} layers and {} heads; the file is damaged", path,
         map.rows, map.columns);
  }
  map.values.assign(map.rows * map.columns, std::numeric_limits<float>::quiet_NaN());
  for (const auto& [where, sums] : means) {
    if (sums.counts[measure] == 0) continue;
    const size_t row = static_cast<size_t>(where.first - first);
    map.values[row * map.columns + static_cast<size_t>(where.second)] =
        static_cast<float>(sums.mean(measure));
  }
  map.x0 = -0.5;
  map.x1 = heads - 0.5;
  map.y0 = first - 0.5;
  map.y1 = last + 0.5;
  map.format = kMeasures[measure].format;
  map.value_label = kMeasures[measure].title;
  return map;
}

// Heat maps of layers by query heads, one for each measure of table `attention`; a row of panels
// for each run.
//
// Cell: mean over the run's samples of the mean over the shown steps of (a) last_row_norm, the L2
// norm of the step's last query row over all cached keys; (b) mean_entropy, in nats, of the step's
// query rows; (c) last_row_sinks, the last row's probability mass on the first 4 cached keys. By
// default the step is prefill, where attention is the same under every policy: one run is shown.
plot::Figure attention_norms(const FigureSource& source) {
  plot::Figure figure;
  const Steps steps = steps_shown(source);
  std::vector<RunChoice> runs = chosen_runs(source);
  std::vector<ByHead> means = means_of(runs, steps);
  for (size_t i = runs.size(); i-- > 0;) {
    if (!means[i].empty()) continue;
    means.erase(means.begin() + static_cast<std::ptrdiff_t>(i));
    runs.erase(runs.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (runs.empty()) {
    const std::vector<RunChoice> asked = chosen_runs(source);
    const PassAt& pass = asked.front().passes.front();
    const size_t owner = asked.front().source().passes.prefill_owner(pass.row);
    if (owner != pass.row && steps.first == 0) {
      const Source& of = asked.front().source();
      fail(
          "run '{}' of {} shares the prefill of run '{}', which has its attention: ask for that "
          "one with --run",
          asked.front().info.name, of.trace.path(), of.labels.run(of.passes.run[owner]));
    }
    fail(
        "{} has no attention norms of the runs, samples, layers and steps asked for: kvreel record "
        "writes them unless --no-norms is given, those of decode steps with --decode-norms only.",
        paths_of(chosen_runs(source)));
  }
  const bool prefill_only = steps.last == 0;
  if (source.options.filter.runs.empty() && !source.several() && runs.size() > 1) {
    if (prefill_only) {
      figure.remarks.push_back("Prefill's attention is the same in all runs.");
    } else {
      remark_run(source, runs.front(), figure);
    }
    runs.resize(1);
    means.resize(1);
  }
  figure.title = fmt::format("Attention by layer and query head, {}",
                             prefill_only                ? std::string("end of prefill")
                             : steps.first == steps.last ? fmt::format("step {}", steps.first)
                             : steps.last == Filter{}.last_step
                                 ? fmt::format("steps from {}", steps.first)
                                 : fmt::format("steps {} to {}", steps.first, steps.last));
  rename_runs(runs);
  remark_counts(runs, figure);
  add_shown_runs(runs, figure);
  remark_drops(runs, t::Attention::kName, figure);
  figure.rows = runs.size();
  figure.columns = kMeasures.size();
  figure.share_x = true;
  figure.share_y = true;
  figure.may_stack = true;
  for (size_t run = 0; run < runs.size(); ++run) {
    for (size_t measure = 0; measure < kMeasures.size(); ++measure) {
      plot::Panel panel;
      if (runs.size() > 1 && measure == 0) panel.title = runs[run].series;
      panel.x = {.label = "Query head", .format = plot::Format::count};
      panel.y = {.label = "Layer", .format = plot::Format::count, .reversed = true};
      plot::HeatMap map = heat_map(means[run], measure, runs[run].source().trace.path());
      panel.height = std::clamp(static_cast<double>(map.rows) / 16, 1.0, 1.5);
      panel.marks.emplace_back(std::move(map));
      figure.panels.push_back(std::move(panel));
    }
  }
  return figure;
}

}  // namespace

std::vector<FigureDefinition> attention_figures() {
  return {{{"attention-norms", "Norm, entropy and mass on the sinks, by layer and query head",
            "attention norms, which are recorded unless --no-norms is given"},
           attention_norms}};
}

}  // namespace kvreel::exports
