// A run outlives its recording: what the guard forwards, counts and tells.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "tracer/record/recording_guard.h"

namespace kvreel::tracer::testing {
namespace {

// Fails at its n-th event, and counts them.
class Failing : public engine::Observer {
 public:
  explicit Failing(int at) : at_(at) {}
  engine::StatisticsRequest prefill_needs() const override { return {.last_rows = 3}; }
  engine::StatisticsRequest decode_needs() const override { return {.last_rows = 2}; }
  bool wants_spans() const override { return true; }
  void on_sample(const engine::SampleEvent&) override { count(); }
  void on_span(const engine::SpanEvent&) override { count(); }
  void on_memory(const engine::MemoryEvent&) override { count(); }
  void on_attention(const engine::AttentionEvent&) override { count(); }
  void on_decision(const engine::DecisionEvent&) override { count(); }
  void on_step(const engine::StepEvent&) override { count(); }
  void on_fidelity(const engine::FidelityEvent&) override { count(); }
  void on_lost_attention(const engine::LostAttentionEvent&) override { count(); }
  void on_pass(const engine::PassEvent&) override { count(); }

  int events = 0;

 private:
  void count() {
    if (++events == at_) fail("the disk is full");
  }
  int at_;
};

constexpr int kEvents = 9;

void announce_one_of_each(engine::Observer& observer) {
  const engine::AttentionStatistics statistics;
  const engine::Decision decision;
  const std::vector<engine::Score> scores = {{"token-f1", 0.25}};
  observer.on_sample({});
  observer.on_span({});
  observer.on_memory({});
  observer.on_attention({.heads = {}, .statistics = statistics});
  observer.on_decision({.decision = decision});
  observer.on_step({});
  observer.on_fidelity({});
  observer.on_lost_attention({});
  observer.on_pass({.run = 1, .exact_match = 1, .scores = scores, .budget = 0.5});
}

TEST(RecordingGuard, ForwardsEveryEventWhileTheRecorderWorks) {
  Failing recorder(0);
  int failures = 0;
  RecordingGuard guard(recorder, [&](const std::string&) { ++failures; });
  announce_one_of_each(guard);
  EXPECT_EQ(recorder.events, kEvents);
  EXPECT_EQ(failures, 0);
  EXPECT_FALSE(guard.failed());
  EXPECT_EQ(guard.prefill_needs().last_rows, 3);
  EXPECT_EQ(guard.decode_needs().last_rows, 2);
  EXPECT_TRUE(guard.wants_spans());
}

TEST(RecordingGuard, TellsTheFirstFailureOnceWhicheverEventItIs) {
  for (int at = 1; at <= kEvents; ++at) {
    SCOPED_TRACE(at);
    Failing recorder(at);
    std::vector<std::string> told;
    RecordingGuard guard(recorder, [&](const std::string& what) { told.push_back(what); });
    announce_one_of_each(guard);
    announce_one_of_each(guard);
    EXPECT_EQ(recorder.events, at) << "a recorder that has failed hears nothing more";
    EXPECT_EQ(told, std::vector<std::string>{"the disk is full"});
    EXPECT_EQ(guard.failure(), "the disk is full");
    EXPECT_FALSE(guard.wants_spans());
    EXPECT_EQ(guard.prefill_needs().last_rows, 0);
    EXPECT_EQ(guard.decode_needs().last_rows, 0);
    bool attempted = false;
    guard.attempt([&] { attempted = true; });
    EXPECT_FALSE(attempted);
  }
}

TEST(RecordingGuard, CountsPassesBeforeAndAfterTheFailure) {
  Failing recorder(2);
  RecordingGuard guard(recorder, [](const std::string&) {});
  const std::vector<engine::Score> good = {{"rouge-l", 0.5}, {"token-f1", 1}};
  const std::vector<engine::Score> poor = {{"token-f1", 0.5}};
  guard.on_pass({.run = 0, .exact_match = 1, .scores = good, .budget = 1});
  guard.on_pass({.run = 0, .exact_match = 0, .scores = poor, .budget = 0.5});
  guard.on_pass({.run = 2, .exact_match = -1, .budget = 0.25});
  guard.on_pass({.run = 2, .finish = engine::FinishReason::interrupted, .budget = 0.25});
  ASSERT_EQ(guard.tally().size(), 3u);
  const RunTally& first = guard.tally()[0];
  EXPECT_EQ(first.passes, 2);
  EXPECT_EQ(first.budget, 1.5);
  EXPECT_EQ(first.exact_match.passes, 2);
  EXPECT_EQ(first.exact_match.sum, 1);
  EXPECT_EQ(first.metrics.at("token-f1").passes, 2);
  EXPECT_EQ(first.metrics.at("token-f1").sum, 1.5);
  EXPECT_EQ(first.metrics.at("rouge-l").passes, 1);
  EXPECT_EQ(guard.tally()[1].passes, 0);
  EXPECT_EQ(guard.tally()[2].passes, 1) << "an interrupted pass has no result";
  EXPECT_EQ(guard.tally()[2].exact_match.passes, 0);
}

}  // namespace
}  // namespace kvreel::tracer::testing
