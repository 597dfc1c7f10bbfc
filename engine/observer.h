// The one interface through which the engine says what happens. The recorder is one observer, a
// test is another.
//
// All times are nanoseconds of std::chrono::steady_clock. Events come from the thread that runs the
// model, in the order in which things happened; the references they carry are valid during the call
// only.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/policy/decision.h"
#include "engine/statistics.h"

namespace kvreel::engine {

enum class Op : uint8_t { embed, qkv, attend, decide, keep, attn_out, ffn, logits, sample };
inline constexpr std::array<std::string_view, 9> kOpNames = {
    "embed", "qkv", "attend", "decide", "keep", "attn_out", "ffn", "logits", "sample"};

// Where in a recording something happened. A pass is one sample under one run; step 0 of it is
// prefill.
struct StepId {
  int32_t run = 0;
  int32_t sample = 0;
  int32_t step = 0;
};

struct SpanEvent {
  StepId at;
  int32_t layer = -1;  // -1: not of a layer
  Op op = Op::embed;
  int64_t start_ns = 0;
  int64_t end_ns = 0;
};

// Bytes of the KV cache at KV-head granularity, over all layers.
struct CacheBytes {
  uint64_t asked = 0;  // what the cached rows need
  uint64_t held = 0;   // what their pages take
  uint64_t peak = 0;   // the most that was held since the pass began
};

enum class MemoryCause : uint8_t { append, keep };
inline constexpr std::array<std::string_view, 2> kMemoryCauseNames = {"append", "keep"};

struct MemoryEvent {
  StepId at;
  int32_t layer = -1;
  MemoryCause cause = MemoryCause::append;
  int64_t time_ns = 0;
  CacheBytes cache;
};

// Attention of one layer in one step, before any eviction of that step.
struct AttentionEvent {
  StepId at;
  int32_t layer = 0;
  std::span<const HeadNorms> heads;       // [q_heads]
  const AttentionStatistics& statistics;  // with at least what needs() asked for
};

struct DecisionEvent {
  StepId at;
  int32_t layer = 0;
  const Decision& decision;
  int64_t start_ns = 0;  // of deciding; keeping is a span of its own
  int64_t end_ns = 0;
};

// Where a prefill is shared, step 0 has no end-to-end time. It lasts as long as its parts together:
// for the run that owns the prefill prefill_ns, for the others their own deciding and keeping, from
// when their cache was made.
struct StepEvent {
  StepId at;
  int64_t rows = 0;        // query rows: prompt tokens in step 0, else 1
  int32_t token = -1;      // the token that the step produced
  std::string_view piece;  // its bytes, perhaps part of a UTF-8 character
  float logprob = 0;       // natural log of its probability under the model (temperature 1)
  int64_t start_ns = 0;
  int64_t end_ns = 0;  // after sampling
  CacheBytes cache;    // at end_ns
};

// One prompt, announced once, before its first pass.
struct SampleEvent {
  int32_t sample = 0;
  std::string_view id;
  std::string_view text;  // as given to the tokenizer, chat template applied
  std::span<const int32_t> tokens;
  std::span<const std::string> pieces;   // [tokens], bytes of each token
  std::span<const std::string> answers;  // references, may be empty
  std::string_view metadata;             // the prompt record's other fields as a JSON object
  int64_t original_tokens = 0;           // before truncation; = tokens.size() where nothing was cut
};

// One score of a generated text, under the name of its metric ("token-f1").
struct Score {
  std::string metric;
  double value = 0;  // from 0 to 1, 1 is best
};

enum class FinishReason : uint8_t { stop_token, max_new_tokens, max_positions, interrupted };
inline constexpr std::array<std::string_view, 4> kFinishReasonNames = {
    "stop_token", "max_new_tokens", "max_positions", "interrupted"};

struct PassEvent {
  int32_t run = 0;
  int32_t sample = 0;
  FinishReason finish = FinishReason::stop_token;
  std::string_view text;          // generated text, special tokens left out
  int32_t generated = 0;          // tokens, the stop token included
  int32_t exact_match = -1;       // 1: text equals an answer; 0: it does not; -1: no answers
  std::span<const Score> scores;  // of the text against the answers, by the sample's metrics
  // The run of the same sample whose prefill this pass shares, -1: its own. A shared prefill's time
  // is in prefill_ns, which is then a sum of parts, not one span of time: the model's part as
  // measured there, and this run's own deciding and keeping. So it is for the run that owns the
  // prefill too, that all of them compare. Spans, memory and attention of the model's part are the
  // owner's; the others announce their deciding, at the time when it happened within the owner's
  // prefill, and the keeping and the bytes of their own cache.
  int32_t prefill_run = -1;
  double budget = 1;  // mean over layers of kept / prompt positions at the end of prefill
  int64_t start_ns = 0;
  int64_t prefill_ns = 0;  // step 0: to the first token, decisions included
  int64_t decide_ns = 0;   // of it: deciding and compacting the cache
  int64_t decode_ns = 0;   // steps 1 and later
  CacheBytes after_prefill;
  CacheBytes at_end;
  uint64_t full_after_prefill = 0;  // bytes that the unpruned prompt asks for
};

// How the distribution of a step's token differs from the full cache's, both having read the
// reference run's tokens up to there.
struct FidelityEvent {
  StepId at;                     // step s is about token s of the reference's output
  int32_t token = 0;             // that token
  double kl = 0;                 // KL(full || run) of the softmax at temperature 1, nats
  bool same_top = false;         // both have the same most probable token
  double logprob = 0;            // of the token under the run, natural log
  double reference_logprob = 0;  // ... under the full cache
};

// How much attention the full cache pays, in the same steps, to positions that the run has evicted.
struct LostAttentionEvent {
  StepId at;
  int32_t layer = 0;
  double mean = 0;  // share of probability mass, mean over query heads
  double max = 0;   // the largest of a query head
};

class Observer {
 public:
  virtual ~Observer() = default;

  // Statistics that this observer wants of every layer in step 0, beside what the policy needs.
  virtual StatisticsRequest prefill_needs() const { return {}; }
  // The same of the decode steps.
  virtual StatisticsRequest decode_needs() const { return {}; }
  // Whether spans are wanted at all; the engine then reads the clock around every operation.
  virtual bool wants_spans() const { return false; }

  virtual void on_sample(const SampleEvent&) {}
  virtual void on_span(const SpanEvent&) {}
  virtual void on_memory(const MemoryEvent&) {}
  virtual void on_attention(const AttentionEvent&) {}
  virtual void on_decision(const DecisionEvent&) {}
  virtual void on_step(const StepEvent&) {}
  // Of a pass, after its steps and before on_pass().
  virtual void on_fidelity(const FidelityEvent&) {}
  virtual void on_lost_attention(const LostAttentionEvent&) {}
  virtual void on_pass(const PassEvent&) {}
};

}  // namespace kvreel::engine
