// One step through all layers, with its statistics, decisions and spans.
#include "engine/generate/forward.h"

#include <chrono>
#include <utility>

namespace kvreel::engine {
namespace {

// Runs pieces of a step and tells the observer how long each took.
class Timed {
 public:
  Timed(Observer& observer, StepId at)
      : observer_(observer), at_(at), spans_(observer.wants_spans()) {}

  template <typename Work>
  void operator()(Op op, int layer, Work&& work) const {
    if (!spans_) return work();
    const int64_t start = now_ns();
    work();
    observer_.on_span({.at = at_, .layer = layer, .op = op, .start_ns = start, .end_ns = now_ns()});
  }

 private:
  Observer& observer_;
  StepId at_;
  bool spans_;
};

void announce_attention(Observer& observer, StepId at, int layer,
                        const AttentionStatistics& statistics) {
  const std::vector<HeadNorms> norms = head_norms(statistics);
  observer.on_attention({.at = at, .layer = layer, .heads = norms, .statistics = statistics});
}

void announce_memory(const ForwardContext& context, StepId at, int layer, MemoryCause cause) {
  context.observer.on_memory({.at = at,
                              .layer = layer,
                              .cause = cause,
                              .time_ns = now_ns(),
                              .cache = context.cache.bytes()});
}

int layer_of(const Decision& decision, const DecisionPoint& point) {
  return decision.layer < 0 ? point.layer : decision.layer;
}

// Lets the policy decide and cuts the layer's cache. Returns the time it took.
int64_t decide_and_keep(const ForwardContext& context, StepId at, const DecisionPoint& point,
                        const AttentionStatistics& statistics, const Timed& timed) {
  const int64_t start = now_ns();
  std::vector<Decision> decisions;
  timed(Op::decide, point.layer, [&] {
    decisions = context.policy.decide({.point = point,
                                       .config = context.config,
                                       .cache = context.cache,
                                       .statistics = statistics,
                                       .state = context.state});
  });
  const int64_t decided = now_ns();
  timed(Op::keep, point.layer, [&] {
    for (const Decision& decision : decisions) {
      context.cache.keep(layer_of(decision, point), decision.kv_head, decision.kept);
    }
  });
  const int64_t end = now_ns();
  for (const Decision& decision : decisions) {
    if (decision.provisional) continue;
    context.observer.on_decision({.at = at,
                                  .layer = layer_of(decision, point),
                                  .decision = decision,
                                  .start_ns = start,
                                  .end_ns = decided});
  }
  if (!decisions.empty()) announce_memory(context, at, point.layer, MemoryCause::keep);
  return end - start;
}

}  // namespace

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

ForwardResult forward(const ForwardContext& context, StepId at, std::span<const int32_t> tokens,
                      int64_t first_position) {
  Backend& backend = context.backend;
  const auto rows = static_cast<int64_t>(tokens.size());
  const Timed timed(context.observer, at);
  const StatisticsRequest observed =
      at.step == 0 ? context.observer.prefill_needs() : context.observer.decode_needs();
  ForwardResult result;

  timed(Op::embed, -1, [&] { backend.begin(tokens, first_position); });
  for (int layer = 0; layer < context.config.layers; ++layer) {
    const DecisionPoint point{.step = at.step,
                              .layer = layer,
                              .layers = context.config.layers,
                              .prompt_tokens = context.prompt_tokens};
    const bool acts = context.policy.acts(point);
    const StatisticsRequest request =
        acts ? observed.merged(context.policy.needs(point)) : observed;
    AttentionStatistics statistics =
        AttentionStatistics::make(request, context.config.q_heads, rows,
                                  context.cache.longest(layer) + rows, context.config.head_dim);

    for (int64_t begin = 0; begin < rows; begin += backend.chunk_rows()) {
      const Rows chunk{begin, std::min(begin + backend.chunk_rows(), rows)};
      timed(Op::qkv, layer, [&] { backend.qkv(layer, chunk, context.cache, statistics); });
      timed(Op::attend, layer, [&] { backend.attend(layer, chunk, context.cache, statistics); });
      timed(Op::attn_out, layer, [&] { backend.attn_out(layer, chunk); });
      timed(Op::ffn, layer, [&] { backend.ffn(layer, chunk); });
    }
    // Memory over time: every layer of the prefill, and the steps of the decode as wholes.
    if (at.step == 0) announce_memory(context, at, layer, MemoryCause::append);
    if (observed.any()) announce_attention(context.observer, at, layer, statistics);
    if (acts) result.decide_ns += decide_and_keep(context, at, point, statistics, timed);
  }
  if (at.step > 0) announce_memory(context, at, -1, MemoryCause::append);
  timed(Op::logits, -1, [&] { result.logits = backend.logits(); });
  return result;
}

}  // namespace kvreel::engine
