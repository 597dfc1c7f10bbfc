// Which runs, samples and passes a figure is made from, and the ways through their rows.
#include "exports/figures/pass_choice.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/json.h"
#include "exports/figures/samples.h"
#include "exports/figures/threshold_series.h"
#include "exports/tables/display.h"

namespace kvreel::exports {
namespace {

std::string joined(const std::set<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ", ") + part;
  return out;
}

SharedSamples shared_by(const FigureSource& source, const std::vector<RunChoice>& runs) {
  std::vector<WholePasses> passes;
  for (const auto& trace : source.traces) passes.emplace_back(*trace);
  std::vector<FigureRun> infos;
  for (const RunChoice& run : runs) infos.push_back(run.info);
  return shared_samples(source, passes, infos);
}

// Of the run's trace.
const std::vector<int32_t>& samples_of(const FigureSource& source, const SharedSamples& shared,
                                       const RunChoice& run) {
  size_t trace = 0;
  while (source.traces[trace].get() != run.info.trace) ++trace;
  return shared.samples[trace];
}

}  // namespace

std::optional<PassAt> RunChoice::pass_of(std::string_view sample) const {
  for (const PassAt& pass : passes) {
    if (sample_id(pass) == sample) return pass;
  }
  return std::nullopt;
}

std::vector<RunChoice> chosen_runs(const FigureSource& source) {
  std::vector<RunChoice> runs;
  for (FigureRun& info : selected_runs(source)) {
    const Source& rows = info.trace->source;
    RunChoice run{.info = std::move(info), .series = "", .passes = {}};
    for (size_t pass = 0; pass < rows.passes.size(); ++pass) {
      const int32_t sample = rows.passes.sample[pass];
      rows.labels.sample(sample);  // a damaged row is an error, not a pass of no sample
      if (rows.passes.run[pass] == run.info.run && rows.selection.sample(sample) &&
          !rows.passes.interrupted(pass))
        run.passes.push_back({pass, run.info.run, sample});
    }
    if (!run.passes.empty()) runs.push_back(std::move(run));
  }
  if (runs.empty()) {
    std::set<std::string> paths;
    for (const auto& trace : source.traces) paths.insert(trace->source.trace.path());
    fail(
        "{} has no finished pass of the runs and samples asked for; passes that were interrupted "
        "or are still being recorded are in no figure.",
        joined(paths));
  }
  rename_runs(runs);
  return runs;
}

void rename_runs(std::vector<RunChoice>& runs) {
  std::vector<FigureRun> infos;
  for (const RunChoice& run : runs) infos.push_back(run.info);
  const std::vector<std::string> names = short_names(infos);
  for (size_t i = 0; i < runs.size(); ++i) runs[i].series = names[i];
}

void compare_on_shared_samples(const FigureSource& source, std::vector<RunChoice>& runs,
                               plot::Figure& figure) {
  const SharedSamples shared = shared_by(source, runs);
  for (RunChoice& run : runs) {
    std::vector<bool> keeps(run.source().labels.samples().size(), false);
    for (const int32_t sample : samples_of(source, shared, run))
      keeps[static_cast<size_t>(sample)] = true;
    std::erase_if(run.passes,
                  [&](const PassAt& pass) { return !keeps[static_cast<size_t>(pass.sample)]; });
  }
  remark_counts(runs, figure);
  if (shared.left_out > 0) {
    figure.remarks.push_back(
        shared.left_out == 1
            ? "1 sample is left out: not every run has finished it."
            : fmt::format("{} samples are left out: not every run has finished them.",
                          shared.left_out));
  }
  add_shown_runs(runs, figure);
}

std::string one_sample(const FigureSource& source, const std::vector<RunChoice>& runs,
                       plot::Figure& figure) {
  // Ids of samples that all of the runs have, in order.
  std::vector<std::string> common;
  if (source.several()) {
    const SharedSamples shared = shared_by(source, runs);
    for (const int32_t sample : samples_of(source, shared, runs.front()))
      common.push_back(runs.front().source().labels.sample(sample));
  } else {
    for (const PassAt& pass : runs.front().passes) {
      const std::string& id = runs.front().sample_id(pass);
      const bool all = std::all_of(runs.begin(), runs.end(), [&](const RunChoice& run) {
        return run.pass_of(id).has_value();
      });
      if (all) common.push_back(id);
      if (all) break;
    }
  }
  std::set<std::string_view> known;
  for (const RunChoice& run : runs) {
    for (const PassAt& pass : run.passes) known.insert(run.sample_id(pass));
  }
  const std::string sample =
      common.empty() ? runs.front().sample_id(runs.front().passes.at(0)) : common.front();
  if (source.options.filter.samples.size() != 1 && known.size() > 1) {
    figure.remarks.push_back(fmt::format("Sample {}, the first of {}; --sample shows another.",
                                         shown(sample, 40), known.size()));
  }
  figure.metadata.emplace_back("samples", sample);
  return sample;
}

void keep_first_runs(const FigureSource& source, std::vector<RunChoice>& runs, size_t most,
                     plot::Figure& figure) {
  if (runs.size() <= most || !source.options.filter.runs.empty()) return;
  figure.remarks.push_back(
      fmt::format("The first {} of {} runs; --run shows others.", most, runs.size()));
  runs.resize(most);
}

void remark_run(const FigureSource& source, const RunChoice& run, plot::Figure& figure) {
  const size_t known = run.source().labels.runs().size();
  if (source.options.filter.runs.size() == 1 || known == 1) return;
  figure.remarks.push_back(fmt::format("Run {}, one of {}; --run shows another.",
                                       plot::escape_markup(run.info.name), known));
}

void remark_counts(std::span<const RunChoice> runs, plot::Figure& figure) {
  const size_t n = runs.front().passes.size();
  const bool equal = std::all_of(runs.begin(), runs.end(),
                                 [&](const RunChoice& run) { return run.passes.size() == n; });
  std::string counts;
  for (const RunChoice& run : runs)
    counts += fmt::format("{}{} ({})", counts.empty() ? "" : ", ", run.passes.size(), run.series);
  figure.remarks.push_back(equal ? fmt::format("n = {} sample{}.", n, n == 1 ? "" : "s")
                                 : fmt::format("n = {} samples.", counts));
}

void add_shown_runs(std::span<const RunChoice> runs, plot::Figure& figure) {
  std::vector<FigureRun> infos;
  for (const RunChoice& run : runs) infos.push_back(run.info);
  figure.metadata.emplace_back("runs", list_of_runs(infos));
}

void require_one_trace(const FigureSource& source, std::string_view figure) {
  if (!source.several()) return;
  fail_usage("Figure '{}' shows one run of one trace, and {} traces were given; give one.", figure,
             source.traces.size());
}

void remark_drops(std::span<const RunChoice> runs, std::string_view table, plot::Figure& figure) {
  const FigureTrace* before = nullptr;
  for (const RunChoice& run : runs) {
    if (run.info.trace == before) continue;
    before = run.info.trace;
    const auto notes = run.source().trace.notes();
    const auto note = notes.find("drops");
    if (note == notes.end()) continue;
    const auto drops = parse_json_or_discard(note->second);
    if (!drops.is_object()) continue;
    const auto count = drops.find(std::string(table));
    if (count == drops.end() || !count->is_number_integer() || count->get<int64_t>() <= 0) continue;
    figure.remarks.push_back(fmt::format("The recorder dropped {} rows of {} of {}.",
                                         count->get<int64_t>(), table,
                                         shown(run.info.trace->label, 40)));
  }
}

void remark_shared_prefill(std::span<const RunChoice> runs, plot::Figure& figure) {
  std::string names;
  size_t shared = 0;
  for (const RunChoice& run : runs) {
    const bool shares = std::any_of(run.passes.begin(), run.passes.end(), [&](const PassAt& pass) {
      return run.source().passes.shares_prefill(pass.row);
    });
    if (!shares) continue;
    names += (names.empty() ? "" : ", ") + run.series;
    ++shared;
  }
  if (shared == 0) return;
  // More names would fill the page.
  constexpr size_t kMostNames = 3;
  figure.remarks.push_back(
      fmt::format("Prefill of {} was shared within a sweep: its time is not end to end, and the "
                  "model's part is in the bar of the run that made it.",
                  shared == runs.size()  ? "all runs"
                  : shared <= kMostNames ? names
                                         : fmt::format("{} of {} runs", shared, runs.size())));
}

std::string paths_of(std::span<const RunChoice> runs) {
  std::set<std::string> paths;
  for (const RunChoice& run : runs) paths.insert(run.source().trace.path());
  return joined(paths);
}

std::string shown(std::string_view bytes, size_t width) {
  return plot::escape_markup(shorten(visible(bytes), width));
}

tracer::RowRange pass_rows(const Source& source, std::vector<uint64_t> tracer::Passes::*ends,
                           size_t pass) {
  const uint64_t begin = pass == 0 ? 0 : source.trace.read_column(ends, pass - 1, pass)[0];
  const uint64_t end = source.trace.read_column(ends, pass, pass + 1)[0];
  if (begin > end) {
    fail("pass {} of {} ends before it begins, with rows {} to {}; the file is damaged", pass,
         source.trace.path(), begin, end);
  }
  return {begin, end};
}

}  // namespace kvreel::exports
