// How large a trace may become: a million decisions through the recorder, a hundred million kernel
// rows in shards through the writer. Every row that is read back must be what its number says, and
// memory must stay flat.
//
// trace_limits DIRECTORY [DECISIONS] [KERNEL ROWS]. Takes about 15 GB for a while with the
// defaults.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/mix_bits.h"
#include "resident_memory.h"
#include "seconds.h"
#include "tracer/read/trace.h"
#include "tracer/record/recorder.h"

namespace kvreel::tracer {
namespace {

// Of a model of Llama-2-7B's shape: 32 layers. Rankings and curves are scaled down, from thousands
// of positions to kCandidates, so that a million of each fit a disk.
constexpr int kLayers = 32;
constexpr int kCandidates = 48;
constexpr int kCut = 30;
constexpr uint64_t kQueueBytes = uint64_t{64} << 20;
constexpr uint64_t kShardBytes = uint64_t{1} << 30;
// Beyond the queue: HDF5's chunk caches (two chunks of every data set), the batch that is written,
// the copy's blocks, and what a recorder keeps of every pass.
constexpr uint64_t kMemoryBeyond = uint64_t{320} << 20;

// Memory at moments of a recording: it must not grow with what was recorded.
class Memory {
 public:
  void look(double progress) {
    uint64_t& most = progress < 0.5 ? first_ : second_;
    most = std::max(most, resident_bytes());
  }
  void require_flat(const char* what) const {
    fmt::print(
        "  resident memory: at most {:.1f} MiB in the first half, {:.1f} MiB in the second\n",
        mib(first_), mib(second_));
    const uint64_t slack = uint64_t{48} << 20;
    if (second_ > first_ + slack) fail("memory grows while {} are recorded", what);
    if (std::max(first_, second_) > kQueueBytes + kMemoryBeyond) {
      fail("recording {} takes more memory than its queue and {:.0f} MiB", what,
           mib(kMemoryBeyond));
    }
  }

 private:
  static double mib(uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }
  uint64_t first_ = 0;
  uint64_t second_ = 0;
};

uint64_t bytes_of(const Trace& trace) {
  uint64_t bytes = 0;
  for (const std::string& file : trace.files()) bytes += std::filesystem::file_size(file);
  return bytes;
}

void require(bool right, uint64_t row, const char* what) {
  if (!right) fail("row {} of {} is not what was recorded", row, what);
}

// The candidates of a decision in order of eviction: a rotation.
int32_t candidate(uint64_t decision, int place) {
  return static_cast<int32_t>((decision * 7 + static_cast<uint64_t>(place)) % kCandidates);
}
float distance(uint64_t decision, int place) {
  return static_cast<float>(decision % 1009) * 1e-6f + static_cast<float>(place) * 1e-3f;
}

void record_decisions(const std::string& path, uint64_t samples) {
  RecorderOptions options;
  options.writer.queue_bytes = kQueueBytes;
  Recorder recorder(path, R"({"command":["trace_limits"]})", options);
  recorder.add_run("refreekv", "refreekv", "{}");
  const std::vector<int32_t> tokens(kCandidates, 1);
  const std::vector<std::string> pieces(kCandidates, "a ");
  Memory memory;
  for (uint64_t sample = 0; sample < samples; ++sample) {
    const auto number = static_cast<int32_t>(sample);
    const std::string id = std::to_string(sample);
    engine::SampleEvent announced;
    announced.sample = number;
    announced.id = id;
    announced.text = id;
    announced.tokens = tokens;
    announced.pieces = pieces;
    announced.metadata = "{}";
    announced.original_tokens = kCandidates;
    recorder.on_sample(announced);
    for (int layer = 0; layer < kLayers; ++layer) {
      const uint64_t row = sample * kLayers + static_cast<uint64_t>(layer);
      auto ranking = std::make_shared<std::vector<int32_t>>();
      auto curve = std::make_shared<engine::NormCurve>();
      std::vector<int32_t> kept;
      for (int place = 0; place < kCandidates; ++place) {
        ranking->push_back(candidate(row, place));
        if (place >= kCut) kept.push_back(candidate(row, place));
        curve->distance.push_back(distance(row, place));
      }
      curve->distance_all = curve->distance;
      std::ranges::sort(kept);
      engine::Decision decision;
      decision.reason = engine::Reason::threshold;
      decision.cached = kCandidates;
      decision.kept = engine::KeptSet::of(kept);
      decision.ranking = std::move(ranking);
      decision.curve = std::move(curve);
      decision.threshold = 0.01;
      decision.cut = kCut;
      decision.halt_position = candidate(row, kCut);
      recorder.on_decision({{0, number, 0}, layer, decision, 0, 0});
    }
    engine::StepEvent step;
    step.at = {0, number, 0};
    step.rows = kCandidates;
    recorder.on_step(step);
    engine::PassEvent pass;
    pass.sample = number;
    pass.finish = engine::FinishReason::max_new_tokens;
    pass.generated = 1;
    recorder.on_pass(pass);
    // A model would take seconds for each: it never fills the queue.
    while (recorder.writer().cost().queued_bytes > kQueueBytes / 2) ::usleep(1000);
    if (sample % 256 == 0) {
      memory.look(static_cast<double>(sample) / static_cast<double>(samples));
    }
  }
  const FinishReport report = recorder.finish(Status::complete);
  if (!report.finalised) fail("{}", report.warning);
  memory.require_flat("decisions");
}

void verify_decisions(const std::string& path, uint64_t samples) {
  double start = now_seconds();
  const Trace trace = Trace::open(path);
  const double opened = seconds_since(start);
  const uint64_t rows = samples * kLayers;
  if (trace.rows<Decisions>() != rows) {
    fail("{} decisions were recorded, and {} are there", rows, trace.rows<Decisions>());
  }
  start = now_seconds();
  const PassRows pass = trace.pass_at(samples / 2);
  const Decisions layer = trace.read<Decisions>(pass.decisions.begin + 7, pass.decisions.begin + 8);
  const auto ranking = static_cast<uint64_t>(layer.ranking[0]);
  const Rankings one = trace.read<Rankings>(ranking, ranking + 1);
  const double read = seconds_since(start);
  if (one.positions.values.size() != kCandidates) fail("a layer's ranking is not whole");
  start = now_seconds();
  constexpr uint64_t kBlock = 32768;
  for (uint64_t begin = 0; begin < rows; begin += kBlock) {
    const uint64_t end = std::min(begin + kBlock, rows);
    const Decisions block = trace.read<Decisions>(begin, end);
    for (uint64_t row = begin; row < end; ++row) {
      const size_t i = row - begin;
      require(block.sample[i] == static_cast<int32_t>(row / kLayers) &&
                  block.layer[i] == static_cast<int16_t>(row % kLayers) && block.cut[i] == kCut &&
                  block.halt_position[i] == candidate(row, kCut) && block.ranking[i] >= 0 &&
                  block.curve[i] >= 0,
              row, "decisions");
    }
    const auto first_ranking = static_cast<uint64_t>(block.ranking.front());
    const auto first_curve = static_cast<uint64_t>(block.curve.front());
    const auto last_ranking = static_cast<uint64_t>(block.ranking.back());
    const auto last_curve = static_cast<uint64_t>(block.curve.back());
    const Rankings rankings = trace.read<Rankings>(first_ranking, last_ranking + 1);
    const Curves curves = trace.read<Curves>(first_curve, last_curve + 1);
    for (uint64_t row = begin; row < end; ++row) {
      const auto at = static_cast<uint64_t>(block.ranking[row - begin]) - first_ranking;
      const auto curve = static_cast<uint64_t>(block.curve[row - begin]) - first_curve;
      for (int place = 0; place < kCandidates; ++place) {
        const auto p = static_cast<uint64_t>(place);
        require(
            rankings.positions.values[rankings.positions.begin_of(at) + p] == candidate(row, place),
            row, "rankings");
        require(curves.distance.values[curves.distance.begin_of(curve) + p] == distance(row, place),
                row, "curves");
      }
    }
  }
  fmt::print(
      "  {:.1f} bytes a decision with its curve ({:.1f} MiB); opened in {:.1f} ms, one layer's "
      "decision read in {:.1f} ms; every row verified in {:.1f} s\n",
      static_cast<double>(bytes_of(trace)) / static_cast<double>(rows),
      static_cast<double>(bytes_of(trace)) / (1 << 20), opened * 1e3, read * 1e3,
      seconds_since(start));
}

// A kernel every 10 microseconds, as a decode step of a GPU has them.
constexpr int64_t kPeriodNs = 10'000;

Kernels kernel_rows(uint64_t begin, uint64_t end) {
  Kernels rows;
  for (uint64_t row = begin; row < end; ++row) {
    rows.run.push_back(0);
    rows.sample.push_back(static_cast<int32_t>(row / 100'000));
    rows.step.push_back(static_cast<int32_t>(row / 500 % 200));
    rows.layer.push_back(static_cast<int16_t>(row / 15 % kLayers));
    rows.op.push_back(static_cast<int8_t>(row % 15));
    rows.name.push_back(static_cast<int32_t>(row % 23));
    rows.stream.push_back(7);
    rows.start_ns.push_back(static_cast<int64_t>(row) * kPeriodNs);
    // So that durations compress no better than measured ones.
    rows.duration_ns.push_back(static_cast<int64_t>(engine::split_mix(row) % 9000) + 700);
    rows.bytes.push_back(row % 23 == 0 ? row % 65536 : 0);
  }
  return rows;
}

bool same(const Kernels& a, const Kernels& b) {
  return a.run == b.run && a.sample == b.sample && a.step == b.step && a.layer == b.layer &&
         a.op == b.op && a.name == b.name && a.stream == b.stream && a.start_ns == b.start_ns &&
         a.duration_ns == b.duration_ns && a.bytes == b.bytes;
}

void record_kernels(const std::string& path, uint64_t rows) {
  WriterOptions options;
  options.queue_bytes = kQueueBytes;
  options.shard_bytes = kShardBytes;
  TraceWriter writer(path, R"({"command":["trace_limits"]})", options);
  Memory memory;
  constexpr uint64_t kBatch = 65536;
  for (uint64_t begin = 0, batch = 0; begin < rows; begin += kBatch, ++batch) {
    if (!writer.append(kernel_rows(begin, std::min(begin + kBatch, rows)))) {
      fail("rows were dropped, although their producer waits");
    }
    // Waits, so that no row is dropped whatever the disk does.
    if (batch % 4 == 0) writer.commit();
    memory.look(static_cast<double>(begin) / static_cast<double>(rows));
  }
  writer.commit();
  const FinishReport report = writer.finish(Status::complete);
  if (!report.finalised) fail("{}", report.warning);
  memory.require_flat("kernels");
}

void verify_kernels(const std::string& path, uint64_t rows) {
  double start = now_seconds();
  const Trace trace = Trace::open(path);
  const double opened = seconds_since(start);
  if (trace.rows<Kernels>() != rows) {
    fail("{} kernel rows were recorded, and {} are there", rows, trace.rows<Kernels>());
  }
  // One second of time, across the middle shard's first row where there is one.
  const uint64_t shards = trace.rows<Shards>();
  const uint64_t in_second = std::min<uint64_t>(1'000'000'000 / kPeriodNs, rows / 2);
  const uint64_t middle =
      shards > 0 ? trace.read_column(&Shards::kernels, shards / 2, shards / 2 + 1)[0] : rows / 2;
  const uint64_t first = middle - std::min(middle, in_second / 2);
  start = now_seconds();
  const Kernels second = trace.read<Kernels>(first, std::min(first + in_second, rows));
  const double read = seconds_since(start);
  start = now_seconds();
  constexpr uint64_t kBlock = 1 << 18;
  for (uint64_t begin = 0; begin < rows; begin += kBlock) {
    const uint64_t end = std::min(begin + kBlock, rows);
    require(same(trace.read<Kernels>(begin, end), kernel_rows(begin, end)), begin, "kernels");
  }
  fmt::print(
      "  {} files, {:.2f} bytes a row ({:.1f} MiB); opened in {:.1f} ms, the {} rows of a "
      "second read in {:.1f} ms; every row verified in {:.1f} s\n",
      shards + 1, static_cast<double>(bytes_of(trace)) / static_cast<double>(rows),
      static_cast<double>(bytes_of(trace)) / (1 << 20), opened * 1e3, second.op.size(), read * 1e3,
      seconds_since(start));
}

template <typename Record, typename Verify>
void measure(const std::string& path, uint64_t rows, const char* what, Record&& record,
             Verify&& verify) {
  fmt::print("{} {}\n", rows, what);
  std::fflush(stdout);
  const double start = now_seconds();
  record();
  const double seconds = seconds_since(start);
  fmt::print("  recorded and compressed in {:.1f} s, {:.0f} rows/s\n", seconds,
             static_cast<double>(rows) / seconds);
  std::fflush(stdout);
  verify();
  const std::vector<std::string> files = Trace::open(path).files();
  for (const std::string& file : files) std::filesystem::remove(file);
}

int run(int argc, char** argv) {
  if (argc < 2) fail("name a directory with 15 GB of room: trace_limits DIRECTORY");
  const std::filesystem::path directory = argv[1];
  const auto number = [&](int index, uint64_t usual) {
    return argc > index ? std::strtoull(argv[index], nullptr, 10) : usual;
  };
  const uint64_t samples = std::max<uint64_t>(number(2, 1'000'000) / kLayers, 1);
  const uint64_t kernels = std::max<uint64_t>(number(3, 100'000'000), 2);
  const std::string decided = (directory / "decisions.h5").string();
  const std::string launched = (directory / "kernels.h5").string();
  measure(
      decided, samples * kLayers, "decisions", [&] { record_decisions(decided, samples); },
      [&] { verify_decisions(decided, samples); });
  measure(
      launched, kernels, "kernels", [&] { record_kernels(launched, kernels); },
      [&] { verify_kernels(launched, kernels); });
  return 0;
}

}  // namespace
}  // namespace kvreel::tracer

int main(int argc, char** argv) {
  try {
    return kvreel::tracer::run(argc, argv);
  } catch (const std::exception& error) {
    std::fflush(stdout);
    fmt::print(stderr, "trace_limits: {}\n", error.what());
    return 1;
  }
}
