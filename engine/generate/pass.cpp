// The steps of a pass and what is announced of them.
#include "engine/generate/pass.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/steady_clock.h"
#include "engine/generate/forward.h"
#include "engine/generate/scoring.h"
#include "engine/generate/timed.h"

namespace kvreel::engine {
namespace {

// Mean over layers of kept / prompt positions; a layer's share is the mean over its KV heads.
double mean_budget(const KvCache& cache, int64_t prompt_tokens) {
  double kept = 0;
  for (int layer = 0; layer < cache.shape().layers; ++layer) {
    for (int head = 0; head < cache.shape().kv_heads; ++head) {
      kept += static_cast<double>(cache.length(layer, head));
    }
  }
  return kept / (static_cast<double>(cache.shape().layers) * cache.shape().kv_heads *
                 static_cast<double>(prompt_tokens));
}

}  // namespace

KvCache::Shape SampleContext::cache_shape() const {
  return {.layers = config.layers,
          .kv_heads = config.kv_heads,
          .page = {.dtype = options.cache_dtype,
                   .page_rows = options.page_rows,
                   .head_dim = config.head_dim}};
}

Pass::Pass(const SampleContext& context, int32_t run, const Policy& policy)
    : context_(context), run_(run), policy_(policy) {
  if (context.prompt_tokens() == 0) {
    fail("Prompt '{}' is empty: it has no tokens to run.", context.sample.id);
  }
  cache_.emplace(context.cache_shape(), context.backend.kv_memory());
  event_.run = run;
  event_.sample = context.sample_index;
}

Sampled Pass::sample_at(int32_t step, std::span<const float> logits) const {
  Sampled sampled;
  Timed(context_.observer, at(step))(Op::sample, -1, [&] {
    sampled = sample_token(logits, context_.options.sampling, context_.sample_index, step);
  });
  return sampled;
}

void Pass::announce_step(int32_t step, int64_t rows, const Sampled& sampled, int64_t start,
                         int64_t end) const {
  const Tokenizer* tokenizer = context_.tokenizer;
  const std::string piece = tokenizer ? tokenizer->piece(sampled.token) : std::string();
  context_.observer.on_step({.at = at(step),
                             .rows = rows,
                             .token = sampled.token,
                             .piece = piece,
                             .logprob = sampled.logprob,
                             .start_ns = start,
                             .end_ns = end,
                             .cache = cache_->bytes()});
}

void Pass::note_prefill(int64_t prefill_ns, int64_t decide_ns) {
  event_.prefill_ns = prefill_ns;
  event_.decide_ns = decide_ns;
  event_.after_prefill = cache_->bytes();
  event_.budget = mean_budget(*cache_, context_.prompt_tokens());
  result_.budget = event_.budget;
  position_ = context_.prompt_tokens();
}

void Pass::prefill() {
  event_.start_ns = steady_ns();
  state_ = policy_.start_pass(context_.config, context_.prompt_tokens());
  const int64_t start = steady_ns();
  const ForwardResult forwarded = forward({.backend = context_.backend,
                                           .cache = *cache_,
                                           .policy = policy_,
                                           .observer = context_.observer,
                                           .config = context_.config,
                                           .state = state_.get(),
                                           .prompt_tokens = context_.prompt_tokens()},
                                          at(0), context_.sample.tokens, 0);
  const Sampled sampled = sample_at(0, forwarded.logits);
  const int64_t end = steady_ns();
  announce_step(0, context_.prompt_tokens(), sampled, start, end);
  note_prefill(end - start, forwarded.decide_ns);
  result_.tokens.push_back(sampled.token);
}

void Pass::prefill(PrefillShare share) {
  const bool owns = share.owner == run_;
  event_.start_ns = owns ? share.start_ns : steady_ns();
  event_.prefill_run = owns ? -1 : share.owner;
  state_ = std::move(share.state);

  int64_t decide_ns = 0;
  const Timed timed(context_.observer, at(0));
  for (const LayerDecisions& decided : share.decisions) {
    decide_ns += decided.decide_ns();
    // The owner's stand among the model's spans.
    if (!owns) timed.announce(Op::decide, decided.layer, decided.start_ns, decided.end_ns);
  }
  decide_ns += replay(share.decisions, share.full, *cache_, at(0), context_.observer);

  const int64_t prefill_ns = share.model_ns + decide_ns;
  announce_step(0, context_.prompt_tokens(), share.first, event_.start_ns,
                event_.start_ns + (owns ? prefill_ns : decide_ns));
  note_prefill(prefill_ns, decide_ns);
  result_.tokens.push_back(share.first.token);
}

// Whether the last token ended the pass, and why.
bool Pass::ends() {
  const auto& stops = context_.options.stop_ids;
  if (std::find(stops.begin(), stops.end(), result_.tokens.back()) != stops.end()) {
    result_.finish = FinishReason::stop_token;
  } else if (static_cast<int64_t>(result_.tokens.size()) >= context_.options.max_new_tokens) {
    result_.finish = FinishReason::max_new_tokens;
  } else if (position_ >= context_.config.max_positions) {
    result_.finish = FinishReason::max_positions;
  } else if (context_.stop.load(std::memory_order_relaxed)) {
    result_.finish = FinishReason::interrupted;
  } else {
    return false;
  }
  return true;
}

void Pass::decode() {
  const ForwardContext context{.backend = context_.backend,
                               .cache = *cache_,
                               .policy = policy_,
                               .observer = context_.observer,
                               .config = context_.config,
                               .state = state_.get(),
                               .prompt_tokens = context_.prompt_tokens()};
  for (int32_t step = 1; !ends(); ++step) {
    const int64_t start = steady_ns();
    const std::span<const int32_t> token = std::span<const int32_t>(result_.tokens).last(1);
    const ForwardResult forwarded = forward(context, at(step), token, position_);
    const Sampled sampled = sample_at(step, forwarded.logits);
    const int64_t end = steady_ns();
    announce_step(step, 1, sampled, start, end);
    event_.decode_ns += end - start;
    ++position_;
    result_.tokens.push_back(sampled.token);
  }
  event_.at_end = cache_->bytes();
}

void Pass::release() {
  cache_.reset();
}

PassResult Pass::finish() {
  const Tokenizer* tokenizer = context_.tokenizer;
  if (tokenizer) result_.text = tokenizer->decode(result_.tokens, /*skip_special=*/true);
  event_.finish = result_.finish;
  event_.text = result_.text;
  event_.generated = static_cast<int32_t>(result_.tokens.size());
  event_.exact_match = tokenizer ? exact_match(result_.text, context_.sample.answers) : -1;
  const std::vector<Score> scores =
      tokenizer ? score_text(result_.text, context_.sample) : std::vector<Score>{};
  event_.scores = scores;
  event_.full_after_prefill =
      static_cast<uint64_t>(context_.prompt_tokens()) *
      static_cast<uint64_t>(context_.config.layers) *
      static_cast<uint64_t>(context_.config.kv_bytes_per_position(context_.options.cache_dtype));
  context_.observer.on_pass(event_);
  return result_;
}

}  // namespace kvreel::engine
