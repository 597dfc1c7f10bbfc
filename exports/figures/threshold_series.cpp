// What threshold figures are drawn from.
#include "exports/figures/threshold_series.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace kvreel::exports {
namespace {

bool has_threshold(const FigureRun& run) {
  return run.threshold.has_value();
}

std::vector<FigureRun> of_trace(const std::vector<FigureRun>& runs, const FigureTrace& trace) {
  std::vector<FigureRun> chosen;
  for (const FigureRun& run : runs) {
    if (run.trace == &trace) chosen.push_back(run);
  }
  return chosen;
}

[[noreturn]] void fail_without_threshold(const FigureTrace& trace) {
  const bool chosen = !trace.source.filter.runs.empty();
  fail("{} of {} is cut at a threshold; {}", chosen ? "none of the runs asked for" : "no run",
       trace.source.trace.path(),
       chosen ? "ask for one that is" : "record some with --policy refreekv:threshold=0.5%,1%,2%");
}

}  // namespace

std::vector<double> ThresholdSeries::thresholds() const {
  std::vector<double> thresholds;
  for (const FigureRun& run : runs) thresholds.push_back(*run.threshold);
  return thresholds;
}

ThresholdData threshold_data(const FigureSource& source, Beside beside, bool needs_reference,
                             std::string metric) {
  const std::vector<FigureRun> selected = selected_runs(source);
  std::vector<FigureRun> with_threshold;
  std::copy_if(selected.begin(), selected.end(), std::back_inserter(with_threshold), has_threshold);
  const std::vector<Family> families = families_of(with_threshold);
  const std::vector<std::string> names = short_names(families);

  const bool grouped = !source.options.by.empty();

  ThresholdData data;
  data.panels = grouped && families.size() > 1 ? names : std::vector<std::string>(1);
  SampleCounts counts(source);
  std::vector<FigureRun> shown;
  for (const auto& trace : source.traces) {
    std::vector<FigureRun> compared = of_trace(with_threshold, *trace);
    if (compared.empty()) fail_without_threshold(*trace);
    std::vector<FigureRun> others = of_trace(selected, *trace);
    std::erase_if(others, has_threshold);
    std::optional<FigureRun> reference;
    if (beside != Beside::nothing) reference = reference_run(source, *trace);
    if (needs_reference && !reference) {
      fail(
          "{} has no run of the full cache, which scores are compared with; record one with "
          "--policy full, or name another run with --reference",
          trace->source.trace.path());
    }
    if (reference) {
      std::erase_if(others, [&](const FigureRun& run) { return run.run == reference->run; });
      compared.push_back(*reference);
    }
    if (beside == Beside::all_others) compared.insert(compared.end(), others.begin(), others.end());
    shown.insert(shown.end(), compared.begin(), compared.end());

    data.passes.push_back(std::make_unique<WholePasses>(*trace, metric));
    const WholePasses& passes = *data.passes.back();
    const SampleSet set = finished_samples(*trace, passes, compared);
    counts.leave_out(set.left_out);
    const std::vector<SampleGroup> groups = group_samples(source, *trace, set.samples);
    for (const SampleGroup& group : groups) counts.add(*trace, group);
    for (size_t i = 0; i < families.size(); ++i) {
      if (families[i].runs.front().trace != trace.get()) continue;
      for (const SampleGroup& group : groups) {
        data.series.push_back({.name = grouped ? group.name : names[i],
                               .panel = data.panels.size() > 1 ? i : 0,
                               .runs = families[i].runs,
                               .reference = reference,
                               .others = others,
                               .passes = &passes,
                               .samples = chosen(set.samples, group.members)});
      }
    }
    data.one_plane = !source.several() && groups.size() == 1;
    require_few_series(grouped ? groups.size() : names.size());
  }
  data.remarks = counts.remarks();
  data.metadata.emplace_back("runs", list_of_runs(shown));
  if (!metric.empty()) data.metadata.emplace_back("metric", metric);
  data.metric = std::move(metric);
  return data;
}

void require_few_series(size_t series) {
  constexpr size_t kMost = 16;
  if (series <= kMost) return;
  fail_usage(
      "A panel would have {} series, of which more than {} are not told apart; choose fewer with "
      "--run or --sample, or group by another field.",
      series, kMost);
}

void arrange_panels(plot::Figure& figure, size_t panels) {
  constexpr size_t kMost = 12;
  if (panels > kMost) {
    fail_usage(
        "The figure would have {} panels, and shows {} at most; choose fewer with --run or "
        "--sample, or group by another field.",
        panels, kMost);
  }
  figure.columns = panels <= 1 ? 1 : panels <= 4 ? 2 : 3;
  figure.rows = (panels + figure.columns - 1) / figure.columns;
  figure.panels.resize(figure.rows * figure.columns);
  for (size_t i = panels; i < figure.panels.size(); ++i) figure.panels[i].gap = true;
  figure.share_x = panels > 1;
  figure.share_y = panels > 1;
}

std::string list_of_runs(const std::vector<FigureRun>& runs) {
  const bool several = std::any_of(runs.begin(), runs.end(), [&](const FigureRun& run) {
    return run.trace != runs.front().trace;
  });
  std::string list;
  const auto add = [&](const FigureRun& run, const std::string& name) {
    list += (list.empty() ? "" : ", ") + (several ? run.trace->label + ": " : "") + name;
  };
  for (const Family& family : families_of(runs)) {
    const FigureRun& first = family.runs.front();
    // "threshold=1%" of the first name gets the others' values, where their names differ in it
    // alone.
    const auto setting = [&](const FigureRun& run) {
      const std::string* const value = run.parameter(family.swept);
      return value == nullptr ? "" : family.swept + "=" + *value;
    };
    const std::string mine = setting(first);
    const size_t at = mine.empty() ? std::string::npos : first.name.find(mine);
    std::string values;
    bool joined = at != std::string::npos;
    for (const FigureRun& run : family.runs) {
      if (!joined || run.run == first.run) continue;
      std::string expected = first.name;
      joined = run.name == expected.replace(at, mine.size(), setting(run));
      values += "," + *run.parameter(family.swept);
    }
    if (joined) {
      std::string name = first.name;
      add(first, name.insert(at + mine.size(), values));
    } else {
      for (const FigureRun& run : family.runs) add(run, run.name);
    }
  }
  return list;
}

}  // namespace kvreel::exports
