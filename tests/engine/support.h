// What engine tests share: fixtures' places, an observer that remembers, and a policy written as a
// function.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/backend/cpu_backend.h"
#include "engine/generate/generate.h"
#include "engine/model/model.h"
#include "engine/policy/policy.h"

namespace kvreel::engine::testing {

inline std::filesystem::path source_dir() {
  return KVREEL_SOURCE_DIR;
}
inline std::filesystem::path fixtures() {
  return source_dir() / "tests" / "fixtures";
}
inline std::filesystem::path demo_model() {
  return source_dir() / "assets" / "demo-model" / "model";
}

// Test material that is not part of the project; empty where it is not there.
inline std::filesystem::path test_assets() {
  const char* path = std::getenv("KVREEL_TEST_ASSETS");
  return path ? path : "";
}

inline nlohmann::json read_json(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << "cannot read " << path;
  return nlohmann::json::parse(file);
}

// The message of the Error that `work` throws, or "no error".
inline std::string error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Copies of what a pass announced.
class RememberingObserver : public Observer {
 public:
  StatisticsRequest request;
  bool spans_wanted = false;

  StatisticsRequest prefill_needs() const override { return request; }
  bool wants_spans() const override { return spans_wanted; }
  void on_span(const SpanEvent& event) override { spans.push_back(event); }
  void on_memory(const MemoryEvent& event) override { memory.push_back(event); }
  void on_attention(const AttentionEvent& event) override {
    statistics.push_back(event.statistics);
    norms.emplace_back(event.heads.begin(), event.heads.end());
  }
  void on_decision(const DecisionEvent& event) override {
    decisions.push_back(event.decision);
    decision_layers.push_back(event.layer);
  }
  void on_step(const StepEvent& event) override { steps.push_back(event); }
  void on_pass(const PassEvent& event) override { passes.push_back(event); }

  std::vector<SpanEvent> spans;
  std::vector<MemoryEvent> memory;
  std::vector<AttentionStatistics> statistics;
  std::vector<std::vector<HeadNorms>> norms;
  std::vector<Decision> decisions;
  std::vector<int> decision_layers;
  std::vector<StepEvent> steps;  // their pieces are gone
  std::vector<PassEvent> passes;
};

inline Sample sample_of(std::vector<int32_t> tokens) {
  Sample sample;
  sample.id = "test";
  sample.original_tokens = static_cast<int64_t>(tokens.size());
  sample.pieces.resize(tokens.size());
  sample.tokens = std::move(tokens);
  return sample;
}

inline const std::atomic<bool>& never_stop() {
  static const std::atomic<bool> kNever{false};
  return kNever;
}

}  // namespace kvreel::engine::testing
