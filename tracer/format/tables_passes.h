// Tables of what happened when: passes, steps, spans, memory, kernels.
//
// Each table lists its columns once, as visit(name, member, unit, meaning). Writing, reading,
// recovering and the documentation's table all use this list.
#pragma once

#include <cstdint>
#include <string_view>

#include "tracer/format/columns.h"

namespace kvreel::tracer {

// One row per finished pass, in the order in which passes finished.
struct Passes {
  static constexpr std::string_view kName = "passes";
  static constexpr std::string_view kMeaning =
      "one row per finished pass: one sample under one run";
  static constexpr Volume kVolume = Volume::few;
  Column<int32_t> run;
  Column<int32_t> sample;
  Column<int8_t> finish;
  Text text;
  Column<int32_t> prompt_tokens;
  Column<int32_t> generated;
  Column<int8_t> exact_match;
  Column<double> budget;
  Column<int64_t> start_ns;
  Column<int64_t> prefill_ns;
  Column<int64_t> decide_ns;
  Column<int64_t> decode_ns;
  Column<uint64_t> prefill_asked;
  Column<uint64_t> prefill_held;
  Column<uint64_t> prefill_peak;
  Column<uint64_t> full_asked;
  Column<uint64_t> end_asked;
  Column<uint64_t> end_held;
  Column<uint64_t> end_peak;
  Column<uint64_t> process_peak;
  Column<int64_t> recorder_ns;
  Column<uint64_t> steps_end;
  Column<uint64_t> spans_end;
  Column<uint64_t> memory_end;
  Column<uint64_t> attention_end;
  Column<uint64_t> attention_rows_end;
  Column<uint64_t> decisions_end;
  Column<uint64_t> kernels_end;
  Column<int64_t> prefill_pass;
  Column<uint64_t> fidelity_end;
  Column<uint64_t> lost_attention_end;
  Column<uint64_t> scores_end;
  template <typename Self, typename Visit>
  static void columns(Self& self, Visit&& visit) {
    visit("run", self.run, "row of runs", "the run");
    visit("sample", self.sample, "row of samples", "the sample");
    visit("finish", self.finish, "",
          "0 stop token, 1 max new tokens, 2 max positions, 3 interrupted");
    visit("text", self.text, "", "generated text without special tokens");
    visit("prompt_tokens", self.prompt_tokens, "tokens", "prompt tokens");
    visit("generated", self.generated, "tokens", "generated tokens, the stop token included");
    visit("exact_match", self.exact_match, "",
          "1 text equals an answer, 0 it does not, -1 no answers");
    visit("budget", self.budget, "1", "mean over layers of kept / prompt positions after prefill");
    visit("start_ns", self.start_ns, "ns", "start of step 0, since the trace's clock origin");
    visit("prefill_ns", self.prefill_ns, "ns", "step 0, to the first token, decisions included");
    visit("decide_ns", self.decide_ns, "ns", "of prefill_ns: deciding and compacting the cache");
    visit("decode_ns", self.decode_ns, "ns", "steps 1 and later");
    visit("prefill_asked", self.prefill_asked, "B",
          "cache bytes that the kept rows need after prefill");
    visit("prefill_held", self.prefill_held, "B",
          "cache bytes that their pages take after prefill");
    visit("prefill_peak", self.prefill_peak, "B", "most cache bytes held during prefill");
    visit("full_asked", self.full_asked, "B", "cache bytes that the unpruned prompt needs");
    visit("end_asked", self.end_asked, "B", "cache bytes needed at the end of the pass");
    visit("end_held", self.end_held, "B", "cache bytes held at the end of the pass");
    visit("end_peak", self.end_peak, "B", "most cache bytes held during the pass");
    visit("process_peak", self.process_peak, "B", "peak resident memory of the process so far");
    visit("recorder_ns", self.recorder_ns, "ns",
          "time the recorder took of the inference thread in this pass");
    visit("steps_end", self.steps_end, "row of steps", "one past the pass's last row");
    visit("spans_end", self.spans_end, "row of spans", "one past the pass's last row");
    visit("memory_end", self.memory_end, "row of memory", "one past the pass's last row");
    visit("attention_end", self.attention_end, "row of attention", "one past the pass's last row");
    visit("attention_rows_end", self.attention_rows_end, "row of attention_rows",
          "one past the pass's last row");
    visit("decisions_end", self.decisions_end, "row of decisions", "one past the pass's last row");
    visit("kernels_end", self.kernels_end, "row of kernels", "one past the pass's last row");
    visit("prefill_pass", self.prefill_pass, "",
          "1 + the row of passes whose prefill this one shares; 0: its own prefill. The prefill_ns "
          "of all that share one, its owner included, is the model's time and the pass's own "
          "deciding, not measured end to end");
    visit("fidelity_end", self.fidelity_end, "row of fidelity", "one past the pass's last row");
    visit("lost_attention_end", self.lost_attention_end, "row of lost_attention",
          "one past the pass's last row");
    visit("scores_end", self.scores_end, "row of scores", "one past the pass's last row");
  }
};

// One row per forward pass.
struct Steps {
  static constexpr std::string_view kName = "steps";
  static constexpr std::string_view kMeaning = "one row per forward pass; step 0 is prefill";
  static constexpr Volume kVolume = Volume::some;
  Column<int32_t> run;
  Column<int32_t> sample;
  Column<int32_t> step;
  Column<int32_t> rows;
  Column<int32_t> token;
  Text piece;
  Column<float> logprob;
  Column<int64_t> start_ns;
  Column<int64_t> duration_ns;
  Column<uint64_t> cache_asked;
  Column<uint64_t> cache_held;
  template <typename Self, typename Visit>
  static void columns(Self& self, Visit&& visit) {
    visit("run", self.run, "row of runs", "the run");
    visit("sample", self.sample, "row of samples", "the sample");
    visit("step", self.step, "", "0 prefill, then decode steps");
    visit("rows", self.rows, "tokens", "query rows of the step");
    visit("token", self.token, "", "id of the token that the step produced");
    visit("piece", self.piece, "", "its bytes: may be part of a UTF-8 character");
    visit("logprob", self.logprob, "nat", "log probability of the token under the model");
    visit("start_ns", self.start_ns, "ns", "since the trace's clock origin");
    visit("duration_ns", self.duration_ns, "ns", "to the sampled token");
    visit("cache_asked", self.cache_asked, "B",
          "cache bytes that the cached rows need after the step");
    visit("cache_held", self.cache_held, "B", "cache bytes that their pages take after the step");
  }
};

// One row per timed piece of work.
struct Spans {
  static constexpr std::string_view kName = "spans";
  static constexpr std::string_view kMeaning = "one row per timed operation";
  static constexpr Volume kVolume = Volume::many;
  Column<int32_t> run;
  Column<int32_t> sample;
  Column<int32_t> step;
  Column<int16_t> layer;
  Column<int8_t> op;
  Column<int64_t> start_ns;
  Column<int64_t> duration_ns;
  template <typename Self, typename Visit>
  static void columns(Self& self, Visit&& visit) {
    visit("run", self.run, "row of runs", "the run");
    visit("sample", self.sample, "row of samples", "the sample");
    visit("step", self.step, "", "0 prefill, then decode steps");
    visit("layer", self.layer, "", "layer, -1 for work outside the layers");
    visit("op", self.op, "row of names", "the operation's name");
    visit("start_ns", self.start_ns, "ns", "since the trace's clock origin");
    visit("duration_ns", self.duration_ns, "ns", "duration");
  }
};

// Cache bytes over time.
struct Memory {
  static constexpr std::string_view kName = "memory";
  static constexpr std::string_view kMeaning = "one row per change of the KV cache's size";
  static constexpr Volume kVolume = Volume::many;
  Column<int32_t> run;
  Column<int32_t> sample;
  Column<int32_t> step;
  Column<int16_t> layer;
  Column<int8_t> cause;
  Column<int64_t> time_ns;
  Column<uint64_t> asked;
  Column<uint64_t> held;
  Column<uint64_t> peak;
  template <typename Self, typename Visit>
  static void columns(Self& self, Visit&& visit) {
    visit("run", self.run, "row of runs", "the run");
    visit("sample", self.sample, "row of samples", "the sample");
    visit("step", self.step, "", "0 prefill, then decode steps");
    visit("layer", self.layer, "", "the layer whose cache changed, -1: all of them");
    visit("cause", self.cause, "", "0 rows appended, 1 rows evicted");
    visit("time_ns", self.time_ns, "ns", "since the trace's clock origin");
    visit("asked", self.asked, "B", "bytes that all cached rows need");
    visit("held", self.held, "B", "bytes that their pages take");
    visit("peak", self.peak, "B", "most bytes held since the pass began");
  }
};

// GPU kernels, joined to the operation that launched them. Empty on a CPU.
struct Kernels {
  static constexpr std::string_view kName = "kernels";
  static constexpr std::string_view kMeaning =
      "one row per GPU kernel or copy; empty without a GPU";
  static constexpr Volume kVolume = Volume::many;
  Column<int32_t> run;
  Column<int32_t> sample;
  Column<int32_t> step;
  Column<int16_t> layer;
  Column<int8_t> op;
  Column<int32_t> name;
  Column<int32_t> stream;
  Column<int64_t> start_ns;
  Column<int64_t> duration_ns;
  Column<uint64_t> bytes;
  template <typename Self, typename Visit>
  static void columns(Self& self, Visit&& visit) {
    visit("run", self.run, "row of runs", "the run");
    visit("sample", self.sample, "row of samples", "the sample");
    visit("step", self.step, "", "0 prefill, then decode steps");
    visit("layer", self.layer, "", "layer, -1 for work outside the layers");
    visit("op", self.op, "row of names", "the operation that launched it");
    visit("name", self.name, "row of names", "kernel or copy");
    visit("stream", self.stream, "", "stream id");
    visit("start_ns", self.start_ns, "ns", "since the trace's clock origin");
    visit("duration_ns", self.duration_ns, "ns", "duration on the device");
    visit("bytes", self.bytes, "B", "bytes copied or set, 0 for kernels");
  }
};

}  // namespace kvreel::tracer
