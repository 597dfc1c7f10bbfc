// Rows of made traces, and how they get into files.
#include "made_traces.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "engine/mix_bits.h"
#include "engine/observer.h"
#include "engine/policy/decision.h"
#include "tracer/record/recorder.h"
#include "tracer/record/trace_writer.h"

namespace kvreel::benchmarks {
namespace {

using namespace kvreel::tracer;

constexpr uint64_t kQueueBytes = uint64_t{256} << 20;

void finish_complete(FinishReport report) {
  if (!report.finalised) fail("{}", report.warning);
}

void require_no_drops(const TraceWriter& writer) {
  if (!writer.drops().empty()) fail("rows of {} were dropped while it was made", writer.path());
}

void wait_for_room(const TraceWriter& writer) {
  while (writer.cost().queued_bytes > kQueueBytes / 2) ::usleep(500);
}

}  // namespace

uint64_t Random::next() {
  const uint64_t bits = engine::split_mix(state_);
  state_ += engine::kSplitMixStep;
  return bits;
}

double Random::uniform() {
  return (static_cast<double>(next() >> 11) + 0.5) * 0x1p-53;
}

double Random::normal() {
  const double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

int64_t Random::log_normal(double median, double sigma) {
  return std::llround(median * std::exp(sigma * normal()));
}

void KernelStream::append_step(Kernels& rows, int32_t run, int32_t sample, int32_t step) {
  now_ns_ += 20'000 + random_.log_normal(30'000, 0.8);
  for (int i = 0; i < kKernelsOfStep; ++i) {
    const bool of_layer = i >= 3 && i < kKernelsOfStep - 3;
    const int layer = of_layer ? (i - 3) / 12 : -1;
    const int place = of_layer ? (i - 3) % 12 : i % 7;
    // Layers call two of their kernels in variants, by shape.
    const int variant = of_layer && place >= 10 ? (layer / 8) * 2 : 0;
    const int name = of_layer ? 6 + place + variant : place;
    const double median = 1'500 * std::pow(40.0, static_cast<double>((name * 7) % 30) / 29);
    const double sigma = 0.05 + 0.3 * static_cast<double>((name * 11) % 30) / 29;
    int64_t duration = random_.log_normal(median, sigma);
    if (random_.next() % 1000 == 0) duration *= 5;
    const bool copies = name == 0 || name == 5;
    rows.run.push_back(run);
    rows.sample.push_back(sample);
    rows.step.push_back(step);
    rows.layer.push_back(static_cast<int16_t>(layer));
    rows.op.push_back(static_cast<int8_t>(of_layer ? 1 + place / 3 : place % 2 == 0 ? 0 : 7));
    rows.name.push_back(9 + name);
    rows.stream.push_back(copies ? 13 : 7);
    rows.start_ns.push_back(now_ns_);
    rows.duration_ns.push_back(duration);
    rows.bytes.push_back(copies ? 4 * (1 + random_.next() % 2048) : 0);
    now_ns_ += duration + random_.log_normal(900, 0.6);
  }
}

Kernels kernel_rows(uint64_t seed, uint64_t count) {
  Kernels rows;
  KernelStream stream(seed);
  for (int32_t step = 0; rows.run.size() < count; ++step) {
    stream.append_step(rows, step / 64 % 3, step / 192, step % 64);
  }
  Kernels::columns(rows, [&](std::string_view, auto& column, std::string_view, std::string_view) {
    column.resize(count);
  });
  return rows;
}

namespace {

// The host's side of one step: spans of each layer's operations and the cache's bytes after it.
void append_host_step(Spans& spans, Memory& memory, Random& random, int64_t start_ns,
                      int64_t end_ns, int32_t run, int32_t sample, int32_t step) {
  const int operations = step == 0 ? 6 : 4;
  const double median = static_cast<double>(end_ns - start_ns) /
                        static_cast<double>(KernelStream::kLayers * operations + 3);
  int64_t now = start_ns;
  const auto span = [&](int layer, int op) {
    const int64_t duration = random.log_normal(0.9 * median, 0.2);
    spans.run.push_back(run);
    spans.sample.push_back(sample);
    spans.step.push_back(step);
    spans.layer.push_back(static_cast<int16_t>(layer));
    spans.op.push_back(static_cast<int8_t>(op));
    spans.start_ns.push_back(now);
    spans.duration_ns.push_back(duration);
    now += duration + random.log_normal(200, 0.5);
  };
  span(-1, 0);
  for (int layer = 0; layer < KernelStream::kLayers; ++layer) {
    for (int op = 1; op <= 6; ++op) {
      if (step > 0 && (op == 3 || op == 4)) continue;
      span(layer, op);
    }
    memory.run.push_back(run);
    memory.sample.push_back(sample);
    memory.step.push_back(step);
    memory.layer.push_back(static_cast<int16_t>(layer));
    memory.cause.push_back(step == 0 ? 1 : 0);
    memory.time_ns.push_back(now);
    const auto cached = static_cast<uint64_t>((step == 0 ? layer : 32) * 600 + step);
    memory.asked.push_back(cached * 1024);
    memory.held.push_back((cached + 63) / 64 * 65536);
    memory.peak.push_back((cached + 127) / 64 * 65536);
  }
  span(-1, 7);
  span(-1, 8);
}

Decisions one_decision(Random& random, int32_t run, int32_t sample, int layer, int64_t ranking,
                       int64_t curve, int64_t start_ns, int32_t candidates, int32_t cut) {
  Decisions row;
  row.run = {run};
  row.sample = {sample};
  row.step = {0};
  row.layer = {static_cast<int16_t>(layer)};
  row.kv_head = {-1};
  row.reason = {3};
  row.cached = {candidates + 4};
  row.kept = {candidates + 4 - cut};
  row.candidates = {candidates};
  row.cut = {cut};
  row.halt_position = {4 + cut};
  row.threshold = {0.01};
  row.base_norm = {0.1 + random.uniform()};
  row.base_norm_all = {0.2 + random.uniform()};
  row.distance = {static_cast<float>(0.01 + 0.001 * random.uniform())};
  row.distance_all = {static_cast<float>(0.01 + 0.001 * random.uniform())};
  row.ranking = {ranking};
  row.curve = {curve};
  row.start_ns = {start_ns};
  row.duration_ns = {random.log_normal(40'000, 0.3)};
  row.kept_ranges.push_back(std::vector<int32_t>{0, 4, 4 + cut, candidates + 4});
  row.temperature = {engine::Decision::kNone};
  return row;
}

}  // namespace

MixedTrace make_mixed_trace(const std::string& path, uint64_t events, Finish finish) {
  constexpr int32_t kRuns = 3;
  constexpr int32_t kSteps = 64;
  constexpr int32_t kCandidates = 512;
  WriterOptions options;
  options.queue_bytes = kQueueBytes;
  options.overwrite = true;
  options.shard_bytes = 0;
  TraceWriter writer(path, R"({"command":["trace_bench"]})", options);
  Names names;
  for (const std::string_view op : engine::kOpNames) names.name.push_back(op);
  for (int i = 0; i < KernelStream::kNames; ++i) names.name.push_back(fmt::format("kernel_{}", i));
  writer.append(std::move(names));
  Runs runs;
  for (int run = 0; run < kRuns; ++run) {
    runs.name.push_back(run == 0 ? "full" : fmt::format("refreekv:threshold={}%", run));
    runs.policy.push_back(run == 0 ? "full" : "refreekv");
    runs.parameters.push_back("{}");
  }
  writer.append(std::move(runs));
  MixedTrace made;
  made.path = path;
  KernelStream stream(1);
  Random& random = stream.random();
  int64_t rankings = 0;
  for (int32_t sample = 0; made.events < events; ++sample) {
    Tokens tokens;
    for (int i = 0; i < kCandidates + 4; ++i) {
      tokens.id.push_back(static_cast<int32_t>(random.next() % 32000));
      tokens.piece.push_back(fmt::format(" t{}", random.next() % 1000));
    }
    writer.append(std::move(tokens));
    Samples samples;
    samples.id.push_back(std::to_string(sample));
    samples.text.push_back(std::string(4 * kCandidates, 'a'));
    samples.answers.push_back("[]");
    samples.metadata.push_back("{}");
    samples.original_tokens.push_back(kCandidates + 4);
    samples.tokens_end.push_back(writer.rows<Tokens>());
    writer.append(std::move(samples));
    Rankings order;
    std::vector<int32_t> positions(kCandidates);
    for (int i = 0; i < kCandidates; ++i) positions[static_cast<size_t>(i)] = 4 + i;
    order.positions.push_back(positions);
    order.scores.push_back(std::vector<float>());
    writer.append(std::move(order));
    for (int32_t run = 0; run < kRuns; ++run) {
      wait_for_room(writer);
      Kernels kernels;
      Spans spans;
      Memory memory;
      Steps steps;
      const int64_t begin = stream.now_ns();
      int64_t prefill_end = begin;
      for (int32_t step = 0; step < kSteps; ++step) {
        const int64_t start = stream.now_ns();
        stream.append_step(kernels, run, sample, step);
        append_host_step(spans, memory, random, start, stream.now_ns(), run, sample, step);
        if (step == 0) prefill_end = stream.now_ns();
        steps.run.push_back(run);
        steps.sample.push_back(sample);
        steps.step.push_back(step);
        steps.rows.push_back(step == 0 ? kCandidates + 4 : 1);
        steps.token.push_back(static_cast<int32_t>(random.next() % 32000));
        steps.piece.push_back(" token");
        steps.logprob.push_back(static_cast<float>(std::log(random.uniform())));
        steps.start_ns.push_back(start);
        steps.duration_ns.push_back(stream.now_ns() - start);
        steps.cache_asked.push_back(memory.asked.back());
        steps.cache_held.push_back(memory.held.back());
      }
      made.spans += spans.run.size();
      made.kernels += kernels.run.size();
      for (int layer = 0; layer < KernelStream::kLayers; ++layer) {
        Curves curve;
        std::vector<float> distance(kCandidates);
        double sum = 0;
        for (float& value : distance) {
          sum += 1e-4 * random.uniform();
          value = static_cast<float>(sum);
        }
        curve.distance.push_back(distance);
        curve.distance_all.push_back(distance);
        const auto row = static_cast<int64_t>(writer.rows<Curves>());
        writer.append(std::move(curve));
        const auto cut = static_cast<int32_t>(random.next() % kCandidates);
        writer.append(
            one_decision(random, run, sample, layer, rankings, row, begin, kCandidates, cut));
        ++made.decisions;
      }
      writer.append(std::move(steps));
      writer.append(std::move(spans));
      writer.append(std::move(memory));
      writer.append(std::move(kernels));
      Passes pass;
      pass.run = {run};
      pass.sample = {sample};
      pass.finish = {1};
      pass.text.push_back(std::string(6 * kSteps, 'b'));
      pass.prompt_tokens = {kCandidates + 4};
      pass.generated = {kSteps};
      pass.exact_match = {-1};
      pass.budget = {0.5};
      pass.start_ns = {begin};
      pass.prefill_ns = {prefill_end - begin};
      pass.decide_ns = {1'000'000};
      pass.decode_ns = {stream.now_ns() - prefill_end};
      for (auto* bytes : {&pass.prefill_asked, &pass.prefill_held, &pass.prefill_peak,
                          &pass.full_asked, &pass.end_asked, &pass.end_held, &pass.end_peak}) {
        *bytes = {uint64_t{1} << 24};
      }
      pass.process_peak = {uint64_t{1} << 30};
      pass.recorder_ns = {100'000};
      pass.steps_end = {writer.rows<Steps>()};
      pass.spans_end = {writer.rows<Spans>()};
      pass.memory_end = {writer.rows<Memory>()};
      pass.attention_end = {0};
      pass.attention_rows_end = {0};
      pass.decisions_end = {writer.rows<Decisions>()};
      pass.kernels_end = {writer.rows<Kernels>()};
      pass.prefill_pass = {0};
      pass.fidelity_end = {0};
      pass.lost_attention_end = {0};
      pass.scores_end = {0};
      writer.append(std::move(pass));
      made.events = made.spans + made.kernels + made.decisions;
    }
    ++rankings;
  }
  made.end_ns = stream.now_ns();
  writer.commit();
  require_no_drops(writer);
  if (finish == Finish::yes) finish_complete(writer.finish(Status::complete));
  return made;
}

void make_compared_trace(const std::string& path, int samples, int runs) {
  constexpr int kTokens = 64;
  constexpr int kLayers = 4;
  constexpr int kSteps = 32;
  RecorderOptions options;
  options.writer.overwrite = true;
  options.writer.queue_bytes = kQueueBytes;
  Recorder recorder(path, R"({"command":["trace_bench"]})", options);
  for (int run = 0; run < runs; ++run) {
    recorder.add_run(run == 0 ? "full" : fmt::format("streaming-llm:budget={}%", 100 - 9 * run),
                     run == 0 ? "full" : "streaming-llm", "{}");
  }
  const std::vector<int32_t> tokens(kTokens, 1);
  const std::vector<std::string> pieces(kTokens, "a ");
  const std::vector<std::string> answers = {"the answer", "another answer"};
  Random random(2);
  int64_t now = 0;
  for (int32_t sample = 0; sample < samples; ++sample) {
    const std::string id = fmt::format("prompt-{}", sample);
    const std::string metadata =
        fmt::format(R"({{"task":"task {}","source":"{}"}})", sample % 7, id);
    const std::string text = "A text of a prompt. " + id;
    engine::SampleEvent announced;
    announced.sample = sample;
    announced.id = id;
    announced.text = text;
    announced.tokens = tokens;
    announced.pieces = pieces;
    announced.answers = answers;
    announced.metadata = metadata;
    announced.original_tokens = kTokens;
    recorder.on_sample(announced);
    for (int32_t run = 0; run < runs; ++run) {
      wait_for_room(recorder.writer());
      const int64_t begin = now;
      for (int layer = 0; layer < kLayers; ++layer) {
        engine::Decision decision;
        decision.reason = engine::Reason::fixed_budget;
        decision.cached = kTokens;
        decision.kept = engine::KeptSet::all(std::span(tokens).first(1));
        decision.cut = 6 * run;
        recorder.on_decision({{run, sample, 0}, layer, decision, now, now + 20'000});
      }
      for (int step = 0; step < kSteps; ++step) {
        const int64_t took = random.log_normal(step == 0 ? 4e7 : 1e6, 0.2);
        engine::StepEvent event;
        event.at = {run, sample, step};
        event.rows = step == 0 ? kTokens : 1;
        // The reference's tokens, or from a place on others.
        event.token = step < 40 - 3 * run + sample % 5 ? step : 100 + run;
        event.piece = "word ";
        event.logprob = -0.1F;
        event.start_ns = now;
        event.end_ns = now + took;
        event.cache = {1'000'000, 1'048'576, 2'097'152};
        recorder.on_step(event);
        now += took;
        engine::FidelityEvent fidelity;
        fidelity.at = event.at;
        fidelity.token = step;
        fidelity.kl = run == 0 ? 0.0 : 0.1 * random.uniform();
        fidelity.same_top = run == 0 || random.next() % 20 != 0;
        fidelity.logprob = -0.2;
        fidelity.reference_logprob = -0.1;
        if (run > 0) recorder.on_fidelity(fidelity);
      }
      const std::vector<engine::Score> scores = {{"token-f1", random.uniform()}};
      engine::PassEvent pass;
      pass.run = run;
      pass.sample = sample;
      pass.finish = engine::FinishReason::max_new_tokens;
      pass.text = "an answer";
      pass.generated = kSteps;
      pass.exact_match = random.next() % 10 < 7 ? 1 : 0;
      pass.scores = scores;
      pass.budget = 1 - 0.09 * run;
      pass.start_ns = begin;
      pass.prefill_ns = 40'000'000;
      pass.decide_ns = 80'000;
      pass.decode_ns = now - begin - pass.prefill_ns;
      pass.after_prefill = {900'000, 1'048'576, 2'097'152};
      pass.at_end = {1'000'000, 1'048'576, 2'097'152};
      pass.full_after_prefill = 1'000'000;
      recorder.on_pass(pass);
    }
  }
  require_no_drops(recorder.writer());
  finish_complete(recorder.finish(Status::complete));
}

}  // namespace kvreel::benchmarks
