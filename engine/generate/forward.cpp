// One step through all layers, with its statistics, decisions and spans.
#include "engine/generate/forward.h"

#include <algorithm>
#include <vector>

#include "base/steady_clock.h"
#include "engine/generate/cut.h"

namespace kvreel::engine {
namespace {

void announce_attention(Observer& observer, StepId at, int layer,
                        const AttentionStatistics& statistics) {
  const std::vector<HeadNorms> norms = head_norms(statistics);
  observer.on_attention({.at = at, .layer = layer, .heads = norms, .statistics = statistics});
}

// One policy's decisions cut the cache at once.
class CutAtOnce final : public LayerHook {
 public:
  CutAtOnce(const ForwardContext& context, StepId at) : context_(context), at_(at) {}

  StatisticsRequest needs(const DecisionPoint& point) const override {
    return context_.policy.acts(point) ? context_.policy.needs(point) : StatisticsRequest{};
  }

  void attended(const DecisionPoint& point, const AttentionStatistics& statistics) override {
    // Memory over time: every layer of the prefill, and the steps of the decode as wholes.
    if (at_.step == 0) {
      announce_memory(context_.cache, at_, point.layer, MemoryCause::append, context_.observer);
    }
    if (!context_.policy.acts(point)) return;
    const LayerDecisions decided = decide(context_.policy, {.point = point,
                                                            .config = context_.config,
                                                            .cache = context_.cache,
                                                            .statistics = statistics,
                                                            .state = context_.state});
    Timed(context_.observer, at_)
        .announce(Op::decide, point.layer, decided.start_ns, decided.end_ns);
    decide_ns_ +=
        decided.decide_ns() + cut_and_announce(decided, context_.cache, at_, context_.observer);
  }

  int64_t decide_ns() const { return decide_ns_; }

 private:
  const ForwardContext& context_;
  StepId at_;
  int64_t decide_ns_ = 0;
};

}  // namespace

std::span<const float> run_layers(const StepContext& context, StepId at,
                                  std::span<const int32_t> tokens, int64_t first_position,
                                  LayerHook& hook) {
  Backend& backend = context.backend;
  const auto rows = static_cast<int64_t>(tokens.size());
  const Timed timed(context.observer, at);
  const StatisticsRequest observed =
      at.step == 0 ? context.observer.prefill_needs() : context.observer.decode_needs();

  timed(Op::embed, -1, [&] { backend.begin(tokens, first_position); });
  for (int layer = 0; layer < context.config.layers; ++layer) {
    const DecisionPoint point{.step = at.step,
                              .layer = layer,
                              .layers = context.config.layers,
                              .prompt_tokens = context.prompt_tokens};
    AttentionStatistics statistics =
        AttentionStatistics::make(observed.merged(hook.needs(point)), context.config.q_heads, rows,
                                  context.cache.longest(layer) + rows, context.config.head_dim);

    for (int64_t begin = 0; begin < rows; begin += backend.chunk_rows()) {
      const Rows chunk{begin, std::min(begin + backend.chunk_rows(), rows)};
      timed(Op::qkv, layer, [&] { backend.qkv(layer, chunk, context.cache, statistics); });
      timed(Op::attend, layer, [&] { backend.attend(layer, chunk, context.cache, statistics); });
      timed(Op::attn_out, layer, [&] { backend.attn_out(layer, chunk); });
      timed(Op::ffn, layer, [&] { backend.ffn(layer, chunk); });
    }
    if (observed.any()) announce_attention(context.observer, at, layer, statistics);
    hook.attended(point, statistics);
  }
  std::span<const float> logits;
  timed(Op::logits, -1, [&] { logits = backend.logits(); });
  return logits;
}

ForwardResult forward(const ForwardContext& context, StepId at, std::span<const int32_t> tokens,
                      int64_t first_position) {
  CutAtOnce hook(context, at);
  ForwardResult result;
  result.logits = run_layers({.backend = context.backend,
                              .cache = context.cache,
                              .observer = context.observer,
                              .config = context.config,
                              .prompt_tokens = context.prompt_tokens},
                             at, tokens, first_position, hook);
  result.decide_ns = hook.decide_ns();
  if (at.step > 0) {
    announce_memory(context.cache, at, -1, MemoryCause::append, context.observer);
  }
  return result;
}

}  // namespace kvreel::engine
