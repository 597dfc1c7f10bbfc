// Writes a trace from one producer thread through one writer thread, which owns every HDF5 call.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "tracer/format/kept_trace.h"
#include "tracer/format/schema.h"
#include "tracer/record/live_file.h"

namespace kvreel::tracer {

struct WriterOptions {
  bool overwrite = false;  // replace an existing file
  // Of rows on their way. Beyond it rows of tables with many rows are dropped; the others, which a
  // trace cannot do without, are taken up to four times as much or `least_reserve`, whichever is
  // more. Beyond that recording fails: memory has an end, and the producer must not wait.
  uint64_t queue_bytes = uint64_t{256} << 20;
  uint64_t least_reserve = uint64_t{1} << 30;
  // Of rows of tables with many rows in one file; then they go on in the next (0: never).
  uint64_t shard_bytes = uint64_t{4} << 30;
  std::chrono::milliseconds commit_interval{200};  // the most that a kill can lose
  int64_t origin_ns = 0;                           // of steady_clock: the trace's time 0
};

// What writing took.
struct WriterCost {
  int64_t cpu_ns = 0;             // of the writer thread so far
  uint64_t queue_high_water = 0;  // bytes
  uint64_t commits = 0;
  uint64_t queued_bytes = 0;  // that are on their way now
};

struct FinishReport {
  bool finalised = false;  // the file is the compressed, checksummed copy
  std::string
      warning;  // a sentence where it is not: the uncompressed trace stays, whole and readable
  uint64_t file_bytes = 0;
};

class TraceWriter {
 public:
  // Creates the trace at `path`, live and readable from now on. `provenance` is a JSON object.
  // Throws Error where the file exists (and `overwrite` is off) or cannot be created.
  TraceWriter(const std::string& path, std::string_view provenance,
              const WriterOptions& options = {});
  // Goes on with the rows of a trace that stay (see LiveFile). Throws Error, and leaves it alone,
  // where it cannot be gone on with.
  TraceWriter(const KeptTrace& kept, const WriterOptions& options);
  // Without finish(): writes what is queued and closes; the trace keeps the status `recording`.
  ~TraceWriter();
  TraceWriter(const TraceWriter&) = delete;
  TraceWriter& operator=(const TraceWriter&) = delete;

  // Hands rows over; their lists' ends count from the batch's own beginning. Never waits for the
  // disk. Returns false where the rows were dropped because the queue is full, which happens to
  // tables with many rows only. Throws Error where writing has failed since, where the disk is so
  // slow that others fill the queue (WriterOptions), and where columns differ in length.
  template <typename Table>
  bool append(Table rows) {
    const size_t count = row_count(rows);
    return count == 0 || enqueue(AnyTable(std::move(rows)), count);
  }

  // Rows of a table accepted so far, those on their way and those that were there included.
  template <typename Table>
  uint64_t rows() const {
    return accepted_[table_index<Table>()];
  }
  // Rows dropped so far, by table name; tables without drops are left out.
  std::map<std::string, uint64_t> drops() const;

  // Throws the Error that ended writing, if one did.
  void check() const;
  // Waits until everything appended is committed.
  void commit();
  WriterCost cost() const;
  const std::string& path() const { return path_; }
  // Sentences for the user, such as about a network file system.
  const std::string& warning() const { return warning_; }

  // Writes what is queued, sets the status, and replaces the file by its compressed and checksummed
  // copy. Where that fails, say for want of space, the report says so. Throws Error where writing
  // itself failed.
  [[nodiscard]] FinishReport finish(Status status);

 private:
  struct Shared;
  void start();
  bool enqueue(AnyTable rows, uint64_t count);
  void stop();

  std::string path_;
  std::string warning_;
  std::array<uint64_t, kTableCount> accepted_ = {};
  std::array<uint64_t, kTableCount> dropped_ = {};
  std::unique_ptr<Shared> shared_;
};

}  // namespace kvreel::tracer
