// Files that are damaged, foreign or hostile give an Error or the right rows, never a crash.
#include <gtest/gtest.h>
#include <hdf5.h>

#include <random>

#include "base/error.h"
#include "tracer/hdf5/dataset.h"
#include "tracer/hdf5/file.h"
#include "tracer/rows.h"

namespace kvreel::tracer::testing {
namespace {

using DamagedTrace = TraceTest;

enum Outcome { kRight = 0, kRefused = 1, kWrong = 2 };

// Reads a file in a process of its own, with a limit on memory and time: what a hostile file gets.
int read_in_child(const std::string& path) {
  return run_child([&] {
    ::alarm(60);
#if !defined(__SANITIZE_ADDRESS__)
    // AddressSanitizer reserves terabytes of addresses, and bounds allocations by itself.
    const rlimit limit{uint64_t{2} << 30, uint64_t{2} << 30};
    ::setrlimit(RLIMIT_AS, &limit);
#endif
    try {
      const Trace trace = Trace::open(path);
      const std::string wrong = wrong_rows(trace);
      if (wrong.empty() && trace.rows<Decisions>() == 120) return kRight;
      std::fprintf(stderr, "%s: %s\n", path.c_str(), wrong.c_str());
      return kWrong;
    } catch (const Error&) {
      return kRefused;
    }
  });
}

class Mutants : public TraceTest {
 protected:
  // Writes `count` mutants of a finished trace and reads each.
  void read_mutants(int count, const std::function<void(std::string&, std::mt19937&)>& mutate) {
    const std::string whole = slurp(finished(120));
    ASSERT_EQ(read_in_child(path()), kRight);
    std::mt19937 random(42);
    int refused = 0;
    for (int i = 0; i < count; ++i) {
      SCOPED_TRACE(i);
      std::string bytes = whole;
      mutate(bytes, random);
      spill(path("mutant.h5"), bytes);
      const int outcome = read_in_child(path("mutant.h5"));
      EXPECT_TRUE(outcome == kRight || outcome == kRefused) << "outcome " << outcome;
      refused += outcome == kRefused;
    }
    EXPECT_GT(refused, count / 4) << "the mutants are too harmless to test anything";
  }
};

TEST_F(Mutants, CutShortAreRefused) {
  read_mutants(
      25, [](std::string& bytes, std::mt19937& random) { bytes.resize(random() % bytes.size()); });
}

TEST_F(Mutants, WithAFlippedBitAreRefusedOrRight) {
  read_mutants(50, [](std::string& bytes, std::mt19937& random) {
    bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
  });
}

TEST_F(Mutants, WithARandomRunOfBytesAreRefusedOrRight) {
  read_mutants(15, [](std::string& bytes, std::mt19937& random) {
    const size_t at = random() % (bytes.size() - 16);
    for (size_t i = 0; i < 16; ++i) bytes[at + i] = static_cast<char>(random());
  });
}

TEST_F(Mutants, WithAZeroedBlockAreRefusedOrRight) {
  read_mutants(10, [](std::string& bytes, std::mt19937& random) {
    const size_t at = random() % (bytes.size() - 4096);
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), 4096, '\0');
  });
}

TEST_F(DamagedTrace, AMissingFileIsNamed) {
  const std::string error = error_of([&] { Trace::open(path("none.h5")); });
  EXPECT_NE(error.find("none.h5"), std::string::npos) << error;
  EXPECT_NE(error.find("No such file"), std::string::npos) << error;
}

TEST_F(DamagedTrace, ADirectoryAndAPipeAreNoTraces) {
  EXPECT_NE(error_of([&] { Trace::open(directory_.string()); }).find("is not a file"),
            std::string::npos);
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_NE(error_of([&] { Trace::open(path("pipe")); }).find("is not a file"), std::string::npos);
}

TEST_F(DamagedTrace, WhatIsNotHdf5IsSaidToBe) {
  for (const std::string& bytes : {std::string(), std::string("short"), std::string(5000, 'x')}) {
    spill(path("text"), bytes);
    const std::string error = error_of([&] { Trace::open(path("text")); });
    EXPECT_NE(error.find("not an HDF5 file"), std::string::npos) << error;
    EXPECT_NE(error.find(path("text")), std::string::npos) << error;
  }
}

TEST_F(DamagedTrace, AnotherHdf5FileIsSaidToBeNoTrace) {
  prepare_thread();
  for (const bool old_format : {false, true}) {
    const std::string name = path(old_format ? "old.h5" : "new.h5");
    if (old_format) {
      const Hid file = owned(H5Fcreate(name.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT),
                             H5Fclose, "create");
    } else {
      const Hid file = create_file(name, name);
      create_text_attribute(file.get(), kAttrFormat, "something else");
    }
    const std::string error = error_of([&] { Trace::open(name); });
    EXPECT_NE(error.find("no kvreel trace"), std::string::npos) << error;
    EXPECT_NE(error.find(name), std::string::npos) << error;
  }
}

// Opens a finished trace for changes, as a hostile or newer program could make them.
Hid reopen_for_change(const std::string& path) {
  return owned(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose, "open for change");
}

TEST_F(DamagedTrace, ANewerMajorVersionIsRefusedWithBothVersions) {
  const std::string name = finished(3);
  {
    const Hid file = reopen_for_change(name);
    rewrite_int_attribute(file.get(), kAttrMajor, kFormatMajor + 1);
  }
  const std::string error = error_of([&] { Trace::open(name); });
  EXPECT_NE(error.find("2."), std::string::npos) << error;
  EXPECT_NE(error.find("reads 1.x"), std::string::npos) << error;
  EXPECT_NE(error.find("newer kvreel"), std::string::npos) << error;
}

TEST_F(DamagedTrace, ANewerMinorVersionWithMoreDataSetsIsRead) {
  const std::string name = finished(30);
  {
    const Hid file = reopen_for_change(name);
    rewrite_int_attribute(file.get(), kAttrMinor, kFormatMinor + 1);
    DataSet more =
        DataSet::create_final(file.get(), name, "/spans/new_column", ElementType::f32, 30, 30);
    const std::vector<float> values(30);
    more.write(0, 30, values.data());
    const Hid group = owned(
        H5Gcreate2(file.get(), "/new_table", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose, "");
  }
  const Trace trace = Trace::open(name);
  EXPECT_EQ(trace.format_minor(), kFormatMinor + 1);
  EXPECT_EQ(wrong_rows(trace), "");
}

TEST_F(DamagedTrace, AMissingColumnIsNamed) {
  const std::string name = finished(3);
  {
    const Hid file = reopen_for_change(name);
    ASSERT_GE(H5Ldelete(file.get(), "/decisions/cut", H5P_DEFAULT), 0);
  }
  EXPECT_NE(error_of([&] { Trace::open(name); }).find("/decisions/cut"), std::string::npos);
}

// Replaces a data set by one of the caller's making.
void replace(const std::string& name, const std::string& set,
             const std::function<void(hid_t)>& make) {
  const Hid file = reopen_for_change(name);
  ASSERT_GE(H5Ldelete(file.get(), set.c_str(), H5P_DEFAULT), 0);
  make(file.get());
}

// Replaces a u64 data set's content.
void overwrite(const std::string& name, const std::string& set,
               const std::vector<uint64_t>& values) {
  replace(name, set, [&](hid_t file) {
    DataSet data =
        DataSet::create_final(file, name, set, ElementType::u64, values.size(), values.size());
    data.write(0, values.size(), values.data());
  });
}

TEST_F(DamagedTrace, AColumnOfAnotherTypeIsNamed) {
  const std::string name = finished(3);
  replace(name, "/decisions/cut", [&](hid_t file) {
    DataSet::create_final(file, name, "/decisions/cut", ElementType::f32, 3, 3);
  });
  const std::string error = error_of([&] { Trace::open(name); });
  EXPECT_NE(error.find("/decisions/cut"), std::string::npos) << error;
  EXPECT_NE(error.find("i32"), std::string::npos) << error;
}

TEST_F(DamagedTrace, ACommitThatPromisesMoreThanThereIsIsRefused) {
  const std::string name = finished(3);
  overwrite(name, "/commit/spans", {4});
  const std::string error = error_of([&] { Trace::open(name); });
  EXPECT_NE(error.find("4 were committed"), std::string::npos) << error;
}

TEST_F(DamagedTrace, EndsThatFallOrExceedTheValuesAreRefused) {
  const std::string name = finished(3);
  overwrite(name, "/rankings/positions_end", {5, 2, 9});
  std::string error = error_of([&] { Trace::open(name).read<Rankings>(0, 3); });
  EXPECT_NE(error.find("/rankings/positions_end"), std::string::npos) << error;
  // 2^63 positions would be taken for 2^65 bytes.
  overwrite(name, "/rankings/positions_end", {0, 1, uint64_t{1} << 63});
  error = error_of([&] { Trace::open(name).read<Rankings>(0, 3); });
  EXPECT_NE(error.find("/rankings/positions"), std::string::npos) << error;
}

TEST_F(DamagedTrace, ASizeThatWasNeverStoredTakesNoMemory) {
  const std::string name = finished(3);
  constexpr uint64_t kClaim = uint64_t{1} << 40;
  // A data set of 2^40 elements without one chunk: HDF5 would read zeros.
  replace(name, "/tokens/id", [&](hid_t file) {
    DataSet::create_final(file, name, "/tokens/id", ElementType::i32, kClaim, 65536);
  });
  replace(name, "/tokens/piece_end", [&](hid_t file) {
    DataSet::create_final(file, name, "/tokens/piece_end", ElementType::u64, kClaim, 65536);
  });
  overwrite(name, "/commit/tokens", {kClaim});
  const Trace trace = Trace::open(name);
  EXPECT_EQ(trace.rows<Tokens>(), kClaim);
  const std::string error = error_of([&] { trace.read_column(&Tokens::id, 0, kClaim); });
  EXPECT_NE(error.find("not stored"), std::string::npos) << error;
  EXPECT_NE(error_of([&] { trace.read_column(&Tokens::piece, 0, kClaim); }), "");
}

TEST_F(DamagedTrace, ATableWithoutColumnsHasNoRows) {
  const std::string name = finished(3);
  // Format 1.0 lets columns be absent, which are then read as zeros: 2^40 of them, if the commit
  // were believed.
  {
    const Hid file = reopen_for_change(name);
    rewrite_int_attribute(file.get(), kAttrMinor, 0);
    ASSERT_GE(H5Ldelete(file.get(), "/scores", H5P_DEFAULT), 0);
  }
  overwrite(name, "/commit/scores", {uint64_t{1} << 40});
  const Trace trace = Trace::open(name);
  const std::string error = error_of([&] { trace.read<Scores>(0, trace.rows<Scores>()); });
  EXPECT_NE(error.find("table 'scores' of " + name), std::string::npos) << error;
  EXPECT_NE(error_of([&] { trace.read_column(&Scores::metric, 0, uint64_t{1} << 40); }), "");
}

TEST_F(DamagedTrace, LinksIntoOtherFilesAreRefused) {
  const std::string name = finished(3);
  const std::string other = finished(3, "other.h5");
  replace(name, "/tokens/id", [&](hid_t file) {
    ASSERT_GE(H5Lcreate_external(other.c_str(), "/tokens/id", file, "/tokens/id", H5P_DEFAULT,
                                 H5P_DEFAULT),
              0);
  });
  EXPECT_NE(error_of([&] { Trace::open(name); }).find("/tokens/id"), std::string::npos);
}

TEST_F(DamagedTrace, ExternalStorageIsRefused) {
  const std::string name = finished(3);
  replace(name, "/tokens/id", [&](hid_t file) {
    const Hid creation = owned(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "");
    ASSERT_GE(H5Pset_external(creation.get(), "/etc/passwd", 0, 12), 0);
    const hsize_t size[] = {3};
    const Hid space = owned(H5Screate_simple(1, size, nullptr), H5Sclose, "");
    const Hid set = owned(H5Dcreate2(file, "/tokens/id", H5T_STD_I32LE, space.get(), H5P_DEFAULT,
                                     creation.get(), H5P_DEFAULT),
                          H5Dclose, "");
  });
  EXPECT_NE(error_of([&] { Trace::open(name); }).find("no kvreel trace uses"), std::string::npos);
}

TEST_F(DamagedTrace, AFileLeftBeforeItsFirstCommitIsSaidToHoldNothing) {
  // Killed while it was created: open for writing, not yet for readers.
  ASSERT_EQ(run_child([&] {
              prepare_thread();
              const Hid file = create_file(path(), path());
              H5Fflush(file.get(), H5F_SCOPE_GLOBAL);
              ::_exit(0);
              return 0;
            }),
            0);
  const std::string error = error_of([&] { Trace::open(path()); });
  EXPECT_NE(error.find("record it again"), std::string::npos) << error;
}

}  // namespace
}  // namespace kvreel::tracer::testing
