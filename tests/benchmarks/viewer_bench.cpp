// The viewer on a trace of ten million spans and ten thousand passes: times to what a person sees
// first.
//
// The trace is written once into the system's directory for temporary files and removed at the end;
// KVREEL_BENCH_TRACE names one to keep and use again. Files are warm: they were just written.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "base/error.h"
#include "viewer/big_trace.h"
#include "viewer/data/library.h"

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

// Resident bytes of this process.
double resident_bytes() {
  std::ifstream in("/proc/self/statm");
  double pages = 0;
  double resident = 0;
  in >> pages >> resident;
  return resident * 4096;
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
    const double before = resident_bytes();
    Library library(nullptr);
    const TraceId trace = library.open(path);
    if (!library.wait_idle(kPatience)) state.SkipWithError("took too long");
    if (!library.overview(trace)->comparison) state.SkipWithError("has no comparison");
    resident = resident_bytes() - before;
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

}  // namespace
}  // namespace kvreel::viewer

BENCHMARK_MAIN();
