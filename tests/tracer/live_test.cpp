// Reading while a recorder writes, and after it was killed.
#include <gtest/gtest.h>
#include <malloc.h>

#include <csignal>
#include <random>

#include "base/error.h"
#include "tracer/hdf5/file.h"
#include "tracer/hdf5/trace_file.h"
#include "tracer/read/recover.h"
#include "tracer/record/live_file.h"
#include "tracer/rows.h"

namespace kvreel::tracer::testing {
namespace {

using LiveTrace = TraceTest;

WriterOptions committing_every(int milliseconds) {
  WriterOptions options;
  options.commit_interval = std::chrono::milliseconds(milliseconds);
  return options;
}

// Records `batches` batches of `rows` rows of every table as fast as it goes, then finishes.
int record(const std::string& path, uint64_t batches, int commit_ms, uint64_t rows = 40) {
  TraceWriter writer(path, "{}", committing_every(commit_ms));
  for (uint64_t batch = 0; batch < batches; ++batch) {
    append_all(writer, batch * rows, rows);
    ::usleep(500);
  }
  const FinishReport report = writer.finish(Status::complete);
  std::fputs(report.warning.c_str(), stderr);
  return report.finalised ? 0 : 1;
}

// Waits for the file to be a trace; creating it takes a moment.
Trace open_soon(const std::string& path) {
  for (int attempt = 0; attempt < 1000; ++attempt) {
    try {
      return Trace::open(path);
    } catch (const Error&) {
      ::usleep(5000);
    }
  }
  return Trace::open(path);
}

// Waits until a live trace has that many notes, the last table that a batch appends to.
void wait_for_rows(const std::string& path, uint64_t rows) {
  Trace trace = open_soon(path);
  for (int attempt = 0; attempt < 60'000 && trace.rows<Notes>() < rows; ++attempt) {
    ::usleep(1000);
    trace.refresh();
  }
}

// Rows [begin, end) of every table that came since the last look.
std::string wrong_news(const Trace& trace, std::array<uint64_t, kTableCount>& seen) {
  std::string wrong;
  for_each_recorded_table([&](auto empty) {
    using Table = decltype(empty);
    uint64_t& begin = seen[table_index<Table>()];
    const uint64_t end = trace.rows<Table>();
    if (end < begin) wrong += std::string(Table::kName) + " shrank ";
    const std::string column =
        difference(trace.read<Table>(begin, end), make_rows<Table>(begin, end - begin));
    if (!column.empty()) wrong += std::string(Table::kName) + "/" + column + " ";
    begin = end;
  });
  return wrong;
}

TEST_F(LiveTrace, IsFollowedWhileItIsWrittenAndAfterItsEnd) {
  constexpr uint64_t kBatches = 600;
  const pid_t child = start_child([&] { return record(path(), kBatches, 10); });
  Trace trace = open_soon(path());
  std::array<uint64_t, kTableCount> seen = {};
  int refreshes_with_news = 0;
  bool was_live = false;
  std::string wrong;
  while (wrong.empty() && trace.status() == Status::recording) {
    was_live = was_live || trace.is_live();
    refreshes_with_news += trace.refresh();
    wrong = wrong_news(trace, seen);
    ::usleep(2000);
  }
  EXPECT_EQ(wait_for(child), 0);
  EXPECT_EQ(wrong, "");
  EXPECT_TRUE(was_live);
  EXPECT_GT(refreshes_with_news, 10);
  trace.refresh();
  EXPECT_EQ(trace.status(), Status::complete);
  EXPECT_FALSE(trace.is_live());
  EXPECT_EQ(trace.rows<Spans>(), kBatches * 40);
  EXPECT_EQ(wrong_rows(trace), "");
}

TEST_F(LiveTrace, AReaderMayLookWhileItIsCreated) {
  constexpr int kFiles = 100;
  const auto name = [&](int file) { return path(std::to_string(file) + ".h5"); };
  // Looks for one file after the other: it is not there, or it is a trace.
  const pid_t child = start_child([&] {
    for (int file = 0; file < kFiles;) {
      const std::string error = error_of([&] { Trace::open(name(file)); });
      if (error.empty()) {
        ++file;
      } else if (error.find("No such file") == std::string::npos) {
        std::fprintf(stderr, "%s\n", error.c_str());
        return 1;
      }
    }
    return 0;
  });
  for (int file = 0; file < kFiles; ++file) {
    SCOPED_TRACE(file);
    EXPECT_EQ(error_of([&] { LiveFile(name(file), "{}"); }), "");
  }
  EXPECT_EQ(wait_for(child), 0);
}

TEST_F(LiveTrace, CommitsAreVisibleAtOnce) {
  TraceWriter writer(path(), "{}", committing_every(3'600'000));
  append_all(writer, 0, 123);
  writer.commit();
  const int code = run_child([&] {
    const Trace trace = Trace::open(path());
    return trace.is_live() && trace.rows<Notes>() == 123 && wrong_rows(trace).empty() ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
}

// Chunks that are full need no memory any more.
TEST_F(LiveTrace, TakesNoMoreMemoryTheLongerItIs) {
  LiveFile file(path(), "{}");
  constexpr uint64_t kRows = 2048;  // a chunk of this table
  const auto append_chunks = [&](uint64_t from, uint64_t to) {
    for (uint64_t chunk = from; chunk < to; ++chunk) {
      file.append(make_rows<Decisions>(chunk * kRows, kRows));
      file.commit(static_cast<int64_t>(chunk));
    }
    return ::mallinfo2().uordblks;
  };
  const size_t before = append_chunks(0, 5);
  const size_t after = append_chunks(5, 45);
  // All of them would be 40 chunks of 22 columns, some 5 MB.
  EXPECT_LT(after, before + (size_t{1} << 20));
}

TEST_F(LiveTrace, IsNotRecoveredWhileItIsRecorded) {
  TraceWriter writer(path(), "{}");
  const int code = run_child([&] {
    const std::string error = error_of([&] { recover(path(), path("out.h5"), false); });
    return error.find("still being recorded") == std::string::npos ? 1 : 0;
  });
  EXPECT_EQ(code, 0);
}

// What h5dump says about a file: its exit code.
int h5dump(const std::string& path) {
  return std::system(("h5dump -H '" + path + "' > /dev/null 2>&1").c_str());
}

TEST_F(LiveTrace, SurvivesKillsAtAnyMoment) {
  std::mt19937 random(20261121);
  int with_rows = 0;
  int recovered_count = 0;
  for (int kill = 0; kill < 20; ++kill) {
    SCOPED_TRACE(kill);
    const std::string name = path(std::to_string(kill) + ".h5");
    const pid_t child = start_child([&] { return record(name, 100'000, 5); });
    // Some kills may come before the first row.
    wait_for_rows(name, kill % 4 == 0 ? 0 : 1);
    ::usleep(static_cast<useconds_t>(random() % 250'000));
    ::kill(child, SIGKILL);
    ASSERT_EQ(wait_for(child), -SIGKILL);

    const std::string before = slurp(name);
    uint64_t rows = 0;
    {
      const Trace trace = Trace::open(name);
      EXPECT_TRUE(trace.was_killed());
      EXPECT_EQ(trace.status(), Status::recording);
      EXPECT_EQ(wrong_rows(trace), "");
      rows = total_rows(trace);
      with_rows += rows > 0;
    }
    const RecoverReport report = recover(name, name + ".out", false);
    EXPECT_EQ(slurp(name), before) << "recover must not touch its input";
    EXPECT_EQ(report.found, Status::recording);
    const Trace recovered = Trace::open(name + ".out");
    EXPECT_EQ(recovered.status(), Status::recovered);
    EXPECT_FALSE(recovered.was_killed());
    EXPECT_EQ(total_rows(recovered), rows);
    EXPECT_EQ(wrong_rows(recovered), "");
    if (std::system("command -v h5dump > /dev/null 2>&1") == 0) {
      EXPECT_NE(h5dump(name), 0) << "plain readers cannot open a killed trace";
      EXPECT_EQ(h5dump(name + ".out"), 0);
      ++recovered_count;
    }
    std::filesystem::remove(name);
    std::filesystem::remove(name + ".out");
  }
  EXPECT_GE(with_rows, 15);
  if (recovered_count == 0) GTEST_SKIP() << "h5dump is not installed: plain readers were not tried";
}

TEST_F(LiveTrace, AKilledFileThatWasCutShortGivesItsWholeCommits) {
  // Rows enough for several chunks in every large column, so that the file grows between commits.
  const pid_t child = start_child([&] { return record(path(), 100'000, 5, 500); });
  wait_for_rows(path(), 20'000);
  ::kill(child, SIGKILL);
  wait_for(child);
  const std::string whole = slurp(path());
  uint64_t rows = 0;
  {
    const Trace trace = Trace::open(path());
    rows = total_rows(trace);
  }
  // The kill may have come after the file grew beyond what its last commit needs; a cut in that
  // part takes no commit away.
  const uint64_t needed = TraceFile::open(path()).commit().file_bytes;
  int shorter = 0;
  int refused = 0;
  for (const double share : {0.95, 0.8, 0.6, 0.5, 0.3, 0.1}) {
    SCOPED_TRACE(share);
    const std::string cut = path("cut.h5");
    spill(cut, std::string_view(whole).substr(
                   0, static_cast<size_t>(share * static_cast<double>(needed))));
    const std::string error = error_of([&] { Trace::open(cut); });
    // HDF5 does not know of what was written after its superblock: where the file still has all
    // that it knows of, the last commit that fits counts.
    if (error.empty()) {
      const Trace trace = Trace::open(cut);
      EXPECT_EQ(wrong_rows(trace), "");
      EXPECT_LT(total_rows(trace), rows);
    } else {
      EXPECT_NE(error.find("cut short"), std::string::npos) << error;
      ++refused;
    }
    // An index that was being extended may point beyond the cut: then a sentence says so.
    const std::string refusal = error_of([&] { recover(cut, path("out.h5"), true); });
    if (!refusal.empty()) {
      EXPECT_NE(refusal.find(cut), std::string::npos) << refusal;
      continue;
    }
    const Trace recovered = Trace::open(path("out.h5"));
    EXPECT_EQ(wrong_rows(recovered), "");
    EXPECT_LT(total_rows(recovered), rows);
    shorter += total_rows(recovered) > 0;
  }
  EXPECT_GE(shorter, 4);
  EXPECT_GE(refused, 4);
}

TEST_F(LiveTrace, RecoverNamesWhatItWillNotDo) {
  const std::string name = finished(20);
  EXPECT_NE(error_of([&] { recover(name, name, true); }).find("into itself"), std::string::npos);
  spill(path("mine.h5"), "mine");
  EXPECT_NE(error_of([&] { recover(name, path("mine.h5"), false); }).find("--force"),
            std::string::npos);
  EXPECT_EQ(slurp(path("mine.h5")), "mine");
  EXPECT_NE(error_of([&] { recover(name, path("no/out.h5"), false); }).find("no/out.h5"),
            std::string::npos);
  EXPECT_NE(error_of([&] { recover(path("none.h5"), path("out.h5"), false); }).find("none.h5"),
            std::string::npos);
}

TEST_F(LiveTrace, RecoverReportsRowsAndPasses) {
  {
    TraceWriter writer(path(), "{}");
    Passes passes = make_rows<Passes>(0, 2);
    for (auto* ends :
         {&passes.steps_end, &passes.spans_end, &passes.memory_end, &passes.attention_end,
          &passes.attention_rows_end, &passes.decisions_end, &passes.kernels_end,
          &passes.fidelity_end, &passes.lost_attention_end, &passes.scores_end}) {
      *ends = {0, 0};
    }
    writer.append(passes);
    writer.append(make_rows<Decisions>(0, 3));
  }
  const RecoverReport report = recover(path(), path("out.h5"), false);
  EXPECT_EQ(report.complete_passes, 2u);
  EXPECT_TRUE(report.incomplete_pass);
  EXPECT_EQ(report.rows[table_index<Decisions>()],
            (std::pair<std::string, uint64_t>{"decisions", 3}));
  EXPECT_EQ(report.output_bytes, std::filesystem::file_size(path("out.h5")));
  EXPECT_EQ(Trace::open(path("out.h5")).status(), Status::recovered);
}

}  // namespace
}  // namespace kvreel::tracer::testing
