// The viewer on a trace of ten million spans and ten thousand passes: times to what a person sees
// first.
//
// The trace is written once into the system's directory for temporary files and removed at the end;
// KVREEL_BENCH_TRACE names one to keep and use again. Files are warm: they were just written.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>

#include "base/error.h"
#include "resident_memory.h"
#include "viewer/big_trace.h"
#include "viewer/data/library.h"
#include "viewer/model/timeline_statistics.h"
#include "viewer/model/timeline_view.h"
#include "viewer/null_ui.h"

namespace kvreel::viewer {
namespace {

constexpr int kPatience = 600'000;  // ms

// The shared trace, and a library that has it open.
class BigFile {
 public:
  BigFile() {
    const char* kept = std::getenv("KVREEL_BENCH_TRACE");
    path_ = kept != nullptr
                ? std::string(kept)
                : (std::filesystem::temp_directory_path() / "kvreel-viewer-bench.h5").string();
    keep_ = kept != nullptr;
    if (keep_ && std::filesystem::exists(path_)) return;
    std::filesystem::remove(path_);
    testing::BigTrace shape;
    shape.runs = 4;
    shape.samples = 2500;
    shape.spans = 10'000'000;
    shape.kernels = 100'000;
    shape.tokens = 256;
    shape.layers = 16;
    shape.curve_passes = 64;
    testing::write_big_trace(path_, shape);
  }
  ~BigFile() {
    if (!keep_) std::filesystem::remove(path_);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool keep_ = false;
};

const std::string& big_file() {
  static const BigFile kFile;
  return kFile.path();
}

void wait_for_overview(Library& library, TraceId trace) {
  while (library.overview(trace).state == LoadState::loading) {
    library.wait_for_news(kPatience);
    library.poll();
  }
  if (!library.overview(trace)) fail("{}", library.overview(trace).error);
}

void open_to_first_overview(benchmark::State& state) {
  const std::string& path = big_file();
  double spans = 0;
  for (auto _ : state) {
    auto library = std::make_unique<Library>(nullptr);
    const TraceId trace = library->open(path);
    wait_for_overview(*library, trace);
    spans = static_cast<double>(library->overview(trace)->spans);
    state.PauseTiming();
    library.reset();
    state.ResumeTiming();
  }
  state.counters["spans"] = spans;
}
BENCHMARK(open_to_first_overview)->Unit(benchmark::kMillisecond)->UseRealTime();

void open_to_comparison(benchmark::State& state) {
  const std::string& path = big_file();
  double resident = 0;
  for (auto _ : state) {
    ::malloc_trim(0);
    const auto before = static_cast<double>(resident_bytes());
    Library library(nullptr);
    const TraceId trace = library.open(path);
    if (!library.wait_idle(kPatience)) state.SkipWithError("took too long");
    if (!library.overview(trace)->comparison) state.SkipWithError("has no comparison");
    resident = static_cast<double>(resident_bytes()) - before;
  }
  state.counters["resident"] = resident;
}
BENCHMARK(open_to_comparison)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(1);

// A pass that is not in memory: prompt, tokens, decisions, curves.
void details_of_a_pass(benchmark::State& state) {
  Library library(nullptr);
  const TraceId trace = library.open(big_file());
  if (!library.wait_idle(kPatience)) state.SkipWithError("took too long");
  const std::shared_ptr<const Overview> overview = library.overview(trace).value;
  size_t next = 0;
  for (auto _ : state) {
    const PassInfo& pass = overview->passes[next++ * 37 % overview->passes.size()];
    const PassKey key{trace, pass.run, pass.sample};
    library.pass(key);
    library.prompt(trace, pass.sample);
    library.wait_idle(kPatience);
  }
}
BENCHMARK(details_of_a_pass)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(200);

// What a frame pays for asking for what is there.
void ask_for_what_is_loaded(benchmark::State& state) {
  Library library(nullptr);
  const TraceId trace = library.open(big_file());
  const PassKey key{trace, 1, 0};
  library.pass(key);
  library.wait_idle(kPatience);
  for (auto _ : state) {
    library.poll();
    for (int i = 0; i < 100; ++i) benchmark::DoNotOptimize(library.pass(key));
  }
}
BENCHMARK(ask_for_what_is_loaded)->Unit(benchmark::kMicrosecond);

// --- The timeline ---

// Ten million events: spans on one track, kernels on seven, with gaps, long and short ones.
std::shared_ptr<const TimelineData> ten_million_events() {
  static const std::shared_ptr<const TimelineData> kData = [] {
    auto data = std::make_shared<TimelineData>();
    data->passes = std::make_shared<const std::vector<TimelinePass>>();
    constexpr uint64_t kEvents = 1'250'000;
    for (int track = 0; track < 8; ++track) {
      Track& to = data->tracks.emplace_back();
      to.kind = track == 0 ? TrackKind::operations : TrackKind::stream;
      to.stream = track;
      LaneEnds ends;
      std::minstd_rand random(static_cast<unsigned>(track) + 1);
      int64_t time = 0;
      for (uint64_t first = 0; first < kEvents; first += TimelineLoader::kBlockRows) {
        RawEvents events;
        events.first_row = first;
        const uint64_t count = std::min(TimelineLoader::kBlockRows, kEvents - first);
        for (uint64_t i = 0; i < count; ++i) {
          const auto roll = random();
          if (roll % 100'000 == 0) time += 50'000'000;
          if (roll % 7 == 0) time += roll % 5000;
          const auto duration = static_cast<int64_t>(roll % 997 == 0 ? 200'000 : roll % 3000);
          events.start.push_back(time);
          events.duration.push_back(duration);
          events.kind.push_back(static_cast<uint8_t>(roll / 11 % 9));
          events.layer.push_back(static_cast<int16_t>(roll % 32));
          if (track > 0) events.name.push_back(static_cast<int32_t>(roll % 40));
          time += duration;
        }
        to.blocks.push_back(split_lanes(std::move(events), ends).blocks.front().second);
        to.events += count;
        data->events += count;
      }
      data->end_ns = std::max(data->end_ns, time);
    }
    return data;
  }();
  return kData;
}

// Rows laid out anew, as while a person zooms: `length` ns in 1600 pixels, at another place each
// time.
void lay_out_rows(benchmark::State& state, double length) {
  const auto data = ten_million_events();
  const auto whole = static_cast<double>(data->end_ns);
  double place = 0;
  size_t shapes = 0;
  for (auto _ : state) {
    place = std::fmod(place + 0.618, 1.);
    const double begin = (whole - length) * place;
    shapes = 0;
    for (size_t track = 0; track < data->tracks.size(); ++track) {
      const RowPicture row = layout_row(*data, track, {begin, begin + length, 1600}, 30);
      shapes += row.boxes.size() + row.strips.size();
    }
  }
  state.counters["events"] = static_cast<double>(data->events);
  state.counters["shapes"] = static_cast<double>(shapes);
}

// 10^-k of the recording.
void lay_out_timeline(benchmark::State& state) {
  const auto whole = static_cast<double>(ten_million_events()->end_ns);
  lay_out_rows(state, whole * std::pow(10., -static_cast<double>(state.range(0))));
}
BENCHMARK(lay_out_timeline)->DenseRange(0, 7)->Unit(benchmark::kMillisecond);

// So many events to a pixel of each row, on average: what costs most lies between the powers of
// ten.
void lay_out_dense_rows(benchmark::State& state) {
  const auto data = ten_million_events();
  const double per_row =
      static_cast<double>(data->events) / static_cast<double>(data->tracks.size());
  lay_out_rows(state, static_cast<double>(data->end_ns) *
                          std::min(1., 1600. * static_cast<double>(state.range(0)) / per_row));
}
BENCHMARK(lay_out_dense_rows)
    ->Arg(5)
    ->Arg(10)
    ->Arg(20)
    ->Arg(30)
    ->Arg(40)
    ->Arg(50)
    ->Arg(60)
    ->Arg(80)
    ->Arg(100)
    ->Arg(130)
    ->Arg(160)
    ->Arg(250)
    ->Arg(400)
    ->Unit(benchmark::kMillisecond);

// A whole frame of the timeline page on the ten million spans of the file, NewFrame to Render, with
// another view each time: rows, cache bytes and a portion of the statistics. 10^-k of the recording
// is visible.
void frame_of_the_timeline(benchmark::State& state) {
  static testing::NullUi ui;
  static const std::unique_ptr<PagePanel> kPage = make_timeline_page();
  static const std::shared_ptr<const TimelineData> kData = [] {
    ui.show(*kPage);
    const TraceId trace = ui.open(big_file());
    return ui.library().timeline(trace).value;
  }();
  if (kData == nullptr || kData->events < 10'000'000) {
    state.SkipWithError("the timeline was not loaded");
    return;
  }
  const auto whole = static_cast<double>(kData->end_ns);
  const double length = whole * std::pow(10., -static_cast<double>(state.range(0)));
  double place = 0;
  int most = 0;
  for (auto _ : state) {
    place = std::fmod(place + 0.618, 1.);
    const double begin = (whole - length) * place;
    ui.view().time = TimeRange{begin, begin + length};
    ui.frame();
    most = std::max(most, ui.vertices());
  }
  state.counters["vertices"] = most;
}
BENCHMARK(frame_of_the_timeline)->DenseRange(0, 7)->Unit(benchmark::kMillisecond);

void statistics_of_everything(benchmark::State& state) {
  const auto data = ten_million_events();
  for (auto _ : state) {
    RangeStatistics statistics(data, {0, static_cast<double>(data->end_ns)}, StatisticsOf::kernels);
    while (!statistics.advance(150'000)) {
    }
    benchmark::DoNotOptimize(statistics.rows());
  }
}
BENCHMARK(statistics_of_everything)->Unit(benchmark::kMillisecond);

// A portion of statistics as a frame counts it.
void statistics_of_a_frame(benchmark::State& state) {
  const auto data = ten_million_events();
  std::unique_ptr<RangeStatistics> statistics;
  for (auto _ : state) {
    if (statistics == nullptr || statistics->done()) {
      state.PauseTiming();
      statistics = std::make_unique<RangeStatistics>(
          data, TimeRange{0, static_cast<double>(data->end_ns)}, StatisticsOf::kernels);
      state.ResumeTiming();
    }
    statistics->advance(150'000);
  }
}
BENCHMARK(statistics_of_a_frame)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kvreel::viewer

BENCHMARK_MAIN();
