// The loop of one pass: prefill, then decode steps until something ends it.
#include "engine/generate/generate.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "engine/generate/forward.h"
#include "engine/generate/scoring.h"

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

int exact_match(std::string_view text, std::span<const std::string> answers) {
  if (answers.empty()) return -1;
  return std::any_of(answers.begin(), answers.end(),
                     [&](const std::string& answer) { return trim(answer) == trim(text); })
             ? 1
             : 0;
}

PassResult run_pass(const ModelConfig& config, Backend& backend, const Tokenizer* tokenizer,
                    const Sample& sample, const Policy& policy, const GenerateOptions& options,
                    int32_t run_index, int32_t sample_index, Observer& observer,
                    const std::atomic<bool>& stop) {
  const auto prompt_tokens = static_cast<int64_t>(sample.tokens.size());
  if (prompt_tokens == 0) fail("Prompt '{}' is empty: it has no tokens to run.", sample.id);
  KvCache cache({.layers = config.layers,
                 .kv_heads = config.kv_heads,
                 .page = {.dtype = options.cache_dtype,
                          .page_rows = options.page_rows,
                          .head_dim = config.head_dim}},
                backend.kv_memory());
  const std::unique_ptr<PassState> state = policy.start_pass(config, prompt_tokens);
  const ForwardContext context{.backend = backend,
                               .cache = cache,
                               .policy = policy,
                               .observer = observer,
                               .config = config,
                               .state = state.get(),
                               .prompt_tokens = prompt_tokens};
  PassResult result;
  PassEvent pass{.run = run_index, .sample = sample_index};
  pass.start_ns = now_ns();

  // The step's own tokens: the prompt, then what the step before produced.
  std::span<const int32_t> tokens = sample.tokens;
  int64_t position = 0;
  for (int32_t step = 0;; ++step) {
    const StepId at{run_index, sample_index, step};
    const int64_t start = now_ns();
    const ForwardResult forwarded = forward(context, at, tokens, position);
    const int64_t sampling_start = now_ns();
    const Sampled sampled = sample_token(forwarded.logits, options.sampling, sample_index, step);
    const int64_t end = now_ns();
    if (observer.wants_spans()) {
      observer.on_span({.at = at, .op = Op::sample, .start_ns = sampling_start, .end_ns = end});
    }
    const std::string piece = tokenizer ? tokenizer->piece(sampled.token) : std::string();
    observer.on_step({.at = at,
                      .rows = static_cast<int64_t>(tokens.size()),
                      .token = sampled.token,
                      .piece = piece,
                      .logprob = sampled.logprob,
                      .start_ns = start,
                      .end_ns = end,
                      .cache = cache.bytes()});
    if (step == 0) {
      pass.prefill_ns = end - start;
      pass.decide_ns = forwarded.decide_ns;
      pass.after_prefill = cache.bytes();
      result.budget = mean_budget(cache, prompt_tokens);
    } else {
      pass.decode_ns += end - start;
    }

    position += static_cast<int64_t>(tokens.size());
    result.tokens.push_back(sampled.token);
    const auto& stops = options.stop_ids;
    if (std::find(stops.begin(), stops.end(), sampled.token) != stops.end()) {
      result.finish = FinishReason::stop_token;
      break;
    }
    if (static_cast<int64_t>(result.tokens.size()) >= options.max_new_tokens) {
      result.finish = FinishReason::max_new_tokens;
      break;
    }
    if (position >= config.max_positions) {
      result.finish = FinishReason::max_positions;
      break;
    }
    if (stop.load(std::memory_order_relaxed)) {
      result.finish = FinishReason::interrupted;
      break;
    }
    tokens = std::span<const int32_t>(result.tokens).last(1);
  }

  if (tokenizer) result.text = tokenizer->decode(result.tokens, /*skip_special=*/true);
  pass.finish = result.finish;
  pass.text = result.text;
  pass.generated = static_cast<int32_t>(result.tokens.size());
  pass.exact_match = tokenizer ? exact_match(result.text, sample.answers) : -1;
  const std::vector<Score> scores =
      tokenizer ? score_text(result.text, sample) : std::vector<Score>{};
  pass.scores = scores;
  pass.budget = result.budget;
  pass.at_end = cache.bytes();
  pass.full_after_prefill = cache.bytes_of_rows(prompt_tokens) *
                            static_cast<uint64_t>(config.layers) *
                            static_cast<uint64_t>(config.kv_heads);
  observer.on_pass(pass);
  return result;
}

}  // namespace kvreel::engine
