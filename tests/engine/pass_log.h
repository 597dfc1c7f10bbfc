// What tests of experiments share: everything that passes announced, by pass, and a backend that
// counts its calls.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/support.h"

namespace kvreel::engine::testing {

// The events of one pass. Views in them are gone.
struct PassRecord {
  std::vector<SpanEvent> spans;
  std::vector<MemoryEvent> memory;
  std::vector<int> attention_layers;
  std::vector<std::pair<int, Decision>> decisions;  // layer, decision
  std::vector<StepEvent> steps;
  std::vector<FidelityEvent> fidelity;
  std::vector<LostAttentionEvent> lost;
  PassEvent pass;

  std::vector<int32_t> tokens() const {
    std::vector<int32_t> tokens;
    for (const StepEvent& step : steps) tokens.push_back(step.token);
    return tokens;
  }
};

// Fails where events of different passes mix.
class PassLog final : public Observer {
 public:
  StatisticsRequest request;
  std::map<std::pair<int32_t, int32_t>, PassRecord> passes;  // by (run, sample)
  std::vector<std::pair<int32_t, int32_t>> order;
  std::vector<int32_t> samples;

  StatisticsRequest prefill_needs() const override { return request; }
  bool wants_spans() const override { return true; }
  void on_sample(const SampleEvent& event) override { samples.push_back(event.sample); }
  void on_span(const SpanEvent& event) override { of(event.at).spans.push_back(event); }
  void on_memory(const MemoryEvent& event) override { of(event.at).memory.push_back(event); }
  void on_attention(const AttentionEvent& event) override {
    of(event.at).attention_layers.push_back(event.layer);
  }
  void on_decision(const DecisionEvent& event) override {
    of(event.at).decisions.emplace_back(event.layer, event.decision);
  }
  void on_step(const StepEvent& event) override { of(event.at).steps.push_back(event); }
  void on_fidelity(const FidelityEvent& event) override { of(event.at).fidelity.push_back(event); }
  void on_lost_attention(const LostAttentionEvent& event) override {
    of(event.at).lost.push_back(event);
  }
  void on_pass(const PassEvent& event) override {
    of({.run = event.run, .sample = event.sample}).pass = event;
    order.emplace_back(event.run, event.sample);
    open_ = false;
  }

  const PassRecord& at(int32_t run, int32_t sample) const { return passes.at({run, sample}); }

 private:
  PassRecord& of(StepId at) {
    const std::pair<int32_t, int32_t> id{at.run, at.sample};
    if (!open_) {
      EXPECT_FALSE(passes.contains(id)) << "run " << at.run << " began twice";
      current_ = id;
      open_ = true;
    }
    EXPECT_EQ(id, current_) << "events of two passes mix";
    return passes[id];
  }

  std::pair<int32_t, int32_t> current_;
  bool open_ = false;
};

// Passes everything on, and counts.
class CountingBackend final : public Backend {
 public:
  explicit CountingBackend(Backend& backend) : backend_(backend) {}

  std::map<int64_t, int> steps;  // rows of a step -> steps
  int layer_calls = 0;           // chunks of rows that went through a layer

  std::string name() const override { return backend_.name(); }
  std::string description() const override { return backend_.description(); }
  KvMemory& kv_memory() override { return backend_.kv_memory(); }
  int64_t chunk_rows() const override { return backend_.chunk_rows(); }
  void begin(std::span<const int32_t> tokens, int64_t first_position) override {
    ++steps[static_cast<int64_t>(tokens.size())];
    backend_.begin(tokens, first_position);
  }
  void qkv(int layer, Rows rows, KvCache& cache, AttentionStatistics& statistics) override {
    ++layer_calls;
    backend_.qkv(layer, rows, cache, statistics);
  }
  void attend(int layer, Rows rows, const KvCache& cache,
              AttentionStatistics& statistics) override {
    backend_.attend(layer, rows, cache, statistics);
  }
  void attn_out(int layer, Rows rows) override { backend_.attn_out(layer, rows); }
  void ffn(int layer, Rows rows) override { backend_.ffn(layer, rows); }
  std::span<const float> logits() override { return backend_.logits(); }

 private:
  Backend& backend_;
};

// The experiment's runs over prompts of random tokens.
inline std::vector<Sample> random_samples(std::vector<int> lengths, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<Sample> samples;
  for (const int length : lengths) {
    std::vector<int32_t> ids(static_cast<size_t>(length));
    for (int32_t& id : ids) id = static_cast<int32_t>(random() % 700);
    samples.push_back(sample_of(std::move(ids)));
  }
  return samples;
}

}  // namespace kvreel::engine::testing
