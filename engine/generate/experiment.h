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

struct Progress {
  int64_t passes_done = 0;
  int64_t passes = 0;
  const Sample* sample = nullptr;  // in progress
  const Run* run = nullptr;
};

// For each sample every run in turn, so that what is recorded can be compared at any moment and
// drift of the machine's speed falls on all runs alike. A first short pass that nobody observes
// brings the weights into memory. `progress` is called before each pass and once at the end.
// Returns false when `stop` ended it early.
bool run_experiment(const ModelConfig& config, Backend& backend, const Tokenizer* tokenizer,
                    std::span<const Sample> samples, std::span<const Run> runs,
                    const GenerateOptions& options, Observer& observer,
                    const std::atomic<bool>& stop,
                    const std::function<void(const Progress&)>& progress);

}  // namespace kvreel::engine
