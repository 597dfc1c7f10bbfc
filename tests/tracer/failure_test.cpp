// What recording does where it cannot write.
#include <gtest/gtest.h>

#include <csignal>

#include "base/error.h"
#include "tracer/hdf5/file.h"
#include "tracer/read/recover.h"
#include "tracer/rows.h"

namespace kvreel::tracer::testing {
namespace {

using WriteFailure = TraceTest;

// From here on no file of this process may grow beyond `bytes`: the nearest thing to a full disk
// that needs no privileges. Writes fail with EFBIG where a full disk gives ENOSPC.
void limit_files(uint64_t bytes) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{bytes, bytes};
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

TEST_F(WriteFailure, AnExistingFileIsRefusedAndTheRemedyNamed) {
  spill(path(), "mine");
  const std::string error = error_of([&] { TraceWriter writer(path(), "{}"); });
  EXPECT_NE(error.find(path()), std::string::npos) << error;
  EXPECT_NE(error.find("--force"), std::string::npos) << error;
  EXPECT_EQ(slurp(path()), "mine");
}

TEST_F(WriteFailure, AnExistingFileIsReplacedWhenAsked) {
  spill(path(), "mine");
  WriterOptions options;
  options.overwrite = true;
  TraceWriter writer(path(), "{}", options);
  append_all(writer, 0, 5);
  ASSERT_TRUE(writer.finish(Status::complete).finalised);
  EXPECT_EQ(wrong_rows(Trace::open(path())), "");
}

TEST_F(WriteFailure, AnExistingFileStaysWhereTheNewOneHasNoRoom) {
  spill(path(), "mine");
  const int code = run_child([&] {
    limit_files(20'000);
    WriterOptions options;
    options.overwrite = true;
    const std::string error = error_of([&] { TraceWriter writer(path(), "{}", options); });
    return error.find("File too large") == std::string::npos ? 1 : 0;
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(slurp(path()), "mine");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 1);
}

TEST_F(WriteFailure, ADirectoryIsNeverReplaced) {
  WriterOptions options;
  options.overwrite = true;
  const std::string error =
      error_of([&] { TraceWriter writer(directory_.string(), "{}", options); });
  EXPECT_NE(error.find("directory"), std::string::npos) << error;
}

TEST_F(WriteFailure, ARunningRecordingIsNotReplaced) {
  TraceWriter first(path(), "{}");
  WriterOptions options;
  options.overwrite = true;
  const std::string error = error_of([&] { TraceWriter second(path(), "{}", options); });
  EXPECT_NE(error.find("being recorded"), std::string::npos) << error;
}

TEST_F(WriteFailure, AMissingDirectoryIsNamed) {
  const std::string error = error_of([&] { TraceWriter writer(path("missing/trace.h5"), "{}"); });
  EXPECT_NE(error.find("missing/trace.h5"), std::string::npos) << error;
  EXPECT_NE(error.find("No such file or directory"), std::string::npos) << error;
}

TEST_F(WriteFailure, AFileInPlaceOfADirectoryIsNamed) {
  spill(path("file"), "");
  const std::string error = error_of([&] { TraceWriter writer(path("file/trace.h5"), "{}"); });
  EXPECT_NE(error.find("file/trace.h5"), std::string::npos) << error;
  EXPECT_NE(error.find("Not a directory"), std::string::npos) << error;
}

TEST_F(WriteFailure, ARemovedFileEndsTheRecording) {
  TraceWriter writer(path(), "{}");
  append_all(writer, 0, 10);
  writer.commit();
  std::filesystem::remove(path());
  append_all(writer, 10, 10);
  const std::string error = error_of([&] { writer.commit(); });
  EXPECT_NE(error.find("removed or replaced"), std::string::npos) << error;
  EXPECT_NE(error.find(path()), std::string::npos) << error;
  // Every later call says the same.
  EXPECT_EQ(error_of([&] { append_all(writer, 0, 1); }), error);
  EXPECT_EQ(error_of([&] { writer.check(); }), error);
  EXPECT_EQ(error_of([&] { (void)writer.finish(Status::complete); }), error);
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(WriteFailure, AReplacedFileIsLeftAlone) {
  TraceWriter writer(path(), "{}");
  append_all(writer, 0, 10);
  writer.commit();
  std::filesystem::remove(path());
  spill(path(), "another's");
  EXPECT_NE(error_of([&] { (void)writer.finish(Status::complete); }).find("replaced"),
            std::string::npos);
  EXPECT_EQ(slurp(path()), "another's");
}

// Records until the disk is full; the exit code says what went otherwise than it should.
int record_until_full(const std::string& path, uint64_t bytes) {
  limit_files(bytes);
  std::string error;
  uint64_t rows = 0;
  try {
    WriterOptions options;
    options.commit_interval = std::chrono::milliseconds(1);
    TraceWriter writer(path, "{}", options);
    while (rows < 2'000'000) {
      append_all(writer, rows, 500);
      rows += 500;
      ::usleep(1000);
    }
  } catch (const Error& caught) {
    error = caught.what();
  }
  if (error.find(path) == std::string::npos || error.find("File too large") == std::string::npos) {
    std::fprintf(stderr, "message: '%s'\n", error.c_str());
    return 1;
  }
  return 0;
}

TEST_F(WriteFailure, OnAFullDiskTheCommittedPartStaysReadable) {
  // From too little for the first data sets to dozens of commits, at odd places.
  int readable = 0;
  for (const uint64_t bytes : {1000u, 20'000u, 150'000u, 1'000'000u, 3'000'001u, 4'111'111u,
                               6'543'210u, 9'999'999u, 14'000'000u}) {
    SCOPED_TRACE(bytes);
    const std::string name = path(std::to_string(bytes) + ".h5");
    ASSERT_EQ(run_child([&] { return record_until_full(name, bytes); }), 0);
    if (!std::filesystem::exists(name)) {
      // Not even the empty trace fitted, and nothing was left behind.
      EXPECT_LT(bytes, 1'000'000u);
      continue;
    }
    const Trace trace = Trace::open(name);
    EXPECT_TRUE(trace.was_killed());
    EXPECT_EQ(wrong_rows(trace), "");
    recover(name, name + ".recovered", false);
    const Trace recovered = Trace::open(name + ".recovered");
    EXPECT_EQ(total_rows(recovered), total_rows(trace));
    EXPECT_EQ(wrong_rows(recovered), "");
    readable += total_rows(trace) > 0;
  }
  EXPECT_GE(readable, 3);
}

TEST_F(WriteFailure, AFullDiskWhileFinishingLeavesTheUncompressedTrace) {
  const int code = run_child([&] {
    // The live file fits; noise does not compress, so that its copy does not, once the limit is
    // below it.
    TraceWriter writer(path(), "{}");
    for (uint64_t row = 0; row < 100'000; row += 10'000)
      writer.append(make_rows<Rankings>(row, 10'000));
    writer.commit();
    limit_files(700'000);
    const FinishReport report = writer.finish(Status::complete);
    const bool told = report.warning.find(path()) != std::string::npos &&
                      report.warning.find("File too large") != std::string::npos;
    if (!told) std::fprintf(stderr, "warning: '%s'\n", report.warning.c_str());
    return report.finalised ? 1 : told ? 0 : 2;
  });
  ASSERT_EQ(code, 0);
  EXPECT_FALSE(std::filesystem::exists(path() + ".finalizing"));
  const Trace trace = Trace::open(path());
  EXPECT_EQ(trace.status(), Status::complete);
  EXPECT_FALSE(trace.was_killed());
  EXPECT_EQ(trace.rows<Rankings>(), 100'000u);
  EXPECT_EQ(wrong_rows(trace), "");
}

TEST_F(WriteFailure, AFullQueueDropsRowsOfLargeTablesAndCountsThem) {
  WriterOptions options;
  options.queue_bytes = 1;
  TraceWriter writer(path(), "{}", options);
  EXPECT_FALSE(writer.append(make_rows<Spans>(0, 100)));
  EXPECT_FALSE(writer.append(make_rows<Kernels>(0, 7)));
  EXPECT_FALSE(writer.append(make_rows<Spans>(100, 20)));
  for_each_recorded_table([&](auto empty) {
    using Table = decltype(empty);
    if (Table::kVolume != Volume::many) {
      EXPECT_TRUE(writer.append(make_rows<Table>(0, 50)));
    }
  });
  EXPECT_EQ(writer.drops(), (std::map<std::string, uint64_t>{{"kernels", 7}, {"spans", 120}}));
  EXPECT_EQ(writer.rows<Spans>(), 0u);
  EXPECT_EQ(writer.rows<Decisions>(), 50u);
  ASSERT_TRUE(writer.finish(Status::complete).finalised);
  const Trace trace = Trace::open(path());
  EXPECT_EQ(trace.rows<Spans>(), 0u);
  EXPECT_EQ(trace.rows<Decisions>(), 50u);
  EXPECT_EQ(wrong_rows(trace), "");
}

TEST_F(WriteFailure, RowsThatMayNotBeDroppedEndTheRecordingWhereTheyFillTheMemory) {
  WriterOptions options;
  options.queue_bytes = 1000;
  options.least_reserve = 0;
  {
    TraceWriter writer(path(), "{}", options);
    ASSERT_TRUE(writer.append(make_rows<Notes>(0, 10)));
    writer.commit();
    const std::string error = error_of([&] { writer.append(make_rows<Notes>(10, 1000)); });
    EXPECT_NE(error.find(path()), std::string::npos) << error;
    EXPECT_NE(error.find("larger queue"), std::string::npos) << error;
    // Nothing more comes behind the hole, and the trace does not pass for a whole one.
    EXPECT_EQ(error_of([&] { writer.append(make_rows<Notes>(10, 1)); }), error);
    EXPECT_EQ(error_of([&] { (void)writer.finish(Status::complete); }), error);
  }
  const Trace trace = Trace::open(path());
  EXPECT_EQ(trace.status(), Status::recording);
  EXPECT_EQ(trace.rows<Notes>(), 10u);
  EXPECT_EQ(wrong_rows(trace), "");
}

TEST_F(WriteFailure, RowsAfterTheEndAreRefused) {
  TraceWriter writer(path(), "{}");
  ASSERT_TRUE(writer.finish(Status::complete).finalised);
  EXPECT_NE(error_of([&] { append_all(writer, 0, 1); }).find("finished"), std::string::npos);
}

}  // namespace
}  // namespace kvreel::tracer::testing
