// How fast traces are written, finished, opened and compared, beside what the machine does with the
// same bytes.
//
// trace_bench --benchmark_repetitions=5 --benchmark_enable_random_interleaving=true
//
// Files lie under $TMPDIR, else /tmp (about half a GB for a while), and are in the page cache when
// they are read. Names say what, of what, and how many. Counters: events_per_second,
// bytes_per_second (raw bytes of rows), bytes (of one iteration), bytes_per_event (in the finished
// file), queue_bytes (the most that waited), resident_bytes (that the process grew by),
// writer_ns_per_event (CPU time of the thread that writes). The benchmarks named ceiling/... are
// what the machine does with the same bytes.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "exports/tables/compare.h"
#include "exports/tables/info.h"
#include "made_traces.h"
#include "resident_memory.h"
#include "seconds.h"
#include "tracer/read/trace.h"
#include "tracer/record/recorder.h"
#include "tracer/record/trace_writer.h"

extern char** environ;

namespace kvreel::benchmarks {
namespace {

using namespace kvreel::tracer;

constexpr uint64_t kRowBytes = 47;   // of a row of `kernels`: what its columns take
constexpr uint64_t kSpanBytes = 31;  // of a row of `spans`
constexpr uint64_t kQueueBytes = uint64_t{64} << 20;
constexpr int32_t kStepsOfBatch = 21;
constexpr uint64_t kBatchRows = kStepsOfBatch * KernelStream::kKernelsOfStep;
constexpr size_t kBatches = 512;  // 4.2 million rows

// A directory of this process's own, removed with all that is in it.
class Directory {
 public:
  Directory() {
    path_ = std::filesystem::temp_directory_path() / fmt::format("trace_bench.{}", ::getpid());
    std::filesystem::create_directory(path_);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// What is made once and read by several benchmarks.
class Made {
 public:
  const Directory& directory() const { return directory_; }
  const Kernels& rows() {
    if (rows_.run.empty()) rows_ = kernel_rows(7, uint64_t{1} << 20);
    return rows_;
  }
  const std::vector<Kernels>& batches() {
    if (!batches_.empty()) return batches_;
    // Times go on from batch to batch, as in a trace.
    KernelStream stream(7);
    batches_.resize(kBatches);
    int32_t step = 0;
    for (Kernels& batch : batches_) {
      for (int32_t i = 0; i < kStepsOfBatch; ++i, ++step) {
        stream.append_step(batch, step / 64 % 3, step / 192, step % 64);
      }
    }
    return batches_;
  }
  const MixedTrace& mixed(uint64_t events, Finish finish) {
    MixedTrace& trace = mixed_[{events, finish}];
    if (trace.events == 0) {
      const auto name = fmt::format("mixed-{}-{}.h5", events, finish == Finish::yes);
      trace = make_mixed_trace(directory_.file(name), events, finish);
    }
    return trace;
  }
  const std::string& compared() {
    if (compared_.empty()) {
      compared_ = directory_.file("compared.h5");
      make_compared_trace(compared_, 1000, 10);
    }
    return compared_;
  }

 private:
  Directory directory_;
  Kernels rows_;
  std::vector<Kernels> batches_;
  std::map<std::pair<uint64_t, Finish>, MixedTrace> mixed_;
  std::string compared_;
};

Made& made() {
  static Made shared;
  return shared;
}

void count(benchmark::State& state, const std::string& name, double value) {
  state.counters[name] = benchmark::Counter(value, benchmark::Counter::kAvgIterations);
}

void rate(benchmark::State& state, const std::string& name, double value) {
  state.counters[name] = benchmark::Counter(value, benchmark::Counter::kIsIterationInvariantRate);
}

// What the ceilings need: the bytes of a million rows, one column after the other.
const std::vector<uint8_t>& raw_bytes() {
  static const std::vector<uint8_t> bytes = [] {
    std::vector<uint8_t> all;
    Kernels::columns(made().rows(),
                     [&](std::string_view, const auto& column, std::string_view, std::string_view) {
                       const auto* data = reinterpret_cast<const uint8_t*>(column.data());
                       all.insert(all.end(), data, data + column.size() * sizeof(column[0]));
                     });
    return all;
  }();
  return bytes;
}

void bench_memcpy(benchmark::State& state) {
  const std::vector<uint8_t>& from = raw_bytes();
  std::vector<uint8_t> to(from.size());
  for (auto step : state) {
    std::memcpy(to.data(), from.data(), from.size());
    benchmark::DoNotOptimize(to.data());
    benchmark::ClobberMemory();
  }
  rate(state, "bytes_per_second", static_cast<double>(from.size()));
}

// Into a new file each time, in the page cache, as the recorder writes.
double seconds_to_write(const std::string& path, const std::vector<uint8_t>& bytes, int times) {
  ::unlink(path.c_str());
  const double start = now_seconds();
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) fail("cannot create {}; set TMPDIR to a directory that can be written", path);
  for (int i = 0; i < times; ++i) {
    constexpr size_t kBlock = 1 << 18;
    for (size_t at = 0; at < bytes.size(); at += kBlock) {
      const size_t part = std::min(kBlock, bytes.size() - at);
      if (::write(fd, bytes.data() + at, part) != static_cast<ssize_t>(part)) {
        fail("cannot write {}; make room", path);
      }
    }
  }
  ::close(fd);
  const double took = seconds_since(start);
  ::unlink(path.c_str());
  return took;
}

void bench_write_file(benchmark::State& state) {
  const std::string path = made().directory().file("written");
  for (auto step : state) state.SetIterationTime(seconds_to_write(path, raw_bytes(), 4));
  rate(state, "bytes_per_second", static_cast<double>(4 * raw_bytes().size()));
}

// zlib's own speed on the same bytes, shuffled as the filter does it, in one thread: what
// finalising costs at least as long as zlib compresses.
void bench_zlib(benchmark::State& state) {
  constexpr size_t kChunkRows = 16384;
  std::vector<std::vector<uint8_t>> chunks;
  Kernels::columns(made().rows(),
                   [&](std::string_view, const auto& column, std::string_view, std::string_view) {
                     constexpr size_t kBytes = sizeof(column[0]);
                     const auto* data = reinterpret_cast<const uint8_t*>(column.data());
                     for (size_t begin = 0; begin < column.size(); begin += kChunkRows) {
                       const size_t rows = std::min(kChunkRows, column.size() - begin);
                       std::vector<uint8_t>& chunk = chunks.emplace_back(rows * kBytes);
                       for (size_t i = 0; i < rows; ++i) {
                         for (size_t byte = 0; byte < kBytes; ++byte) {
                           chunk[byte * rows + i] = data[(begin + i) * kBytes + byte];
                         }
                       }
                     }
                   });
  std::vector<uint8_t> packed(compressBound(kChunkRows * 8));
  uint64_t total = 0;
  for (auto step : state) {
    for (const std::vector<uint8_t>& chunk : chunks) {
      uLongf size = packed.size();
      compress2(packed.data(), &size, chunk.data(), chunk.size(), 1);
      total += size;
    }
  }
  rate(state, "bytes_per_second", static_cast<double>(raw_bytes().size()));
  count(state, "bytes_per_event",
        static_cast<double>(total) / static_cast<double>(made().rows().run.size()));
}

// What a recording cost, over all iterations.
struct RecordingCosts {
  double queue_bytes = 0;
  double resident_bytes = 0;
  double writer_ns = 0;
  double memcpy_seconds = 0;
  double seconds = 0;
  double producer_seconds = 0;
  double events = 0;

  void report(benchmark::State& state, uint64_t events_each, uint64_t row_bytes) const {
    rate(state, "events_per_second", static_cast<double>(events_each));
    rate(state, "bytes_per_second", static_cast<double>(events_each * row_bytes));
    state.counters["bytes"] = static_cast<double>(events_each * row_bytes);
    state.counters["queue_bytes"] = queue_bytes;
    state.counters["resident_bytes"] = resident_bytes;
    state.counters["writer_ns_per_event"] = writer_ns / events;
    state.counters["producer_ns_per_event"] = 1e9 * producer_seconds / events;
  }
};

// Kernel rows into a TraceWriter as fast as it takes them: where half of the queue is full the
// producer waits, so that nothing is dropped. Timed until all of it is committed. With `finish`
// finishing is timed, and recording is not.
void bench_writer(benchmark::State& state, bool finish) {
  const std::vector<Kernels>& batches = made().batches();
  constexpr uint64_t events = kBatches * kBatchRows;
  const std::string path = made().directory().file("recorded.h5");
  RecordingCosts costs;
  double file_bytes = 0;
  for (auto step : state) {
    WriterOptions options;
    options.overwrite = true;
    options.queue_bytes = kQueueBytes;
    options.shard_bytes = 0;
    const uint64_t resident = resident_bytes();
    TraceWriter writer(path, "{}", options);
    uint64_t most = 0;
    const double start = now_seconds();
    uint64_t handed = 0;
    double producing = 0;
    for (const Kernels& batch : batches) {
      const double began = now_seconds();
      if (!writer.append(Kernels(batch))) fail("rows were dropped although there was room");
      producing += seconds_since(began);
      handed += kBatchRows;
      while (writer.cost().queued_bytes > kQueueBytes / 2) ::usleep(200);
      if (handed % (kBatchRows * 64) == 0) most = std::max(most, resident_bytes());
    }
    writer.commit();
    const double recorded = seconds_since(start);
    const WriterCost cost = writer.cost();
    costs.queue_bytes = std::max(costs.queue_bytes, static_cast<double>(cost.queue_high_water));
    costs.resident_bytes =
        std::max(costs.resident_bytes, static_cast<double>(std::max(most, resident) - resident));
    costs.writer_ns += static_cast<double>(cost.cpu_ns);
    costs.producer_seconds += producing;
    costs.events += static_cast<double>(handed);
    if (!finish) {
      state.SetIterationTime(recorded);
      continue;
    }
    const double began = now_seconds();
    const FinishReport report = writer.finish(Status::complete);
    state.SetIterationTime(seconds_since(began));
    if (!report.finalised) fail("{}", report.warning);
    file_bytes = static_cast<double>(report.file_bytes);
  }
  costs.report(state, events, kRowBytes);
  if (finish) state.counters["bytes_per_event"] = file_bytes / static_cast<double>(events);
}

// Spans through the observer that a recording has: one call for each. Timed until they are written.
void bench_recorder(benchmark::State& state, uint64_t events) {
  const std::string path = made().directory().file("observed.h5");
  RecordingCosts costs;
  for (auto step : state) {
    RecorderOptions options;
    options.writer.overwrite = true;
    options.writer.queue_bytes = kQueueBytes;
    options.writer.shard_bytes = 0;
    const uint64_t resident = resident_bytes();
    Recorder recorder(path, "{}", options);
    recorder.add_run("full", "full", "{}");
    engine::SpanEvent span;
    uint64_t most = 0;
    double waiting = 0;
    const double start = now_seconds();
    for (uint64_t i = 0; i < events; ++i) {
      span.layer = static_cast<int32_t>(i / 6 % 32);
      span.op = static_cast<engine::Op>(i % 6);
      span.at.step = static_cast<int32_t>(i / 192);
      span.start_ns = static_cast<int64_t>(i * 5003 + (i * 0x9e3779b9u) % 4096);
      span.end_ns = span.start_ns + 1500 + static_cast<int64_t>((i * 0x85ebca6bu) % 3000);
      recorder.on_span(span);
      if (i % 65536 != 0) continue;
      const double began = now_seconds();
      while (recorder.writer().cost().queued_bytes > kQueueBytes / 2) ::usleep(200);
      most = std::max(most, resident_bytes());
      waiting += seconds_since(began);
    }
    const double produced = seconds_since(start) - waiting;
    // All but the last batch, which the recorder still has: until the file has it.
    while (recorder.writer().cost().queued_bytes > 0) ::usleep(100);
    state.SetIterationTime(seconds_since(start));
    const WriterCost cost = recorder.writer().cost();
    costs.queue_bytes = std::max(costs.queue_bytes, static_cast<double>(cost.queue_high_water));
    costs.resident_bytes =
        std::max(costs.resident_bytes, static_cast<double>(std::max(most, resident) - resident));
    costs.writer_ns += static_cast<double>(cost.cpu_ns);
    costs.producer_seconds += produced;
    costs.events += static_cast<double>(events);
    if (!recorder.writer().drops().empty()) fail("spans were dropped although there was room");
  }
  costs.report(state, events, kSpanBytes);
}

// Opens as every command does: on trial in a child, then here.
void bench_open(benchmark::State& state, uint64_t events, Finish finish, Trial trial) {
  const MixedTrace& trace = made().mixed(events, finish);
  for (auto step : state) {
    const Trace opened = Trace::open(trace.path, trial);
    benchmark::DoNotOptimize(opened.rows<Spans>());
  }
  state.counters["bytes"] = static_cast<double>(std::filesystem::file_size(trace.path));
  state.counters["events"] = static_cast<double>(trace.events);
}

// What `kvreel info` prints, opening included.
void bench_info(benchmark::State& state, uint64_t events) {
  const MixedTrace& trace = made().mixed(events, Finish::yes);
  for (auto step : state) {
    const Trace opened = Trace::open(trace.path);
    benchmark::DoNotOptimize(exports::render_info_text(opened).size());
  }
  state.counters["events"] = static_cast<double>(trace.events);
  state.counters["bytes_per_event"] = static_cast<double>(std::filesystem::file_size(trace.path)) /
                                      static_cast<double>(trace.events);
}

// One decision of a layer with its ranking and curve, of a pass that was not looked at yet, from a
// trace that was just opened.
void bench_decisions(benchmark::State& state, uint64_t events) {
  const MixedTrace& trace = made().mixed(events, Finish::yes);
  Random random(3);
  for (auto step : state) {
    const Trace opened = Trace::open(trace.path, Trial::no);
    const auto layer = static_cast<int>(random.next() % KernelStream::kLayers);
    const uint64_t samples = opened.rows<Samples>();
    const auto sample = static_cast<int32_t>(random.next() % samples);
    const double start = now_seconds();
    const auto pass = opened.pass(1, sample);
    if (!pass) fail("a pass is not there");
    const Decisions rows = opened.read<Decisions>(pass->decisions.begin, pass->decisions.end);
    const auto i = static_cast<size_t>(layer);
    const auto ranking = static_cast<uint64_t>(rows.ranking[i]);
    const auto curve = static_cast<uint64_t>(rows.curve[i]);
    const Rankings order = opened.read<Rankings>(ranking, ranking + 1);
    const Curves norms = opened.read<Curves>(curve, curve + 1);
    benchmark::DoNotOptimize(norms.distance.values.size() + order.positions.values.size());
    state.SetIterationTime(seconds_since(start));
  }
  state.counters["events"] = static_cast<double>(trace.events);
}

// The first row whose start is at least `time`.
template <typename Table>
uint64_t first_at(const Trace& trace, int64_t time, RowRange rows) {
  while (rows.begin < rows.end) {
    const uint64_t middle = rows.begin + (rows.end - rows.begin) / 2;
    const int64_t start = trace.read_column(&Table::start_ns, middle, middle + 1)[0];
    (start < time ? rows.begin : rows.end) = start < time ? middle + 1 : middle;
  }
  return rows.begin;
}

// One second of spans and kernels, somewhere, with what a timeline draws of them: found by passes'
// times, then by the rows' own.
void bench_second(benchmark::State& state, uint64_t events) {
  const MixedTrace& trace = made().mixed(events, Finish::yes);
  Random random(4);
  double shown = 0;
  for (auto step : state) {
    const Trace opened = Trace::open(trace.path, Trial::no);
    const auto last = static_cast<uint64_t>(trace.end_ns - 1'000'000'000);
    const auto from = static_cast<int64_t>(random.next() % last);
    const int64_t until = from + 1'000'000'000;
    const double start = now_seconds();
    const uint64_t passes = opened.rows<Passes>();
    const std::vector<int64_t> starts = opened.read_column(&Passes::start_ns, 0, passes);
    const auto at = [&](int64_t time) {
      return static_cast<uint64_t>(std::ranges::lower_bound(starts, time) - starts.begin());
    };
    const uint64_t first_pass = at(from) == 0 ? 0 : at(from) - 1;
    const PassRows first = opened.pass_at(first_pass);
    const PassRows end = opened.pass_at(std::min(at(until), passes - 1));
    const uint64_t span_begin = first_at<Spans>(opened, from, first.spans);
    const uint64_t span_end = first_at<Spans>(opened, until, end.spans);
    const uint64_t kernel_begin = first_at<Kernels>(opened, from, first.kernels);
    const uint64_t kernel_end = first_at<Kernels>(opened, until, end.kernels);
    const auto spans = [&](auto column) {
      benchmark::DoNotOptimize(opened.read_column(column, span_begin, span_end).data());
    };
    const auto kernels = [&](auto column) {
      benchmark::DoNotOptimize(opened.read_column(column, kernel_begin, kernel_end).data());
    };
    spans(&Spans::start_ns);
    spans(&Spans::duration_ns);
    spans(&Spans::op);
    spans(&Spans::layer);
    kernels(&Kernels::start_ns);
    kernels(&Kernels::duration_ns);
    kernels(&Kernels::op);
    kernels(&Kernels::layer);
    kernels(&Kernels::name);
    kernels(&Kernels::bytes);
    kernels(&Kernels::stream);
    state.SetIterationTime(seconds_since(start));
    shown += static_cast<double>(span_end - span_begin + kernel_end - kernel_begin);
  }
  count(state, "events_shown", shown);
  state.counters["events"] = static_cast<double>(trace.events);
}

void bench_compare(benchmark::State& state, const std::string& by) {
  const std::string& path = made().compared();
  exports::CompareOptions options;
  options.by = by;
  for (auto step : state) {
    const Trace opened = Trace::open(path);
    const exports::Comparison comparison = exports::compare(opened, options);
    benchmark::DoNotOptimize(exports::render_compare_text(comparison).size());
  }
  state.counters["bytes"] = static_cast<double>(std::filesystem::file_size(path));
}

// The command itself, as a new process.
void bench_command(benchmark::State& state, std::vector<std::string> words,
                   const std::function<std::string()>& trace) {
  words.insert(words.begin(), KVREEL_PROGRAM);
  words.push_back(trace());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  for (auto step : state) {
    pid_t child = 0;
    int status = 0;
    if (::posix_spawn(&child, arguments[0], &actions, nullptr, arguments.data(), environ) != 0 ||
        ::waitpid(child, &status, 0) < 0 || status != 0) {
      fail("{} {} failed; build the target kvreel", words[0], words[1]);
    }
  }
  ::posix_spawn_file_actions_destroy(&actions);
}

void add(const std::string& name, std::function<void(benchmark::State&)> run, bool manual) {
  benchmark::internal::Benchmark* const added =
      benchmark::RegisterBenchmark(name.c_str(), [run = std::move(run)](benchmark::State& state) {
        try {
          run(state);
        } catch (const std::exception& error) {
          state.SkipWithError(error.what());
        }
      });
  added->Unit(benchmark::kMillisecond);
  if (manual) {
    added->UseManualTime();
  } else {
    added->UseRealTime();
  }
}

void add_all() {
  constexpr uint64_t kRecorded = uint64_t{4} << 20;
  constexpr uint64_t kOpened = 10'000'000;
  constexpr uint64_t kKilled = 2'000'000;
  using State = benchmark::State;
  add("ceiling/memcpy/kernels", bench_memcpy, false);
  add("ceiling/write_file/kernels", bench_write_file, true);
  add("ceiling/zlib_1/kernels", bench_zlib, false);
  add(
      "record/kernels/4M", [](State& state) { bench_writer(state, false); }, true);
  add(
      "record/spans/4M", [](State& state) { bench_recorder(state, kRecorded); }, true);
  add(
      "finalise/kernels/4M", [](State& state) { bench_writer(state, true); }, true);
  add(
      "open/10M/no_trial", [](State& state) { bench_open(state, kOpened, Finish::yes, Trial::no); },
      false);
  add(
      "open/10M/trial", [](State& state) { bench_open(state, kOpened, Finish::yes, Trial::yes); },
      false);
  add(
      "open/10M/info", [](State& state) { bench_info(state, kOpened); }, false);
  add(
      "command/info/10M",
      [](State& state) {
        bench_command(state, {"info"}, [] { return made().mixed(kOpened, Finish::yes).path; });
      },
      false);
  add(
      "read/10M/layer_decisions", [](State& state) { bench_decisions(state, kOpened); }, true);
  add(
      "read/10M/second_of_timeline", [](State& state) { bench_second(state, kOpened); }, true);
  add(
      "open/unfinished_2M/trial",
      [](State& state) { bench_open(state, kKilled, Finish::no, Trial::yes); }, false);
  add(
      "compare/1000x10", [](State& state) { bench_compare(state, ""); }, false);
  add(
      "compare/1000x10/by_task", [](State& state) { bench_compare(state, "task"); }, false);
  add(
      "command/compare/1000x10",
      [](State& state) { bench_command(state, {"compare"}, [] { return made().compared(); }); },
      false);
}

}  // namespace
}  // namespace kvreel::benchmarks

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  kvreel::benchmarks::add_all();
  if (benchmark::RunSpecifiedBenchmarks() == 0) return 1;
  benchmark::Shutdown();
  return 0;
}
