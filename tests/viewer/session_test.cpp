// The shared position, its history, and playing.
#include "viewer/model/session.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "viewer/big_trace.h"

namespace kvreel::viewer::testing {
namespace {

namespace fs = std::filesystem;

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() : library_([] {}), session_(library_) {
    std::string pattern = ::testing::TempDir() + "kvreel-session-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~SessionTest() override { fs::remove_all(directory_); }

  TraceId open(const std::string& name, const BigTrace& shape) {
    const std::string path = directory_ / name;
    BigTraceWriter(path, shape).write();
    const TraceId id = library_.open(path);
    settle();
    return id;
  }
  // Frames until nothing that they ask for is on its way.
  void settle() {
    do {
      library_.poll();
      session_.settle();
      session_.pass();
      session_.remember(true);
    } while (library_.busy() && library_.wait_idle(60'000));
    library_.poll();
    session_.settle();
    session_.remember(true);
  }

  Library library_;
  Session session_;
  fs::path directory_;
};

TEST_F(SessionTest, AChangeOfTheViewCanBeTakenBackAndMadeAgain) {
  session_.remember(true);
  EXPECT_FALSE(session_.can_undo());
  session_.go(Page::timeline);
  session_.remember(false);  // a drag goes on: nothing is kept yet
  session_.go(Page::compare);
  session_.remember(true);
  EXPECT_TRUE(session_.can_undo());
  session_.undo();
  EXPECT_EQ(session_.view().page, Page::overview);
  session_.redo();
  EXPECT_EQ(session_.view().page, Page::compare);
}

TEST_F(SessionTest, BeginsAtTheFirstRunThatEvictsBesideTheFullCache) {
  const TraceId id = open("a.h5", {.runs = 3, .samples = 2});
  EXPECT_EQ(session_.view().reference, (RunRef{id, 0}));
  EXPECT_EQ(session_.view().run, (RunRef{id, 1}));
  EXPECT_EQ(session_.view().compared, (std::vector<RunRef>{{id, 1}, {id, 2}}));
  EXPECT_EQ(session_.view().sample, session_.overview()->samples[0].id);
  EXPECT_EQ(session_.shown_runs().size(), 3u);
  EXPECT_FALSE(session_.can_undo()) << "what the window chose itself is nothing to take back";
}

TEST_F(SessionTest, RunsOfSeveralTracesAreToldApartAndAlignedBySample) {
  const TraceId a = open("a.h5", {.runs = 2, .samples = 1});
  EXPECT_EQ(session_.run_label({a, 0}), "full");
  const TraceId b = open("b.h5", {.runs = 2, .samples = 2});
  EXPECT_EQ(session_.run_label({b, 0}), "full (b.h5)");
  EXPECT_EQ(session_.runs().size(), 4u);
  const std::string second = library_.overview(b)->samples[1].id;
  session_.select_run({b, 1});
  session_.select_sample(second);
  EXPECT_EQ(session_.sample_in(b), 1);
  EXPECT_EQ(session_.sample_in(a), -1);
  const auto missing = session_.pass({a, 1});
  EXPECT_EQ(missing.state, LoadState::failed);
  EXPECT_NE(missing.error, "");
}

TEST_F(SessionTest, ATraceThatComesLaterIsComparedUnlessRunsWereChosen) {
  const TraceId a = open("a.h5", {.runs = 3, .samples = 1});
  const TraceId b = open("b.h5", {.runs = 2, .samples = 1});
  EXPECT_EQ(session_.view().compared, (std::vector<RunRef>{{a, 1}, {a, 2}, {b, 0}, {b, 1}}));
  EXPECT_EQ(session_.view().reference, (RunRef{a, 0}));
  library_.close(b);
  settle();
  const TraceId c = open("c.h5", {.runs = 1, .samples = 1});
  EXPECT_EQ(session_.view().compared, (std::vector<RunRef>{{a, 1}, {a, 2}, {c, 0}}));
  session_.view().compared = {{a, 2}};
  settle();
  open("d.h5", {.runs = 2, .samples = 1});
  EXPECT_EQ(session_.view().compared, (std::vector<RunRef>{{a, 2}}));
}

TEST_F(SessionTest, ClosingATraceMovesThePositionToWhatIsLeft) {
  const TraceId a = open("a.h5", {.runs = 2, .samples = 1});
  const TraceId b = open("b.h5", {.runs = 2, .samples = 1});
  EXPECT_EQ(session_.view().run.trace, a);
  library_.close(a);
  settle();
  EXPECT_EQ(session_.view().run.trace, b);
  EXPECT_EQ(session_.view().reference.trace, b);
  for (const RunRef run : session_.view().compared) EXPECT_EQ(run.trace, b);
}

TEST_F(SessionTest, PlayingEvictsEverythingInFiveSecondsAndStops) {
  open("a.h5", {.runs = 3, .samples = 1});
  session_.select_run({session_.view().run.trace, 2});
  settle();
  const int64_t length = session_.replay_length();
  ASSERT_GT(length, 4);
  EXPECT_EQ(session_.replay_position(), length);
  session_.play(true);
  EXPECT_EQ(session_.replay_position(), 0) << "from the end, playing begins anew";
  double now = 10;
  session_.advance(now);
  for (int frame = 0; frame < 150; ++frame) session_.advance(now += 1. / 60);
  EXPECT_NEAR(static_cast<double>(session_.replay_position()), static_cast<double>(length) / 2, 1);
  EXPECT_TRUE(session_.playing());
  for (int frame = 0; frame < 160; ++frame) session_.advance(now += 1. / 60);
  EXPECT_EQ(session_.replay_position(), length);
  EXPECT_FALSE(session_.playing());
  session_.remember(true);
  session_.undo();
  EXPECT_EQ(session_.view().run.run, 1) << "what plays by itself is nothing to take back";
}

TEST_F(SessionTest, ALoopGoesOn) {
  open("a.h5", {.runs = 3, .samples = 1});
  session_.select_run({session_.view().run.trace, 2});
  settle();
  session_.view().replay_loop = true;
  session_.play(true);
  double now = 0;
  session_.advance(now);
  for (int frame = 0; frame < 400; ++frame) session_.advance(now += 1. / 60);
  EXPECT_TRUE(session_.playing());
  EXPECT_LT(session_.replay_position(), session_.replay_length());
}

TEST_F(SessionTest, HoverLivesForOneFrame) {
  session_.next_hover().token = 7;
  session_.end_frame();
  EXPECT_EQ(session_.hover().token, 7);
  session_.end_frame();
  EXPECT_FALSE(session_.hover().token.has_value());
}

}  // namespace
}  // namespace kvreel::viewer::testing
