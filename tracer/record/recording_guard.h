// Lets a run outlive its recording: events go to a recorder until it fails, and are counted all the
// while.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/observer.h"

namespace kvreel::tracer {

// What is left of one run's passes where no trace holds them.
struct RunTally {
  int64_t passes = 0;  // finished ones
  double budget = 0;   // sum over passes of kept / prompt positions
  struct Scores {
    int64_t passes = 0;
    double sum = 0;  // of values from 0 to 1
  };
  Scores exact_match;                     // of the passes with reference answers
  std::map<std::string, Scores> metrics;  // by name
};

class RecordingGuard : public engine::Observer {
 public:
  // `on_failure` is called once, with the recorder's message, where it throws Error; the recorder
  // hears nothing from then on. Both references outlive the guard.
  RecordingGuard(engine::Observer& recorder, std::function<void(const std::string&)> on_failure);

  // Of all passes that were announced, recorded or not; as many entries as the highest run needs.
  const std::vector<RunTally>& tally() const { return tally_; }
  // The recorder's message, "" while it works.
  const std::string& failure() const { return failure_; }
  bool failed() const { return !failure_.empty(); }
  // Calls `work`, which uses the recorder, unless it has failed; an Error counts as its failure.
  void attempt(const std::function<void()>& work);

  // Once the recorder has failed, nothing is wanted for it.
  engine::StatisticsRequest prefill_needs() const override;
  engine::StatisticsRequest decode_needs() const override;
  bool wants_spans() const override;

  void on_sample(const engine::SampleEvent& event) override;
  void on_span(const engine::SpanEvent& event) override;
  void on_memory(const engine::MemoryEvent& event) override;
  void on_attention(const engine::AttentionEvent& event) override;
  void on_decision(const engine::DecisionEvent& event) override;
  void on_step(const engine::StepEvent& event) override;
  void on_fidelity(const engine::FidelityEvent& event) override;
  void on_lost_attention(const engine::LostAttentionEvent& event) override;
  void on_pass(const engine::PassEvent& event) override;

 private:
  engine::Observer& recorder_;
  std::function<void(const std::string&)> on_failure_;
  std::vector<RunTally> tally_;
  std::string failure_;
};

}  // namespace kvreel::tracer
