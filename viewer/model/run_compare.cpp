// Figures of a run beside a reference, and the ranking of samples.
#include "viewer/model/run_compare.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "exports/tables/labels.h"

namespace kvreel::viewer {
namespace {

using exports::RunComparison;
using exports::SampleComparison;

// A finished pass that was not interrupted.
const PassInfo* whole_pass(const Overview& overview, int32_t run, int32_t sample) {
  const PassInfo* pass = overview.pass(run, sample);
  return pass == nullptr || pass->finish == exports::kFinishInterrupted ? nullptr : pass;
}

// The reference's pass of each sample of another (or the same) trace.
class ReferencePasses {
 public:
  explicit ReferencePasses(const RunSource& reference) : reference_(reference) {
    const auto& samples = reference.overview->samples;
    for (size_t i = 0; i < samples.size(); ++i) {
      numbers_.emplace(samples[i].id, static_cast<int32_t>(i));
    }
  }
  const PassInfo* find(const std::string& id) const {
    const auto found = numbers_.find(id);
    if (found == numbers_.end()) return nullptr;
    return whole_pass(*reference_.overview, reference_.run, found->second);
  }

 private:
  const RunSource& reference_;
  std::unordered_map<std::string_view, int32_t> numbers_;
};

// Collects a run's values sample by sample.
struct Tally {
  std::vector<double> budget, asked, held, asked_share, peak, reference_peak;
  std::vector<double> prefill, decide, token, first_differing, agreement;
  int64_t exact = 0;
  int64_t answered = 0;
  int64_t equal = 0;
  int64_t shared_prefills = 0;
  bool outputs = true;
  bool other_tokens = false;
  std::vector<SampleComparison> samples;

  // recorded: the pass's fidelity, null where it is not known.
  void add_pass(const SampleInfo& sample, const PassInfo& pass,
                const exports::PassFidelity* recorded);
  void add_durations(const Outputs* outputs_of_run, const PassInfo& pass);
  void add_agreement(const Outputs* mine, const PassInfo& pass, const Outputs* theirs,
                     const PassInfo& reference);
  RunComparison summary();
};

void Tally::add_pass(const SampleInfo& sample, const PassInfo& pass,
                     const exports::PassFidelity* recorded) {
  SampleComparison row;
  row.sample = sample.id;
  row.group = group_of(sample);
  row.budget = pass.budget;
  row.asked = pass.prefill_asked;
  row.held = pass.prefill_held;
  row.peak = pass.prefill_peak;
  row.full_asked = pass.full_asked;
  row.prefill_ns = pass.prefill_ns;
  row.decide_ns = pass.decide_ns;
  row.generated = pass.generated;
  row.scores = pass.scores;
  row.shared_prefill = pass.shared_prefill;
  shared_prefills += pass.shared_prefill;
  if (recorded != nullptr) row.fidelity = *recorded;
  if (pass.exact_match >= 0) {
    row.exact_match = pass.exact_match != 0;
    ++answered;
    exact += pass.exact_match != 0;
  }
  budget.push_back(pass.budget);
  asked.push_back(static_cast<double>(pass.prefill_asked));
  held.push_back(static_cast<double>(pass.prefill_held));
  if (pass.full_asked > 0)
    asked_share.push_back(asked.back() / static_cast<double>(pass.full_asked));
  peak.push_back(static_cast<double>(pass.prefill_peak));
  prefill.push_back(static_cast<double>(pass.prefill_ns));
  decide.push_back(static_cast<double>(pass.decide_ns));
  samples.push_back(std::move(row));
}

void Tally::add_durations(const Outputs* outputs_of_run, const PassInfo& pass) {
  if (outputs_of_run == nullptr) {
    outputs = false;
    return;
  }
  const auto durations = outputs_of_run->durations_of(pass);
  if (!durations) {
    outputs = false;
    return;
  }
  std::vector<double> decode;
  for (size_t step = 1; step < durations->size(); ++step) {
    decode.push_back(static_cast<double>((*durations)[step]));
  }
  token.insert(token.end(), decode.begin(), decode.end());
  if (const auto spread = exports::spread_of(std::move(decode)))
    samples.back().token_ns = spread->median;
}

void Tally::add_agreement(const Outputs* mine, const PassInfo& pass, const Outputs* theirs,
                          const PassInfo& reference) {
  reference_peak.push_back(static_cast<double>(reference.prefill_peak));
  if (other_tokens) return;
  if (mine == nullptr || theirs == nullptr) {
    outputs = false;
    return;
  }
  const auto own = mine->tokens_of(pass);
  const auto other = theirs->tokens_of(reference);
  if (!own || !other) {
    outputs = false;
    return;
  }
  const auto [a, b] = std::mismatch(own->begin(), own->end(), other->begin(), other->end());
  SampleComparison& row = samples.back();
  row.agreement = a - own->begin();
  agreement.push_back(static_cast<double>(row.agreement));
  if (a == own->end() && b == other->end()) {
    ++equal;
    return;
  }
  row.first_differing = row.agreement;
  first_differing.push_back(static_cast<double>(row.agreement));
}

RunComparison Tally::summary() {
  RunComparison run;
  run.samples = static_cast<int64_t>(samples.size());
  run.budget = exports::spread_of(std::move(budget));
  run.asked = exports::spread_of(std::move(asked));
  run.held = exports::spread_of(std::move(held));
  run.asked_share = exports::spread_of(std::move(asked_share));
  run.peak = exports::spread_of(std::move(peak));
  run.reference_peak = exports::spread_of(std::move(reference_peak));
  run.prefill = exports::spread_of(std::move(prefill));
  run.decide = exports::spread_of(std::move(decide));
  run.exact_match = exports::proportion_of(exact, answered);
  run.shared_prefills = shared_prefills;
  const size_t metrics = samples.empty() ? 0 : samples.front().scores.size();
  for (size_t metric = 0; metric < metrics; ++metric) {
    std::vector<double> scores;
    for (const SampleComparison& sample : samples) scores.push_back(sample.scores.at(metric));
    run.scores.push_back({exports::mean_score(scores), std::nullopt});
  }
  std::vector<const exports::PassFidelity*> fidelity;
  for (const SampleComparison& sample : samples) fidelity.push_back(&sample.fidelity);
  run.fidelity = exports::summary_of(fidelity);
  run.per_sample = std::move(samples);
  if (!outputs) return run;
  run.token = exports::spread_of(std::move(token));
  if (run.token && run.token->median > 0) run.tokens_per_s = 1e9 / run.token->median;
  if (other_tokens) return run;
  run.equal_outputs = equal;
  run.first_differing = exports::spread_of(std::move(first_differing));
  run.agreement = exports::spread_of(std::move(agreement));
  return run;
}

// Samples that two runs of a trace have both finished.
int64_t finished_by_both(const Overview& overview, int32_t run, int32_t reference) {
  int64_t count = 0;
  for (size_t i = 0; i < overview.samples.size(); ++i) {
    const auto sample = static_cast<int32_t>(i);
    count += whole_pass(overview, run, sample) != nullptr &&
             whole_pass(overview, reference, sample) != nullptr;
  }
  return count;
}

// Fidelity of a run's passes, by sample: it is recorded beside the full cache, whatever the runs
// are compared with here, and the loading thread has read it.
std::unordered_map<std::string_view, const exports::PassFidelity*> fidelity_of(
    const RunSource& run) {
  std::unordered_map<std::string_view, const exports::PassFidelity*> found;
  if (!run.overview->comparison) return found;
  const std::string& name = run.overview->runs.at(static_cast<size_t>(run.run)).name;
  for (const RunComparison& other : run.overview->comparison->runs) {
    if (other.name != name) continue;
    for (const SampleComparison& sample : other.per_sample)
      found.emplace(sample.sample, &sample.fidelity);
  }
  return found;
}

// What the loading thread has computed already, where it is about these two runs, and about all of
// their passes: a live trace may have grown since.
const RunComparison* computed(const RunSource& run, const RunSource& reference) {
  if (run.trace != reference.trace || !run.overview->comparison) return nullptr;
  const exports::Comparison& comparison = *run.overview->comparison;
  const auto& runs = run.overview->runs;
  if (comparison.reference != runs.at(static_cast<size_t>(reference.run)).name) return nullptr;
  const std::string& name = runs.at(static_cast<size_t>(run.run)).name;
  const auto found = std::find_if(comparison.runs.begin(), comparison.runs.end(),
                                  [&](const RunComparison& other) { return other.name == name; });
  if (found == comparison.runs.end() || found->samples == 0) return nullptr;
  const int64_t finished = finished_by_both(*run.overview, run.run, reference.run);
  return found->samples == finished ? &*found : nullptr;
}

}  // namespace

std::string group_of(const SampleInfo& sample) {
  const auto found = sample.metadata.find(std::string(kGroupField));
  return found == sample.metadata.end() ? std::string() : found->second;
}

RunFigures compare_run(const RunSource& run, const RunSource& reference) {
  RunFigures result;
  const Overview& overview = *run.overview;
  const bool is_reference = run.trace == reference.trace && run.run == reference.run;
  if (const RunComparison* known = computed(run, reference)) {
    result.figures = *known;
    result.aligned = result.outputs = true;
    // Its rows are in the order of the samples.
    auto sample = overview.samples.begin();
    for (SampleComparison& row : result.figures.per_sample) {
      sample = std::find_if(sample, overview.samples.end(),
                            [&](const SampleInfo& info) { return info.id == row.sample; });
      if (sample == overview.samples.end()) break;
      row.group = group_of(*sample);
    }
    return result;
  }
  const ReferencePasses passes(reference);
  Tally together;
  together.other_tokens = token_ids(overview, *reference.overview) == TokenIds::different;
  Tally alone;
  const auto recorded = fidelity_of(run);
  const auto fidelity = [&](const std::string& sample) {
    const auto found = recorded.find(sample);
    return found == recorded.end() ? nullptr : found->second;
  };
  const auto samples = static_cast<int32_t>(overview.samples.size());
  for (int32_t sample = 0; sample < samples; ++sample) {
    const PassInfo* pass = whole_pass(overview, run.run, sample);
    if (pass == nullptr) continue;
    const SampleInfo& info = overview.samples[static_cast<size_t>(sample)];
    if (const PassInfo* other = passes.find(info.id)) {
      together.add_pass(info, *pass, fidelity(info.id));
      together.add_durations(run.outputs.get(), *pass);
      together.add_agreement(run.outputs.get(), *pass, reference.outputs.get(), *other);
    } else if (together.samples.empty()) {
      alone.add_pass(info, *pass, fidelity(info.id));
      alone.add_durations(run.outputs.get(), *pass);
    }
  }
  result.aligned = !together.samples.empty();
  Tally& tally = result.aligned ? together : alone;
  result.other_tokens = tally.other_tokens;
  result.outputs = tally.outputs && !tally.other_tokens && !tally.samples.empty();
  result.figures = tally.summary();
  result.figures.name = overview.runs.at(static_cast<size_t>(run.run)).name;
  result.figures.is_reference = is_reference;
  return result;
}

std::vector<SampleDifference> rank_differences(const RunFigures& reference,
                                               std::span<const RunFigures> runs) {
  const auto& references = reference.figures.per_sample;
  std::unordered_map<std::string_view, size_t> rows;
  for (size_t i = 0; i < references.size(); ++i) rows.emplace(references[i].sample, i);
  std::vector<SampleDifference> all(references.size());
  for (size_t r = 0; r < runs.size(); ++r) {
    if (!runs[r].aligned) continue;
    for (const SampleComparison& sample : runs[r].figures.per_sample) {
      const auto found = rows.find(sample.sample);
      if (found == rows.end()) continue;
      const SampleComparison& other = references[found->second];
      SampleDifference& difference = all[found->second];
      difference.sample = sample.sample;
      const double budget = std::abs(sample.budget - other.budget);
      std::optional<double> output;
      if (runs[r].outputs) {
        const auto longer = static_cast<double>(std::max(sample.generated, other.generated));
        output = sample.first_differing && longer > 0
                     ? 1 - static_cast<double>(*sample.first_differing) / longer
                     : 0;
      }
      const double before = difference.output.value_or(-1);
      const double now = output.value_or(-1);
      if (difference.worst < 0 || now > before || (now == before && budget > difference.budget)) {
        difference.worst = static_cast<int>(r);
        difference.output = output;
        difference.first_differing = output ? sample.first_differing : std::nullopt;
      }
      difference.budget = std::max(difference.budget, budget);
    }
  }
  std::erase_if(all, [](const SampleDifference& row) { return row.worst < 0; });
  std::stable_sort(all.begin(), all.end(),
                   [](const SampleDifference& a, const SampleDifference& b) {
                     const double x = a.output.value_or(-1);
                     const double y = b.output.value_or(-1);
                     return x != y ? x > y : a.budget > b.budget;
                   });
  return all;
}

int next_different(std::span<const SampleDifference> ranked, std::string_view sample, int step) {
  if (ranked.empty()) return -1;
  const auto found = std::find_if(ranked.begin(), ranked.end(), [&](const SampleDifference& row) {
    return row.sample == sample;
  });
  if (found == ranked.end()) return 0;
  const auto count = static_cast<int>(ranked.size());
  const auto at = static_cast<int>(found - ranked.begin());
  return ((at + step) % count + count) % count;
}

}  // namespace kvreel::viewer
