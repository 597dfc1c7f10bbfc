// The queue between the thread that runs the model and the thread that writes.
#include "tracer/record/trace_writer.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/steady_clock.h"
#include "tracer/format/catalogue.h"
#include "tracer/hdf5/file.h"

namespace kvreel::tracer {
namespace {

using Clock = std::chrono::steady_clock;

int64_t thread_cpu_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

struct Batch {
  AnyTable rows;
  uint64_t bytes = 0;
};

// Bytes of the columns, and Error where they differ in length: later rows would not match each
// other.
uint64_t checked_bytes(const AnyTable& any, uint64_t count) {
  uint64_t bytes = 0;
  std::visit(
      [&](const auto& rows) {
        using Rows = std::remove_cvref_t<decltype(rows)>;
        Rows::columns(rows, [&](std::string_view name, const auto& column, std::string_view,
                                std::string_view) {
          size_t length = 0;
          bool sound = true;
          if constexpr (is_list_column<decltype(column)>) {
            length = column.rows();
            bytes += column.values.size() * sizeof(column.values[0]) +
                     column.ends.size() * sizeof(uint64_t);
            sound =
                length == 0 ? column.values.empty() : column.ends.back() == column.values.size();
          } else {
            length = column.size();
            bytes += column.size() * sizeof(column[0]);
          }
          if (length != count || !sound) {
            fail(
                "column '{}' of table '{}' has {} rows where its table has {}; every column needs "
                "a value per row",
                name, Rows::kName, length, count);
          }
        });
      },
      any);
  return bytes;
}

bool may_drop(const AnyTable& any) {
  return std::visit([](const auto& rows) { return rows.kVolume == Volume::many; }, any);
}

std::string_view table_name(const AnyTable& any) {
  return std::visit([](const auto& rows) { return rows.kName; }, any);
}

// Says why there can be no new trace. What is there stays until the new one takes its place.
void require_free(const std::string& path, bool overwrite) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return;
    fail("cannot create {}: {}; name a file in a directory that can be written", path,
         std::strerror(errno));
  }
  if (S_ISDIR(status.st_mode)) fail("{} is a directory; name a file to record into", path);
  if (!overwrite) fail("{} exists; name another file, or replace it with --force", path);
  if (!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode)) {
    fail("{} is not a regular file, and --force replaces nothing else; name another file", path);
  }
  if (is_marked_live(path)) fail("{} is being recorded by another kvreel; name another file", path);
}

std::string network_warning(const std::string& path) {
  const std::string kind = network_file_system(path);
  if (kind.empty()) return "";
  return fmt::format(
      "{} is on a network file system ({}), where a trace that is being recorded may look damaged "
      "to a "
      "viewer on another machine; it is sound once recording has ended",
      path, kind);
}

}  // namespace

// What both threads use, and what the writer thread does.
struct TraceWriter::Shared {
  Shared(std::string path_in, std::string provenance_in, const WriterOptions& options_in)
      : path(std::move(path_in)), provenance(std::move(provenance_in)), options(options_in) {}
  Shared(const KeptTrace& kept_in, const WriterOptions& options_in)
      : path(kept_in.path), provenance(kept_in.provenance), options(options_in), kept(kept_in) {}

  const std::string path;
  const std::string provenance;
  const WriterOptions options;
  const std::optional<KeptTrace> kept;  // a trace to go on with

  std::mutex mutex;
  std::condition_variable to_writer;
  std::condition_variable to_producer;
  // Guarded by mutex:
  std::deque<Batch> queue;
  uint64_t queued_bytes = 0;  // what the writer holds but has not written included
  uint64_t high_water = 0;
  uint64_t flushes_wanted = 0;
  uint64_t flushes_done = 0;
  bool started = false;
  bool stopping = false;
  std::optional<Status> finish_as;
  FinishReport report;
  std::string error;

  std::atomic<bool> failed = false;
  std::atomic<int64_t> cpu_ns = 0;
  std::atomic<uint64_t> commits = 0;
  std::thread thread;  // last: it uses all of the above

  int64_t now_ns() const { return steady_ns() - options.origin_ns; }

  void run() {
    try {
      record();
    } catch (const std::exception& caught) {
      fail_with(caught.what());
    }
  }

  uint64_t most_bytes() const {
    const uint64_t four_times =
        options.queue_bytes > UINT64_MAX / 4 ? UINT64_MAX : 4 * options.queue_bytes;
    return std::max(four_times, options.least_reserve);
  }

  std::string failure(const std::string& what) const {
    return fmt::format(
        "recording into {} failed: {}; what was recorded until then can be read from it, and the "
        "same command goes on with it",
        path, what);
  }

  void fail_with(const std::string& what) {
    const std::lock_guard lock(mutex);
    if (started) {
      error = failure(what);
    } else if (kept) {
      error = fmt::format("{} cannot be resumed, and stays as it is: {}", path, what);
    } else {
      error = fmt::format("{}; name a file in a directory that can be written and has room", what);
    }
    failed = true;
    started = true;
    queue.clear();
    queued_bytes = 0;
    to_producer.notify_all();
  }

  LiveFileOptions file_options() const { return {options.overwrite, options.shard_bytes}; }

  void record() {
    const std::unique_ptr<LiveFile> opened =
        kept ? std::make_unique<LiveFile>(*kept, file_options())
             : std::make_unique<LiveFile>(path, provenance, file_options());
    LiveFile& file = *opened;
    announce_start();
    auto next_commit = Clock::now() + options.commit_interval;
    bool more = true;
    while (more) {
      std::deque<Batch> batches;
      uint64_t flush = 0;
      {
        std::unique_lock lock(mutex);
        const auto wanted = [&] {
          return !queue.empty() || stopping || flushes_wanted > flushes_done;
        };
        // Idle time goes to shards that wait to be compressed.
        while (!wanted() && Clock::now() < next_commit) {
          lock.unlock();
          const bool compressed = file.compress_step();
          lock.lock();
          if (!compressed) to_writer.wait_until(lock, next_commit, wanted);
        }
        batches.swap(queue);
        flush = flushes_wanted;
        more = !stopping;
      }
      for (Batch& batch : batches) {
        file.append(batch.rows);
        release(batch);
        if (Clock::now() >= next_commit || file.is_full()) next_commit = commit(file);
      }
      if (flush > flushes_done || Clock::now() >= next_commit || !more) {
        next_commit = commit(file);
        cpu_ns = thread_cpu_ns();  // before whoever waits for the flush may ask
        const std::lock_guard lock(mutex);
        flushes_done = flush;
        to_producer.notify_all();
      }
      cpu_ns = thread_cpu_ns();
    }
    if (finish_as) finish(file);
    cpu_ns = thread_cpu_ns();
  }

  void announce_start() {
    const std::lock_guard lock(mutex);
    started = true;
    to_producer.notify_all();
  }

  // Frees the rows before their bytes count as free.
  void release(Batch& batch) {
    batch.rows = AnyTable();
    const std::lock_guard lock(mutex);
    queued_bytes -= batch.bytes;
  }

  Clock::time_point commit(LiveFile& file) {
    if (file.commit(now_ns())) ++commits;
    return Clock::now() + options.commit_interval;
  }

  void finish(LiveFile& file) {
    file.set_status(*finish_as);
    file.close();
    // From here on the trace is whole; only its compressed copy may fail.
    const std::string problem = file.finalise(*finish_as);
    report.finalised = problem.empty();
    if (!report.finalised) {
      report.warning = fmt::format(
          "the trace {} is whole and readable, but could not be compressed: {}; make room and run "
          "kvreel recover on it",
          path, problem);
    }
    report.file_bytes = file.file_bytes();
  }
};

TraceWriter::TraceWriter(const std::string& path, std::string_view provenance,
                         const WriterOptions& options)
    : path_(path), shared_(std::make_unique<Shared>(path, std::string(provenance), options)) {
  require_free(path, options.overwrite);
  start();
}

TraceWriter::TraceWriter(const KeptTrace& kept, const WriterOptions& options)
    : path_(kept.path), accepted_(kept.rows), shared_(std::make_unique<Shared>(kept, options)) {
  start();
}

// Returns once the trace is there.
void TraceWriter::start() {
  shared_->thread = std::thread([shared = shared_.get()] { shared->run(); });
  std::unique_lock lock(shared_->mutex);
  shared_->to_producer.wait(lock, [&] { return shared_->started; });
  if (shared_->failed) {
    const std::string error = shared_->error;
    lock.unlock();
    shared_->thread.join();
    throw Error(error);
  }
  warning_ = network_warning(path_);
}

TraceWriter::~TraceWriter() {
  stop();
}

bool TraceWriter::enqueue(AnyTable rows, uint64_t count) {
  const uint64_t bytes = checked_bytes(rows, count);
  const size_t table = rows.index();
  if (table == table_index<Shards>()) fail("rows for table 'shards' come from the file itself");
  check();
  const std::lock_guard lock(shared_->mutex);
  if (shared_->stopping)
    fail("{} is finished; rows for table '{}' came too late", path_, table_name(rows));
  if (may_drop(rows) && shared_->queued_bytes + bytes > shared_->options.queue_bytes) {
    dropped_[table] += count;
    return false;
  }
  if (shared_->queued_bytes + bytes > shared_->most_bytes()) {
    // What is queued is still written: it is a whole beginning.
    shared_->error = shared_->failure(fmt::format(
        "the disk has not taken {} bytes of rows that may not be dropped; record onto a faster "
        "disk, or with a larger queue",
        shared_->queued_bytes));
    shared_->failed = true;
    throw Error(shared_->error);
  }
  accepted_[table] += count;
  shared_->queued_bytes += bytes;
  shared_->high_water = std::max(shared_->high_water, shared_->queued_bytes);
  shared_->queue.push_back({std::move(rows), bytes});
  if (shared_->queue.size() == 1) shared_->to_writer.notify_one();
  return true;
}

std::map<std::string, uint64_t> TraceWriter::drops() const {
  std::map<std::string, uint64_t> drops;
  const std::vector<TableSpec> tables = catalogue();
  for (size_t i = 0; i < kTableCount; ++i) {
    if (dropped_[i] > 0) drops[std::string(tables[i].name)] = dropped_[i];
  }
  return drops;
}

void TraceWriter::check() const {
  if (!shared_->failed) return;
  const std::lock_guard lock(shared_->mutex);
  throw Error(shared_->error);
}

void TraceWriter::commit() {
  check();
  std::unique_lock lock(shared_->mutex);
  const uint64_t wanted = ++shared_->flushes_wanted;
  shared_->to_writer.notify_one();
  shared_->to_producer.wait(lock, [&] {
    return shared_->flushes_done >= wanted || shared_->failed || shared_->stopping;
  });
  lock.unlock();
  check();
}

WriterCost TraceWriter::cost() const {
  const std::lock_guard lock(shared_->mutex);
  return {shared_->cpu_ns, shared_->high_water, shared_->commits, shared_->queued_bytes};
}

void TraceWriter::stop() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
    shared_->to_writer.notify_one();
  }
  if (shared_->thread.joinable()) shared_->thread.join();
}

FinishReport TraceWriter::finish(Status status) {
  {
    const std::lock_guard lock(shared_->mutex);
    if (!shared_->stopping && !shared_->failed) shared_->finish_as = status;
  }
  stop();
  check();
  return shared_->report;
}

}  // namespace kvreel::tracer
