// A trace whose large tables go on in further files is one trace to who reads it.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>

#include "base/error.h"
#include "tracer/hdf5/file.h"
#include "tracer/hdf5/trace_file.h"
#include "tracer/read/recover.h"
#include "tracer/read/resume.h"
#include "tracer/read/verify.h"
#include "tracer/record/live_file.h"
#include "tracer/rows.h"

namespace kvreel::tracer::testing {
namespace {

constexpr uint64_t kBatches = 9;
constexpr uint64_t kBatchRows = 40;
// Less than two batches of the five tables take.
constexpr uint64_t kShardBytes = 16 << 10;

WriterOptions in_shards(uint64_t bytes = kShardBytes) {
  WriterOptions options;
  options.commit_interval = std::chrono::hours(1);
  options.shard_bytes = bytes;
  return options;
}

class ShardedTrace : public TraceTest {
 protected:
  std::string shard(int number, std::string_view name = "trace.h5") const {
    return path(std::string(name) + ".s000" + std::to_string(number));
  }
  // Batches of every table, each a commit.
  static void record_batches(TraceWriter& writer, uint64_t first = 0) {
    for (uint64_t batch = first; batch < first + kBatches; ++batch) {
      append_all(writer, batch * kBatchRows, kBatchRows);
      writer.commit();
    }
  }
  std::string sharded(std::string_view name = "trace.h5") const {
    TraceWriter writer(path(name), R"({"of":")" + std::string(name) + "\"}", in_shards());
    record_batches(writer);
    const FinishReport report = writer.finish(Status::complete);
    EXPECT_TRUE(report.finalised) << report.warning;
    uint64_t bytes = 0;
    for (const std::string& file : Trace::open(path(name)).files()) {
      bytes += std::filesystem::file_size(file);
    }
    EXPECT_EQ(report.file_bytes, bytes);
    return path(name);
  }
  std::string killed(std::string_view name = "trace.h5") const {
    const pid_t child = start_child([&] {
      TraceWriter writer(path(name), "{}", in_shards());
      record_batches(writer);
      ::raise(SIGKILL);
      return 0;
    });
    EXPECT_EQ(wait_for(child), -SIGKILL);
    return path(name);
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      names.push_back(entry.path().filename().string());
    }
    std::ranges::sort(names);
    return names;
  }
};

// What is wrong with rows [begin, end) of every table.
std::string wrong_range(const Trace& trace, uint64_t begin, uint64_t end) {
  std::string wrong;
  for_each_recorded_table([&](auto empty) {
    using Table = decltype(empty);
    const std::string column =
        difference(trace.read<Table>(begin, end), make_rows<Table>(begin, end - begin));
    if (!column.empty()) wrong += std::string(Table::kName) + "/" + column + " ";
  });
  return wrong;
}

TEST_F(ShardedTrace, IsRowForRowWhatOneFileWouldHold) {
  const Trace trace = Trace::open(sharded());
  ASSERT_GE(trace.rows<Shards>(), 3u);
  EXPECT_EQ(wrong_rows(trace), "");
  EXPECT_EQ(total_rows(trace), kBatches * kBatchRows * kRecordedTables);
  // Every range that begins or ends beside a boundary.
  const Shards shards = trace.read<Shards>(0, trace.rows<Shards>());
  std::vector<uint64_t> edges = {0, 1, kBatches * kBatchRows};
  for (const uint64_t first : shards.attention_rows) {
    for (const uint64_t edge : {first - 1, first, first + 1}) edges.push_back(edge);
  }
  for (const uint64_t begin : edges) {
    for (const uint64_t end : edges) {
      if (begin > end) continue;
      ASSERT_EQ(wrong_range(trace, begin, end), "") << begin << " to " << end;
    }
  }
  EXPECT_EQ(trace.read_column(&Spans::start_ns, 30, 300), make_rows<Spans>(30, 270).start_ns);
  const std::string error = error_of([&] { trace.read<Spans>(0, kBatches * kBatchRows + 1); });
  EXPECT_NE(error.find("'spans'"), std::string::npos) << error;
}

TEST_F(ShardedTrace, IsCompressedLikeOneFileAndVerified) {
  const std::string name = sharded();
  const TraceFile whole = TraceFile::open(name);
  for (const PartFile* part : whole.parts()) {
    EXPECT_FALSE(part->raw()) << part->path();
  }
  const VerifyReport report = verify(name);
  EXPECT_TRUE(report.damage.empty()) << report.damage[0];
  const uint64_t shards = Trace::open(name).rows<Shards>();
  EXPECT_EQ(report.commits, shards + 1);
  EXPECT_EQ(report.tables, kTableCount);
}

TEST_F(ShardedTrace, WithoutALimitThereIsOneFile) {
  TraceWriter writer(path(), "{}", in_shards(0));
  record_batches(writer);
  ASSERT_TRUE(writer.finish(Status::complete).finalised);
  EXPECT_EQ(files(), std::vector<std::string>{"trace.h5"});
}

TEST_F(ShardedTrace, IsMovedWithItsShardsAndRenamedWithoutThem) {
  const std::string name = sharded();
  std::filesystem::create_directory(path("elsewhere"));
  for (const std::string& file : files()) {
    if (file != "elsewhere") std::filesystem::rename(path(file), path("elsewhere/" + file));
  }
  std::filesystem::rename(path("elsewhere/trace.h5"), path("elsewhere/other.h5"));
  EXPECT_EQ(wrong_rows(Trace::open(path("elsewhere/other.h5"))), "");
}

TEST_F(ShardedTrace, AMissingShardIsNamedWithTheRemedy) {
  const std::string name = sharded();
  std::filesystem::remove(shard(2));
  for (const std::string& error :
       {error_of([&] { Trace::open(name); }), error_of([&] { verify(name); })}) {
    EXPECT_NE(error.find(shard(2)), std::string::npos) << error;
    EXPECT_NE(error.find("beside it"), std::string::npos) << error;
  }
}

TEST_F(ShardedTrace, AShardOfAnotherTraceIsRefused) {
  const std::string name = sharded();
  sharded("other.h5");
  std::filesystem::copy_file(shard(1, "other.h5"), shard(1),
                             std::filesystem::copy_options::overwrite_existing);
  const std::string error = error_of([&] { Trace::open(name); });
  EXPECT_NE(error.find("of another trace"), std::string::npos) << error;
  EXPECT_NE(error.find(shard(1)), std::string::npos) << error;
}

TEST_F(ShardedTrace, AShardThatIsShortIsNamed) {
  const std::string name = sharded();
  // The last one has the fewest rows.
  const uint64_t last = Trace::open(name).rows<Shards>();
  const std::string small = shard(static_cast<int>(last));
  std::filesystem::copy_file(small, shard(1), std::filesystem::copy_options::overwrite_existing);
  std::string error = error_of([&] { Trace::open(name); });
  EXPECT_NE(error.find(shard(1)), std::string::npos) << error;
  const std::string bytes = slurp(shard(2));
  spill(shard(2), std::string_view(bytes).substr(0, bytes.size() / 2));
  std::filesystem::copy_file(shard(3), shard(1), std::filesystem::copy_options::overwrite_existing);
  error = error_of([&] { Trace::open(name); });
  EXPECT_NE(error.find("cut short"), std::string::npos) << error;
}

TEST_F(ShardedTrace, AShardIsNotATrace) {
  sharded();
  const std::string error = error_of([&] { Trace::open(shard(1)); });
  EXPECT_NE(error.find("is a shard"), std::string::npos) << error;
}

TEST_F(ShardedTrace, AKillLeavesEveryCommittedRow) {
  const Trace trace = Trace::open(killed());
  EXPECT_TRUE(trace.was_killed());
  EXPECT_GE(trace.rows<Shards>(), 3u);
  EXPECT_EQ(trace.warning(), "");
  EXPECT_EQ(total_rows(trace), kBatches * kBatchRows * kRecordedTables);
  EXPECT_EQ(wrong_rows(trace), "");
}

// The files as they are between any two calls of the writer.
TEST_F(ShardedTrace, ACopyAtAnyMomentIsATrace) {
  std::filesystem::create_directory(path("copy"));
  LiveFile file(path(), "{}", {.shard_bytes = kShardBytes});
  uint64_t committed = 0;
  uint64_t most_shards = 0;
  for (uint64_t batch = 0; batch < kBatches; ++batch) {
    for_each_recorded_table([&](auto empty) {
      file.append(make_rows<decltype(empty)>(batch * kBatchRows, kBatchRows));
    });
    for (const bool commit : {false, true}) {
      if (commit) {
        file.commit(static_cast<int64_t>(batch));
        committed += kBatchRows;
      }
      while (commit && batch % 3 == 0 && file.compress_step()) continue;
      std::filesystem::remove_all(path("copy"));
      std::filesystem::create_directory(path("copy"));
      for (const std::string& name : files()) {
        if (name != "copy") std::filesystem::copy_file(path(name), path("copy/" + name));
      }
      const int outcome = run_child([&] {
        const Trace trace = Trace::open(path("copy/trace.h5"));
        if (!trace.was_killed() || !trace.warning().empty()) return 1;
        if (trace.rows<Spans>() != committed || !wrong_rows(trace).empty()) return 2;
        return 10 + static_cast<int>(trace.rows<Shards>());
      });
      EXPECT_GE(outcome, 10) << "batch " << batch;
      most_shards = std::max<uint64_t>(most_shards, static_cast<uint64_t>(outcome) - 10);
    }
  }
  EXPECT_GE(most_shards, 3u);
}

TEST_F(ShardedTrace, IsFollowedAcrossShards) {
  const pid_t child = start_child([&] {
    WriterOptions options = in_shards(8 * kShardBytes);
    options.commit_interval = std::chrono::milliseconds(5);
    TraceWriter writer(path(), "{}", options);
    for (uint64_t batch = 0; batch < 150; ++batch) {
      append_all(writer, batch * kBatchRows, kBatchRows);
      ::usleep(3000);
    }
    return writer.finish(Status::complete).finalised ? 0 : 1;
  });
  std::optional<Trace> trace;
  for (int attempt = 0; attempt < 2000 && !trace; ++attempt) {
    try {
      trace.emplace(Trace::open(path()));
    } catch (const Error&) {
      ::usleep(2000);
    }
  }
  ASSERT_TRUE(trace);
  uint64_t live_shards = 0;
  std::string wrong;
  while (wrong.empty() && trace->status() == Status::recording) {
    const uint64_t before = trace->rows<AttentionRows>();
    trace->refresh();
    const uint64_t now = trace->rows<AttentionRows>();
    wrong = now < before ? "fewer rows"
                         : difference(trace->read<AttentionRows>(before, now),
                                      make_rows<AttentionRows>(before, now - before));
    if (trace->is_live()) live_shards = trace->rows<Shards>();
    ::usleep(1000);
  }
  EXPECT_EQ(wrong, "");
  EXPECT_EQ(wait_for(child), 0);
  trace->refresh();
  EXPECT_GT(live_shards, 0u);
  EXPECT_EQ(trace->rows<Spans>(), 150 * kBatchRows);
  EXPECT_EQ(wrong_rows(*trace), "");
}

TEST_F(ShardedTrace, RecoverMakesOneFileOfAll) {
  for (const std::string& name : {killed("killed.h5"), sharded("finished.h5")}) {
    recover(name, path("out.h5"), true);
    const Trace recovered = Trace::open(path("out.h5"));
    EXPECT_EQ(recovered.rows<Shards>(), 0u);
    EXPECT_EQ(total_rows(recovered), kBatches * kBatchRows * kRecordedTables);
    EXPECT_EQ(wrong_rows(recovered), "");
    EXPECT_TRUE(verify(path("out.h5")).damage.empty());
  }
  const std::string into = shard(1, "killed.h5");
  const std::string error = error_of([&] { recover(path("killed.h5"), into, true); });
  EXPECT_NE(error.find("part of"), std::string::npos) << error;
}

TEST_F(ShardedTrace, RecoverReplacesATraceWithItsShards) {
  const std::string input = killed("killed.h5");
  const std::string output = sharded("finished.h5");
  spill(path("finished.h5.s9999"), "mine");
  ASSERT_TRUE(std::filesystem::exists(shard(1, "finished.h5")));
  recover(input, output, true);
  EXPECT_FALSE(std::filesystem::exists(shard(1, "finished.h5")));
  EXPECT_EQ(slurp(path("finished.h5.s9999")), "mine");
  EXPECT_EQ(wrong_rows(Trace::open(output)), "");
  EXPECT_EQ(wrong_rows(Trace::open(input)), "");
}

TEST_F(ShardedTrace, ADamagedShardCostsTheCommitsThatNeedItsRows) {
  const std::string name = killed();
  const Shards shards = [&] {
    const Trace trace = Trace::open(name);
    return trace.read<Shards>(0, trace.rows<Shards>());
  }();
  std::string bytes = slurp(shard(2));
  // A value of a row of spans that occurs nowhere else in the shard.
  const int64_t value = make_rows<Spans>(shards.spans[1] + kBatchRows, 1).start_ns[0];
  const size_t at =
      bytes.find(std::string_view(reinterpret_cast<const char*>(&value), sizeof(value)));
  ASSERT_NE(at, std::string::npos);
  bytes[at] ^= 1;
  spill(shard(2), bytes);
  const Trace trace = Trace::open(name);
  EXPECT_EQ(trace.rows<Spans>(), shards.spans[1] + kBatchRows);
  EXPECT_EQ(trace.rows<Passes>(), trace.rows<Spans>());
  EXPECT_EQ(wrong_rows(trace), "");
  EXPECT_NE(trace.warning().find(shard(2)), std::string::npos) << trace.warning();
  const VerifyReport report = verify(name);
  ASSERT_FALSE(report.damage.empty());
  recover(name, path("out.h5"), false);
  EXPECT_EQ(Trace::open(path("out.h5")).rows<Spans>(), trace.rows<Spans>());
}

TEST_F(ShardedTrace, RecoverDoesWithoutAShardThatIsMissing) {
  const std::string name = killed();
  const uint64_t first = Trace::open(name).read_column(&Shards::spans, 1, 2)[0];
  std::filesystem::remove(shard(2));
  const RecoverReport report = recover(name, path("out.h5"), false);
  EXPECT_NE(report.warning.find(shard(2)), std::string::npos) << report.warning;
  const Trace recovered = Trace::open(path("out.h5"));
  EXPECT_EQ(recovered.rows<Spans>(), first);
  EXPECT_EQ(wrong_rows(recovered), "");
}

// A trace of which all rows stay when it is resumed.
KeptTrace keep_all(const std::string& name) {
  const Trace trace = Trace::open(name);
  KeptTrace kept;
  kept.path = name;
  std::tie(kept.device, kept.inode) = trace.file_identity();
  kept.provenance = trace.provenance();
  for_each_recorded_table([&](auto empty) {
    using Table = decltype(empty);
    kept.rows[table_index<Table>()] = trace.rows<Table>();
  });
  return kept;
}

TEST_F(ShardedTrace, IsResumedIntoOneFileThatGoesOnInShards) {
  const std::string name = killed();
  spill(path("trace.h5.s0002.note"), "mine");
  const auto before = files();
  {
    TraceWriter writer(keep_all(name), in_shards());
    // The old shards are in the new file.
    EXPECT_EQ(files(), (std::vector<std::string>{"trace.h5", "trace.h5.s0002.note"}));
    record_batches(writer, kBatches);
    ASSERT_TRUE(writer.finish(Status::complete).finalised);
  }
  const Trace trace = Trace::open(name);
  EXPECT_GE(trace.rows<Shards>(), 3u);
  EXPECT_EQ(total_rows(trace), 2 * kBatches * kBatchRows * kRecordedTables);
  EXPECT_EQ(wrong_rows(trace), "");
}

TEST_F(ShardedTrace, AKillWhileItIsResumedLosesNothing) {
  const std::string name = killed();
  const auto all = files();
  // Before the old shards were removed: they are beside the new file, which does not name them.
  std::filesystem::create_directory(path("old"));
  for (const std::string& file : all) std::filesystem::copy_file(path(file), path("old/" + file));
  EXPECT_EQ(run_child([&] {
              const LiveFile file(keep_all(name));
              ::_exit(0);
              return 1;
            }),
            0);
  for (const std::string& file : all) {
    if (file != "trace.h5") std::filesystem::copy_file(path("old/" + file), path(file));
  }
  EXPECT_EQ(wrong_rows(Trace::open(name)), "");
  EXPECT_EQ(Trace::open(name).rows<Spans>(), kBatches * kBatchRows);
  // Resumed again, it is rid of them.
  { const LiveFile file(keep_all(name)); }
  EXPECT_EQ(files(), (std::vector<std::string>{"old", "trace.h5"}));
  EXPECT_EQ(wrong_rows(Trace::open(name)), "");
}

TEST_F(ShardedTrace, ForceReplacesItsShardsAndNoOthers) {
  sharded();
  sharded("trace.h5.x");
  spill(path("trace.h5.s9999"), "mine");
  WriterOptions options = in_shards(0);
  options.overwrite = true;
  {
    TraceWriter writer(path(), "{}", options);
    append_all(writer, 0, 10);
    ASSERT_TRUE(writer.finish(Status::complete).finalised);
  }
  EXPECT_FALSE(std::filesystem::exists(shard(1)));
  EXPECT_EQ(slurp(path("trace.h5.s9999")), "mine");
  EXPECT_EQ(wrong_rows(Trace::open(path("trace.h5.x"))), "");
  EXPECT_EQ(wrong_rows(Trace::open(path())), "");
}

TEST_F(ShardedTrace, NamesThatAreTakenAreLeftAlone) {
  spill(shard(1), "mine");
  const Trace trace = Trace::open(sharded());
  EXPECT_EQ(slurp(shard(1)), "mine");
  EXPECT_EQ(trace.read_column(&Shards::name, 0, 1).at(0), "trace.h5.s0002");
  EXPECT_EQ(wrong_rows(trace), "");
}

TEST_F(ShardedTrace, AShardThatIsRemovedWhileItIsRecordedEndsTheRecording) {
  TraceWriter writer(path(), "{}", in_shards());
  append_all(writer, 0, 3 * kBatchRows);
  writer.commit();
  ASSERT_TRUE(std::filesystem::exists(shard(1)));
  std::filesystem::remove(shard(1));
  append_all(writer, 3 * kBatchRows, kBatchRows);
  const std::string error = error_of([&] { writer.commit(); });
  EXPECT_NE(error.find(shard(1)), std::string::npos) << error;
}

TEST_F(ShardedTrace, ANameThatLeadsElsewhereIsRefused) {
  for (const std::string_view bad : {"../x", "/etc/passwd", "a/b", "..", ""}) {
    const std::string name = path("bad.h5");
    std::filesystem::remove(name);
    {
      LiveFile file(name, "{}");
      Shards row;
      row.name.push_back(bad);
      for (auto* column :
           {&row.spans, &row.memory, &row.attention, &row.attention_rows, &row.kernels}) {
        *column = {0};
      }
      file.append(row);
      file.commit(1);
    }
    const std::string error = error_of([&] { Trace::open(name); });
    EXPECT_NE(error.find("not a file in its own directory"), std::string::npos) << error;
  }
}

}  // namespace
}  // namespace kvreel::tracer::testing
