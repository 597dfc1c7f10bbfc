// The full cache and a run's cache in lockstep along the reference's tokens.
#include "engine/generate/fidelity.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "engine/generate/forward.h"

namespace kvreel::engine {
namespace {

// log softmax(logits): logits - log_total().
double log_total(std::span<const float> logits) {
  const double highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - highest);
  return highest + std::log(sum);
}

// The most probable token, the lowest id of equals.
size_t top(std::span<const float> logits) {
  return static_cast<size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// Rows of the full cache that one KV head of the run lacks; row j of the full cache is position j.
std::vector<size_t> lacking(int64_t full_rows, std::span<const int32_t> held) {
  std::vector<size_t> rows;
  auto next = held.begin();
  for (int32_t position = 0; position < full_rows; ++position) {
    if (next != held.end() && *next == position) {
      ++next;
    } else {
      rows.push_back(static_cast<size_t>(position));
    }
  }
  return rows;
}

// Of the full cache's attention, what falls on positions that the run does not hold.
class LostAttention final : public LayerHook {
 public:
  LostAttention(const KvCache& run, Observer& observer, StepId at)
      : run_(run), observer_(observer), at_(at) {}

  StatisticsRequest needs(const DecisionPoint&) const override { return {.last_rows = 1}; }

  void attended(const DecisionPoint& point, const AttentionStatistics& statistics) override {
    const int64_t kv_heads = run_.shape().kv_heads;
    const int64_t group = statistics.q_heads / kv_heads;
    LostAttentionEvent event{.at = at_, .layer = point.layer};
    for (int kv_head = 0; kv_head < kv_heads; ++kv_head) {
      // The step's own row is in both, though the run reads it only after this.
      const std::vector<size_t> rows =
          lacking(statistics.keys - 1, run_.positions(point.layer, kv_head));
      for (int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
        const std::span<const float> row = statistics.row(head, statistics.last_rows - 1);
        double lost = 0;
        for (const size_t key : rows) lost += static_cast<double>(row[key]);
        event.mean += lost / static_cast<double>(statistics.q_heads);
        event.max = std::max(event.max, lost);
      }
    }
    observer_.on_lost_attention(event);
  }

 private:
  const KvCache& run_;
  Observer& observer_;
  StepId at_;
};

KeptSet first_positions(int64_t count) {
  std::vector<int32_t> positions(static_cast<size_t>(count));
  std::iota(positions.begin(), positions.end(), 0);
  return KeptSet::all(positions);
}

}  // namespace

double kl_divergence(std::span<const float> full, std::span<const float> run) {
  const double full_total = log_total(full);
  const double run_total = log_total(run);
  double sum = 0;
  for (size_t id = 0; id < full.size(); ++id) {
    const double log_p = static_cast<double>(full[id]) - full_total;
    const double log_q = static_cast<double>(run[id]) - run_total;
    sum += std::exp(log_p) * (log_p - log_q);
  }
  return std::max(sum, 0.0);  // below it by rounding only
}

bool measure_fidelity(const FidelityTask& task) {
  const SampleContext& context = task.context;
  const int64_t prompt = context.prompt_tokens();
  Observer nobody;
  KvCache cache(context.cache_shape(), context.backend.kv_memory());
  replay(task.decisions, task.full, cache, {task.run, context.sample_index, 0}, nobody);

  const StepContext full_step{.backend = context.backend,
                              .cache = task.full,
                              .observer = nobody,
                              .config = context.config,
                              .prompt_tokens = prompt};
  const ForwardContext run_step{.backend = context.backend,
                                .cache = cache,
                                .policy = task.policy,
                                .observer = nobody,
                                .config = context.config,
                                .state = task.state,
                                .prompt_tokens = prompt};
  const auto tokens = static_cast<int64_t>(task.tokens.size());
  const auto steps = static_cast<int32_t>(std::min(tokens - 1, task.most_steps));
  std::vector<float> full_logits;
  bool finished = true;
  for (int32_t step = 1; step <= steps; ++step) {
    if (context.stop.load(std::memory_order_relaxed)) {
      finished = false;
      break;
    }
    const StepId at{task.run, context.sample_index, step};
    const auto next = static_cast<size_t>(step);
    const std::span<const int32_t> read = task.tokens.subspan(next - 1, 1);
    const int64_t position = prompt + step - 1;
    LostAttention lost(cache, context.observer, at);
    const std::span<const float> logits = run_layers(full_step, at, read, position, lost);
    full_logits.assign(logits.begin(), logits.end());
    const std::span<const float> of_run = forward(run_step, at, read, position).logits;

    const auto token = static_cast<size_t>(task.tokens[next]);
    context.observer.on_fidelity(
        {.at = at,
         .token = task.tokens[next],
         .kl = kl_divergence(full_logits, of_run),
         .same_top = top(full_logits) == top(of_run),
         .logprob = static_cast<double>(of_run[token]) - log_total(of_run),
         .reference_logprob = static_cast<double>(full_logits[token]) - log_total(full_logits)});
  }
  const KeptSet whole_prompt = first_positions(prompt);
  for (int layer = 0; layer < task.full.shape().layers; ++layer) {
    task.full.keep(layer, -1, whole_prompt);
  }
  return finished;
}

}  // namespace kvreel::engine
