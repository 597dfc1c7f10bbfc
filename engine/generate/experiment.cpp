// The loop over samples and runs.
#include "engine/generate/experiment.h"

#include <algorithm>

#include "base/error.h"

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
  int64_t count() const { return std::count(left_.begin(), left_.end(), true); }

 private:
  size_t runs_;
  std::vector<bool> left_;  // [samples, runs]
};

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

}  // namespace

std::vector<Run> make_runs(std::span<const std::string> texts) {
  std::vector<Run> runs;
  for (const std::string& text : texts) {
    for (PolicySpec& spec : parse_policy_specs(text)) {
      for (const Run& run : runs) {
        if (run.spec.text == spec.text) {
          fail_usage(
              "--policy '{}' is given twice; runs are named by their policy and must differ.",
              spec.text);
        }
      }
      std::unique_ptr<Policy> policy = make_policy(spec);
      runs.push_back({.spec = std::move(spec), .policy = std::move(policy)});
    }
  }
  return runs;
}

bool run_experiment(const ModelConfig& config, Backend& backend, const Tokenizer* tokenizer,
                    std::span<const Sample> samples, std::span<const Run> runs,
                    const GenerateOptions& options, Observer& observer,
                    const std::atomic<bool>& stop,
                    const std::function<void(const Progress&)>& progress,
                    const ExperimentPlan& plan) {
  const Left left(samples.size(), runs.size(), plan);
  Progress now{.passes = static_cast<int64_t>(samples.size() * runs.size())};
  now.passes_skipped = now.passes - left.count();
  now.passes_done = now.passes_skipped;
  if (left.count() > 0) {
    warm_up(config, backend, tokenizer, samples[0], *runs[0].policy, options, stop);
  }
  for (size_t s = 0; s < samples.size(); ++s) {
    if (static_cast<int64_t>(s) >= plan.announced_samples) {
      announce(samples[s], static_cast<int32_t>(s), observer);
    }
    for (size_t r = 0; r < runs.size(); ++r) {
      if (!left.has(s, r)) continue;
      if (stop.load(std::memory_order_relaxed)) return false;
      now.sample = &samples[s];
      now.run = &runs[r];
      if (progress) progress(now);
      const PassResult result =
          run_pass(config, backend, tokenizer, samples[s], *runs[r].policy, options,
                   static_cast<int32_t>(r), static_cast<int32_t>(s), observer, stop);
      if (result.finish == FinishReason::interrupted) return false;
      ++now.passes_done;
    }
  }
  if (progress) progress(now);
  return true;
}

}  // namespace kvreel::engine
