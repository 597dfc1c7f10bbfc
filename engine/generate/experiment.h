// A recording's work: every sample under every run.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/generate/generate.h"
#include "engine/policy/registry.h"

namespace kvreel::engine {

struct Run {
  PolicySpec spec;
  std::unique_ptr<Policy> policy;
  int32_t argument = 0;  // which of the given specs it stands in: runs of one are a sweep
};

// Throws UsageError where a spec is malformed or two are the same.
std::vector<Run> make_runs(std::span<const std::string> specs);

// Which runs of a sample share the prompt's forward pass. A run that shares with nobody has its
// own, measured from end to end.
enum class PrefillSharing : uint8_t { none, sweeps, all };

// How an experiment is run, and what of it is known already.
struct ExperimentPlan {
  // Whether a pass is left out, having been recorded before; empty: none is.
  std::function<bool(int32_t run, int32_t sample)> done;
  // So many first samples have been announced before and are not announced again.
  int32_t announced_samples = 0;
  PrefillSharing sharing = PrefillSharing::sweeps;
  // Each run is compared with the run `full` over so many decode steps at most; 0: not at all.
  int64_t fidelity_steps = 0;
};

// Throws UsageError where fidelity is asked for and no run has the policy `full`.
void check_plan(const ExperimentPlan& plan, std::span<const Run> runs);

// The most runs that share a prefill; 0 where none does and no cache is made from an uncut one.
int64_t most_sharers(const ExperimentPlan& plan, std::span<const Run> runs);

struct Progress {
  int64_t passes_done = 0;     // those left out among them
  int64_t passes = 0;          // samples x runs
  int64_t passes_skipped = 0;  // of passes, those left out
  int64_t sample_index = 0;    // in progress
  int64_t samples = 0;
  const Sample* sample = nullptr;  // in progress
  const Run* run = nullptr;
  std::optional<double> seconds_left;  // none while there is nothing to judge by
};

// For each sample every run in turn, so that what is recorded can be compared at any moment and
// drift of the machine's speed falls on all runs alike. A first short pass that nobody observes
// brings the weights into memory. `progress` is called before each pass and once at the end.
// Samples are announced in ascending order, each once, before its first pass or where it would be.
//
// Runs that share a prefill follow each other, and the first of them announces the model's part of
// it; where its pass is left out, it has done so before. Where fidelity is measured, the run `full`
// is the first of its sample, its group's runs are the next, and every other run's cache is made
// from an uncut one too: prefill_ns is then a sum of parts for all of them (PassEvent). Returns
// false when `stop` ended it early.
bool run_experiment(const ModelConfig& config, Backend& backend, const Tokenizer* tokenizer,
                    std::span<const Sample> samples, std::span<const Run> runs,
                    const GenerateOptions& options, Observer& observer,
                    const std::atomic<bool>& stop,
                    const std::function<void(const Progress&)>& progress,
                    const ExperimentPlan& plan = {});

}  // namespace kvreel::engine
