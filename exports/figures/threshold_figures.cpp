// Figures of what a threshold does to budget and score.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "exports/figures/budgets.h"
#include "exports/figures/definitions.h"
#include "exports/figures/scores.h"
#include "exports/figures/threshold_series.h"
#include "exports/tables/statistics.h"

namespace kvreel::exports {
namespace {

using plot::Figure;
using plot::Line;
using plot::Panel;
using plot::Points;

// Where lines that are known everywhere are drawn: 100 thresholds a decade, 0.1 % to 10 %, and what
// was recorded.
std::vector<double> threshold_grid(const ThresholdData& data) {
  double low = 0.001;
  double high = 0.1;
  std::vector<double> grid;
  for (const ThresholdSeries& series : data.series) {
    for (const double threshold : series.thresholds()) {
      if (threshold <= 0) continue;  // not on a logarithmic axis
      low = std::min(low, threshold);
      high = std::max(high, threshold);
      grid.push_back(threshold);
    }
  }
  constexpr int kPerDecade = 100;
  const int first = static_cast<int>(std::ceil(kPerDecade * std::log10(low) - 1e-9));
  const int last = static_cast<int>(std::floor(kPerDecade * std::log10(high) + 1e-9));
  for (int i = first; i <= last; ++i)
    grid.push_back(std::pow(10.0, static_cast<double>(i) / kPerDecade));
  std::sort(grid.begin(), grid.end());
  // A recorded threshold of 1 % and 10^-2 may differ in the last bit.
  grid.erase(
      std::unique(grid.begin(), grid.end(), [](double a, double b) { return b - a < 1e-12 * b; }),
      grid.end());
  return grid;
}

plot::Axis threshold_axis() {
  return {.label = "Threshold T", .format = plot::Format::percent, .scale = plot::Scale::log};
}

// Runs at T = 0 have no place on a logarithmic axis.
std::vector<FigureRun> shown_runs(const ThresholdSeries& series) {
  std::vector<FigureRun> runs = series.runs;
  std::erase_if(runs, [](const FigureRun& run) { return *run.threshold <= 0; });
  return runs;
}

void remark_on_zero(const ThresholdData& data, std::vector<std::string>& remarks) {
  for (const ThresholdSeries& series : data.series) {
    for (const FigureRun& run : series.runs) {
      if (*run.threshold > 0) continue;
      remarks.push_back("Runs with a threshold of 0 are not on the logarithmic axis.");
      return;
    }
  }
}

std::string budget_label(const FigureSource& source) {
  const std::optional<int32_t>& layer = source.options.filter.layer;
  return layer ? fmt::format("Budget of layer {}", *layer) : "Budget";
}

// Mean budget against threshold. Line: for every threshold T of the grid, the mean over samples of
// the budget at T (budgets.h: mean over layers of kept / prompt positions), read off the recorded
// norm curves of the family's first run. Band, where there is one series: the 10th to 90th
// percentile over samples. Marks: the mean over the same samples of the budget that each run
// recorded.
Panel budget_panel(const FigureSource& source, const ThresholdData& data) {
  Panel panel;
  panel.x = threshold_axis();
  panel.y = {.label = budget_label(source), .format = plot::Format::percent, .from_zero = true};
  const std::vector<double> grid = threshold_grid(data);
  std::vector<plot::Mark> marks;
  for (const ThresholdSeries& series : data.series) {
    const auto budgets = budgets_at(series.runs.front(), *series.passes, series.samples, grid);
    Line line{.series = series.name, .x = grid};
    const bool band = data.series.size() == 1 && series.samples.size() > 1;
    for (size_t i = 0; i < grid.size(); ++i) {
      std::vector<double> of_samples;
      for (const std::vector<double>& sample : budgets) of_samples.push_back(sample[i]);
      const Spread spread = spread_of(std::move(of_samples)).value_or(Spread{});
      line.y.push_back(spread.mean);
      if (!band) continue;
      line.low.push_back(spread.p10);
      line.high.push_back(spread.p90);
    }
    panel.marks.emplace_back(std::move(line));

    Points points{.series = series.name, .in_legend = false};
    for (const FigureRun& run : shown_runs(series)) {
      const auto spread = spread_of(recorded_budgets(run, *series.passes, series.samples));
      points.x.push_back(*run.threshold);
      points.y.push_back(spread ? spread->mean : plot::kNone);
    }
    if (!points.x.empty()) marks.emplace_back(std::move(points));
  }
  for (plot::Mark& mark : marks) panel.marks.push_back(std::move(mark));
  return panel;
}

void remark_on_budgets(const ThresholdData& data, std::vector<std::string>& remarks) {
  remarks.push_back("Lines: read off the recorded norm curves. Marks: recorded runs.");
  if (data.series.size() == 1 && data.series[0].samples.size() > 1)
    remarks.push_back("Band: 10th to 90th percentile over samples.");
}

// Error bars of more series would hide each other.
constexpr size_t kMostIntervals = 3;

// A line through the values of runs at their thresholds, with their intervals where `with_bars`.
void add_scores(Panel& panel, const std::string& name, const std::vector<double>& thresholds,
                const std::vector<Score>& scores, bool with_bars) {
  Line line{.series = name, .x = thresholds, .markers = !with_bars};
  Points points{.series = name, .x = thresholds, .in_legend = false};
  for (const Score& score : scores) {
    line.y.push_back(score.value);
    points.y.push_back(score.value);
    points.y_low.push_back(score.low);
    points.y_high.push_back(score.high);
  }
  panel.marks.emplace_back(std::move(line));
  if (with_bars) panel.marks.emplace_back(std::move(points));
}

// Says where not every sample has a score.
void remark_on_answers(const ThresholdSeries& series, const Score& score,
                       std::vector<std::string>& remarks) {
  if (score.n == static_cast<int64_t>(series.samples.size())) return;
  remarks.push_back(fmt::format("Scores{} are of the {} samples that have answers.",
                                series.name.empty() ? "" : " of " + series.name, score.n));
}

// Says whose scores the figure lacks, and fails where it lacks all.
void remark_on_missing(const ThresholdData& data, const std::vector<std::string>& missing,
                       const char* why, std::vector<std::string>& remarks) {
  if (missing.size() == data.series.size()) {
    const ThresholdSeries& first = data.series.front();
    if (!score_of(*first.passes, first.runs.front().run, first.samples))
      fail_without_answers(*first.runs.front().trace);
    fail(
        "run '{}' of {} answers none of the samples right, so that no share of its score can be "
        "retained; draw 'threshold-score' instead, or name another run with --reference",
        first.reference->name, first.reference->trace->source.trace.path());
  }
  for (const std::string& name : missing)
    remarks.push_back(fmt::format("{} is left out: {}.", name.empty() ? "A series" : name, why));
}

// Score of every run (scores.h: exact match, the share of samples with answers whose text equals
// one) against its threshold, with Wilson's 95 % interval; the full cache's score as a rule, and
// those of runs without a threshold where there are few.
Panel score_panel(const ThresholdData& data, std::vector<std::string>& remarks) {
  Panel panel;
  panel.x = threshold_axis();
  panel.y = {.label = std::string(kScoreName), .format = plot::Format::percent};
  const bool with_bars = data.series.size() <= kMostIntervals;
  std::vector<std::string> missing;
  for (const ThresholdSeries& series : data.series) {
    std::vector<double> thresholds;
    std::vector<Score> scores;
    for (const FigureRun& run : shown_runs(series)) {
      const auto score = score_of(*series.passes, run.run, series.samples);
      if (!score) continue;
      thresholds.push_back(*run.threshold);
      scores.push_back(*score);
    }
    if (scores.empty()) {
      missing.push_back(series.name);
      continue;
    }
    add_scores(panel, series.name, thresholds, scores, with_bars);
    remark_on_answers(series, scores.front(), remarks);
  }
  remark_on_missing(data, missing, "its samples have no answers", remarks);
  remarks.push_back(with_bars ? "Bars: Wilson's 95 % interval."
                              : "Intervals are left out: those of so many series would hide each "
                                "other.");
  return panel;
}

// What no threshold moves, as rules.
void add_rules(Panel& panel, const ThresholdData& data, std::vector<std::string>& remarks) {
  const ThresholdSeries& first = data.series.front();
  if (!data.one_plane) return;
  const auto rule = [&](const FigureRun& run, const std::string& label, plot::Dash dash) {
    const auto score = score_of(*first.passes, run.run, first.samples);
    if (!score) return;
    panel.marks.emplace_back(
        plot::Rule{.at = score->value, .label = label, .ink = plot::Ink::neutral, .dash = dash});
  };
  std::vector<FigureRun> fixed = first.others;
  std::erase_if(fixed, [](const FigureRun& run) { return run.is_full(); });
  constexpr size_t kMostRules = 4;
  if (first.reference) {
    const std::string name = plot::escape_markup(first.reference->name);
    rule(*first.reference, first.reference->is_full() ? "full cache" : name, plot::Dash::dashed);
  }
  if (fixed.size() > kMostRules) {
    remarks.push_back(
        "Runs without a threshold are left out: there are too many; choose some "
        "with --runs.");
    return;
  }
  std::vector<FigureRun> named = fixed;
  named.push_back(first.runs.front());  // so that the policy is said
  const std::vector<std::string> names = short_names(named);
  for (size_t i = 0; i < fixed.size(); ++i) rule(fixed[i], names[i], plot::Dash::dotted);
}

// Score of every run / the reference's score, both over the same samples, against its threshold;
// the interval is that of a ratio of paired proportions (scores.h).
Panel retention_panel(const ThresholdData& data, std::vector<std::string>& remarks) {
  Panel panel;
  panel.x = threshold_axis();
  panel.y = {.label = "Score retained", .format = plot::Format::percent};
  const bool with_bars = data.series.size() <= kMostIntervals;
  std::vector<std::string> missing;
  const FigureRun& reference = *data.series.front().reference;
  panel.marks.emplace_back(
      plot::Rule{.at = 1,
                 .label = reference.is_full() ? "full cache" : plot::escape_markup(reference.name),
                 .ink = plot::Ink::neutral,
                 .dash = plot::Dash::dashed});
  for (const ThresholdSeries& series : data.series) {
    std::vector<double> thresholds;
    std::vector<Score> scores;
    for (const FigureRun& run : shown_runs(series)) {
      const auto score =
          retention_of(*series.passes, run.run, series.reference->run, series.samples);
      if (!score) continue;
      thresholds.push_back(*run.threshold);
      scores.push_back(*score);
    }
    if (scores.empty()) {
      missing.push_back(series.name);
      continue;
    }
    add_scores(panel, series.name, thresholds, scores, with_bars);
    remark_on_answers(series, scores.front(), remarks);
  }
  remark_on_missing(data, missing,
                    "its samples have no answers, or the reference answers none of them right",
                    remarks);
  remarks.push_back(fmt::format(
      "Score retained: {} of the run / of '{}', over the same samples.{}", "exact match",
      reference.name,
      with_bars ? " Bars: 95 % interval of a paired ratio (Bonett and Price 2006)." : ""));
  return panel;
}

Figure begin(std::string title, const ThresholdData& data) {
  Figure figure;
  figure.title = std::move(title);
  figure.remarks = data.remarks;
  figure.metadata = data.metadata;
  remark_on_zero(data, figure.remarks);
  return figure;
}

Figure threshold_budget(const FigureSource& source) {
  const ThresholdData data = threshold_data(source, Beside::nothing, false);
  Figure figure = begin("Budget by threshold", data);
  figure.panels.push_back(budget_panel(source, data));
  remark_on_budgets(data, figure.remarks);
  return figure;
}

Figure threshold_score(const FigureSource& source) {
  const ThresholdData data = threshold_data(source, Beside::all_others, false);
  Figure figure = begin("Score by threshold", data);
  figure.panels.push_back(score_panel(data, figure.remarks));
  add_rules(figure.panels[0], data, figure.remarks);
  return figure;
}

Figure retention(const FigureSource& source) {
  const ThresholdData data = threshold_data(source, Beside::reference, true);
  Figure figure = begin("Score retained by threshold", data);
  figure.panels.push_back(retention_panel(data, figure.remarks));
  return figure;
}

Figure threshold(const FigureSource& source) {
  const ThresholdData data = threshold_data(source, Beside::reference, true);
  Figure figure = begin("Score retained and budget by threshold", data);
  figure.rows = 2;
  figure.share_x = true;
  figure.panels.push_back(retention_panel(data, figure.remarks));
  figure.panels.push_back(budget_panel(source, data));
  remark_on_budgets(data, figure.remarks);
  return figure;
}

constexpr std::string_view kNeedsCurves = "a policy with a threshold, such as --policy refreekv";
constexpr std::string_view kNeedsScores =
    "prompts with answers, --policy refreekv:threshold=0.5%,1%,2%";
constexpr std::string_view kNeedsReference =
    "prompts with answers, --policy full, --policy refreekv:threshold=0.5%,1%,2%";

}  // namespace

std::vector<FigureDefinition> threshold_figures() {
  return {{{"threshold", "Score retained and budget against the threshold, one above the other",
            kNeedsReference},
           threshold},
          {{"threshold-budget", "Mean budget at every threshold, read off the recorded norm curves",
            kNeedsCurves},
           threshold_budget},
          {{"threshold-score", "Score of runs against their thresholds", kNeedsScores},
           threshold_score},
          {{"retention", "Score of runs, as a share of the full cache's, against their thresholds",
            kNeedsReference},
           retention}};
}

}  // namespace kvreel::exports
