// What stays in memory, and what goes first.
#include "viewer/data/detail_cache.h"

#include <gtest/gtest.h>

namespace kvreel::viewer {
namespace {

Question pass(int sample, int trace = 0) {
  return {TraceId{trace}, Topic::pass, 0, sample, 0, 0};
}

Answer of_bytes(uint64_t bytes) {
  Answer answer;
  answer.state = LoadState::ready;
  answer.value = std::make_shared<int>(1);
  answer.bytes = bytes;
  return answer;
}

// Asks, and answers at once.
void load(DetailCache& cache, const Question& question, uint64_t bytes) {
  cache.expect(question);
  cache.answer(question, of_bytes(bytes));
}

TEST(DetailCache, TheLeastRecentlyAskedForGoFirst) {
  DetailCache cache(100);
  load(cache, pass(0), 40);
  load(cache, pass(1), 40);
  cache.next_frame();
  EXPECT_NE(cache.find(pass(0)), nullptr);  // now pass 1 is the oldest
  cache.next_frame();
  cache.next_frame();
  load(cache, pass(2), 40);
  EXPECT_EQ(cache.find(pass(1)), nullptr);
  EXPECT_NE(cache.find(pass(0)), nullptr);
  EXPECT_NE(cache.find(pass(2)), nullptr);
  EXPECT_EQ(cache.bytes(), 80u);
}

TEST(DetailCache, WhatIsOnTheScreenStaysHoweverLarge) {
  DetailCache cache(100);
  for (int frame = 0; frame < 5; ++frame) {
    for (int sample = 0; sample < 3; ++sample) {
      if (frame == 0) load(cache, pass(sample), 60);
      EXPECT_NE(cache.find(pass(sample)), nullptr) << frame;
    }
    cache.next_frame();
  }
  EXPECT_EQ(cache.bytes(), 180u);
  cache.next_frame();
  cache.next_frame();  // it has left the screen
  EXPECT_EQ(cache.bytes(), 60u);
}

TEST(DetailCache, AnswersThatNobodyWaitsForAreIgnored) {
  DetailCache cache(100);
  cache.answer(pass(0), of_bytes(10));
  EXPECT_EQ(cache.find(pass(0)), nullptr);
  cache.expect(pass(0));
  EXPECT_EQ(cache.waiting(), 1u);
  cache.forget(TraceId{0});
  EXPECT_EQ(cache.waiting(), 0u);
  cache.answer(pass(0), of_bytes(10));
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(DetailCache, ForgetsOneTraceAndNotTheOthers) {
  DetailCache cache(100);
  load(cache, pass(0, 0), 10);
  load(cache, pass(0, 1), 10);
  load(cache, {TraceId{1}, Topic::prompt, 0, 3, 0, 0}, 10);
  load(cache, pass(0, 2), 10);
  cache.forget(TraceId{1});
  EXPECT_NE(cache.find(pass(0, 0)), nullptr);
  EXPECT_EQ(cache.find(pass(0, 1)), nullptr);
  EXPECT_NE(cache.find(pass(0, 2)), nullptr);
  EXPECT_EQ(cache.bytes(), 20u);
}

TEST(DetailCache, ForgetsFailuresAlone) {
  DetailCache cache(100);
  load(cache, pass(0), 10);
  cache.expect(pass(1));
  Answer failure;
  failure.state = LoadState::failed;
  cache.answer(pass(1), failure);
  cache.expect(pass(2));
  cache.forget_failures(TraceId{0});
  EXPECT_NE(cache.find(pass(0)), nullptr);
  EXPECT_EQ(cache.find(pass(1)), nullptr);
  EXPECT_NE(cache.find(pass(2)), nullptr);
  EXPECT_EQ(cache.waiting(), 1u);
}

}  // namespace
}  // namespace kvreel::viewer
