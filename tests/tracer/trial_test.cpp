// Reading on trial: whatever happens in the child process, this one gets a sentence.
#include <gtest/gtest.h>

#include <csignal>
#include <new>
#include <vector>

#include "base/error.h"
#include "tracer/hdf5/file.h"
#include "tracer/read/recover.h"
#include "tracer/read/trial.h"
#include "tracer/rows.h"

namespace kvreel::tracer::testing {
namespace {

using TrialOfAFile = TraceTest;

void nothing() {}

std::string said(const std::function<void()>& open, const std::function<void()>& walk = nothing,
                 const TrialLimits& limits = {}) {
  return error_of([&] { read_on_trial("some.h5", open, walk, limits); });
}

TEST(TrialReading, OfASoundFileLeavesNothingBehind) {
  int touched = 0;
  EXPECT_EQ(said([&] { ++touched; }, [&] { ++touched; }), "");
  EXPECT_EQ(touched, 0);
}

TEST(TrialReading, SaysWhatOpeningSays) {
  EXPECT_EQ(said([] { fail("it is no trace"); }), "it is no trace");
  // An error's text has at most some kilobytes.
  const auto long_error = [] { fail("{}", std::string(200'000, 'x')); };
  EXPECT_EQ(said(long_error), error_of(long_error));
}

TEST(TrialReading, LeavesWhatWalkingSaysToThoseWhoReadThere) {
  EXPECT_EQ(said(nothing, [] { fail("a column is damaged"); }), "");
}

TEST(TrialReading, NamesTheSignalOfACrash) {
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGKILL}) {
    SCOPED_TRACE(number);
    const std::string expected = "some.h5 is damaged: reading it on trial ended with signal " +
                                 std::to_string(number) + "; get it again";
    EXPECT_EQ(said([&] { ::raise(number); }), expected);
    EXPECT_EQ(said(nothing, [&] { ::raise(number); }), expected);
  }
}

TEST(TrialReading, EndsWhatWorksWithoutEnd) {
  const std::string error = said(nothing,
                                 [] {
                                   for (volatile unsigned i = 0;;) i = i + 1;
                                 },
                                 {.processor_seconds = 1});
  EXPECT_NE(error.find("ended unfinished, after 1 seconds of work"), std::string::npos) << error;
}

TEST(TrialReading, OpensAtOnceWhatMayBeReadForLong) {
  const std::string error = said(
      [] {
        for (volatile unsigned i = 0;;) i = i + 1;
      },
      nothing, {.opening_seconds = 1, .processor_seconds = 60});
  EXPECT_NE(error.find("after 1 seconds of work"), std::string::npos) << error;
}

TEST(TrialReading, EndsWhatWaitsWithoutEnd) {
  const std::string error = said(
      [] {
        for (;;) ::pause();
      },
      nothing, {.seconds = 1});
  EXPECT_NE(error.find("ended unfinished, after too long a wait"), std::string::npos) << error;
}

TEST(TrialReading, RefusesWhatTakesTooMuchMemory) {
  EXPECT_NE(said(nothing, [] { throw std::bad_alloc(); }).find("memory"), std::string::npos);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const std::string error =
      said(nothing, [] { std::vector<char> much(size_t{1} << 31); }, {.memory = 1 << 28});
  EXPECT_NE(error.find("256 MiB of memory"), std::string::npos) << error;
#endif
}

TEST(TrialReading, WritesNothingToTheTerminal) {
  ::testing::internal::CaptureStderr();
  EXPECT_NE(said([] {
              std::fputs("libhdf5 dies\n", stderr);
              std::fflush(stderr);
              std::abort();
            }),
            "");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(TrialReading, HandlersAndMasksOfThisProcessDoNotHideACrash) {
  sigset_t crashes;
  sigset_t before;
  sigemptyset(&crashes);
  sigaddset(&crashes, SIGABRT);
  ::pthread_sigmask(SIG_BLOCK, &crashes, &before);
  const auto handler = std::signal(SIGABRT, SIG_IGN);
  const std::string error = said([] { ::raise(SIGABRT); });
  std::signal(SIGABRT, handler);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_NE(error.find("with signal 6"), std::string::npos) << error;
}

TEST(TrialReading, WorksWhereTheSystemForgetsChildren) {
  const auto handler = std::signal(SIGCHLD, SIG_IGN);
  const std::string sound = said(nothing);
  const std::string error = said([] { std::abort(); });
  std::signal(SIGCHLD, handler);
  EXPECT_EQ(sound, "");
  EXPECT_NE(error.find("ended early"), std::string::npos) << error;
}

TEST_F(TrialOfAFile, IsNotMadeOfALiveTrace) {
  TraceWriter writer(path(), "{}");
  writer.commit();
  EXPECT_EQ(error_of([&] {
              read_on_trial(
                  path(), [] { std::abort(); }, nothing);
            }),
            "");
}

}  // namespace
}  // namespace kvreel::tracer::testing
