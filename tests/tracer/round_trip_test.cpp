// What is written is read back, whole and in parts.
#include <gtest/gtest.h>

#include "base/error.h"
#include "tracer/hdf5/file.h"
#include "tracer/rows.h"

namespace kvreel::tracer::testing {
namespace {

using RoundTrip = TraceTest;

TEST_F(RoundTrip, EveryTableComesBackAsItWasWritten) {
  {
    TraceWriter writer(path(), R"({"command":"kvreel record"})");
    // Batches of many sizes, across the boundaries of every kind of chunk (256, 2048 and 16384
    // rows).
    uint64_t first = 0;
    for (const uint64_t count : {1, 255, 1, 1000, 3000, 20000}) {
      append_all(writer, first, count);
      first += count;
    }
    const FinishReport report = writer.finish(Status::complete);
    EXPECT_TRUE(report.finalised) << report.warning;
    EXPECT_EQ(report.file_bytes, std::filesystem::file_size(path()));
  }
  const Trace trace = Trace::open(path());
  EXPECT_EQ(trace.status(), Status::complete);
  EXPECT_FALSE(trace.is_live());
  EXPECT_FALSE(trace.was_killed());
  EXPECT_EQ(trace.provenance(), R"({"command":"kvreel record"})");
  EXPECT_EQ(total_rows(trace), kRecordedTables * 24257);
  EXPECT_EQ(wrong_rows(trace), "");
}

TEST_F(RoundTrip, AnyRangeOfRowsCanBeRead) {
  const Trace trace = Trace::open(finished(500));
  for (const auto& [begin, end] :
       {std::pair<uint64_t, uint64_t>{0, 0}, {0, 1}, {7, 8}, {100, 499}, {500, 500}}) {
    EXPECT_EQ(
        difference(trace.read<Decisions>(begin, end), make_rows<Decisions>(begin, end - begin)),
        "");
    EXPECT_EQ(difference(trace.read<Curves>(begin, end), make_rows<Curves>(begin, end - begin)),
              "");
  }
}

TEST_F(RoundTrip, OneColumnCanBeRead) {
  const Trace trace = Trace::open(finished(300));
  EXPECT_EQ(trace.read_column(&Spans::duration_ns, 10, 20), make_rows<Spans>(10, 10).duration_ns);
  EXPECT_EQ(trace.read_column(&Curves::distance_all, 5, 50).values,
            make_rows<Curves>(5, 45).distance_all.values);
  EXPECT_EQ(trace.read_column(&Steps::piece, 5, 50).ends, make_rows<Steps>(5, 45).piece.ends);
  EXPECT_TRUE(trace.has_column(&Steps::piece));
}

TEST_F(RoundTrip, ReadingBeyondTheEndNamesTableAndRows) {
  const Trace trace = Trace::open(finished(10));
  const std::string error = error_of([&] { trace.read<Spans>(0, 11); });
  EXPECT_NE(error.find("'spans'"), std::string::npos) << error;
  EXPECT_NE(error.find(path()), std::string::npos) << error;
  EXPECT_NE(error_of([&] { trace.read<Spans>(5, 4); }), "");
  EXPECT_NE(error_of([&] { trace.read_column(&Rankings::positions, UINT64_MAX, UINT64_MAX); }), "");
}

TEST_F(RoundTrip, ListsMayBeEmptyAltogether) {
  {
    TraceWriter writer(path(), "{}");
    Rankings empty;
    empty.positions.ends = {0, 0, 0};
    empty.scores.ends = {0, 0, 0};
    writer.append(empty);
    Rankings later;
    later.positions.push_back(std::vector<int32_t>{});
    later.positions.push_back(std::vector<int32_t>{5, 6});
    later.positions.push_back(std::vector<int32_t>{});
    later.scores.ends = {0, 0, 0};
    writer.append(later);
    Names names;
    names.name.push_back("");
    writer.append(names);
    ASSERT_TRUE(writer.finish(Status::complete).finalised);
  }
  const Trace trace = Trace::open(path());
  const Rankings rankings = trace.read<Rankings>(0, 6);
  EXPECT_EQ(rankings.positions.ends, (std::vector<uint64_t>{0, 0, 0, 0, 2, 2}));
  EXPECT_EQ(rankings.positions.values, (std::vector<int32_t>{5, 6}));
  EXPECT_EQ(trace.read<Rankings>(4, 5).positions.values, (std::vector<int32_t>{5, 6}));
  EXPECT_EQ(trace.read<Names>(0, 1).name.at(0), "");
}

TEST_F(RoundTrip, ListsLongerThanAChunkComeBack) {
  constexpr uint64_t kLongest = 200000;
  {
    TraceWriter writer(path(), "{}");
    for (uint64_t row = 0; row < 8; ++row) writer.append(make_rows<Curves>(row, 1, kLongest));
    ASSERT_TRUE(writer.finish(Status::complete).finalised);
  }
  const Trace trace = Trace::open(path());
  EXPECT_EQ(difference(trace.read<Curves>(0, 8), make_rows<Curves>(0, 8, kLongest)), "");
  EXPECT_EQ(difference(trace.read<Curves>(3, 6), make_rows<Curves>(3, 3, kLongest)), "");
}

TEST_F(RoundTrip, AnEmptyTraceIsATrace) {
  const Trace trace = Trace::open(finished(0));
  EXPECT_EQ(total_rows(trace), 0u);
  EXPECT_TRUE(trace.notes().empty());
  EXPECT_FALSE(trace.pass(0, 0).has_value());
  EXPECT_EQ(trace.unfinished().steps, RowRange{});
}

TEST_F(RoundTrip, ASmallTraceIsASmallFile) {
  // Some 120 data sets with their unit and meaning take about 100 KiB before the first row.
  EXPECT_LT(std::filesystem::file_size(finished(5)), 160u << 10);
}

TEST_F(RoundTrip, TheSameRowsMakeTheSameFile) {
  // Commit times differ; all else must not.
  const std::string first = slurp(finished(40, "a.h5"));
  const std::string second = slurp(finished(40, "b.h5"));
  ASSERT_EQ(first.size(), second.size());
  size_t different = 0;
  for (size_t i = 0; i < first.size(); ++i) different += first[i] != second[i];
  EXPECT_LT(different, 64u);
}

TEST_F(RoundTrip, WithoutFinishTheTraceStaysReadable) {
  {
    TraceWriter writer(path(), "{}");
    append_all(writer, 0, 300);
  }
  const Trace trace = Trace::open(path());
  EXPECT_EQ(trace.status(), Status::recording);
  EXPECT_FALSE(trace.is_live());
  EXPECT_FALSE(trace.was_killed());
  EXPECT_EQ(trace.rows<Spans>(), 300u);
  EXPECT_EQ(wrong_rows(trace), "");
}

TEST_F(RoundTrip, AFinishedTraceLeavesNoOtherFile) {
  finished(10);
  const auto begin = std::filesystem::directory_iterator(directory_);
  EXPECT_EQ(std::distance(begin, std::filesystem::directory_iterator{}), 1);
}

TEST_F(RoundTrip, PassesAndNotesAreFound) {
  {
    TraceWriter writer(path(), "{}");
    Passes passes = make_rows<Passes>(0, 3);
    passes.run = {0, 1, 0};
    passes.sample = {0, 0, 1};
    for (auto* ends : {&passes.memory_end, &passes.attention_end, &passes.attention_rows_end,
                       &passes.decisions_end, &passes.kernels_end, &passes.fidelity_end,
                       &passes.lost_attention_end, &passes.scores_end}) {
      *ends = {0, 0, 0};
    }
    passes.steps_end = {4, 4, 9};
    passes.spans_end = {10, 20, 30};
    writer.append(make_rows<Steps>(0, 11));
    writer.append(make_rows<Spans>(0, 30));
    writer.append(passes);
    Notes notes;
    notes.time_ns = {1, 2, 3};
    for (const char* key : {"a", "b", "a"}) notes.key.push_back(key);
    for (const char* value : {"1", "2", "3"}) notes.value.push_back(value);
    writer.append(notes);
    ASSERT_TRUE(writer.finish(Status::complete).finalised);
  }
  const Trace trace = Trace::open(path());
  const std::optional<PassRows> pass = trace.pass(0, 1);
  ASSERT_TRUE(pass.has_value());
  EXPECT_EQ(pass->row, 2u);
  EXPECT_EQ(pass->steps, (RowRange{4, 9}));
  EXPECT_EQ(pass->spans, (RowRange{20, 30}));
  EXPECT_EQ(pass->memory, (RowRange{0, 0}));
  EXPECT_EQ(trace.pass(1, 0)->steps.count(), 0u);
  EXPECT_FALSE(trace.pass(1, 1).has_value());
  EXPECT_EQ(trace.unfinished().steps, (RowRange{9, 11}));
  EXPECT_EQ(trace.notes(), (std::map<std::string, std::string>{{"a", "3"}, {"b", "2"}}));
}

TEST_F(RoundTrip, PassesWithEndsThatFallAreAnError) {
  {
    TraceWriter writer(path(), "{}");
    Passes passes = make_rows<Passes>(0, 2);
    for (auto* ends :
         {&passes.steps_end, &passes.spans_end, &passes.memory_end, &passes.attention_end,
          &passes.attention_rows_end, &passes.decisions_end, &passes.kernels_end,
          &passes.fidelity_end, &passes.lost_attention_end, &passes.scores_end}) {
      *ends = {0, 0};
    }
    passes.spans_end = {3, 2};
    writer.append(make_rows<Spans>(0, 5));
    writer.append(passes);
    ASSERT_TRUE(writer.finish(Status::complete).finalised);
  }
  const std::string error = error_of([&] { Trace::open(path()).pass_at(1); });
  EXPECT_NE(error.find("'spans'"), std::string::npos) << error;
}

TEST_F(RoundTrip, ColumnsOfDifferentLengthAreRefused) {
  TraceWriter writer(path(), "{}");
  Spans spans = make_rows<Spans>(0, 3);
  spans.op.pop_back();
  const std::string error = error_of([&] { writer.append(spans); });
  EXPECT_NE(error.find("'op'"), std::string::npos) << error;
  EXPECT_EQ(writer.rows<Spans>(), 0u);
}

}  // namespace
}  // namespace kvreel::tracer::testing
