// Runs beside a reference: the figures.
#include "exports/compare.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "exports/json_text.h"
#include "exports/labels.h"
#include "exports/provenance.h"

namespace kvreel::exports {
namespace {

using tracer::Passes;
using tracer::Steps;
using tracer::Trace;

constexpr std::string_view kNoGroup = "(none)";

// What a pass's steps say.
struct StepData {
  std::vector<int32_t> tokens;      // every step's
  std::vector<double> token_ns;     // decode steps (from step 1)
  std::vector<double> cache_asked;  // after each of these
};

StepData read_steps(const Trace& trace, uint64_t pass) {
  const tracer::RowRange rows = trace.pass_at(pass).steps;
  const auto steps = trace.read_column(&Steps::step, rows.begin, rows.end);
  const auto durations = trace.read_column(&Steps::duration_ns, rows.begin, rows.end);
  const auto asked = trace.read_column(&Steps::cache_asked, rows.begin, rows.end);
  StepData data;
  data.tokens = trace.read_column(&Steps::token, rows.begin, rows.end);
  for (size_t i = 0; i < steps.size(); ++i) {
    if (steps[i] < 1) continue;
    data.token_ns.push_back(static_cast<double>(durations[i]));
    data.cache_asked.push_back(static_cast<double>(asked[i]));
  }
  return data;
}

// Rows of passes that finished and were not interrupted, by (sample, run).
std::map<std::pair<int32_t, int32_t>, uint64_t> whole_passes(const Trace& trace,
                                                             const Labels& labels) {
  const auto runs = trace.read_column(&Passes::run, 0, trace.rows<Passes>());
  const auto samples = trace.read_column(&Passes::sample, 0, trace.rows<Passes>());
  const auto finish = trace.read_column(&Passes::finish, 0, trace.rows<Passes>());
  std::map<std::pair<int32_t, int32_t>, uint64_t> passes;
  for (size_t i = 0; i < runs.size(); ++i) {
    labels.run(runs[i]);  // a damaged row is an error, not a pass of no run
    labels.sample(samples[i]);
    if (finish[i] != kFinishInterrupted) passes.emplace(std::pair(samples[i], runs[i]), i);
  }
  return passes;
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

// The samples' values of a field of their metadata.
std::vector<std::string> groups_of(const Trace& trace, const std::string& field) {
  std::vector<std::string> groups;
  std::vector<std::string> fields;
  bool found = false;
  const tracer::Text metadata =
      trace.read_column(&tracer::Samples::metadata, 0, trace.rows<tracer::Samples>());
  for (size_t i = 0; i < metadata.rows(); ++i) {
    const auto object = parse_json(metadata.at(i));
    groups.emplace_back(kNoGroup);
    if (!object.is_object()) continue;
    for (const auto& item : object.items()) {
      if (std::find(fields.begin(), fields.end(), item.key()) == fields.end())
        fields.push_back(item.key());
    }
    const auto value = object.find(field);
    if (value == object.end()) continue;
    found = true;
    groups.back() = value->is_string() ? value->get<std::string>() : value->dump();
  }
  if (!found) {
    fail_usage("No sample of {} has a field '{}' to group by.{}", trace.path(), field,
               fields.empty() ? " Their metadata has no fields." : suggest_name(field, fields));
  }
  return groups;
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

  void add(SampleComparison sample, const StepData& steps, const Passes& pass,
           uint64_t peak_of_reference);
  RunComparison summary(const Comparison& facts) const;
};

void Tally::add(SampleComparison sample, const StepData& steps, const Passes& pass,
                uint64_t peak_of_reference) {
  budget.push_back(sample.budget);
  asked.push_back(static_cast<double>(sample.asked));
  held.push_back(static_cast<double>(sample.held));
  if (sample.full_asked > 0)
    asked_share.push_back(asked.back() / static_cast<double>(sample.full_asked));
  peak.push_back(static_cast<double>(sample.peak));
  reference_peak.push_back(static_cast<double>(peak_of_reference));
  prefill.push_back(static_cast<double>(pass.prefill_ns[0]));
  decide.push_back(static_cast<double>(pass.decide_ns[0]));
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

SampleComparison compare_sample(const Passes& pass, const StepData& steps,
                                const StepData& reference) {
  SampleComparison sample;
  sample.budget = pass.budget[0];
  sample.asked = pass.prefill_asked[0];
  sample.held = pass.prefill_held[0];
  sample.peak = pass.prefill_peak[0];
  sample.full_asked = pass.full_asked[0];
  sample.prefill_ns = pass.prefill_ns[0];
  sample.decide_ns = pass.decide_ns[0];
  sample.generated = pass.generated[0];
  if (const auto token = spread_of(steps.token_ns)) sample.token_ns = token->median;
  if (pass.exact_match[0] >= 0) sample.exact_match = pass.exact_match[0] != 0;
  const auto [mine, theirs] = std::mismatch(steps.tokens.begin(), steps.tokens.end(),
                                            reference.tokens.begin(), reference.tokens.end());
  sample.agreement = mine - steps.tokens.begin();
  if (mine != steps.tokens.end() || theirs != reference.tokens.end())
    sample.first_differing = sample.agreement;
  return sample;
}

std::vector<GroupComparison> group(const std::vector<RunComparison>& runs) {
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
      for (const SampleComparison& sample : run.per_sample) {
        if (sample.group != name) continue;
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
  const auto passes = whole_passes(trace, labels);
  if (passes.empty()) fail_empty(trace);
  const int32_t reference = choose_reference(trace, labels, options.reference);

  Comparison comparison;
  comparison.trace = std::filesystem::path(trace.path()).filename().string();
  comparison.status = status_word(trace);
  comparison.reference = labels.run(reference);
  comparison.by = options.by;
  comparison.weight_bytes_per_token = provenance.positive("/model/weight_bytes_per_token");
  comparison.read_bandwidth = provenance.positive("/machine/read_bandwidth/median_bytes_per_s");
  std::vector<std::string> groups;
  if (!options.by.empty()) groups = groups_of(trace, options.by);

  // Samples outermost: a sample's passes lie together in the file.
  std::map<int32_t, Tally> tallies;
  const auto samples = static_cast<int32_t>(labels.samples().size());
  const auto runs = static_cast<int32_t>(labels.runs().size());
  for (int32_t sample = 0; sample < samples; ++sample) {
    const auto reference_row = passes.find({sample, reference});
    if (!selection.sample(sample) || reference_row == passes.end()) continue;
    const StepData reference_steps = read_steps(trace, reference_row->second);
    const uint64_t reference_peak = trace.read_column(&Passes::prefill_peak, reference_row->second,
                                                      reference_row->second + 1)[0];
    for (int32_t run = 0; run < runs; ++run) {
      const auto row = passes.find({sample, run});
      if (row == passes.end() || !(selection.run(run) || run == reference)) continue;
      const Passes pass = trace.read<Passes>(row->second, row->second + 1);
      const StepData steps = run == reference ? reference_steps : read_steps(trace, row->second);
      SampleComparison compared = compare_sample(pass, steps, reference_steps);
      compared.sample = labels.sample(sample);
      if (!groups.empty()) compared.group = groups[static_cast<size_t>(sample)];
      tallies[run].add(std::move(compared), steps, pass, reference_peak);
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
    comparison.runs.push_back(std::move(summary));
  }
  if (!options.by.empty()) comparison.groups = group(comparison.runs);
  return comparison;
}

}  // namespace kvreel::exports
