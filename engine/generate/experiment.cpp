// The loop over samples and runs.
#include "engine/generate/experiment.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <set>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/steady_clock.h"
#include "engine/generate/fidelity.h"
#include "engine/generate/pass.h"
#include "engine/generate/shared_prefill.h"
#include "engine/generate/time_left.h"
#include "engine/generate/timed.h"

namespace kvreel::engine {
namespace {

void announce(const Sample& sample, int32_t index, Observer& observer) {
  observer.on_sample({.sample = index,
                      .id = sample.id,
                      .text = sample.text,
                      .tokens = sample.tokens,
                      .pieces = sample.pieces,
                      .answers = sample.answers,
                      .metadata = sample.metadata,
                      .original_tokens = sample.original_tokens});
}

// Which passes are left to do.
class Left {
 public:
  Left(size_t samples, size_t runs, const ExperimentPlan& plan)
      : runs_(runs), left_(samples * runs, true) {
    if (!plan.done) return;
    for (size_t s = 0; s < samples; ++s) {
      for (size_t r = 0; r < runs; ++r) {
        left_[s * runs + r] = !plan.done(static_cast<int32_t>(r), static_cast<int32_t>(s));
      }
    }
  }
  bool has(size_t sample, size_t run) const { return left_[sample * runs_ + run]; }
  std::vector<int64_t> by_run() const {
    std::vector<int64_t> counts(runs_, 0);
    for (size_t i = 0; i < left_.size(); ++i) counts[i % runs_] += left_[i] ? 1 : 0;
    return counts;
  }
  int64_t count() const { return std::count(left_.begin(), left_.end(), true); }

 private:
  size_t runs_;
  std::vector<bool> left_;  // [samples, runs]
};

// The first run of the policy `full`: runs.size() where there is none.
size_t find_reference(std::span<const Run> runs) {
  const auto found =
      std::find_if(runs.begin(), runs.end(), [](const Run& r) { return r.spec.name == "full"; });
  return static_cast<size_t>(found - runs.begin());
}

// Runs that share a prefill, one group after the other.
using Groups = std::vector<std::vector<size_t>>;

Groups group_runs(std::span<const Run> runs, const ExperimentPlan& plan) {
  const auto key = [&](size_t run) {
    switch (plan.sharing) {
      case PrefillSharing::all:
        return size_t{0};
      case PrefillSharing::sweeps:
        return static_cast<size_t>(runs[run].argument);
      case PrefillSharing::none:
        break;
    }
    return run;
  };
  std::vector<size_t> order(runs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  if (plan.fidelity_steps > 0) {
    // What is compared with must be known before: its group comes first, and it the first of it.
    const size_t reference = find_reference(runs);
    std::stable_partition(order.begin(), order.end(),
                          [&](size_t run) { return key(run) == key(reference); });
    std::stable_partition(order.begin(), order.end(), [&](size_t run) { return run == reference; });
  }
  Groups groups;
  for (const size_t run : order) {
    if (groups.empty() || key(groups.back().front()) != key(run)) groups.emplace_back();
    groups.back().push_back(run);
  }
  return groups;
}

// A short pass that nobody observes.
void warm_up(const ModelConfig& config, Backend& backend, const Tokenizer* tokenizer,
             const Sample& sample, const Policy& policy, const GenerateOptions& options,
             const std::atomic<bool>& stop) {
  Observer nobody;
  GenerateOptions few = options;
  few.max_new_tokens = std::min<int64_t>(options.max_new_tokens, 2);
  Sample start = sample;
  start.tokens.resize(std::min<size_t>(start.tokens.size(), 64));
  run_pass(config, backend, tokenizer, start, policy, few, 0, 0, nobody, stop);
}

// Tells what is about to run, and learns from it how long the rest will take.
class Reporter {
 public:
  Reporter(const Left& left, std::span<const Sample> samples, std::span<const Run> runs,
           const std::function<void(const Progress&)>& progress)
      : samples_(samples), runs_(runs), progress_(progress), time_left_(left.by_run()) {
    now_.passes = static_cast<int64_t>(samples.size() * runs.size());
    now_.passes_skipped = now_.passes - left.count();
    now_.passes_done = now_.passes_skipped;
    now_.samples = static_cast<int64_t>(samples.size());
  }

  void begin(size_t sample, size_t run) {
    now_.sample_index = static_cast<int64_t>(sample);
    now_.sample = &samples_[sample];
    now_.run = &runs_[run];
    start_ns_ = steady_ns();
    tell();
  }
  void end(size_t run) {
    ++now_.passes_done;
    time_left_.finished(run, static_cast<double>(steady_ns() - start_ns_) * 1e-9);
  }
  void tell() {
    now_.seconds_left = time_left_.seconds();
    if (progress_) progress_(now_);
  }

 private:
  std::span<const Sample> samples_;
  std::span<const Run> runs_;
  const std::function<void(const Progress&)>& progress_;
  TimeLeft time_left_;
  Progress now_;
  int64_t start_ns_ = 0;
};

// All that is left to do of one sample.
class SampleWork {
 public:
  SampleWork(const SampleContext& context, std::span<const Run> runs, const ExperimentPlan& plan,
             Reporter& reporter)
      : context_(context),
        runs_(runs),
        plan_(plan),
        reporter_(reporter),
        reference_(find_reference(runs)) {}

  // Runs what is left of a group. Each returns false when `stop` ended it early.
  bool run(const std::vector<size_t>& group, const std::vector<size_t>& left) {
    reporter_.begin(sample(), left.front());
    const bool alone = group.size() == 1 && !is_compared(group.front());
    return alone ? run_alone(group.front()) : run_together(left, group.front());
  }

 private:
  size_t sample() const { return static_cast<size_t>(context_.sample_index); }
  bool is_compared(size_t run) const { return plan_.fidelity_steps > 0 && run != reference_; }
  bool stopped() const { return context_.stop.load(std::memory_order_relaxed); }

  bool run_alone(size_t run) {
    Pass pass(context_, static_cast<int32_t>(run), *runs_[run].policy);
    pass.prefill();
    pass.decode();
    return end(pass, run);
  }

  bool run_together(const std::vector<size_t>& group, size_t owner) {
    if (is_compared(group.back()) && !know_reference(group)) return false;
    std::vector<Sharer> sharers;
    for (const size_t run : group) {
      sharers.push_back({.run = static_cast<int32_t>(run), .policy = runs_[run].policy.get()});
    }
    SharedPrefill shared(context_, static_cast<int32_t>(owner), sharers,
                         /*twins=*/plan_.fidelity_steps > 0);
    for (size_t i = 0; i < group.size(); ++i) {
      const size_t run = group[i];
      if (stopped() && i > 0) return false;
      if (i > 0) reporter_.begin(sample(), run);
      Pass pass(context_, static_cast<int32_t>(run), *runs_[run].policy);
      pass.prefill(shared.share(i));
      pass.decode();
      pass.release();
      if (is_compared(run) && !compare(pass, shared, i, run)) pass.interrupt();
      if (!end(pass, run)) return false;
    }
    return true;
  }

  bool compare(const Pass& pass, SharedPrefill& shared, size_t sharer, size_t run) {
    if (pass.result().finish == FinishReason::interrupted) return false;
    const std::unique_ptr<PassState> state = shared.twin(sharer);
    return measure_fidelity({.context = context_,
                             .full = shared.full(),
                             .run = static_cast<int32_t>(run),
                             .policy = *runs_[run].policy,
                             .state = state.get(),
                             .decisions = shared.decisions(sharer),
                             .tokens = reference_tokens_,
                             .most_steps = plan_.fidelity_steps});
  }

  // The reference's pass may have been recorded before: its tokens are then made again, unseen.
  bool know_reference(const std::vector<size_t>& group) {
    if (!reference_tokens_.empty() || group.front() == reference_) return true;
    Observer nobody;
    const PassResult result = run_pass(context_.config, context_.backend, context_.tokenizer,
                                       context_.sample, *runs_[reference_].policy, context_.options,
                                       0, context_.sample_index, nobody, context_.stop);
    reference_tokens_ = result.tokens;
    return result.finish != FinishReason::interrupted;
  }

  bool end(Pass& pass, size_t run) {
    const PassResult result = pass.finish();
    if (result.finish == FinishReason::interrupted) return false;
    if (run == reference_) reference_tokens_ = result.tokens;
    reporter_.end(run);
    return true;
  }

  const SampleContext& context_;
  std::span<const Run> runs_;
  const ExperimentPlan& plan_;
  Reporter& reporter_;
  size_t reference_;
  std::vector<int32_t> reference_tokens_;
};

}  // namespace

std::vector<Run> make_runs(std::span<const std::string> texts) {
  std::vector<Run> runs;
  std::set<std::string> names;
  for (size_t argument = 0; argument < texts.size(); ++argument) {
    for (PolicySpec& spec : parse_policy_specs(texts[argument])) {
      if (!names.insert(spec.text).second) {
        fail_usage("--policy '{}' is given twice; runs are named by their policy and must differ.",
                   spec.text);
      }
      std::unique_ptr<Policy> policy = make_policy(spec);
      runs.push_back({.spec = std::move(spec),
                      .policy = std::move(policy),
                      .argument = static_cast<int32_t>(argument)});
    }
  }
  return runs;
}

void check_plan(const ExperimentPlan& plan, std::span<const Run> runs) {
  if (plan.fidelity_steps > 0 && find_reference(runs) == runs.size()) {
    fail_usage("--fidelity compares runs with the full cache; add --policy full.");
  }
}

int64_t most_sharers(const ExperimentPlan& plan, std::span<const Run> runs) {
  size_t most = plan.fidelity_steps > 0 ? 1 : 0;
  for (const std::vector<size_t>& group : group_runs(runs, plan)) {
    if (group.size() > 1) most = std::max(most, group.size());
  }
  return static_cast<int64_t>(most);
}

bool run_experiment(const ModelConfig& config, Backend& backend, const Tokenizer* tokenizer,
                    std::span<const Sample> samples, std::span<const Run> runs,
                    const GenerateOptions& options, Observer& observer,
                    const std::atomic<bool>& stop,
                    const std::function<void(const Progress&)>& progress,
                    const ExperimentPlan& plan) {
  check_plan(plan, runs);
  const Left left(samples.size(), runs.size(), plan);
  const Groups groups = group_runs(runs, plan);
  Reporter reporter(left, samples, runs, progress);
  if (left.count() > 0) {
    warm_up(config, backend, tokenizer, samples[0], *runs[0].policy, options, stop);
  }
  for (size_t s = 0; s < samples.size(); ++s) {
    const auto index = static_cast<int32_t>(s);
    if (index >= plan.announced_samples) announce(samples[s], index, observer);
    const SampleContext context{.config = config,
                                .backend = backend,
                                .tokenizer = tokenizer,
                                .sample = samples[s],
                                .sample_index = index,
                                .options = options,
                                .observer = observer,
                                .stop = stop};
    SampleWork work(context, runs, plan, reporter);
    for (const std::vector<size_t>& group : groups) {
      std::vector<size_t> rest = group;
      std::erase_if(rest, [&](size_t run) { return !left.has(s, run); });
      if (rest.empty()) continue;
      if (stop.load(std::memory_order_relaxed)) return false;
      if (!work.run(group, rest)) return false;
    }
  }
  reporter.tell();
  return true;
}

}  // namespace kvreel::engine
