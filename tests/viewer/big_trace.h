// Traces of any size, with plausible content, written through the recorder's own writer.
//
// Samples outermost, as they are recorded: each run passes over a sample before the next sample
// begins. Run 0 is `full`; the others are refreekv with growing thresholds.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "tracer/record/trace_writer.h"

namespace kvreel::viewer::testing {

struct BigTrace {
  int runs = 2;
  int samples = 10;
  uint64_t spans = 10'000;  // in all; they set how many tokens are generated
  uint64_t kernels = 0;     // in all, two streams
  int tokens = 64;          // of a prompt
  int layers = 4;
  int heads = 8;  // query heads; half as many KV heads
  // Decisions rank and measure in the first passes only: curves are what makes a trace large.
  int curve_passes = std::numeric_limits<int>::max();
  bool attention = false;       // norms of every step
  bool attention_rows = false;  // of every step
  bool finish = true;           // compressed, as a recorder leaves it; else as one that goes on

  int passes() const { return runs * samples; }
};

class BigTraceWriter {
 public:
  BigTraceWriter(const std::string& path, const BigTrace& shape)
      : shape_(shape), writer_(path, provenance(shape), options()) {
    write_names_and_runs();
  }

  // Everything, in memory never more than the writer's queue.
  void write() {
    for (int sample = 0; sample < shape_.samples; ++sample) {
      write_sample(sample);
      for (int run = 0; run < shape_.runs; ++run) write_pass(run, sample);
    }
    finish();
  }
  void finish() {
    note("overhead", R"({"callback_ns": 1, "writer_cpu_ns": 1, "inference_ns": 1, "share": 0.01})");
    writer_.commit();
    if (!shape_.finish) return;
    const tracer::FinishReport report = writer_.finish(tracer::Status::complete);
    if (!report.finalised) fail("the big trace was not finished: {}", report.warning);
  }

  // Step by step, for a trace that is live.
  void write_sample(int sample) {
    tracer::Tokens tokens;
    for (int i = 0; i < shape_.tokens; ++i) {
      tokens.id.push_back(i % 997);
      tokens.piece.push_back(i % 16 == 15 ? "\n" : fmt::format(" w{}", i % 997));
    }
    append(std::move(tokens));
    tracer::Samples samples;
    samples.id.push_back(fmt::format("sample-{}", sample));
    samples.text.push_back("text");
    samples.answers.push_back(R"(["yes"])");
    samples.metadata.push_back(fmt::format(R"({{"task": "task{}"}})", sample % 3));
    samples.original_tokens.push_back(shape_.tokens);
    samples.tokens_end.push_back(writer_.rows<tracer::Tokens>());
    append(std::move(samples));
    std::vector<int32_t> order;  // the oldest first, but for sinks
    for (int i = kSinks; i < shape_.tokens; ++i) order.push_back(i);
    order_ = std::move(order);
    ranking_ = -1;
  }
  void write_pass(int run, int sample) {
    const auto n = static_cast<uint64_t>(shape_.passes());
    const uint64_t spans = share(shape_.spans, pass_, n);
    const uint64_t kernels = share(shape_.kernels, pass_, n);
    const int steps =
        std::max(1, static_cast<int>((spans + spans_per_step() - 1) / spans_per_step()));
    start_ns_ = clock_ns_;
    write_events(run, sample, steps, spans, kernels);
    write_decisions(run, sample);
    write_row(run, sample, steps);
    ++pass_;
    if (pass_ % 64 == 0) writer_.commit();  // or the queue would fill, and drop rows
  }
  void note(std::string_view key, std::string_view value) {
    tracer::Notes notes;
    notes.time_ns.push_back(clock_ns_);
    notes.key.push_back(key);
    notes.value.push_back(value);
    append(std::move(notes));
  }
  void commit() { writer_.commit(); }
  tracer::TraceWriter& writer() { return writer_; }

  // Value i of the norm curve of a layer: rises from 0, never falls, with steps as real ones have.
  static float curve_value(int layer, int i, int candidates) {
    const double x = static_cast<double>(i) / std::max(candidates, 1);
    const double smooth = std::pow(x, 2 + layer % 5);
    const double stairs = std::floor(x * 12) / 12;
    return static_cast<float>(0.9 * smooth + 0.1 * stairs * stairs);
  }

 private:
  static constexpr int kSinks = 4;
  static constexpr int kPerLayer = 4;  // qkv, attend, attn_out, ffn
  static constexpr int64_t kOpNs = 2000;
  static constexpr uint64_t kRowBytes = 64;  // of a token in one layer's cache

  static tracer::WriterOptions options() {
    tracer::WriterOptions options;
    options.queue_bytes = uint64_t{4} << 30;  // nothing is to be dropped
    options.commit_interval = std::chrono::milliseconds(3'600'000);
    return options;
  }
  static std::string provenance(const BigTrace& shape) {
    return fmt::format(
        R"({{"kvreel": {{"version": "0.1.0"}}, "created_utc": "2026-11-23T00:00:00Z",
             "machine": {{"cpu": "generated"}},
             "engine": {{"backend": "cpu", "page_rows": 16, "kv_dtype": "f16"}},
             "model": {{"directory": "/models/big", "family": "llama", "layers": {},
                        "q_heads": {}, "kv_heads": {}, "head_dim": 64}},
             "prompts": {{"count": {}}}}})",
        shape.layers, shape.heads, std::max(1, shape.heads / 2), shape.samples);
  }
  static uint64_t share(uint64_t all, uint64_t i, uint64_t n) {
    return all * (i + 1) / n - all * i / n;
  }
  uint64_t spans_per_step() const { return static_cast<uint64_t>(shape_.layers) * kPerLayer + 2; }

  template <typename Table>
  void append(Table rows) {
    if (!writer_.append(std::move(rows))) fail("the big trace's writer dropped rows");
  }

  void write_names_and_runs() {
    tracer::Names names;
    for (const char* name : {"embed", "qkv", "attend", "decide", "keep", "attn_out", "ffn",
                             "logits", "other", "gemm_kernel", "memcpy"}) {
      names.name.push_back(name);
    }
    append(std::move(names));
    tracer::Runs runs;
    for (int run = 0; run < shape_.runs; ++run) {
      runs.name.push_back(run == 0 ? "full" : fmt::format("refreekv:threshold={}%", run));
      runs.policy.push_back(run == 0 ? "full" : "refreekv");
      runs.parameters.push_back(
          run == 0 ? "{}" : fmt::format(R"({{"threshold": "{}%", "base": "candidates"}})", run));
    }
    append(std::move(runs));
  }

  // The operation of span i of a step, and its layer.
  std::pair<int8_t, int16_t> operation(uint64_t i) const {
    constexpr int8_t kOps[kPerLayer] = {1, 2, 5, 6};
    if (i == 0) return {0, -1};
    if (i + 1 == spans_per_step()) return {7, -1};
    return {kOps[(i - 1) % kPerLayer], static_cast<int16_t>((i - 1) / kPerLayer)};
  }

  void write_events(int run, int sample, int steps, uint64_t spans, uint64_t kernels) {
    tracer::Spans span_rows;
    tracer::Kernels kernel_rows;
    tracer::Memory memory_rows;
    tracer::Steps step_rows;
    tracer::Attention norms;
    tracer::AttentionRows rows;
    uint64_t spans_left = spans;
    for (int step = 0; step < steps; ++step) {
      const int64_t step_start = clock_ns_;
      const uint64_t count = std::min(spans_left, spans_per_step());
      spans_left -= count;
      for (uint64_t i = 0; i < count; ++i) {
        const auto [op, layer] = operation(i);
        const int64_t duration = kOpNs * (1 + op % 3) * (step == 0 ? 8 : 1);
        span_rows.run.push_back(run);
        span_rows.sample.push_back(sample);
        span_rows.step.push_back(step);
        span_rows.layer.push_back(layer);
        span_rows.op.push_back(op);
        span_rows.start_ns.push_back(clock_ns_);
        span_rows.duration_ns.push_back(duration);
        clock_ns_ += duration + 100;
      }
      const uint64_t step_kernels =
          share(kernels, static_cast<uint64_t>(step), static_cast<uint64_t>(steps));
      write_kernels(kernel_rows, run, sample, step, step_start, step_kernels);
      const auto cached = static_cast<uint64_t>(shape_.tokens + step);
      const uint64_t bytes = cached * kRowBytes * static_cast<uint64_t>(shape_.layers);
      memory_rows.run.push_back(run);
      memory_rows.sample.push_back(sample);
      memory_rows.step.push_back(step);
      memory_rows.layer.push_back(-1);
      memory_rows.cause.push_back(0);
      memory_rows.time_ns.push_back(clock_ns_);
      memory_rows.asked.push_back(bytes);
      memory_rows.held.push_back(bytes + 1024);
      memory_rows.peak.push_back(bytes + 1024);
      step_rows.run.push_back(run);
      step_rows.sample.push_back(sample);
      step_rows.step.push_back(step);
      step_rows.rows.push_back(step == 0 ? shape_.tokens : 1);
      step_rows.token.push_back((step * 7 + (step > 5 ? run : 0)) % 997);
      step_rows.piece.push_back(fmt::format(" g{}", step));
      step_rows.logprob.push_back(-0.25f);
      step_rows.start_ns.push_back(step_start);
      step_rows.duration_ns.push_back(clock_ns_ - step_start);
      step_rows.cache_asked.push_back(bytes);
      step_rows.cache_held.push_back(bytes + 1024);
      if (step == 0) prefill_ns_ = clock_ns_ - step_start;
      if (shape_.attention) write_norms(norms, run, sample, step);
      if (shape_.attention_rows) write_attention_rows(rows, run, sample, step);
    }
    append(std::move(step_rows));
    append(std::move(span_rows));
    append(std::move(kernel_rows));
    append(std::move(memory_rows));
    append(std::move(norms));
    append(std::move(rows));
  }

  static void write_kernels(tracer::Kernels& rows, int run, int sample, int step, int64_t start,
                            uint64_t count) {
    int64_t at = start;
    for (uint64_t i = 0; i < count; ++i) {
      const bool copy = i % 16 == 15;
      rows.run.push_back(run);
      rows.sample.push_back(sample);
      rows.step.push_back(step);
      rows.layer.push_back(copy ? int16_t{-1} : int16_t{0});
      rows.op.push_back(copy ? int8_t{4} : int8_t{6});
      rows.name.push_back(copy ? 10 : 9);
      rows.stream.push_back(copy ? 2 : 1);
      rows.start_ns.push_back(at);
      rows.duration_ns.push_back(900);
      rows.bytes.push_back(copy ? 4096 : 0);
      at += 1000;
    }
  }

  void write_norms(tracer::Attention& rows, int run, int sample, int step) const {
    for (int layer = 0; layer < shape_.layers; ++layer) {
      for (int head = 0; head < shape_.heads; ++head) {
        rows.run.push_back(run);
        rows.sample.push_back(sample);
        rows.step.push_back(step);
        rows.layer.push_back(static_cast<int16_t>(layer));
        rows.head.push_back(static_cast<int16_t>(head));
        rows.frobenius.push_back(norm_value(step, layer, head));
        rows.last_row_norm.push_back(norm_value(step, layer, head) / 2);
        rows.mean_entropy.push_back(1 + norm_value(step, layer, head));
        rows.last_row_entropy.push_back(2 + norm_value(step, layer, head));
        rows.last_row_sinks.push_back(0.5f * norm_value(step, layer, head));
      }
    }
  }

  void write_attention_rows(tracer::AttentionRows& rows, int run, int sample, int step) const {
    const int keys = shape_.tokens + step;
    for (int layer = 0; layer < shape_.layers; ++layer) {
      for (int head = 0; head < shape_.heads; ++head) {
        rows.run.push_back(run);
        rows.sample.push_back(sample);
        rows.step.push_back(step);
        rows.layer.push_back(static_cast<int16_t>(layer));
        rows.head.push_back(static_cast<int16_t>(head));
        rows.probabilities.push_back(
            std::vector<float>(static_cast<size_t>(keys), 1.0f / static_cast<float>(keys)));
        rows.row.push_back(0);
      }
    }
  }

  // One decision per layer, at the end of step 0. Full keeps everything; refreekv cuts where the
  // curve passes the threshold.
  void write_decisions(int run, int sample) {
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    const auto candidates = static_cast<int32_t>(order_.size());
    const bool measured =
        run > 0 && candidates > 0 && pass_ < static_cast<uint64_t>(shape_.curve_passes);
    const float threshold = 0.01f * static_cast<float>(run);
    if (measured && ranking_ < 0) {
      tracer::Rankings rankings;
      ranking_ = static_cast<int64_t>(writer_.rows<tracer::Rankings>());
      rankings.positions.push_back(order_);
      rankings.scores.push_back(std::vector<float>());
      append(std::move(rankings));
    }
    tracer::Decisions rows;
    tracer::Curves curves;
    kept_ = 0;
    for (int layer = 0; layer < shape_.layers; ++layer) {
      std::vector<float> curve;
      int32_t cut = 0;
      if (measured) {
        for (int i = 0; i < candidates; ++i) curve.push_back(curve_value(layer, i, candidates));
        while (cut + 1 < candidates && curve[static_cast<size_t>(cut) + 1] <= threshold) ++cut;
      }
      std::vector<float> curve_all;
      for (const float value : curve) curve_all.push_back(value / 2);
      const int32_t sinks = std::min(kSinks, shape_.tokens);
      std::vector<int32_t> ranges = {0, shape_.tokens};
      if (cut > 0) ranges = {0, sinks, sinks + cut, shape_.tokens};
      rows.run.push_back(run);
      rows.sample.push_back(sample);
      rows.step.push_back(0);
      rows.layer.push_back(static_cast<int16_t>(layer));
      rows.kv_head.push_back(-1);
      rows.reason.push_back(measured ? 3 : 0);
      rows.cached.push_back(shape_.tokens);
      rows.kept.push_back(shape_.tokens - cut);
      rows.candidates.push_back(measured ? candidates : 0);
      rows.cut.push_back(cut);
      rows.halt_position.push_back(measured ? order_[static_cast<size_t>(cut)] : -1);
      rows.threshold.push_back(measured ? static_cast<double>(threshold) : kNone);
      rows.base_norm.push_back(measured ? 0.5 : kNone);
      rows.base_norm_all.push_back(measured ? 1.0 : kNone);
      const auto at = static_cast<size_t>(cut);
      rows.distance.push_back(measured ? curve[at] : std::nanf(""));
      rows.distance_all.push_back(measured ? curve_all[at] : std::nanf(""));
      rows.ranking.push_back(measured ? ranking_ : -1);
      rows.curve.push_back(
          measured ? static_cast<int64_t>(writer_.rows<tracer::Curves>() + curves.distance.rows())
                   : -1);
      rows.start_ns.push_back(start_ns_ + prefill_ns_);
      rows.duration_ns.push_back(500);
      rows.kept_ranges.push_back(ranges);
      rows.temperature.push_back(std::nan(""));
      if (measured) {
        curves.distance.push_back(curve);
        curves.distance_all.push_back(curve_all);
      }
      kept_ += static_cast<uint64_t>(shape_.tokens - cut);
    }
    append(std::move(curves));
    append(std::move(rows));
  }

  void write_row(int run, int sample, int steps) {
    const uint64_t full =
        static_cast<uint64_t>(shape_.tokens) * static_cast<uint64_t>(shape_.layers) * kRowBytes;
    tracer::Passes rows;
    rows.run = {run};
    rows.sample = {sample};
    rows.finish = {1};
    rows.text.push_back(fmt::format("output of run {} on sample {}", run, sample));
    rows.prompt_tokens = {shape_.tokens};
    rows.generated = {steps};
    rows.exact_match = {static_cast<int8_t>((run + sample) % 2)};
    rows.budget = {static_cast<double>(kept_) /
                   std::max(1.0, static_cast<double>(shape_.tokens) * shape_.layers)};
    rows.start_ns = {start_ns_};
    rows.prefill_ns = {prefill_ns_};
    rows.decide_ns = {500 * shape_.layers};
    rows.decode_ns = {clock_ns_ - start_ns_ - prefill_ns_};
    rows.prefill_asked = {kept_ * kRowBytes};
    rows.prefill_held = {kept_ * kRowBytes + 1024};
    rows.prefill_peak = {full + 1024};
    rows.full_asked = {full};
    rows.end_asked = {kept_ * kRowBytes};
    rows.end_held = {kept_ * kRowBytes + 1024};
    rows.end_peak = {full + 1024};
    rows.process_peak = {uint64_t{1} << 30};
    rows.recorder_ns = {1000};
    rows.steps_end = {writer_.rows<tracer::Steps>()};
    rows.spans_end = {writer_.rows<tracer::Spans>()};
    rows.memory_end = {writer_.rows<tracer::Memory>()};
    rows.attention_end = {writer_.rows<tracer::Attention>()};
    rows.attention_rows_end = {writer_.rows<tracer::AttentionRows>()};
    rows.decisions_end = {writer_.rows<tracer::Decisions>()};
    rows.kernels_end = {writer_.rows<tracer::Kernels>()};
    rows.prefill_pass = {0};
    rows.fidelity_end = {writer_.rows<tracer::Fidelity>()};
    rows.lost_attention_end = {writer_.rows<tracer::LostAttention>()};
    rows.scores_end = {writer_.rows<tracer::Scores>()};
    append(std::move(rows));
  }

 public:
  // What write_norms writes as the Frobenius norm.
  static float norm_value(int step, int layer, int head) {
    return 0.25f + 0.5f * static_cast<float>((step * 31 + layer * 7 + head * 3) % 100) / 100;
  }

 private:
  BigTrace shape_;
  tracer::TraceWriter writer_;
  uint64_t pass_ = 0;
  int64_t clock_ns_ = 0;
  int64_t start_ns_ = 0;    // of the pass
  int64_t prefill_ns_ = 0;  // of the pass
  uint64_t kept_ = 0;       // rows of all layers, of the pass
  std::vector<int32_t> order_;
  int64_t ranking_ = -1;  // row of the sample's ranking
};

inline void write_big_trace(const std::string& path, const BigTrace& shape) {
  BigTraceWriter(path, shape).write();
}

}  // namespace kvreel::viewer::testing
