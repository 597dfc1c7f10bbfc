// What a disk or a copy has spoilt in a trace is named and left out, never shown.
#include <gtest/gtest.h>
#include <hdf5.h>

#include <csignal>
#include <random>

#include "base/error.h"
#include "tracer/hdf5/dataset.h"
#include "tracer/hdf5/file.h"
#include "tracer/hdf5/trace_file.h"
#include "tracer/read/recover.h"
#include "tracer/read/resume.h"
#include "tracer/read/verify.h"
#include "tracer/rows.h"

namespace kvreel::tracer::testing {
namespace {

constexpr uint64_t kBatches = 8;
constexpr uint64_t kBatchRows = 50;

WriterOptions committing_on_demand() {
  WriterOptions options;
  options.commit_interval = std::chrono::hours(1);
  return options;
}

// A batch of every table to a commit.
void record_batches(TraceWriter& writer) {
  for (uint64_t batch = 0; batch < kBatches; ++batch) {
    append_all(writer, batch * kBatchRows, kBatchRows);
    writer.commit();
  }
}

class Checksums : public TraceTest {
 protected:
  // A trace whose recorder was killed after its last commit.
  std::string killed(std::string_view name = "trace.h5") const {
    const pid_t child = start_child([&] {
      TraceWriter writer(path(name), "{}", committing_on_demand());
      record_batches(writer);
      ::raise(SIGKILL);
      return 0;
    });
    EXPECT_EQ(wait_for(child), -SIGKILL);
    return path(name);
  }
  // A trace that was closed, but not finished.
  std::string unfinished(std::string_view name = "trace.h5") const {
    TraceWriter writer(path(name), "{}", committing_on_demand());
    record_batches(writer);
    return path(name);
  }
};

enum Outcome { kRight = 0, kRefused = 1, kLeftOut = 2, kWrong = 3 };

// Reads all of a trace in a process of its own.
int read_in_child(const std::string& path) {
  return run_child([&] {
    ::alarm(60);
    try {
      const Trace trace = Trace::open(path);
      const std::string wrong = wrong_rows(trace);
      if (!wrong.empty()) {
        std::fprintf(stderr, "%s: %s\n", path.c_str(), wrong.c_str());
        return kWrong;
      }
      if (!trace.warning().empty()) return kLeftOut;
      // Without a word, all of it must be there, or the last commit is none (its file_bytes is 0).
      const uint64_t rows = trace.rows<Spans>();
      return rows == kBatches * kBatchRows || rows == (kBatches - 1) * kBatchRows ? kRight : kWrong;
    } catch (const Error&) {
      return kRefused;
    }
  });
}

// Flips a bit of bytes that are not 0, one at a time: most of what is 0 is not in use.
void flip_bits(const std::string& name, const std::string& mutant, int count) {
  const std::string whole = slurp(name);
  ASSERT_EQ(read_in_child(name), kRight);
  std::vector<size_t> used;
  for (size_t i = 0; i < whole.size(); ++i) {
    if (whole[i] != 0) used.push_back(i);
  }
  std::mt19937 random(7);
  int left_out = 0;
  for (int i = 0; i < count; ++i) {
    // From every region of the file.
    const size_t region = used.size() * static_cast<size_t>(i) / static_cast<size_t>(count);
    const size_t next = used.size() * static_cast<size_t>(i + 1) / static_cast<size_t>(count);
    const size_t at = used[region + random() % (next - region)];
    SCOPED_TRACE(at);
    std::string bytes = whole;
    bytes[at] ^= static_cast<char>(1 << random() % 8);
    spill(mutant, bytes);
    const int outcome = read_in_child(mutant);
    EXPECT_TRUE(outcome == kRight || outcome == kRefused || outcome == kLeftOut) << outcome;
    left_out += outcome == kLeftOut;
  }
  EXPECT_GT(left_out, count / 3) << "the flipped bits are too harmless to test anything";
}

TEST_F(Checksums, NoFlippedBitOfAKilledTraceIsShown) {
  flip_bits(killed(), path("mutant.h5"), 120);
}

TEST_F(Checksums, NoFlippedBitOfAnUnfinishedTraceIsShown) {
  flip_bits(unfinished(), path("mutant.h5"), 30);
}

// Flips a bit in what the file holds of a value that occurs once; returns whether it does.
template <typename T>
bool spoil(const std::string& name, T value) {
  std::string bytes = slurp(name);
  const std::string_view pattern(reinterpret_cast<const char*>(&value), sizeof(value));
  const size_t at = bytes.find(pattern);
  if (at == std::string::npos || bytes.find(pattern, at + 1) != std::string::npos) return false;
  bytes[at + 1] ^= 4;
  spill(name, bytes);
  return true;
}

// A column's value in the first row of a batch.
template <typename Table, typename T>
T value_in_batch(std::vector<T> Table::*column, uint64_t batch) {
  return (make_rows<Table>(batch * kBatchRows, 1).*column)[0];
}

TEST_F(Checksums, RowsBeforeTheSpoiltCommitAreShownAndTheRestCounted) {
  const std::string name = killed();
  ASSERT_TRUE(spoil(name, value_in_batch(&Decisions::threshold, 5)));
  const Trace trace = Trace::open(name);
  EXPECT_EQ(trace.rows<Decisions>(), 5 * kBatchRows);
  EXPECT_EQ(total_rows(trace), 5 * kBatchRows * kRecordedTables);
  EXPECT_EQ(wrong_rows(trace), "");
  // The first commit of a trace is empty.
  EXPECT_NE(trace.warning().find("commit 7 of 9"), std::string::npos) << trace.warning();
  const std::string left = std::to_string(3 * kBatchRows * kRecordedTables) + " rows";
  EXPECT_NE(trace.warning().find(left), std::string::npos) << trace.warning();
  EXPECT_NE(trace.warning().find(name), std::string::npos) << trace.warning();
  EXPECT_NE(trace.warning().find("kvreel recover"), std::string::npos) << trace.warning();
}

TEST_F(Checksums, ASpoiltFirstCommitLeavesNothing) {
  const std::string name = killed();
  ASSERT_TRUE(spoil(name, value_in_batch(&Decisions::threshold, 0)));
  const Trace trace = Trace::open(name);
  EXPECT_EQ(total_rows(trace), 0u);
  EXPECT_NE(trace.warning(), "");
}

TEST_F(Checksums, RecoverKeepsWhatIsSoundAndSaysWhatItLeftOut) {
  const std::string name = killed();
  ASSERT_TRUE(spoil(name, value_in_batch(&Decisions::threshold, 3)));
  const std::string before = slurp(name);
  const RecoverReport report = recover(name, path("out.h5"), false);
  EXPECT_NE(report.warning.find("commit 5 of 9"), std::string::npos) << report.warning;
  EXPECT_EQ(slurp(name), before);
  const Trace recovered = Trace::open(path("out.h5"));
  EXPECT_EQ(recovered.rows<Spans>(), 3 * kBatchRows);
  EXPECT_EQ(wrong_rows(recovered), "");
  EXPECT_EQ(recovered.warning(), "");
  EXPECT_TRUE(verify(path("out.h5")).damage.empty());
}

TEST_F(Checksums, ASpoiltTraceIsNotResumedSinceThatWouldReplaceIt) {
  const std::string name = killed();
  ASSERT_TRUE(spoil(name, value_in_batch(&Decisions::threshold, 3)));
  const std::string error = error_of([&] { find_kept(Trace::open(name)); });
  EXPECT_NE(error.find("kvreel recover"), std::string::npos) << error;
}

TEST_F(Checksums, ALiveTraceIsNotChecked) {
  TraceWriter writer(path(), "{}", committing_on_demand());
  record_batches(writer);
  ASSERT_TRUE(spoil(path(), value_in_batch(&Decisions::threshold, 5)));
  EXPECT_EQ(run_child([&] {
              const Trace trace = Trace::open(path());
              return trace.warning().empty() && trace.rows<Spans>() == kBatches * kBatchRows ? 0
                                                                                             : 1;
            }),
            0);
}

TEST_F(Checksums, WhatWasSpoiltWhileItWasRecordedIsNotMadeToLookSound) {
  TraceWriter writer(path(), "{}", committing_on_demand());
  record_batches(writer);
  // In the file, and of a chunk that HDF5 does not hold any more: of the first of several.
  append_all(writer, kBatches * kBatchRows, 40'000, 0);
  writer.commit();
  ASSERT_TRUE(spoil(path(), value_in_batch(&Decisions::threshold, 2)));
  const FinishReport report = writer.finish(Status::complete);
  EXPECT_FALSE(report.finalised);
  EXPECT_NE(report.warning.find("checksum"), std::string::npos) << report.warning;
  const Trace trace = Trace::open(path());
  EXPECT_EQ(trace.rows<Spans>(), 2 * kBatchRows);
  EXPECT_EQ(wrong_rows(trace), "");
}

TEST_F(Checksums, VerifyReadsAllOfASoundTrace) {
  for (const std::string& name : {killed("killed.h5"), unfinished("unfinished.h5")}) {
    const VerifyReport report = verify(name);
    EXPECT_TRUE(report.damage.empty()) << report.damage[0];
    EXPECT_EQ(report.tables, kTableCount);
    EXPECT_EQ(report.commits, kBatches + 1);
    EXPECT_GT(report.bytes, kRecordedTables * kBatches * kBatchRows * 8);
  }
  const VerifyReport report = verify(finished(400, "finished.h5"));
  EXPECT_TRUE(report.damage.empty()) << report.damage[0];
  EXPECT_EQ(report.commits, 1u);
  EXPECT_EQ(report.bytes, verify(path("killed.h5")).bytes);
}

TEST_F(Checksums, VerifyNamesTheDamageOfAKilledTrace) {
  const std::string name = killed();
  ASSERT_TRUE(spoil(name, value_in_batch(&Decisions::threshold, 5)));
  const VerifyReport report = verify(name);
  ASSERT_EQ(report.damage.size(), 1u);
  EXPECT_NE(report.damage[0].find("commit 7 of 9"), std::string::npos) << report.damage[0];
}

// Where a finished trace's data set has its only chunk.
uint64_t chunk_at(const std::string& name, const std::string& set) {
  const Hid file = open_file(name, false);
  const Hid data = owned(H5Dopen2(file.get(), set.c_str(), H5P_DEFAULT), H5Dclose, "open");
  const Hid space = owned(H5Dget_space(data.get()), H5Sclose, "space");
  hsize_t offset = 0;
  unsigned mask = 0;
  haddr_t address = 0;
  hsize_t size = 0;
  EXPECT_GE(H5Dget_chunk_info(data.get(), space.get(), 0, &offset, &mask, &address, &size), 0);
  return address + size / 2;
}

TEST_F(Checksums, VerifyNamesTheDataSetOfAFinishedTraceThatIsSpoilt) {
  const std::string name = finished(3000);
  std::string bytes = slurp(name);
  bytes[chunk_at(name, "/steps/logprob")] ^= 0x10;
  bytes[chunk_at(name, "/rankings/positions")] ^= 0x10;
  spill(name, bytes);
  const VerifyReport report = verify(name);
  ASSERT_EQ(report.damage.size(), 2u);
  EXPECT_NE(report.damage[0].find("/rankings/positions"), std::string::npos) << report.damage[0];
  EXPECT_NE(report.damage[1].find("/steps/logprob"), std::string::npos) << report.damage[1];
  EXPECT_NE(report.damage[1].find("rows 0 and 3000"), std::string::npos) << report.damage[1];
}

TEST_F(Checksums, VerifyNoticesOtherDataUnderValidChecksumsOfHdf5) {
  const std::string name = finished(300);
  {
    const Hid file = owned(H5Fopen(name.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose, "open");
    ASSERT_GE(H5Ldelete(file.get(), "/spans/start_ns", H5P_DEFAULT), 0);
    DataSet other =
        DataSet::create_final(file.get(), name, "/spans/start_ns", ElementType::i64, 300, 300);
    const std::vector<int64_t> zeros(300);
    other.write(0, 300, zeros.data());
  }
  const VerifyReport report = verify(name);
  ASSERT_EQ(report.damage.size(), 1u);
  EXPECT_NE(report.damage[0].find("not what was written"), std::string::npos) << report.damage[0];
}

TEST_F(Checksums, VerifyRefusesALiveTrace) {
  TraceWriter writer(path(), "{}");
  EXPECT_EQ(run_child([&] {
              const std::string error = error_of([&] { verify(path()); });
              return error.find("still being recorded") == std::string::npos ? 1 : 0;
            }),
            0);
}

TEST_F(Checksums, AnOlderTraceWithoutThemIsRead) {
  const std::string name = finished(30);
  {
    const Hid file = owned(H5Fopen(name.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose, "open");
    rewrite_int_attribute(file.get(), kAttrMinor, 1);
    ASSERT_GE(H5Ldelete(file.get(), "/commit/checksum", H5P_DEFAULT), 0);
  }
  EXPECT_EQ(wrong_rows(Trace::open(name)), "");
  const VerifyReport report = verify(name);
  EXPECT_TRUE(report.damage.empty());
  EXPECT_EQ(report.commits, 0u);
  {
    const Hid file = owned(H5Fopen(name.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose, "open");
    rewrite_int_attribute(file.get(), kAttrMinor, kFormatMinor);
  }
  EXPECT_NE(error_of([&] { Trace::open(name); }).find("/commit/checksum"), std::string::npos);
}

TEST_F(Checksums, ARecoveredPrefixOfACutFileIsTheLongestThatIsWhole) {
  const std::string name = killed();
  const std::string whole = slurp(name);
  const std::vector<Commit> commits = TraceFile::open(name).main().commits();
  uint64_t most = 0;
  for (int part = 19; part > 0; --part) {
    SCOPED_TRACE(part);
    const std::string cut = path("cut.h5");
    spill(cut, std::string_view(whole).substr(0, whole.size() * static_cast<size_t>(part) / 20));
    const std::string error = error_of([&] { recover(cut, path("out.h5"), true); });
    if (!error.empty()) {
      EXPECT_NE(error.find(cut), std::string::npos) << error;
      continue;
    }
    const Trace recovered = Trace::open(path("out.h5"));
    EXPECT_EQ(wrong_rows(recovered), "");
    most = std::max(most, recovered.rows<Spans>());
    // It is the rows of a commit.
    EXPECT_EQ(recovered.rows<Spans>() % kBatchRows, 0u);
  }
  EXPECT_LE(most, kBatches * kBatchRows);
}

}  // namespace
}  // namespace kvreel::tracer::testing
