// A trace's events as the loader gives them, against the trace's own tables.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exports/tables/small_trace.h"
#include "viewer/big_trace.h"
#include "viewer/data/timeline_data.h"
#include "viewer/model/timeline_view.h"

namespace kvreel::viewer {
namespace {

namespace t = kvreel::tracer;
using testing::BigTrace;
using testing::BigTraceWriter;

class TimelineLoaderTest : public exports::testing::ExportTest {};

std::shared_ptr<const TimelineData> load(const t::Trace& trace) {
  TimelineLoader loader(std::make_shared<const Overview>());
  while (loader.read_some(trace)) {
  }
  EXPECT_EQ(loader.progress(), 1);
  EXPECT_FALSE(loader.read_some(trace));
  return loader.snapshot();
}

// "" where events of a table are in the timeline, each with its pass and step.
template <typename Table>
std::string wrong_events(const t::Trace& trace, const TimelineData& data, TrackKind kind) {
  const Table table = trace.read<Table>(0, trace.rows<Table>());
  std::vector<bool> seen(table.start_ns.size());
  for (size_t track = 0; track < data.tracks.size(); ++track) {
    if (data.tracks[track].kind != kind) continue;
    for (size_t b = 0; b < data.tracks[track].blocks.size(); ++b) {
      const EventBlock& block = *data.tracks[track].blocks[b];
      for (size_t i = 0; i < block.size(); ++i) {
        const auto row = static_cast<size_t>(block.row_of(i));
        if (seen.at(row)) return "twice";
        seen[row] = true;
        if (block.start[i] != table.start_ns[row]) return "start";
        if (block.duration[i] != table.duration_ns[row]) return "duration";
        const int32_t pass = data.pass_of({track, b, i});
        if (pass < 0) return "pass";
        const TimelinePass& of = (*data.passes)[static_cast<size_t>(pass)];
        if (of.run != table.run[row] || of.sample != table.sample[row]) return "run";
        if (data.step_at(pass, block.start[i]).number != table.step[row]) return "step";
      }
    }
  }
  return std::find(seen.begin(), seen.end(), false) == seen.end() ? "" : "missing";
}

std::string wrong_timeline(const t::Trace& trace, const TimelineData& data) {
  std::string wrong = wrong_events<t::Spans>(trace, data, TrackKind::operations);
  if (wrong.empty()) wrong = wrong_events<t::Kernels>(trace, data, TrackKind::stream);
  if (wrong.empty()) wrong = wrong_events<t::Steps>(trace, data, TrackKind::steps);
  return wrong;
}

TEST_F(TimelineLoaderTest, EveryEventIsThereWithItsPassAndStep) {
  BigTrace shape;
  shape.spans = 9000;
  shape.kernels = 10'000;  // 20 a step: one of 16 is a copy
  testing::write_big_trace(path(), shape);
  const t::Trace trace = t::Trace::open(path());
  const auto data = load(trace);
  EXPECT_EQ(wrong_timeline(trace, *data), "");
  EXPECT_EQ(data->events, 19'000u);
  EXPECT_TRUE(data->notes.empty());
  ASSERT_EQ(data->tracks.size(), 5u);  // passes, steps, operations, two streams
  EXPECT_EQ(data->tracks[3].stream, 1);
  EXPECT_EQ(data->tracks[4].stream, 2);
  EXPECT_EQ(data->passes->size(), 20u);
  EXPECT_TRUE(data->passes->back().finished);
  // Each value of the cache's size holds to the next, the last of a pass to its end.
  const auto memory = trace.read<t::Memory>(0, trace.rows<t::Memory>());
  ASSERT_EQ(data->memory.size(), 1u);
  const MemoryBlock& block = *data->memory[0];
  ASSERT_EQ(block.size(), memory.time_ns.size());
  EXPECT_EQ(block.held, memory.held);
  EXPECT_EQ(block.asked, memory.asked);
  const TimelinePass& first = data->passes->front();
  EXPECT_EQ(block.until[0], block.time[1]);
  EXPECT_EQ(block.until[first.memory.end - 1], first.end_ns);
  EXPECT_EQ(first.full_asked, trace.read<t::Passes>(0, 1).full_asked[0]);
}

TEST_F(TimelineLoaderTest, AnEmptyTraceHasNoTracks) {
  BigTrace shape;
  shape.runs = 0;
  shape.samples = 0;
  testing::write_big_trace(path(), shape);
  const auto data = load(t::Trace::open(path()));
  EXPECT_TRUE(data->tracks.empty());
  EXPECT_TRUE(data->memory.empty());
  EXPECT_EQ(data->end_ns, 0);
}

// A child records: the reader of a live trace is another process.
TEST_F(TimelineLoaderTest, ALiveTraceGrows) {
  int go[2];
  int done[2];
  ASSERT_EQ(::pipe(go), 0);
  ASSERT_EQ(::pipe(done), 0);
  constexpr int kSamples = 4;
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 1;
    try {
      BigTrace shape;
      shape.samples = kSamples;
      shape.spans = 5000;
      shape.kernels = 300;
      shape.finish = false;
      BigTraceWriter writer(path(), shape);
      char byte = 0;
      for (int sample = 0; sample < kSamples; ++sample) {
        writer.write_sample(sample);
        writer.write_pass(0, sample);
        writer.write_pass(1, sample);
        writer.commit();
        if (::write(done[1], "x", 1) != 1 || ::read(go[0], &byte, 1) != 1) break;
        code = 0;
      }
      writer.finish();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      code = 2;
    }
    ::_exit(code);
  }
  ::close(done[1]);
  char byte = 0;
  ASSERT_EQ(::read(done[0], &byte, 1), 1);
  std::optional<t::Trace> trace;
  TimelineLoader loader(std::make_shared<const Overview>());
  uint64_t events_before = 0;
  for (int sample = 0; sample < kSamples; ++sample) {
    // Commits may become visible a moment after they were asked for.
    for (int attempt = 0; attempt < 2000; ++attempt) {
      try {
        if (!trace) trace.emplace(t::Trace::open(path()));
        trace->refresh();
        if (trace->rows<t::Passes>() == 2u * (static_cast<uint64_t>(sample) + 1)) break;
      } catch (const Error&) {
      }
      ::usleep(2000);
    }
    ASSERT_TRUE(trace);
    ASSERT_EQ(trace->rows<t::Passes>(), 2u * (static_cast<uint64_t>(sample) + 1));
    const auto before = loader.snapshot();
    while (loader.read_some(*trace)) {
    }
    const auto data = loader.snapshot();
    EXPECT_EQ(wrong_timeline(*trace, *data), "") << sample;
    EXPECT_GT(data->events, events_before);
    events_before = data->events;
    EXPECT_EQ(data->memory.back()->until.back(), data->passes->back().end_ns);
    // What was handed out before has not changed.
    EXPECT_EQ(before->passes->size(), 2u * static_cast<size_t>(sample));
    ASSERT_EQ(::write(go[1], "x", 1), 1);
    if (sample + 1 < kSamples) {
      ASSERT_EQ(::read(done[0], &byte, 1), 1);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// Spans of a pass that never finished, a decision among them; times that cannot be.
TEST_F(TimelineLoaderTest, APassWithoutAnEndIsShownAsFarAsItGoes) {
  {
    exports::testing::TraceMaker maker(path());
    maker.add_names();
    t::Steps steps;
    steps.run = {1, 1};
    steps.sample = {0, 0};
    steps.step = {0, 1};
    steps.rows = {4, 1};
    steps.token = {1, 2};
    steps.piece.push_back("a");
    steps.piece.push_back("b");
    steps.logprob = {0, 0};
    steps.start_ns = {100, 1000};
    steps.duration_ns = {900, 100};
    steps.cache_asked = {1, 1};
    steps.cache_held = {1, 1};
    maker.writer().append(steps);
    t::Spans spans;
    spans.run = {1, 1, 1, 1, 1};
    spans.sample = {0, 0, 0, 0, 0};
    spans.step = {0, 0, 0, 0, 1};
    spans.layer = {0, 0, 1, 0, 0};
    spans.op = {1, 3, 3, 4, 3};
    spans.start_ns = {100, 300, 400, 500, 1000};
    spans.duration_ns = {200, 50, 50, 60, 20};
    maker.writer().append(spans);
    maker.finish();
  }
  const t::Trace trace = t::Trace::open(path());
  const auto data = load(trace);
  EXPECT_EQ(wrong_timeline(trace, *data), "");
  ASSERT_EQ(data->passes->size(), 1u);
  EXPECT_FALSE(data->passes->front().finished);
  EXPECT_EQ(data->passes->front().run, 1);
  EXPECT_EQ(data->passes->front().start_ns, 100);
  EXPECT_EQ(data->passes->front().end_ns, 1100);
  // Layer 0 decided in step 0 (and again in step 1): from deciding to the end of compacting.
  EXPECT_EQ(decision_range(*data, 1, 0, 0), (TimeRange{300, 560}));
  EXPECT_EQ(decision_range(*data, 1, 0, 1), (TimeRange{400, 450}));
  EXPECT_FALSE(decision_range(*data, 1, 0, 2));
  EXPECT_FALSE(decision_range(*data, 0, 0, 0));
  EXPECT_EQ(step_range(*data, 1, 0, 1), (TimeRange{1000, 1100}));
  EXPECT_FALSE(step_range(*data, 1, 0, 2));
}

}  // namespace
}  // namespace kvreel::viewer
