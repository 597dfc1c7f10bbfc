// What the viewer holds of a trace in memory: plain values, shared read-only between threads.
//
// All times are nanoseconds since the trace's clock origin. Positions are original prompt
// positions.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exports/tables/compare.h"
#include "tracer/read/trace.h"

namespace kvreel::viewer {

// An open trace. Never reused while the viewer runs.
struct TraceId {
  int value = -1;
  auto operator<=>(const TraceId&) const = default;
};

struct RunInfo {
  std::string name;    // as on the command line, unique in its trace
  std::string policy;  // "refreekv"
  std::map<std::string, std::string> parameters;
  std::string parameter(const std::string& key) const;  // "" where there is none
};

struct SampleInfo {
  std::string id;                    // unique in its trace
  std::vector<std::string> answers;  // reference answers
  std::map<std::string, std::string> metadata;
  int32_t tokens = 0;           // prompt tokens
  int32_t original_tokens = 0;  // before truncation
};

// A finished pass: one sample under one run.
struct PassInfo {
  tracer::PassRows rows;
  int32_t run = 0;
  int32_t sample = 0;
  int8_t finish = 0;
  int8_t exact_match = -1;  // 1 right, 0 wrong, -1 no answers
  int32_t prompt_tokens = 0;
  int32_t generated = 0;
  double budget = 0;  // kept / prompt positions, mean over layers
  int64_t start_ns = 0;
  int64_t prefill_ns = 0;  // decisions included
  int64_t decide_ns = 0;
  int64_t decode_ns = 0;
  std::vector<double> scores;  // by Overview::metrics; NaN: not scored by it
  // Whether the prefill is shared between runs: its time is then not measured end to end.
  bool shared_prefill = false;
  int32_t prefill_run = -1;  // the run that made it, where that is another
  // Rows of the prefill's attention, of that run's pass; else empty.
  tracer::RowRange prefill_attention;
  tracer::RowRange prefill_attention_rows;
  uint64_t prefill_asked = 0;
  uint64_t prefill_held = 0;
  uint64_t prefill_peak = 0;
  uint64_t full_asked = 0;
  uint64_t end_held = 0;
  uint64_t end_peak = 0;
};

// Everything but what passes recorded in detail.
struct Overview {
  std::string path;
  std::string file;    // its last part
  std::string status;  // "complete", "recording", "killed", ... (exports::status_word)
  bool live = false;
  bool killed = false;
  uint64_t file_bytes = 0;

  // Of the model and the engine; 0 or "" where the trace does not say.
  std::string model;
  int layers = 0;
  int query_heads = 0;
  int kv_heads = 0;
  int page_rows = 0;  // cached rows of one KV head that a page holds
  int head_dim = 0;
  int kv_bytes = 0;       // of one value in the cache
  int vocabulary = 0;     // tokens
  std::string tokenizer;  // SHA-256 of tokenizer.json
  std::string facts;      // exports::render_info_text
  std::vector<std::string>
      warnings;  // sentences for people, dropped rows and damaged parts included

  std::vector<RunInfo> runs;
  std::vector<SampleInfo> samples;
  std::vector<std::string> metrics;  // that samples are scored by (exports/tables/metrics.h)
  std::vector<PassInfo> passes;      // in the order in which they finished
  std::vector<std::string> names;    // of operations and kernels
  uint64_t spans = 0;                // rows
  uint64_t kernels = 0;
  uint64_t attention_rows = 0;
  // Null until it is computed, and where nothing has finished. Against the run `full`, else the
  // first.
  std::shared_ptr<const exports::Comparison> comparison;

  int find_run(std::string_view name) const;                // -1: none
  int find_sample(std::string_view id) const;               // -1: none
  const PassInfo* pass(int32_t run, int32_t sample) const;  // null: not finished

  // Row of `passes` by run * samples + sample, -1: none. Filled by the loader.
  std::vector<int32_t> pass_index;
};

// Whether a token's number means the same in two traces. Unknown where one of them does not say
// which tokenizer it is from.
enum class TokenIds : uint8_t { same, unknown, different };
TokenIds token_ids(const Overview& a, const Overview& b);

// The tokens of a prompt.
struct Prompt {
  std::vector<int32_t> ids;
  tracer::Text pieces;  // bytes: may be part of a UTF-8 character
  std::string text;     // that was tokenized; "" where the trace does not say
  size_t size() const { return ids.size(); }
  std::string_view piece(size_t token) const { return pieces.at(token); }
  uint64_t bytes() const;  // of memory that this takes, about
};

struct Range {
  int32_t begin = 0;
  int32_t end = 0;  // one past the last
  bool operator==(const Range&) const = default;
};

// What a policy decided for one layer, or one KV head of it.
struct Decision {
  int32_t step = 0;
  int16_t layer = 0;
  int16_t kv_head = -1;  // -1: all heads of the layer
  int8_t reason = 0;     // exports::kReasonNames
  int32_t cached = 0;
  int32_t kept = 0;
  int32_t candidates = 0;
  int32_t cut = 0;             // candidates evicted: ranking[0, cut)
  int32_t halt_position = -1;  // ranking[cut], -1: none
  double threshold = 0;        // NaN: the policy has none
  double base_norm = 0;        // NaN: not measured
  double base_norm_all = 0;
  int64_t start_ns = 0;
  int64_t duration_ns = 0;
  std::vector<Range> kept_ranges;                       // ascending
  std::shared_ptr<const std::vector<int32_t>> ranking;  // null: the policy ranks nothing
  std::shared_ptr<const std::vector<float>> curve;      // [candidates], null: none
  std::shared_ptr<const std::vector<float>> curve_all;  // the same, base over all positions
};

// Bytes of the cache after an event.
struct MemoryEvent {
  int64_t time_ns = 0;
  int32_t step = 0;
  int16_t layer = 0;
  int8_t cause = 0;  // exports::kCauseNames
  uint64_t asked = 0;
  uint64_t held = 0;
  uint64_t peak = 0;
};

struct StepInfo {
  int32_t rows = 0;
  int32_t token = 0;
  float logprob = 0;
  int64_t start_ns = 0;
  int64_t duration_ns = 0;
  uint64_t cache_asked = 0;
  uint64_t cache_held = 0;
};

// What one pass recorded, spans and attention apart.
struct PassDetail {
  PassInfo info;
  std::string text;             // generated
  std::vector<StepInfo> steps;  // [generated], step 0 is prefill
  tracer::Text pieces;          // [generated], bytes of the generated tokens
  std::vector<MemoryEvent> memory;
  std::vector<Decision> decisions;  // by step, layer, KV head
  // Sentences about parts that are damaged and left out.
  std::vector<std::string> warnings;

  uint64_t bytes() const;  // of memory that this takes, about
};

// Attention norms of one pass: value of (step, layer, head) at (step * layers + layer) * heads +
// head; NaN where none was recorded. `steps` holds the step numbers, ascending.
struct AttentionNorms {
  int layers = 0;
  int heads = 0;  // query heads
  std::vector<int32_t> steps;
  std::vector<float> frobenius;
  std::vector<float> last_row_norm;
  std::vector<float> mean_entropy;
  std::vector<float> last_row_entropy;
  std::vector<float> last_row_sinks;
  size_t index(size_t step, int layer, int head) const {
    return (step * static_cast<size_t>(layers) + static_cast<size_t>(layer)) *
               static_cast<size_t>(heads) +
           static_cast<size_t>(head);
  }
  uint64_t bytes() const;
};

// The last query row's probabilities of one (step, layer): [heads], each [cached keys]; empty where
// the trace has none.
struct AttentionRowSet {
  std::vector<std::vector<float>> by_head;
  uint64_t bytes() const;
};

}  // namespace kvreel::viewer
