// How fast the CPU kernels are, next to what the machine can do: reads per second for what memory
// bounds, multiply-adds per second for what arithmetic bounds.
//
// kernels_bench --benchmark_repetitions=9 --benchmark_report_aggregates_only=true
//
// Each benchmark is named operation/shape/instruction set/threads. GB/s counts the bytes of weights
// or of cached keys and values once; GFLOP/s counts a multiply-add as two.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "ceilings.h"
#include "kernels/cpu/ops.h"

namespace {

using namespace kvreel::kernels;

constexpr DType kDType = DType::bf16;

// Memory that no cache holds: benchmarks walk through it, so that each iteration reads from DRAM.
class Pool {
 public:
  static constexpr size_t kBytes = size_t{768} << 20;

  Pool() : bytes_(new unsigned char[kBytes]) {
    // 0x3c3c is 0.0115 in bf16; what matters is that it is neither subnormal nor a shared zero
    // page.
#pragma omp parallel for schedule(static)
    for (size_t block = 0; block < kBytes >> 20; ++block) {
      std::memset(bytes_.get() + (block << 20), 0x3c, size_t{1} << 20);
    }
  }

  // The next `bytes`, starting over at the end.
  const unsigned char* next(size_t bytes) {
    if (used_ + bytes > kBytes) used_ = 0;
    const unsigned char* at = bytes_.get() + used_;
    used_ += (bytes + 63) / 64 * 64;
    return at;
  }

 private:
  std::unique_ptr<unsigned char[]> bytes_;
  size_t used_ = 0;
};

Pool& pool() {
  static Pool shared;
  return shared;
}

void gigabytes(benchmark::State& state, size_t bytes) {
  state.counters["GB/s"] =
      benchmark::Counter(double(bytes) * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}
void gigaflops(benchmark::State& state, double operations) {
  state.counters["GFLOP/s"] =
      benchmark::Counter(operations * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

void bench_read(benchmark::State& state, size_t bytes, int threads) {
  for (auto step : state) {
    const unsigned char* at = pool().next(bytes);
    benchmark::DoNotOptimize(kvreel::benchmarks::read_by_all(at, bytes, threads));
  }
  gigabytes(state, bytes);
}

#if defined(__x86_64__)
void bench_fma(benchmark::State& state, cpu::Isa isa, int threads) {
  constexpr int64_t kSteps = 1 << 20;
  for (auto step : state) {
    benchmark::DoNotOptimize(kvreel::benchmarks::multiply_add(isa, kSteps, threads));
  }
  gigaflops(state, kvreel::benchmarks::fma_operations(isa, kSteps, threads));
}
#endif

void bench_linear(benchmark::State& state, cpu::Exec exec, int64_t rows, int64_t outputs,
                  int64_t cols) {
  const std::vector<float> x(size_t(rows * cols), 0.5F);
  std::vector<float> y(size_t(rows * outputs), 0.0F);
  const size_t bytes = size_t(outputs * cols) * size_of(kDType);
  for (auto step : state) {
    cpu::LinearArgs args;
    args.x = x.data();
    args.rows = rows;
    args.w = {pool().next(bytes), kDType, outputs, cols};
    args.y = y.data();
    args.y_stride = outputs;
    cpu::linear(exec, args);
    benchmark::DoNotOptimize(y.data());
  }
  gigabytes(state, bytes);
  gigaflops(state, 2.0 * double(rows) * double(outputs) * double(cols));
}

struct HeadShape {
  const char* model;
  int64_t q_heads, kv_heads;
  int32_t head_dim;
};

// rows == 1: decode over `keys`; otherwise a prompt of `rows` tokens whose keys are all cached.
void bench_attend(benchmark::State& state, cpu::Exec exec, HeadShape shape, int64_t rows,
                  int64_t keys, bool statistics) {
  constexpr int32_t kPageRows = 64;
  const PageLayout layout{.dtype = kDType, .page_rows = kPageRows, .head_dim = shape.head_dim};
  const int64_t page_count = (keys + kPageRows - 1) / kPageRows;
  std::vector<int32_t> positions, query_positions;
  for (int64_t j = 0; j < keys; ++j) positions.push_back(int32_t(j));
  for (int64_t r = 0; r < rows; ++r) query_positions.push_back(int32_t(keys - rows + r));
  const int64_t width = shape.q_heads * shape.head_dim;
  const std::vector<float> q(size_t(rows * width), 0.25F);
  std::vector<float> out(size_t(rows * width), 0.0F);
  std::vector<float> columns(size_t(shape.q_heads * keys), 0.0F), squares = columns;
  std::vector<float> row_squares(size_t(shape.q_heads * rows), 0.0F), entropy = row_squares;
  std::vector<void*> pages(size_t(shape.kv_heads * page_count));
  std::vector<CachedHead> heads;
  for (int64_t h = 0; h < shape.kv_heads; ++h) {
    heads.push_back({pages.data() + h * page_count, positions.data(), keys});
  }
  for (auto step : state) {
    // Other pages in each iteration: a decoded token meets every layer's cache once.
    for (void*& page : pages) page = const_cast<unsigned char*>(pool().next(layout.page_bytes()));
    cpu::AttendArgs args;
    args.q = q.data();
    args.q_stride = width;
    args.rows = rows;
    args.q_heads = shape.q_heads;
    args.kv_heads = shape.kv_heads;
    args.query_positions = query_positions.data();
    args.layout = layout;
    args.heads = heads.data();
    args.scale = 1.0F / std::sqrt(float(shape.head_dim));
    args.out = out.data();
    args.out_stride = width;
    if (statistics) {
      args.row_square_sums = row_squares.data();
      args.row_entropy = entropy.data();
      args.row_stats_stride = rows;
      args.column_sums = columns.data();
      args.column_square_sums = squares.data();
      args.column_stride = keys;
    }
    cpu::attend(exec, args);
    benchmark::DoNotOptimize(out.data());
  }
  gigabytes(state, size_t(shape.kv_heads * keys * shape.head_dim) * 2 * size_of(kDType));
  // Scores and mix: two products of head_dim for each query and each key that it sees.
  const double seen = double(rows) * (double(keys) - double(rows - 1) / 2);
  gigaflops(state, 4.0 * seen * double(width));
}

template <class F, class... Args>
void add(const std::string& name, int threads, F f, Args... args) {
  benchmark::RegisterBenchmark((name + "/threads:" + std::to_string(threads)).c_str(), f, args...)
      ->Unit(benchmark::kMicrosecond)
      ->UseRealTime();
}

void add_all(int threads) {
  add("read/4096x4096", threads, bench_read, size_t{4096} * 4096 * 2, threads);
  add("read/896x4864", threads, bench_read, size_t{896} * 4864 * 2, threads);
  for (const cpu::Isa isa : cpu::available_isas()) {
    const std::string suffix = "/" + std::string(cpu::name_of(isa));
    const cpu::Exec exec{isa, threads};
    for (const int64_t rows : {1, 4, 8, 16, 32, 256}) {
      const std::string shape = "/" + std::to_string(rows) + "x4096x4096";
      add("linear" + shape + suffix, threads, bench_linear, exec, rows, 4096, 4096);
    }
    add("linear/1x896x4864" + suffix, threads, bench_linear, exec, 1, 896, 4864);
    add("linear/1x4864x896" + suffix, threads, bench_linear, exec, 1, 4864, 896);
    add("linear/256x896x4864" + suffix, threads, bench_linear, exec, 256, 896, 4864);
#if defined(__x86_64__)
    if (isa != cpu::Isa::generic) add("fma_peak" + suffix, threads, bench_fma, isa, threads);
#endif
    const HeadShape shapes[] = {{"qwen2.5-0.5b", 14, 2, 64}, {"llama-3.1-8b", 32, 8, 128}};
    for (const HeadShape& shape : shapes) {
      const std::string model = std::string("/") + shape.model;
      add("decode" + model + "/4096" + suffix, threads, bench_attend, exec, shape, 1, 4096, false);
      add("decode+columns" + model + "/4096" + suffix, threads, bench_attend, exec, shape, 1, 4096,
          true);
      add("prefill" + model + "/1024" + suffix, threads, bench_attend, exec, shape, 1024, 1024,
          false);
      add("prefill+columns" + model + "/1024" + suffix, threads, bench_attend, exec, shape, 1024,
          1024, true);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  for (int threads = 1; threads <= omp_get_num_procs(); threads *= 2) add_all(threads);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
