// Figures as questions to the loading thread: of one trace or several, live or gone.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "viewer/big_trace.h"
#include "viewer/library_fixture.h"

namespace kvreel::viewer::testing {
namespace {

class FigureQuestion : public LibraryTest {
 protected:
  FigureQuestion() : LibraryTest({.refresh_ms = 5}) {}

  static BigTrace shape(int samples) {
    BigTrace shape;
    shape.samples = samples;
    shape.spans = 400;
    return shape;
  }
  FigureRequest of(const std::string& name) const {
    FigureRequest request;
    request.traces = {trace_};
    request.name = name;
    return request;
  }
  Loaded<plot::Figure> figure(const FigureRequest& request) {
    return soon([&] { return library_.figure(request); });
  }
  static bool says(const plot::Figure& figure, std::string_view part) {
    return std::any_of(figure.remarks.begin(), figure.remarks.end(),
                       [&](const std::string& remark) { return contains(remark, part); });
  }
};

TEST_F(FigureQuestion, IsAnsweredOnceForTheSameOptions) {
  write_big_trace(path(), shape(3));
  open(path());
  const auto first = figure(of("layer-budget"));
  ASSERT_TRUE(first) << first.error;
  EXPECT_EQ(first->name, "layer-budget");
  EXPECT_TRUE(says(*first.value, "n = 3")) << first->remarks.at(0);
  EXPECT_EQ(figure(of("layer-budget")).value, first.value);  // not made again
  EXPECT_FALSE(library_.busy());

  FigureRequest by_task = of("layer-budget");
  by_task.options.by = "task";
  const auto other = figure(by_task);
  ASSERT_TRUE(other) << other.error;
  EXPECT_NE(other.value, first.value);
  EXPECT_EQ(figure(of("layer-budget")).value, first.value);  // both are kept
}

TEST_F(FigureQuestion, WhatTheTraceLacksIsASentence) {
  write_big_trace(path(), shape(2));  // without norms
  open(path());
  const auto norms = figure(of("attention-norms"));
  EXPECT_EQ(norms.state, LoadState::failed);
  EXPECT_TRUE(contains(norms.error, "--no-norms")) << norms.error;
  const auto unknown = figure(of("layer-budgets"));
  EXPECT_EQ(unknown.state, LoadState::failed);
  EXPECT_TRUE(contains(unknown.error, "layer-budget")) << unknown.error;
  const auto nothing = figure({});
  EXPECT_EQ(nothing.state, LoadState::failed);
  EXPECT_EQ(nothing.error, "No run is chosen to be drawn.");
}

TEST_F(FigureQuestion, SaysWhichFileOnlyWhereItIsAsked) {
  write_big_trace(path(), shape(1));
  open(path());
  FigureRequest request = of("layer-budget");
  request.options.hash_traces = false;
  const auto has_hash = [](const plot::Figure& figure) {
    return std::any_of(figure.metadata.begin(), figure.metadata.end(),
                       [](const auto& pair) { return pair.first == "sha256"; });
  };
  EXPECT_FALSE(has_hash(*figure(request).value));
  request.options.hash_traces = true;
  EXPECT_TRUE(has_hash(*figure(request).value));
}

TEST_F(FigureQuestion, OfSeveralTracesIsForgottenWithAnyOfThem) {
  write_big_trace(path("a.h5"), shape(2));
  write_big_trace(path("b.h5"), shape(2));
  open(path("a.h5"));
  FigureRequest both = of("layer-budget");
  open(path("b.h5"));
  both.traces.push_back(trace_);
  const auto first = figure(both);
  ASSERT_TRUE(first) << first.error;
  const FigureRequest one = {{both.traces.front()}, both.name, both.options};
  ASSERT_TRUE(figure(one));
  library_.close(trace_);
  EXPECT_EQ(figure(both).state, LoadState::failed);
  EXPECT_TRUE(figure(one));
  open(path("b.h5"));
  both.traces.back() = trace_;
  const auto again = figure(both);
  ASSERT_TRUE(again) << again.error;
  EXPECT_NE(again.value, first.value);
}

TEST_F(FigureQuestion, OfATraceThatWasReplacedIsMadeAnewWhenItIsOpenedAgain) {
  write_big_trace(path(), shape(2));
  open(path());
  ASSERT_TRUE(says(*figure(of("layer-budget")).value, "n = 2"));
  write_big_trace(path("other.h5"), shape(5));
  std::filesystem::rename(path("other.h5"), path());
  // Until then what was made stays.
  EXPECT_TRUE(says(*figure(of("layer-budget")).value, "n = 2"));
  open(path());
  EXPECT_TRUE(says(*figure(of("layer-budget")).value, "n = 5"));
}

TEST_F(FigureQuestion, OfALiveTraceFollowsItAtMostOnceASecond) {
  BigTraceWriter writer(path(), shape(6));
  writer.write_sample(0);
  writer.write_pass(0, 0);
  writer.commit();
  ASSERT_TRUE(open(path())->live);
  // Not every run has a finished sample yet.
  const auto early = figure(of("layer-budget"));
  EXPECT_TRUE(early.state == LoadState::failed || !says(*early.value, "n = 2")) << early.error;

  using Clock = std::chrono::steady_clock;
  std::vector<Clock::time_point> changes;
  std::shared_ptr<const plot::Figure> shown = early.value;
  const auto watch = [&] {
    const auto now = library_.figure(of("layer-budget"));
    if (now.value != nullptr && now.value != shown) {
      shown = now.value;
      changes.push_back(Clock::now());
    }
    return shown;
  };
  writer.write_pass(1, 0);
  for (int sample = 1; sample < 4; ++sample) {
    writer.write_sample(sample);
    for (int run = 0; run < 2; ++run) {
      writer.write_pass(run, sample);
      writer.commit();
      const auto until = Clock::now() + std::chrono::milliseconds(120);
      while (Clock::now() < until) {
        library_.poll();
        watch();
        // What was shown before stays until there is a newer one.
        if (shown != nullptr) {
          EXPECT_NE(library_.figure(of("layer-budget")).value, nullptr);
        }
        library_.wait_for_news(10);
      }
    }
  }
  ASSERT_TRUE(becomes([&] { return watch() != nullptr && says(*shown, "n = 4"); }));
  writer.finish();
  ASSERT_TRUE(becomes([&] { return library_.overview(trace_)->status == "complete"; }));
  for (size_t i = 1; i < changes.size(); ++i) {
    // Less a little: the change is seen after it was made.
    EXPECT_GT(changes[i] - changes[i - 1], std::chrono::milliseconds(900));
  }
  EXPECT_FALSE(changes.empty());
}

TEST_F(FigureQuestion, ThatIsOnlyLookedForTakesWhatIsThere) {
  BigTraceWriter writer(path(), shape(3));
  writer.write_sample(0);
  writer.write_pass(0, 0);
  writer.write_pass(1, 0);
  writer.commit();
  open(path());
  const auto first = figure(of("layer-budget"));
  ASSERT_TRUE(first) << first.error;
  writer.write_sample(1);
  writer.write_pass(0, 1);
  writer.write_pass(1, 1);
  writer.commit();
  ASSERT_TRUE(becomes([&] { return library_.overview(trace_)->passes.size() == 4; }));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(library_.figure_known(of("layer-budget")).value, first.value);
    library_.wait_for_news(100);
    library_.poll();
  }
  ASSERT_TRUE(becomes([&] { return library_.figure(of("layer-budget")).value != first.value; }));
}

}  // namespace
}  // namespace kvreel::viewer::testing
