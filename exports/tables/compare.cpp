// Runs beside a reference: the figures.
#include "exports/tables/compare.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/error.h"
#include "exports/tables/groups.h"
#include "exports/tables/labels.h"
#include "exports/tables/metrics.h"
#include "exports/tables/provenance.h"
#include "exports/tables/rows.h"

namespace kvreel::exports {
namespace {

using tracer::Passes;
using tracer::Steps;
using tracer::Trace;

// What a pass's steps say.
struct StepData {
  std::vector<int32_t> tokens;      // every step's
  std::vector<double> token_ns;     // decode steps (from step 1)
  std::vector<double> cache_asked;  // after each of these
};

// The columns of every pass that are compared, in one read each: pass by pass, ten thousand passes
// would be a million small reads.
Passes read_passes(const Trace& trace) {
  Passes passes;
  const auto read = [&](auto member) {
    passes.*member = trace.read_column(member, 0, trace.rows<Passes>());
  };
  read(&Passes::run);
  read(&Passes::sample);
  read(&Passes::finish);
  read(&Passes::generated);
  read(&Passes::exact_match);
  read(&Passes::budget);
  read(&Passes::prefill_ns);
  read(&Passes::decide_ns);
  read(&Passes::prefill_asked);
  read(&Passes::prefill_held);
  read(&Passes::prefill_peak);
  read(&Passes::full_asked);
  read(&Passes::steps_end);
  return passes;
}

// What the steps of passes say. Passes that follow each other are read in blocks.
class StepReader {
 public:
  StepReader(const Trace& trace, const Passes& passes) : trace_(trace), ends_(passes.steps_end) {}

  StepData read(size_t pass) {
    const tracer::RowRange rows = {pass == 0 ? 0 : ends_[pass - 1], ends_[pass]};
    if (rows.begin > rows.end || rows.end > trace_.rows<Steps>()) {
      fail("pass {} of {} has rows {} to {} of table 'steps', which has {}; the file is damaged",
           pass, trace_.path(), rows.begin, rows.end, trace_.rows<Steps>());
    }
    if (rows.begin < block_.begin || rows.end > block_.end) load(rows);
    StepData data;
    for (uint64_t row = rows.begin; row < rows.end; ++row) {
      const auto i = static_cast<size_t>(row - block_.begin);
      data.tokens.push_back(steps_.token[i]);
      if (steps_.step[i] < 1) continue;
      data.token_ns.push_back(static_cast<double>(steps_.duration_ns[i]));
      data.cache_asked.push_back(static_cast<double>(steps_.cache_asked[i]));
    }
    return data;
  }

 private:
  void load(tracer::RowRange rows) {
    block_ = {rows.begin,
              std::min(std::max(rows.end, rows.begin + kBlockRows), trace_.rows<Steps>())};
    const auto read = [&](auto member) {
      steps_.*member = trace_.read_column(member, block_.begin, block_.end);
    };
    read(&Steps::step);
    read(&Steps::token);
    read(&Steps::duration_ns);
    read(&Steps::cache_asked);
  }

  const Trace& trace_;
  const std::vector<uint64_t>& ends_;
  tracer::RowRange block_;
  Steps steps_;
};

// Rows of passes that finished and were not interrupted, by (sample, run).
std::map<std::pair<int32_t, int32_t>, size_t> whole_passes(const Passes& passes,
                                                           const Labels& labels) {
  std::map<std::pair<int32_t, int32_t>, size_t> whole;
  for (size_t i = 0; i < passes.run.size(); ++i) {
    labels.run(passes.run[i]);  // a damaged row is an error, not a pass of no run
    labels.sample(passes.sample[i]);
    if (passes.finish[i] != kFinishInterrupted)
      whole.emplace(std::pair(passes.sample[i], passes.run[i]), i);
  }
  return whole;
}

int32_t choose_reference(const Trace& trace, const Labels& labels, const std::string& name) {
  if (!name.empty()) return static_cast<int32_t>(find_run(trace, labels, name));
  const auto full = std::find(labels.runs().begin(), labels.runs().end(), "full");
  return full == labels.runs().end() ? 0 : static_cast<int32_t>(full - labels.runs().begin());
}

[[noreturn]] void fail_empty(const Trace& trace) {
  const std::string remedy = trace.is_live() ? "wait until the first pass has finished"
                                             : "record again and let a pass finish";
  fail("{} ({}) has no finished pass to compare; {}", trace.path(), status_word(trace), remedy);
}

// Collects a run's values sample by sample.
struct Tally {
  std::vector<double> budget, asked, held, asked_share, peak, reference_peak;
  std::vector<double> prefill, decide, token, cache_asked;
  std::vector<double> first_differing, agreement;
  int64_t equal = 0;
  int64_t exact = 0;
  int64_t answered = 0;
  std::vector<SampleComparison> samples;

  void add(SampleComparison sample, const StepData& steps, uint64_t peak_of_reference);
  RunComparison summary(const Comparison& facts) const;
};

void Tally::add(SampleComparison sample, const StepData& steps, uint64_t peak_of_reference) {
  budget.push_back(sample.budget);
  asked.push_back(static_cast<double>(sample.asked));
  held.push_back(static_cast<double>(sample.held));
  if (sample.full_asked > 0)
    asked_share.push_back(asked.back() / static_cast<double>(sample.full_asked));
  peak.push_back(static_cast<double>(sample.peak));
  reference_peak.push_back(static_cast<double>(peak_of_reference));
  prefill.push_back(static_cast<double>(sample.prefill_ns));
  decide.push_back(static_cast<double>(sample.decide_ns));
  token.insert(token.end(), steps.token_ns.begin(), steps.token_ns.end());
  cache_asked.insert(cache_asked.end(), steps.cache_asked.begin(), steps.cache_asked.end());
  agreement.push_back(static_cast<double>(sample.agreement));
  if (sample.first_differing) {
    first_differing.push_back(static_cast<double>(*sample.first_differing));
  } else {
    ++equal;
  }
  if (sample.exact_match) {
    ++answered;
    exact += *sample.exact_match;
  }
  samples.push_back(std::move(sample));
}

RunComparison Tally::summary(const Comparison& facts) const {
  RunComparison run;
  run.samples = static_cast<int64_t>(samples.size());
  run.shared_prefills = std::count_if(samples.begin(), samples.end(),
                                      [](const auto& sample) { return sample.shared_prefill; });
  run.budget = spread_of(budget);
  run.asked = spread_of(asked);
  run.held = spread_of(held);
  run.asked_share = spread_of(asked_share);
  run.peak = spread_of(peak);
  run.reference_peak = spread_of(reference_peak);
  run.prefill = spread_of(prefill);
  run.decide = spread_of(decide);
  run.token = spread_of(token);
  run.exact_match = proportion_of(exact, answered);
  run.equal_outputs = equal;
  run.first_differing = spread_of(first_differing);
  run.agreement = spread_of(agreement);
  run.per_sample = samples;
  if (!run.token || run.token->median <= 0) return run;
  const double seconds = run.token->median * 1e-9;
  run.tokens_per_s = 1 / seconds;
  if (!facts.weight_bytes_per_token) return run;
  run.bytes_per_token = *facts.weight_bytes_per_token + spread_of(cache_asked)->mean;
  run.bytes_per_s = *run.bytes_per_token / seconds;
  if (facts.read_bandwidth) run.bandwidth_share = *run.bytes_per_s / *facts.read_bandwidth;
  return run;
}

SampleComparison compare_sample(const Passes& passes, size_t pass, const StepData& steps,
                                const StepData& reference) {
  SampleComparison sample;
  sample.budget = passes.budget[pass];
  sample.asked = passes.prefill_asked[pass];
  sample.held = passes.prefill_held[pass];
  sample.peak = passes.prefill_peak[pass];
  sample.full_asked = passes.full_asked[pass];
  sample.prefill_ns = passes.prefill_ns[pass];
  sample.decide_ns = passes.decide_ns[pass];
  sample.generated = passes.generated[pass];
  if (const auto token = spread_of(steps.token_ns)) sample.token_ns = token->median;
  if (passes.exact_match[pass] >= 0) sample.exact_match = passes.exact_match[pass] != 0;
  const auto [mine, theirs] = std::mismatch(steps.tokens.begin(), steps.tokens.end(),
                                            reference.tokens.begin(), reference.tokens.end());
  sample.agreement = mine - steps.tokens.begin();
  if (mine != steps.tokens.end() || theirs != reference.tokens.end())
    sample.first_differing = sample.agreement;
  return sample;
}

using SampleList = std::vector<const SampleComparison*>;

// By metric; of the reference there is no difference.
std::vector<MetricComparison> scores_of(const SampleList& samples, size_t metrics,
                                        bool is_reference) {
  std::vector<MetricComparison> compared(metrics);
  for (size_t metric = 0; metric < metrics; ++metric) {
    std::vector<double> mine;
    std::vector<double> theirs;
    for (const SampleComparison* const sample : samples) {
      mine.push_back(sample->scores[metric]);
      theirs.push_back(sample->reference_scores[metric]);
    }
    compared[metric].score = mean_score(mine);
    if (!is_reference) compared[metric].difference = paired_difference(mine, theirs);
  }
  return compared;
}

std::optional<FidelitySummary> fidelity_of(const SampleList& samples) {
  std::vector<const PassFidelity*> passes;
  for (const SampleComparison* const sample : samples) passes.push_back(&sample->fidelity);
  return summary_of(passes);
}

SampleList all_of(const RunComparison& run) {
  SampleList samples;
  for (const SampleComparison& sample : run.per_sample) samples.push_back(&sample);
  return samples;
}

std::vector<GroupComparison> group(const std::vector<RunComparison>& runs, size_t metrics) {
  std::vector<std::string> names;  // in the order of the samples
  for (const RunComparison& run : runs) {
    for (const SampleComparison& sample : run.per_sample) {
      if (std::find(names.begin(), names.end(), sample.group) == names.end())
        names.push_back(sample.group);
    }
  }
  std::vector<GroupComparison> groups;
  for (const std::string& name : names) {
    for (const RunComparison& run : runs) {
      GroupComparison row;
      row.group = name;
      row.run = run.name;
      std::vector<double> budget;
      std::vector<double> asked_share;
      int64_t answered = 0;
      int64_t exact = 0;
      SampleList members;
      for (const SampleComparison& sample : run.per_sample) {
        if (sample.group != name) continue;
        members.push_back(&sample);
        ++row.samples;
        budget.push_back(sample.budget);
        if (sample.full_asked > 0) {
          asked_share.push_back(static_cast<double>(sample.asked) /
                                static_cast<double>(sample.full_asked));
        }
        row.equal_outputs += !sample.first_differing;
        answered += sample.exact_match.has_value();
        exact += sample.exact_match.value_or(false);
      }
      row.exact_match = proportion_of(exact, answered);
      row.scores = scores_of(members, metrics, run.is_reference);
      row.fidelity = fidelity_of(members);
      row.budget = spread_of(budget);
      row.asked_share = spread_of(asked_share);
      groups.push_back(std::move(row));
    }
  }
  return groups;
}

}  // namespace

Comparison compare(const Trace& trace, const CompareOptions& options) {
  const Labels labels(trace);
  Filter filter;
  filter.runs = options.runs;
  filter.samples = options.samples;
  const Selection selection(trace, labels, filter);
  const Provenance provenance(trace);
  const Passes passes = read_passes(trace);
  const auto whole = whole_passes(passes, labels);
  if (whole.empty()) fail_empty(trace);
  const int32_t reference = choose_reference(trace, labels, options.reference);

  Comparison comparison;
  comparison.trace = std::filesystem::path(trace.path()).filename().string();
  comparison.status = status_word(trace);
  comparison.reference = labels.run(reference);
  comparison.by = options.by;
  comparison.weight_bytes_per_token = provenance.positive("/model/weight_bytes_per_token");
  comparison.read_bandwidth = provenance.positive("/machine/read_bandwidth/median_bytes_per_s");
  const MetricScores metrics(trace);
  comparison.metrics = metrics.names();
  const PassList pass_list(trace);
  std::vector<PassFidelity> fidelity = read_fidelity(trace, pass_list);
  std::vector<std::string> groups;
  if (!options.by.empty()) groups = sample_groups(trace, options.by);

  // Samples outermost: a sample's passes lie together in the file.
  StepReader step_reader(trace, passes);
  std::map<int32_t, Tally> tallies;
  const auto samples = static_cast<int32_t>(labels.samples().size());
  const auto runs = static_cast<int32_t>(labels.runs().size());
  for (int32_t sample = 0; sample < samples; ++sample) {
    const auto reference_pass = whole.find({sample, reference});
    if (!selection.sample(sample) || reference_pass == whole.end()) continue;
    const StepData reference_steps = step_reader.read(reference_pass->second);
    const uint64_t reference_peak = passes.prefill_peak[reference_pass->second];
    for (int32_t run = 0; run < runs; ++run) {
      const auto pass = whole.find({sample, run});
      if (pass == whole.end() || !(selection.run(run) || run == reference)) continue;
      const StepData steps = run == reference ? reference_steps : step_reader.read(pass->second);
      SampleComparison compared = compare_sample(passes, pass->second, steps, reference_steps);
      compared.sample = labels.sample(sample);
      compared.pass = pass->second;
      compared.shared_prefill = pass_list.shares_prefill(pass->second);
      compared.reference_pass = reference_pass->second;
      for (const std::string& metric : comparison.metrics) {
        compared.scores.push_back(metrics.of(metric)[pass->second]);
        compared.reference_scores.push_back(metrics.of(metric)[reference_pass->second]);
      }
      compared.fidelity = std::move(fidelity[pass->second]);
      if (!groups.empty()) compared.group = groups[static_cast<size_t>(sample)];
      tallies[run].add(std::move(compared), steps, reference_peak);
    }
  }
  if (tallies.empty()) {
    fail(
        "run '{}' of {} has finished none of the samples asked for, so that nothing can be "
        "compared with it; name another reference",
        comparison.reference, trace.path());
  }
  comparison.samples = static_cast<int64_t>(tallies[reference].samples.size());
  for (int32_t run = 0; run < runs; ++run) {
    if (!selection.run(run) && run != reference) continue;
    RunComparison summary = tallies[run].summary(comparison);
    summary.name = labels.run(run);
    summary.is_reference = run == reference;
    summary.scores = scores_of(all_of(summary), comparison.metrics.size(), summary.is_reference);
    summary.fidelity = fidelity_of(all_of(summary));
    comparison.runs.push_back(std::move(summary));
  }
  if (!options.by.empty()) comparison.groups = group(comparison.runs, comparison.metrics.size());
  return comparison;
}

}  // namespace kvreel::exports
