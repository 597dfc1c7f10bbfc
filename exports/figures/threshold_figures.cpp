// Figures of what a threshold does to budget and score.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

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

// The thresholds that figures reach over: 0.1 % to 10 %, and what was recorded.
struct Reach {
  double low = 0.001;
  double high = 0.1;
};

Reach reach_of(const ThresholdData& data) {
  Reach reach;
  for (const ThresholdSeries& series : data.series) {
    for (const double threshold : series.thresholds()) {
      if (threshold <= 0) continue;  // not on a logarithmic axis
      reach.low = std::min(reach.low, threshold);
      reach.high = std::max(reach.high, threshold);
    }
  }
  return reach;
}

// Where lines that are known everywhere are drawn: 100 thresholds a decade, and what was recorded.
std::vector<double> threshold_grid(const ThresholdData& data) {
  const Reach reach = reach_of(data);
  std::vector<double> grid;
  for (const ThresholdSeries& series : data.series) {
    for (const double threshold : series.thresholds()) {
      if (threshold > 0) grid.push_back(threshold);
    }
  }
  const std::vector<double> recorded = grid;
  constexpr int kPerDecade = 100;
  const int first = static_cast<int>(std::ceil(kPerDecade * std::log10(reach.low) - 1e-9));
  const int last = static_cast<int>(std::floor(kPerDecade * std::log10(reach.high) + 1e-9));
  for (int i = first; i <= last; ++i) {
    const double threshold = std::pow(10.0, static_cast<double>(i) / kPerDecade);
    // A recorded threshold of 1 % and 10^-2 may differ in the last bit: the recorded one counts.
    const bool is_recorded = std::any_of(recorded.begin(), recorded.end(), [&](double other) {
      return std::abs(other - threshold) < 1e-12 * threshold;
    });
    if (!is_recorded) grid.push_back(threshold);
  }
  std::sort(grid.begin(), grid.end());
  grid.erase(std::unique(grid.begin(), grid.end()), grid.end());
  return grid;
}

// All figures of thresholds have one axis, so that they can be laid beside each other.
plot::Axis threshold_axis(const ThresholdData& data) {
  constexpr double kRoom = 1.2;  // so that marks at the ends are whole
  const Reach reach = reach_of(data);
  return {.label = "Threshold T",
          .format = plot::Format::percent,
          .scale = plot::Scale::log,
          .low = reach.low / kRoom,
          .high = reach.high * kRoom};
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

// Bands of several series would hide each other.
bool with_band(const ThresholdData& data) {
  return data.series.size() == 1 && data.series[0].samples.size() > 1;
}

// Mean budget against threshold. Line: for every threshold T of the grid, the mean over samples of
// the budget at T (budgets.h: mean over layers of kept / prompt positions), read off the recorded
// norm curves of the family's first run. Band, where there is one series: the 10th to 90th
// percentile over samples. Marks: the mean over the same samples of the budget that each run
// recorded.
Panel budget_panel(const FigureSource& source, const ThresholdData& data, size_t at) {
  Panel panel;
  panel.title = data.panels[at];
  panel.x = threshold_axis(data);
  panel.y = {
      .label = budget_label("Budget", source), .format = plot::Format::percent, .from_zero = true};
  const std::vector<double> grid = threshold_grid(data);
  std::vector<plot::Mark> marks;
  for (const ThresholdSeries& series : data.series) {
    if (series.panel != at) continue;
    const auto budgets = budgets_at(series.runs.front(), *series.passes, series.samples, grid);
    Line line{.series = series.name, .x = grid};
    const bool band = with_band(data);
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

    Points points{.series = series.name};
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
  if (with_band(data)) remarks.push_back("Band: 10th to 90th percentile over samples.");
}

// A family's line is read off the curves of its first run. Where layers decide independently its
// other runs have the same curves; a trace in which they do not, such as one recorded by a build
// that rounded otherwise, is told of.
void remark_on_curves(const ThresholdData& data, std::vector<std::string>& remarks) {
  constexpr double kRounding = 1e-9;  // of sums of a few hundred shares
  for (const ThresholdSeries& series : data.series) {
    const auto on_line =
        budgets_at(series.runs.front(), *series.passes, series.samples, series.thresholds());
    double most = 0;
    for (size_t run = 0; run < series.runs.size(); ++run) {
      const std::vector<double> recorded =
          recorded_budgets(series.runs[run], *series.passes, series.samples);
      for (size_t i = 0; i < recorded.size(); ++i)
        most = std::max(most, std::abs(recorded[i] - on_line[i][run]));
    }
    if (most <= kRounding) continue;
    remarks.push_back(fmt::format(
        "The line of {} is of its first run's curves; recorded budgets of samples differ from it "
        "by up to {:.2g} points.",
        series.name.empty() ? "all runs" : series.name, 100 * most));
  }
}

// A series' scores, or what it retains of them, where they are known.
struct ScoredSeries {
  const ThresholdSeries* series = nullptr;
  std::vector<double> thresholds;
  std::vector<Score> scores;
};

using ScoreOf = std::function<std::optional<Score>(const ThresholdSeries&, const FigureRun&)>;

// Remarks say which series have no scores and `why`, and which samples have none. Throws Error
// where no series has any.
std::vector<ScoredSeries> scored_series(const ThresholdData& data, const ScoreOf& score_of_run,
                                        const char* why, std::vector<std::string>& remarks) {
  std::vector<ScoredSeries> all;
  for (const ThresholdSeries& series : data.series) {
    ScoredSeries scored{.series = &series, .thresholds = {}, .scores = {}};
    for (const FigureRun& run : shown_runs(series)) {
      const std::optional<Score> score = score_of_run(series, run);
      if (!score) continue;
      scored.thresholds.push_back(*run.threshold);
      scored.scores.push_back(*score);
    }
    if (scored.scores.empty()) {
      remarks.push_back(fmt::format("{} is left out: {}.", series.name, why));
      continue;
    }
    const int64_t n = scored.scores.front().n;
    if (n != static_cast<int64_t>(series.samples.size())) {
      remarks.push_back(
          fmt::format("Scores of {} are of the {} samples that are scored.", series.name, n));
    }
    all.push_back(std::move(scored));
  }
  if (!all.empty()) return all;
  const ThresholdSeries& first = data.series.front();
  if (!score_of(*first.passes, first.runs.front().run, first.samples))
    fail_without_scores(*first.runs.front().trace, data.metric);
  if (!first.reference)
    fail("all runs of {} have a threshold of 0, which a logarithmic axis has no place for",
         first.runs.front().trace->source.trace.path());
  fail(
      "run '{}' of {} scores 0 in all of the samples, so that no share of its score can be "
      "retained; draw 'threshold-score' instead, or name another run with --reference",
      first.reference->name, first.reference->trace->source.trace.path());
}

// Error bars of more series would hide each other.
bool with_intervals(const ThresholdData& data) {
  constexpr size_t kMost = 3;
  return data.series.size() <= kMost * data.panels.size();
}

// Lines through the scores at their thresholds, with intervals where they can be told apart.
Panel scores_panel(const ThresholdData& data, const std::vector<ScoredSeries>& all,
                   std::string label, size_t at) {
  Panel panel;
  panel.title = data.panels[at];
  panel.x = threshold_axis(data);
  panel.y = {.label = std::move(label), .format = plot::Format::percent};
  const bool bars = with_intervals(data);
  for (const ScoredSeries& scored : all) {
    if (scored.series->panel != at) continue;
    Line line{.series = scored.series->name, .x = scored.thresholds, .markers = !bars};
    Points points{.series = scored.series->name, .x = scored.thresholds};
    for (const Score& score : scored.scores) {
      line.y.push_back(score.value);
      points.y.push_back(score.value);
      points.y_low.push_back(score.low);
      points.y_high.push_back(score.high);
    }
    panel.marks.emplace_back(std::move(line));
    if (bars) panel.marks.emplace_back(std::move(points));
  }
  return panel;
}

// What the bars of these scores are.
std::string bars_remark(const ThresholdData& data, const std::vector<ScoredSeries>& all) {
  if (!with_intervals(data))
    return "Intervals are left out: those of so many series would hide each other.";
  std::vector<IntervalKind> kinds;
  for (const ScoredSeries& scored : all) {
    for (const Score& score : scored.scores) kinds.push_back(score.kind);
  }
  return interval_remark(kinds);
}

// Scores of runs that no threshold moves, as rules, where one holds for the whole panel.
void add_rules(Figure& figure, const ThresholdData& data) {
  if (!data.one_plane) return;
  Panel& panel = figure.panels[0];
  const ThresholdSeries& first = data.series.front();
  const auto rule = [&](const FigureRun& run, const std::string& label, plot::Dash dash) {
    const auto score = score_of(*first.passes, run.run, first.samples);
    if (!score) return;
    panel.marks.emplace_back(
        plot::Rule{.at = score->value, .label = label, .ink = plot::Ink::neutral, .dash = dash});
  };
  if (first.reference) {
    const std::string name = plot::escape_markup(first.reference->name);
    rule(*first.reference, first.reference->is_full() ? "full cache" : name, plot::Dash::dashed);
  }
  std::vector<FigureRun> fixed = first.others;
  std::erase_if(fixed, [](const FigureRun& run) { return run.is_full(); });
  constexpr size_t kMostRules = 4;
  if (fixed.size() > kMostRules) {
    figure.remarks.emplace_back(
        "Runs without a threshold are left out: there are too many; choose some with --run.");
    return;
  }
  std::vector<FigureRun> named = fixed;
  named.push_back(first.runs.front());  // so that the policy is said
  const std::vector<std::string> names = short_names(named);
  for (size_t i = 0; i < fixed.size(); ++i) rule(fixed[i], names[i], plot::Dash::dotted);
  // The one line among rules that have names is to have one, too.
  if (!fixed.empty() && data.series.size() == 1) figure.legend = plot::LegendPlace::above;
}

std::vector<ScoredSeries> retained(const ThresholdData& data, std::vector<std::string>& remarks) {
  std::vector<ScoredSeries> all = scored_series(
      data,
      [](const ThresholdSeries& series, const FigureRun& run) {
        return retention_of(*series.passes, run.run, series.reference->run, series.samples);
      },
      "its samples are not scored, or the reference's scores are all 0", remarks);
  remarks.push_back(fmt::format("Score retained: {} of a run / of '{}', over the same samples.",
                                score_noun(data.metric),
                                plot::escape_markup(data.series.front().reference->name)));
  remarks.push_back(bars_remark(data, all));
  return all;
}

// Score of every run / the reference's score, both over the same samples, against its threshold;
// the interval is that of a ratio of paired proportions, or of means (scores.h).
Panel retention_panel(const ThresholdData& data, const std::vector<ScoredSeries>& all, size_t at) {
  Panel panel = scores_panel(data, all, "Score retained", at);
  const FigureRun& reference = *data.series.front().reference;
  panel.marks.insert(
      panel.marks.begin(),
      plot::Rule{.at = 1,
                 .label = reference.is_full() ? "full cache" : plot::escape_markup(reference.name),
                 .ink = plot::Ink::neutral,
                 .dash = plot::Dash::dashed});
  return panel;
}

Figure begin(std::string title, const ThresholdData& data) {
  Figure figure;
  figure.title = std::move(title);
  figure.remarks = data.remarks;
  figure.metadata = data.metadata;
  remark_on_zero(data, figure.remarks);
  arrange_panels(figure, data.panels.size());
  return figure;
}

Figure threshold_budget(const FigureSource& source) {
  const ThresholdData data = threshold_data(source, Beside::nothing, false);
  Figure figure = begin("Budget by threshold", data);
  for (size_t i = 0; i < data.panels.size(); ++i) figure.panels[i] = budget_panel(source, data, i);
  remark_on_budgets(data, figure.remarks);
  remark_on_curves(data, figure.remarks);
  return figure;
}

// Mean score of every run by the figure's metric (scores.h; exact match: the share of samples with
// answers whose text equals one) against its threshold, with its 95 % interval; the full cache's
// score as a rule, and those of runs without a threshold where there are few.
Figure threshold_score(const FigureSource& source) {
  const ThresholdData data = threshold_data(source, Beside::all_others, false, metric_of(source));
  Figure figure = begin("Score by threshold", data);
  const std::vector<ScoredSeries> all = scored_series(
      data,
      [](const ThresholdSeries& series, const FigureRun& run) {
        return score_of(*series.passes, run.run, series.samples);
      },
      "its samples are not scored", figure.remarks);
  for (size_t i = 0; i < data.panels.size(); ++i)
    figure.panels[i] = scores_panel(data, all, score_label(data.metric), i);
  add_rules(figure, data);
  figure.remarks.push_back(bars_remark(data, all));
  return figure;
}

Figure retention(const FigureSource& source) {
  const ThresholdData data = threshold_data(source, Beside::reference, true, metric_of(source));
  Figure figure = begin("Score retained by threshold", data);
  const std::vector<ScoredSeries> all = retained(data, figure.remarks);
  for (size_t i = 0; i < data.panels.size(); ++i) figure.panels[i] = retention_panel(data, all, i);
  return figure;
}

Figure threshold(const FigureSource& source) {
  const ThresholdData data = threshold_data(source, Beside::reference, true, metric_of(source));
  Figure figure = begin("Score retained and budget by threshold", data);
  const size_t columns = data.panels.size();
  constexpr size_t kMostColumns = 4;
  if (columns > kMostColumns) {
    fail_usage(
        "The figure would have {} columns, one for each family of runs, and shows {} at most; "
        "choose fewer with --run, or draw 'retention' and 'threshold-budget'.",
        columns, kMostColumns);
  }
  const std::vector<ScoredSeries> all = retained(data, figure.remarks);
  figure.rows = 2;
  figure.columns = columns;
  figure.share_x = true;
  figure.share_y = columns > 1;
  figure.panels.clear();
  for (size_t i = 0; i < columns; ++i) figure.panels.push_back(retention_panel(data, all, i));
  for (size_t i = 0; i < columns; ++i) {
    figure.panels.push_back(budget_panel(source, data, i));
    figure.panels.back().title.clear();  // the column's is above
  }
  remark_on_budgets(data, figure.remarks);
  remark_on_curves(data, figure.remarks);
  return figure;
}

constexpr std::string_view kNeedsCurves = "a policy with a threshold, such as --policy refreekv";
constexpr std::string_view kNeedsScores =
    "prompts with answers, --policy refreekv:threshold=0.5%,1%,2%";
constexpr std::string_view kNeedsReference =
    "prompts with answers, --policy full, --policy refreekv:threshold=0.5%,1%,2%";

}  // namespace

std::vector<FigureDefinition> threshold_figures() {
  return {{{.name = "threshold",
            .meaning = "Score retained and budget against the threshold, one above the other",
            .needs = kNeedsReference,
            .takes_metric = true},
           threshold},
          {{.name = "threshold-budget",
            .meaning = "Mean budget at every threshold, read off the recorded norm curves",
            .needs = kNeedsCurves},
           threshold_budget},
          {{.name = "threshold-score",
            .meaning = "Score of runs against their thresholds",
            .needs = kNeedsScores,
            .takes_metric = true},
           threshold_score},
          {{.name = "retention",
            .meaning = "Score of runs, as a share of the full cache's, against their thresholds",
            .needs = kNeedsReference,
            .takes_metric = true},
           retention}};
}

}  // namespace kvreel::exports
