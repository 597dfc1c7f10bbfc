// Forwards events while the recorder takes them.
#include "tracer/record/recording_guard.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/error.h"

namespace kvreel::tracer {
namespace {

void count(RunTally::Scores& scores, double value) {
  ++scores.passes;
  scores.sum += value;
}

}  // namespace

RecordingGuard::RecordingGuard(engine::Observer& recorder,
                               std::function<void(const std::string&)> on_failure)
    : recorder_(recorder), on_failure_(std::move(on_failure)) {}

void RecordingGuard::attempt(const std::function<void()>& work) {
  if (failed()) return;
  try {
    work();
  } catch (const Error& error) {
    failure_ = error.what();
    on_failure_(failure_);
  }
}

engine::StatisticsRequest RecordingGuard::prefill_needs() const {
  return failed() ? engine::StatisticsRequest{} : recorder_.prefill_needs();
}

engine::StatisticsRequest RecordingGuard::decode_needs() const {
  return failed() ? engine::StatisticsRequest{} : recorder_.decode_needs();
}

bool RecordingGuard::wants_spans() const {
  return !failed() && recorder_.wants_spans();
}

void RecordingGuard::on_sample(const engine::SampleEvent& event) {
  attempt([&] { recorder_.on_sample(event); });
}

void RecordingGuard::on_span(const engine::SpanEvent& event) {
  attempt([&] { recorder_.on_span(event); });
}

void RecordingGuard::on_memory(const engine::MemoryEvent& event) {
  attempt([&] { recorder_.on_memory(event); });
}

void RecordingGuard::on_attention(const engine::AttentionEvent& event) {
  attempt([&] { recorder_.on_attention(event); });
}

void RecordingGuard::on_decision(const engine::DecisionEvent& event) {
  attempt([&] { recorder_.on_decision(event); });
}

void RecordingGuard::on_step(const engine::StepEvent& event) {
  attempt([&] { recorder_.on_step(event); });
}

void RecordingGuard::on_fidelity(const engine::FidelityEvent& event) {
  attempt([&] { recorder_.on_fidelity(event); });
}

void RecordingGuard::on_lost_attention(const engine::LostAttentionEvent& event) {
  attempt([&] { recorder_.on_lost_attention(event); });
}

void RecordingGuard::on_pass(const engine::PassEvent& event) {
  if (event.run >= 0 && event.finish != engine::FinishReason::interrupted) {
    const auto run = static_cast<size_t>(event.run);
    tally_.resize(std::max(tally_.size(), run + 1));
    RunTally& tally = tally_[run];
    ++tally.passes;
    tally.budget += event.budget;
    if (event.exact_match >= 0) count(tally.exact_match, event.exact_match);
    for (const engine::Score& score : event.scores) count(tally.metrics[score.metric], score.value);
  }
  attempt([&] { recorder_.on_pass(event); });
}

}  // namespace kvreel::tracer
