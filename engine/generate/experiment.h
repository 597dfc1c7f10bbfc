// A recording's work: every sample under every run.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/generate/generate.h"
#include "engine/policy/registry.h"

namespace kvreel::engine {

struct Run {
  PolicySpec spec;
  std::unique_ptr<Policy> policy;
};

// Throws UsageError where a spec is malformed or two are the same.
std::vector<Run> make_runs(std::span<const std::string> specs);

// What of an experiment is known already. By default nothing is.
struct ExperimentPlan {
  // Whether a pass is left out, having been recorded before.
  std::function<bool(int32_t run, int32_t sample)> done;
  // So many first samples have been announced before and are not announced again.
  int32_t announced_samples = 0;
};

struct Progress {
  int64_t passes_done = 0;         // those left out among them
  int64_t passes = 0;              // samples x runs
  int64_t passes_skipped = 0;      // of passes, those left out
  const Sample* sample = nullptr;  // in progress
  const Run* run = nullptr;
};

// For each sample every run in turn, so that what is recorded can be compared at any moment and
// drift of the machine's speed falls on all runs alike. A first short pass that nobody observes
// brings the weights into memory. `progress` is called before each pass and once at the end.
// Samples are announced in ascending order, each once, before its first pass or where it would be.
// Returns false when `stop` ended it early.
bool run_experiment(const ModelConfig& config, Backend& backend, const Tokenizer* tokenizer,
                    std::span<const Sample> samples, std::span<const Run> runs,
                    const GenerateOptions& options, Observer& observer,
                    const std::atomic<bool>& stop,
                    const std::function<void(const Progress&)>& progress,
                    const ExperimentPlan& plan = {});

}  // namespace kvreel::engine
