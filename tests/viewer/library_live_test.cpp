// Traces that grow, end, or go away while they are shown.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <optional>

#include "tracer/rows.h"
#include "viewer/big_trace.h"
#include "viewer/library_fixture.h"

namespace kvreel::viewer::testing {
namespace {

class LiveLibraryTest : public LibraryTest {
 protected:
  LiveLibraryTest() : LibraryTest({.refresh_ms = 5}) {}

  static BigTrace shape(int samples = 4) {
    BigTrace shape;
    shape.samples = samples;
    shape.spans = 400;
    return shape;
  }
  bool has_passes(size_t count) {
    return becomes([&] {
      const auto overview = library_.overview(trace_);
      return overview && overview->passes.size() == count;
    });
  }
  bool mentions(std::string_view part) {
    const auto overview = library_.overview(trace_);
    return overview && std::any_of(overview->warnings.begin(), overview->warnings.end(),
                                   [&](const auto& text) { return contains(text, part); });
  }
};

TEST_F(LiveLibraryTest, ATraceIsFollowedToItsEnd) {
  BigTraceWriter writer(path(), shape());
  writer.write_sample(0);
  writer.write_pass(0, 0);
  writer.commit();
  auto overview = open(path());
  ASSERT_TRUE(overview) << overview.error;
  EXPECT_TRUE(overview->live);
  EXPECT_EQ(overview->status, "recording");
  EXPECT_EQ(overview->passes.size(), 1u);
  EXPECT_TRUE(mentions("still being recorded"));
  EXPECT_FALSE(library_.busy());  // that it is live alone does not count

  const auto early = pass(1, 0);
  EXPECT_EQ(early.state, LoadState::failed);
  EXPECT_TRUE(contains(early.error, "has not finished")) << early.error;
  const auto first = pass(0, 0);
  ASSERT_TRUE(first) << first.error;

  writer.write_pass(1, 0);
  writer.commit();
  ASSERT_TRUE(has_passes(2));
  EXPECT_NE(library_.overview(trace_)->comparison, nullptr);  // the old one, until there is a new
  const auto late = pass(1, 0);
  ASSERT_TRUE(late) << late.error;
  EXPECT_EQ(late->decisions.size(), 4u);
  EXPECT_EQ(pass(0, 0).value, first.value);  // what was loaded stays

  for (int sample = 1; sample < 4; ++sample) {
    writer.write_sample(sample);
    for (int run = 0; run < 2; ++run) writer.write_pass(run, sample);
  }
  writer.finish();
  ASSERT_TRUE(becomes([&] { return library_.overview(trace_)->status == "complete"; }));
  EXPECT_FALSE(library_.overview(trace_)->live);
  EXPECT_EQ(library_.overview(trace_)->passes.size(), 8u);
  ASSERT_TRUE(becomes([&] {
    const auto& comparison = library_.overview(trace_)->comparison;
    return comparison && comparison->samples == 4;
  }));
  EXPECT_TRUE(library_.overview(trace_).error.empty());
  EXPECT_TRUE(pass(1, 3));
}

TEST_F(LiveLibraryTest, ATraceWithoutPassesOpensAndHasNoComparison) {
  BigTraceWriter writer(path(), shape());
  writer.commit();
  const auto overview = open(path());
  ASSERT_TRUE(overview) << overview.error;
  EXPECT_TRUE(overview->passes.empty());
  EXPECT_EQ(overview->comparison, nullptr);
  EXPECT_EQ(overview->runs.size(), 2u);
  writer.write_sample(0);
  writer.write_pass(0, 0);
  writer.commit();
  ASSERT_TRUE(has_passes(1));
  ASSERT_TRUE(becomes([&] { return library_.overview(trace_)->comparison != nullptr; }));
}

TEST_F(LiveLibraryTest, ATraceThatWasKilledOpensWithWhatWasCommitted) {
  ASSERT_EQ(tracer::testing::run_child([&] {
              BigTraceWriter writer(path(), shape());
              writer.write_sample(0);
              writer.write_pass(0, 0);
              writer.commit();
              ::kill(::getpid(), SIGKILL);
              return 0;
            }),
            -SIGKILL);
  const auto overview = open(path());
  ASSERT_TRUE(overview) << overview.error;
  EXPECT_TRUE(overview->killed);
  EXPECT_FALSE(overview->live);
  EXPECT_EQ(overview->passes.size(), 1u);
  EXPECT_TRUE(mentions("recorder was killed"));
  EXPECT_TRUE(pass(0, 0));
}

TEST_F(LiveLibraryTest, ARecorderThatIsKilledWhileItsTraceIsShownIsNoticed) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = tracer::testing::start_child([&] {
    BigTraceWriter writer(path(), shape());
    writer.write_sample(0);
    writer.write_pass(0, 0);
    writer.commit();
    const bool told = ::write(ready[1], "x", 1) == 1;
    ::pause();
    return told ? 0 : 1;
  });
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_TRUE(open(path())->live);
  ::kill(child, SIGKILL);
  tracer::testing::wait_for(child);
  ASSERT_TRUE(becomes([&] { return library_.overview(trace_)->killed; }));
  EXPECT_TRUE(mentions("recorder was killed"));
  EXPECT_TRUE(pass(0, 0));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(LiveLibraryTest, ALiveTraceThatIsRemovedStaysAsFarAsItWasRead) {
  BigTraceWriter writer(path(), shape());
  writer.write_sample(0);
  writer.write_pass(0, 0);
  writer.commit();
  open(path());
  const auto loaded = pass(0, 0);
  ASSERT_TRUE(loaded);
  std::filesystem::remove(path());
  ASSERT_TRUE(becomes([&] { return !library_.overview(trace_).error.empty(); }));
  const auto overview = library_.overview(trace_);
  EXPECT_EQ(overview.state, LoadState::ready);
  EXPECT_EQ(overview->passes.size(), 1u);
  EXPECT_TRUE(mentions(path()));
  EXPECT_EQ(pass(0, 0).value, loaded.value);
}

TEST_F(LiveLibraryTest, ALiveTraceThatIsReplacedByAnotherIsNotMixedWithIt) {
  std::optional<BigTraceWriter> writer;
  writer.emplace(path(), shape());
  writer->write_sample(0);
  writer->write_pass(0, 0);
  writer->commit();
  open(path());
  const auto loaded = pass(0, 0);
  exports::testing::write_small_trace(path("other.h5"));
  std::filesystem::rename(path("other.h5"), path());
  ASSERT_TRUE(becomes([&] { return !library_.overview(trace_).error.empty(); }));
  const auto overview = library_.overview(trace_);
  EXPECT_TRUE(contains(overview.error, "was replaced by another trace")) << overview.error;
  EXPECT_EQ(overview->passes.size(), 1u);
  EXPECT_EQ(overview->samples.at(0).id, "sample-0");
  EXPECT_EQ(pass(0, 0).value, loaded.value);
  const auto unread = soon([&] { return library_.prompt(trace_, 0); });
  EXPECT_EQ(unread.state, LoadState::failed);
  EXPECT_TRUE(contains(unread.error, "was replaced")) << unread.error;
  // Opened again, it is the other one.
  EXPECT_EQ(library_.open(path()), trace_);
  ASSERT_TRUE(library_.wait_idle(kPatience));
  EXPECT_EQ(library_.overview(trace_)->samples.at(0).id, "a");
  EXPECT_EQ(pass(1, 0)->decisions.size(), 2u);
}

TEST_F(LiveLibraryTest, AFinishedTraceThatIsReplacedSaysSoWhenItIsAskedForMore) {
  exports::testing::write_small_trace(path());
  open(path());
  write_big_trace(path("other.h5"), shape());
  std::filesystem::rename(path("other.h5"), path());
  const auto old = pass(1, 0);
  ASSERT_TRUE(old) << old.error;  // the first file is still whole for whoever has it open
  EXPECT_EQ(old->decisions.size(), 2u);
  ASSERT_TRUE(becomes([&] { return !library_.overview(trace_).error.empty(); }));
  EXPECT_TRUE(contains(library_.overview(trace_).error, "was replaced"));
  EXPECT_EQ(library_.overview(trace_)->passes.size(), 7u);
  library_.open(path());
  ASSERT_TRUE(library_.wait_idle(kPatience));
  EXPECT_EQ(library_.overview(trace_)->passes.size(), 8u);
  EXPECT_TRUE(library_.overview(trace_).error.empty());
  EXPECT_EQ(pass(1, 0)->decisions.size(), 4u);
}

TEST_F(LiveLibraryTest, AFileThatIsOpenedAgainUnchangedStaysTheSame) {
  exports::testing::write_small_trace(path());
  const auto overview = open(path());
  library_.open(path());
  ASSERT_TRUE(library_.wait_idle(kPatience));
  EXPECT_EQ(library_.overview(trace_).value, overview.value);
}

}  // namespace
}  // namespace kvreel::viewer::testing
