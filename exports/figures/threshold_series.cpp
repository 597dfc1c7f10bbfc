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

ThresholdData threshold_data(const FigureSource& source, Beside beside, bool needs_reference) {
  const std::vector<FigureRun> selected = selected_runs(source);
  std::vector<FigureRun> with_threshold;
  std::copy_if(selected.begin(), selected.end(), std::back_inserter(with_threshold), has_threshold);
  const std::vector<Family> families = families_of(with_threshold);
  const std::vector<std::string> names = short_names(families);

  ThresholdData data;
  std::vector<std::pair<std::string, int64_t>> counts;
  std::vector<FigureRun> shown;
  int64_t left_out = 0;
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

    data.passes.push_back(std::make_unique<WholePasses>(*trace));
    const WholePasses& passes = *data.passes.back();
    const SampleSet set = finished_samples(*trace, passes, compared);
    left_out += set.left_out;
    const std::vector<SampleGroup> groups = group_samples(source, *trace, set.samples);
    for (size_t i = 0; i < families.size(); ++i) {
      if (families[i].runs.front().trace != trace.get()) continue;
      for (const SampleGroup& group : groups) {
        // The group alone tells series apart where there is one family.
        const bool plain = families.size() == 1 && !group.name.empty();
        const std::string family = plain ? "" : names[i];
        const std::string joint = family.empty() || group.name.empty() ? "" : ", ";
        data.series.push_back({.name = family + joint + group.name,
                               .runs = families[i].runs,
                               .reference = reference,
                               .others = others,
                               .passes = &passes,
                               .samples = chosen(set.samples, group.members)});
        counts.emplace_back(data.series.back().name, static_cast<int64_t>(group.members.size()));
      }
    }
    data.one_plane = !source.several() && groups.size() == 1;
  }
  require_few_series(data.series.size());
  data.remarks = sample_remarks(counts, left_out);
  data.metadata.emplace_back("shown runs", list_of_runs(shown));
  return data;
}

void require_few_series(size_t series) {
  if (series <= kMostSeries) return;
  fail_usage(
      "The figure would have {} series, of which more than {} are not told apart; choose fewer "
      "with --runs or --samples, or group by another field.",
      series, kMostSeries);
}

std::string list_of_runs(const std::vector<FigureRun>& runs) {
  const bool several = std::any_of(runs.begin(), runs.end(), [&](const FigureRun& run) {
    return run.trace != runs.front().trace;
  });
  std::string list;
  for (const FigureRun& run : runs) {
    if (!list.empty()) list += ", ";
    if (several) list += run.trace->label + ": ";
    list += run.name;
  }
  return list;
}

}  // namespace kvreel::exports
