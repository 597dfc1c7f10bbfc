// In which order questions are answered, and how often news come.
#include "viewer/data/loading_thread.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <optional>

#include "viewer/big_trace.h"
#include "viewer/library_fixture.h"

namespace kvreel::viewer::testing {
namespace {

constexpr int64_t kNever = 3'600'000'000'000;  // ns

// A loading thread that has opened a trace and stands still until it is released.
class LoadingThreadTest : public exports::testing::ExportTest {
 protected:
  void SetUp() override {
    ExportTest::SetUp();
    BigTrace shape;
    shape.samples = 10;
    shape.spans = 600'000;  // several blocks of a timeline
    shape.layers = 2;
    write_big_trace(path(), shape);
  }
  void open() {
    std::shared_future<void> released = release_.get_future().share();
    thread_.emplace(
        [this, released] {
          if (opened_set_.exchange(true)) return;
          opened_.set_value();
          released.wait();
        },
        kNever);
    thread_->open(TraceId{0}, path());
    opened_.get_future().wait();
  }
  void release() { release_.set_value(); }

  // News up to the one that `last` is true of.
  template <typename Last>
  std::vector<News> news_until(Last&& last) {
    std::vector<News> all;
    for (int waits = 0; waits < 100'000; ++waits) {
      for (News& one : thread_->take_news()) all.push_back(std::move(one));
      if (!all.empty() && std::any_of(all.begin(), all.end(), last)) return all;
      thread_->wait_for_news(1'000'000'000);
    }
    ADD_FAILURE() << "it never came";
    return all;
  }

  std::promise<void> opened_;
  std::promise<void> release_;
  std::atomic<bool> opened_set_ = false;
  std::optional<LoadingThread> thread_;
};

Question about(Topic topic, int32_t sample = 0) {
  return {TraceId{0}, topic, 0, sample, 0, 0};
}

bool ends_timeline(const News& news) {
  return news.question.topic == Topic::timeline && news.answer.state != LoadState::loading;
}

TEST_F(LoadingThreadTest, TheLatestFrameIsAnsweredFirstAndTheTimelineLast) {
  open();
  thread_->ask(about(Topic::timeline), 1);
  thread_->ask(about(Topic::pass, 1), 1);
  thread_->ask(about(Topic::pass, 2), 1);
  thread_->ask(about(Topic::pass, 3), 2);
  thread_->ask(about(Topic::pass, 4), 2);
  thread_->ask(about(Topic::pass, 1), 3);  // again: it is still wanted
  thread_->ask(about(Topic::pass, 1), 3);
  release();
  std::vector<Question> order;
  bool done = false;
  for (const News& news : news_until(ends_timeline)) {
    if (!done && news.question.topic != Topic::overview) order.push_back(news.question);
    done = done || news.question.topic == Topic::timeline;
  }
  EXPECT_EQ(order, (std::vector<Question>{about(Topic::pass, 1), about(Topic::pass, 3),
                                          about(Topic::pass, 4), about(Topic::pass, 2),
                                          about(Topic::timeline)}));
}

TEST_F(LoadingThreadTest, AnOverviewComesTwiceAndItsComparisonAfterDetails) {
  open();
  thread_->ask(about(Topic::pass), 1);
  release();
  std::vector<Topic> topics;
  for (const News& news : news_until([](const News& one) {
         return one.question.topic == Topic::overview && !one.answer.expected;
       })) {
    topics.push_back(news.question.topic);
    if (news.question.topic != Topic::overview) continue;
    const auto overview = news.answer.as<Overview>();
    EXPECT_EQ(overview->comparison == nullptr, topics.size() == 1);
    EXPECT_EQ(overview->passes.size(), 20u);
  }
  EXPECT_EQ(topics, (std::vector<Topic>{Topic::overview, Topic::pass, Topic::overview}));
}

TEST_F(LoadingThreadTest, ATimelineGrowsByBlocksAndIsPublishedTenTimesASecondAtMost) {
  open();
  thread_->ask(about(Topic::timeline), 1);
  release();
  const auto begin = std::chrono::steady_clock::now();
  uint64_t events = 0;
  size_t snapshots = 0;
  double progress = 0;
  for (const News& news : news_until(ends_timeline)) {
    if (news.question.topic != Topic::timeline) continue;
    ++snapshots;
    const auto timeline = news.answer.as<TimelineData>();
    ASSERT_TRUE(timeline);
    EXPECT_GE(timeline->events, events);
    EXPECT_GE(news.answer.progress, progress);
    events = timeline->events;
    progress = news.answer.progress;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(events, 600'000u);
  EXPECT_EQ(progress, 1);
  EXPECT_LE(static_cast<double>(snapshots), took.count() * 10 + 2);
  EXPECT_GE(snapshots, 2u);  // the first as soon as there is a block
}

TEST_F(LoadingThreadTest, QuestionsAboutAClosedTraceAreForgotten) {
  open();
  for (int sample = 0; sample < 10; ++sample) thread_->ask(about(Topic::pass, sample), 1);
  thread_->close(TraceId{0});
  thread_->open(TraceId{1}, path());
  release();
  for (const News& news : news_until([](const News& one) {
         return one.question.trace == TraceId{1} && !one.answer.expected;
       })) {
    EXPECT_EQ(news.question.topic, Topic::overview);
  }
}

TEST_F(LoadingThreadTest, ItEndsWithoutAnsweringWhatIsQueued) {
  open();
  thread_->ask(about(Topic::timeline), 1);
  for (int sample = 0; sample < 10; ++sample) thread_->ask(about(Topic::pass, sample), 1);
  std::thread end([this] { thread_.reset(); });
  release();
  end.join();
}

TEST(SharedRows, ReadWhatSomebodyHoldsOnlyOnce) {
  std::string pattern = (std::filesystem::temp_directory_path() / "kvreel-rows-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const std::string path = pattern + "/trace.h5";
  BigTrace shape;
  shape.runs = 3;
  shape.samples = 2;
  write_big_trace(path, shape);
  const tracer::Trace trace = tracer::Trace::open(path);
  SharedRows shared;
  {
    const auto curves = shared.curves(trace, {0, 1, 2, 5});
    EXPECT_EQ(shared.rows_read(), 4u);
    const auto more = shared.curves(trace, {1, 2, 3});
    EXPECT_EQ(shared.rows_read(), 5u);
    EXPECT_EQ(curves.at(1), more.at(1));
  }
  shared.curves(trace, {1});  // nobody held it any more
  EXPECT_EQ(shared.rows_read(), 6u);
  const auto rankings = shared.rankings(trace, {0, 1});
  EXPECT_EQ(rankings.at(1)->least, 4);
  EXPECT_EQ(rankings.at(1)->most, 63);
  std::filesystem::remove_all(pattern);
}

}  // namespace
}  // namespace kvreel::viewer::testing
