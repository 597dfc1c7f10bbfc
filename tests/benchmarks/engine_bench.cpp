// Whole pieces of the engine beside the machine's ceilings: decoded tokens, prefill, attention with
// statistics, a policy's decision, and what recording costs.
//
// engine_bench --benchmark_repetitions=5 --benchmark_filter=decode
//
// Weights are made up, of the models' shapes, in bf16; so is the KV cache. What is compared is
// measured in turns within one benchmark, an iteration each, so that drift of the machine falls on
// both; the counters named percent_... are its results. Time is that of the piece itself. Needs 5
// GB of memory.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ceilings.h"
#include "engine/backend/cpu_backend.h"
#include "engine/generate/forward.h"
#include "engine/generate/generate.h"
#include "engine/model/config.h"
#include "engine/model/weights.h"
#include "engine/policy/registry.h"
#include "seconds.h"
#include "tracer/record/recorder.h"

namespace kvreel::benchmarks {
namespace {

using namespace engine;
namespace cpu = kernels::cpu;

constexpr kernels::DType kDType = kernels::DType::bf16;
constexpr int32_t kPageRows = 32;

// Counters are medians over the iterations' pairs, not sums: one interruption does not count.
double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<long>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// --- Models ---

ModelConfig make_config(const std::string& family, int64_t hidden, int64_t intermediate, int layers,
                        int q_heads, int kv_heads, int head_dim, int64_t vocab) {
  ModelConfig config;
  config.family = family;
  config.vocab_size = vocab;
  config.hidden_size = hidden;
  config.intermediate_size = intermediate;
  config.layers = layers;
  config.q_heads = q_heads;
  config.kv_heads = kv_heads;
  config.head_dim = head_dim;
  config.max_positions = 1 << 17;
  config.windows.assign(static_cast<size_t>(layers), 0);
  config.qkv_bias = family == "qwen2";
  config.tied_embeddings = true;
  config.stored_dtype = kDType;
  return config;
}

const std::string kQwen = "qwen2.5-0.5b";
const std::string kLlama = "llama-3.2-1b";
const std::string kTiny = "tiny";  // the demo model's shape

ModelConfig config_of(const std::string& name) {
  if (name == kQwen) return make_config("qwen2", 896, 4864, 24, 14, 2, 64, 151936);
  if (name == kLlama) return make_config("llama", 2048, 8192, 16, 32, 8, 64, 128256);
  return make_config("llama", 128, 352, 4, 8, 4, 16, 1024);
}

struct Model {
  ModelConfig config;
  Weights weights;
  std::unique_ptr<CpuBackend> backend;

  // All of it, or so many `layers` and a small vocabulary: what layers cost, without the rest.
  Model(const std::string& name, int layers) : config(config_of(name)) {
    if (layers > 0) {
      config.layers = layers;
      config.windows.resize(static_cast<size_t>(layers));
      config.vocab_size = 1024;
    }
    weights = make_dummy_weights(config, 1);
    backend = std::make_unique<CpuBackend>(config, weights, CpuOptions{});
  }
};

Model& model_of(const std::string& name, int layers = 0) {
  static std::map<std::pair<std::string, int>, std::unique_ptr<Model>> models;
  std::unique_ptr<Model>& model = models[{name, layers}];
  if (!model) model = std::make_unique<Model>(name, layers);
  return *model;
}

std::unique_ptr<Policy> policy_of(const std::string& text) {
  return make_policy(parse_policy_specs(text).front());
}

KvCache::Shape cache_shape(const ModelConfig& config) {
  return {.layers = config.layers,
          .kv_heads = config.kv_heads,
          .page = {.dtype = kDType, .page_rows = kPageRows, .head_dim = config.head_dim}};
}

// Tokens of the small vocabulary, so that every model has them.
std::vector<int32_t> some_tokens(int64_t count) {
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i) tokens.push_back(static_cast<int32_t>(i * 379 % 1000));
  return tokens;
}

// --- Decode ---

// A step of one token over a cache of `context` positions, against a read of as many bytes of the
// same memory.
void decode(benchmark::State& state, const std::string& name, int64_t context) {
  Model& model = model_of(name);
  const std::unique_ptr<Policy> full = policy_of("full");
  Observer nobody;
  KvCache cache(cache_shape(model.config), model.backend->kv_memory());
  for (int layer = 0; layer < model.config.layers; ++layer) {
    cache.extend(layer, 0, context);
    for (int head = 0; head < model.config.kv_heads; ++head) {
      // 0x3c3c is 0.0115 in bf16: neither subnormal nor a page that nobody has written.
      for (void* page : cache.pages(layer, head)) {
        std::memset(page, 0x3c, cache.shape().page.page_bytes());
      }
    }
  }
  const KeptSet before = KeptSet::all(cache.positions(0, 0));
  const ForwardContext step{.backend = *model.backend,
                            .cache = cache,
                            .policy = *full,
                            .observer = nobody,
                            .config = model.config,
                            .prompt_tokens = context};
  const std::vector<int32_t> token{7};
  const int64_t cached = context * model.config.layers * model.config.kv_bytes_per_position(kDType);
  const auto bytes = static_cast<double>(model.weights.bytes_per_token() + cached);
  const auto* memory = static_cast<const unsigned char*>(model.weights.storage.get());
  const auto readable = static_cast<size_t>(model.weights.bytes_per_token());
  const int threads = model.backend->threads();
  const auto decode_once = [&] {
    const double start = now_seconds();
    benchmark::DoNotOptimize(forward(step, {0, 0, 1}, token, context).logits.data());
    const double end = now_seconds();
    for (int layer = 0; layer < model.config.layers; ++layer) cache.keep(layer, -1, before);
    return end - start;
  };
  decode_once();  // memory that a first step touches

  std::vector<double> step_rate, read_rate, ratio;
  for (auto _ : state) {
    const double start = now_seconds();
    benchmark::DoNotOptimize(read_by_all(memory, readable, threads));
    read_rate.push_back(static_cast<double>(readable) / (now_seconds() - start));
    const double seconds = decode_once();
    step_rate.push_back(bytes / seconds);
    ratio.push_back(step_rate.back() / read_rate.back());
    state.SetIterationTime(seconds);
  }
  state.counters["bytes"] = bytes;
  state.counters["cache_bytes"] = static_cast<double>(cached);
  state.counters["gigabytes_per_second"] = median(step_rate) * 1e-9;
  state.counters["read_gigabytes_per_second"] = median(read_rate) * 1e-9;
  state.counters["percent_of_read"] = 100 * median(ratio);
}

// --- Prefill ---

// Time of operations, by what they are.
class SpanSums final : public Observer {
 public:
  bool wants_spans() const override { return true; }
  void on_span(const SpanEvent& event) override {
    seconds_[event.op] += static_cast<double>(event.end_ns - event.start_ns) * 1e-9;
  }
  double take(std::initializer_list<Op> ops) {
    double sum = 0;
    for (const Op op : ops) sum += seconds_[op];
    seconds_.clear();
    return sum;
  }

 private:
  std::map<Op, double> seconds_;
};

// The matrix products of two layers (all layers cost the same) as the engine does them: the time of
// its qkv, attn_out and ffn, norms, rotary embedding and SiLU among it, against a run of the
// processor's multiply-adds.
void prefill_products(benchmark::State& state, const std::string& name, int64_t tokens) {
  constexpr int kLayers = 2;
  Model& model = model_of(name, kLayers);
  const std::unique_ptr<Policy> full = policy_of("full");
  const std::vector<int32_t> prompt = some_tokens(tokens);
  SpanSums spans;
  const ModelConfig& c = model.config;
  const double per_row = static_cast<double>(c.hidden_size * (2 * c.q_size() + 2 * c.kv_size()) +
                                             3 * c.hidden_size * c.intermediate_size);
  const double operations = 2 * per_row * kLayers * static_cast<double>(tokens);
  const auto prefill_once = [&] {
    KvCache cache(cache_shape(c), model.backend->kv_memory());
    forward({.backend = *model.backend,
             .cache = cache,
             .policy = *full,
             .observer = spans,
             .config = c,
             .prompt_tokens = tokens},
            {0, 0, 0}, prompt, 0);
    return spans.take({Op::qkv, Op::attn_out, Op::ffn});
  };
  prefill_once();

  std::vector<double> rates, peaks, ratio;
  for (auto _ : state) {
#if defined(__x86_64__)
    constexpr int64_t kSteps = 1 << 25;
    const cpu::Isa isa = cpu::available_isas().back();
    if (isa == cpu::Isa::generic) {
      state.SkipWithError("there is no peak to compare with: this processor lacks AVX2");
      break;
    }
    const int threads = model.backend->threads();
    const double start = now_seconds();
    benchmark::DoNotOptimize(multiply_add(isa, kSteps, threads));
    peaks.push_back(fma_operations(isa, kSteps, threads) / (now_seconds() - start));
#else
    state.SkipWithError("there is no peak to compare with on this kind of processor");
    break;
#endif
    const double seconds = prefill_once();
    rates.push_back(operations / seconds);
    ratio.push_back(rates.back() / peaks.back());
    state.SetIterationTime(seconds);
  }
  if (ratio.empty()) return;
  state.counters["operations"] = operations;
  state.counters["gigaflops"] = median(rates) * 1e-9;
  state.counters["peak_gigaflops"] = median(peaks) * 1e-9;
  state.counters["percent_of_peak"] = 100 * median(ratio);
}

// --- Attention with statistics ---

// Attention of one layer over a prompt in chunks, as in a prefill: without statistics, with those
// of ReFreeKV (the last row), and with column sums and sums of squares.
void attention(benchmark::State& state, const std::string& name, int64_t tokens) {
  Model& model = model_of(name, 2);
  Backend& backend = *model.backend;
  const std::vector<int32_t> prompt = some_tokens(tokens);
  const auto attend_once = [&](const StatisticsRequest& request) {
    KvCache cache(cache_shape(model.config), backend.kv_memory());
    AttentionStatistics statistics = AttentionStatistics::make(
        request, model.config.q_heads, tokens, tokens, model.config.head_dim);
    backend.begin(prompt, 0);
    double seconds = 0;
    for (int64_t begin = 0; begin < tokens; begin += backend.chunk_rows()) {
      const Rows rows{begin, std::min(begin + backend.chunk_rows(), tokens)};
      backend.qkv(0, rows, cache, statistics);
      const double start = now_seconds();
      backend.attend(0, rows, cache, statistics);
      seconds += now_seconds() - start;
    }
    return seconds;
  };
  std::vector<double> last_row, columns;
  for (auto _ : state) {
    // Plain, with, plain: what is drift of the machine cancels.
    const double before = attend_once({});
    const double with_row = attend_once({.last_rows = 1});
    const double with_columns = attend_once({.column_sums = true, .column_square_sums = true});
    const double after = attend_once({});
    const double plain = (before + after) / 2;
    last_row.push_back(with_row / plain);
    columns.push_back(with_columns / plain);
    state.SetIterationTime(plain);
  }
  const double seen = static_cast<double>(tokens) * static_cast<double>(tokens + 1) / 2;
  state.counters["operations"] = 4 * seen * static_cast<double>(model.config.q_size());
  state.counters["percent_more_with_last_row"] = 100 * (median(last_row) - 1);
  state.counters["percent_more_with_columns"] = 100 * (median(columns) - 1);
}

// --- Decision ---

// A policy's decisions and the cutting of the cache against the prefill that they are part of, on
// two layers of a small model: every layer costs the same, so the share is that of 32 layers. The
// smaller the model, the larger the share.
void decision(benchmark::State& state, const std::string& spec, const std::string& name,
              int64_t tokens) {
  Model& model = model_of(name, 2);
  const std::unique_ptr<Policy> policy = policy_of(spec);
  const std::vector<int32_t> prompt = some_tokens(tokens);
  Observer nobody;
  std::vector<double> shares, decide_ms;
  for (auto _ : state) {
    KvCache cache(cache_shape(model.config), model.backend->kv_memory());
    const std::unique_ptr<PassState> pass = policy->start_pass(model.config, tokens);
    const double start = now_seconds();
    const ForwardResult result = forward({.backend = *model.backend,
                                          .cache = cache,
                                          .policy = *policy,
                                          .observer = nobody,
                                          .config = model.config,
                                          .state = pass.get(),
                                          .prompt_tokens = tokens},
                                         {0, 0, 0}, prompt, 0);
    const double seconds = now_seconds() - start;
    const double decided = static_cast<double>(result.decide_ns) * 1e-9;
    shares.push_back(decided / (seconds - decided));
    decide_ms.push_back(decided * 1e3 / model.config.layers);
    state.SetIterationTime(seconds);
  }
  state.counters["layers"] = model.config.layers;
  state.counters["milliseconds_per_decision"] = median(decide_ms);
  state.counters["percent_of_prefill"] = 100 * median(shares);
}

// --- Recording ---

// What a pass took. Seconds.
struct PassTimes {
  double prefill = 0;
  double decode = 0;

  void take(const PassEvent& event) {
    prefill = static_cast<double>(event.prefill_ns) * 1e-9;
    decode = static_cast<double>(event.decode_ns) * 1e-9;
  }
};

class Watch final : public Observer {
 public:
  PassTimes times;
  void on_pass(const PassEvent& event) override { times.take(event); }
};

class WatchedRecorder final : public tracer::Recorder {
 public:
  using Recorder::Recorder;
  PassTimes times;
  void on_pass(const PassEvent& event) override {
    times.take(event);
    Recorder::on_pass(event);
  }
};

// A trace in the directory for temporary files that goes with its recorder.
class Recording {
 public:
  explicit Recording(const tracer::RecorderOptions& options)
      : path_((std::filesystem::temp_directory_path() /
               fmt::format("kvreel-engine-bench-{}.h5", static_cast<const void*>(this)))
                  .string()),
        recorder_(std::make_unique<WatchedRecorder>(path_, "{}", options)) {
    recorder_->add_run("full", "full", "{}");
  }
  ~Recording() {
    recorder_.reset();
    std::filesystem::remove(path_);
  }
  WatchedRecorder& recorder() { return *recorder_; }

 private:
  std::string path_;
  std::unique_ptr<WatchedRecorder> recorder_;
};

// The same pass with nobody listening and with a recorder of spans, in turns: A B B A, so that a
// steady drift cancels.
void recording(benchmark::State& state, const std::string& name, int64_t prompt_tokens,
               int64_t new_tokens) {
  Model& model = model_of(name);
  const std::unique_ptr<Policy> full = policy_of("full");
  Sample sample;
  sample.id = "benchmark";
  sample.tokens = some_tokens(prompt_tokens);
  sample.pieces.assign(sample.tokens.size(), "a");
  sample.metadata = "{}";
  sample.original_tokens = prompt_tokens;
  GenerateOptions options;
  options.max_new_tokens = new_tokens;
  options.cache_dtype = kDType;
  const std::atomic<bool> stop{false};
  const auto pass = [&](Observer& observer, int32_t number) {
    run_pass(model.config, *model.backend, nullptr, sample, *full, options, 0, number, observer,
             stop);
  };
  Watch silent;
  tracer::RecorderOptions what;
  what.attention_norms = false;
  Recording trace(what);
  int32_t number = 0;
  const auto recorded = [&] {
    trace.recorder().on_sample({.sample = number,
                                .id = sample.id,
                                .text = sample.text,
                                .tokens = sample.tokens,
                                .pieces = sample.pieces,
                                .metadata = sample.metadata,
                                .original_tokens = prompt_tokens});
    pass(trace.recorder(), number);
    ++number;
    return trace.recorder().times;
  };
  const auto unrecorded = [&] {
    pass(silent, 0);
    return silent.times;
  };
  unrecorded();

  std::vector<double> prefill, decoding;
  for (auto _ : state) {
    const PassTimes a = unrecorded();
    const PassTimes b = recorded();
    const PassTimes c = recorded();
    const PassTimes d = unrecorded();
    prefill.push_back((b.prefill + c.prefill) / (a.prefill + d.prefill));
    decoding.push_back((b.decode + c.decode) / (a.decode + d.decode));
    state.SetIterationTime(a.decode + d.decode);
  }
  state.counters["tokens"] = static_cast<double>(prompt_tokens + new_tokens);
  state.counters["percent_more_prefill"] = 100 * (median(prefill) - 1);
  state.counters["percent_more_decode"] = 100 * (median(decoding) - 1);
}

// --- All ---

template <class F, class... Args>
void add(const std::string& name, int iterations, F f, Args... args) {
  benchmark::RegisterBenchmark(name.c_str(), f, args...)
      ->Unit(benchmark::kMillisecond)
      ->UseManualTime()
      ->Iterations(iterations);
}

void add_all() {
  for (const std::string& name : {kQwen, kLlama}) {
    for (const int64_t context : {64, 4096}) {
      add(fmt::format("decode/{}/{}", name, context), name == kQwen ? 10 : 5, decode, name,
          context);
    }
    for (const int64_t tokens : {512, 2048}) {
      add(fmt::format("prefill_products/{}/{}", name, tokens), 1, prefill_products, name, tokens);
    }
  }
  add("attention/qwen2.5-0.5b/8192", 1, attention, kQwen, int64_t{8192});
  // The last two read the cached keys.
  const std::pair<std::string, std::string> policies[] = {
      {"refreekv", "refreekv:keep-layers=none"},
      {"hard-kv", "hard-kv:budget=1024"},
      {"expected-attention", "expected-attention:budget=30%"}};
  for (const auto& [policy, spec] : policies) {
    add(fmt::format("decision/{}/{}/8192", policy, kQwen), 1, decision, spec, kQwen, int64_t{8192});
  }
  add("recording/qwen2.5-0.5b/64+32", 2, recording, kQwen, int64_t{64}, int64_t{32});
  add("recording/tiny/256+128", 25, recording, kTiny, int64_t{256}, int64_t{128});
}

}  // namespace
}  // namespace kvreel::benchmarks

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  kvreel::benchmarks::add_all();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
