// A long recording in miniature: many times the events of a real one, for some minutes, and the
// memory that recording takes of the process, looked at every second.
//
//   kvreel_soak FILE [--seconds S] [--times T] [--shard-mib M]
//
// A model of 32 layers that decodes 30 tokens a second announces 131 spans for a token (four for
// each layer, three besides), its step and its bytes; this announces them T times as fast (70: ten
// minutes are then 11.7 hours), with a pass every 128 tokens whose prefill decides in each layer.
// Its rows go on in a new file after M MiB (256), as a day's recording does after 4 GiB.
// Prints what was recorded, how the resident memory went, and whether every row is right
// afterwards; exits with 1 where memory grew, rows were dropped, one is wrong, or the machine did
// not keep up.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/steady_clock.h"
#include "base/text.h"
#include "resident_memory.h"
#include "tracer/read/trace.h"
#include "tracer/record/recorder.h"

namespace kvreel::tracer {
namespace {

using engine::Op;

constexpr int32_t kLayers = 32;
constexpr int64_t kTokensPerSecond = 30;
constexpr int32_t kTokensPerPass = 128;  // decoded ones, behind one that prefill gives
constexpr int32_t kRuns = 4;
constexpr int32_t kPromptTokens = 64;
constexpr Op kLayerOps[] = {Op::qkv, Op::attend, Op::attn_out, Op::ffn};
constexpr Op kOtherOps[] = {Op::embed, Op::logits, Op::sample};
constexpr int64_t kSpansPerToken = int64_t{kLayers} * std::ssize(kLayerOps) + std::ssize(kOtherOps);

struct Options {
  std::string path;
  int64_t seconds = 600;
  int64_t times = 70;
  int64_t shard_mib = 256;
  // Of whole passes.
  int64_t tokens() const {
    return seconds * times * kTokensPerSecond / kTokensPerPass * kTokensPerPass;
  }
  int64_t token_ns() const { return 1'000'000'000 / (times * kTokensPerSecond); }
};

// What span number `i` of token number `k` says; its start counts from token 0's first span.
struct SpanFacts {
  int32_t run, sample, step;
  int16_t layer;
  int8_t op;
  int64_t start_ns, duration_ns;
};

SpanFacts span_facts(const Options& options, int64_t k, int64_t i) {
  const int64_t pass = k / kTokensPerPass;
  SpanFacts facts{};
  facts.run = static_cast<int32_t>(pass % kRuns);
  facts.sample = static_cast<int32_t>(pass / kRuns);
  facts.step = static_cast<int32_t>(k % kTokensPerPass) + 1;
  const bool in_layer = i < kLayers * std::ssize(kLayerOps);
  facts.layer = static_cast<int16_t>(in_layer ? i / std::ssize(kLayerOps) : -1);
  facts.op = static_cast<int8_t>(in_layer ? kLayerOps[i % std::ssize(kLayerOps)]
                                          : kOtherOps[i - kLayers * std::ssize(kLayerOps)]);
  facts.start_ns = k * options.token_ns() + i * 100;
  facts.duration_ns = 50 + (k * 31 + i * 7) % 1000;
  return facts;
}

void announce_sample(Recorder& recorder, int32_t sample) {
  const std::vector<int32_t> tokens(kPromptTokens, 7);
  const std::vector<std::string> pieces(kPromptTokens, "x");
  const std::string id = fmt::format("s{}", sample);
  recorder.on_sample({.sample = sample,
                      .id = id,
                      .text = id,
                      .tokens = tokens,
                      .pieces = pieces,
                      .metadata = "{}",
                      .original_tokens = kPromptTokens});
}

void prefill(Recorder& recorder, int32_t run, int32_t sample, int64_t now) {
  for (int32_t layer = 0; layer < kLayers; ++layer) {
    std::vector<int32_t> order(kPromptTokens);
    for (int32_t i = 0; i < kPromptTokens; ++i)
      order[static_cast<size_t>(i)] = (i + layer + run) % kPromptTokens;
    engine::NormCurve curve;
    curve.distance.assign(kPromptTokens, 0.01f * static_cast<float>(layer));
    curve.distance_all = curve.distance;
    engine::Decision decision;
    decision.reason = engine::Reason::threshold;
    decision.cached = kPromptTokens;
    decision.kept = engine::KeptSet::of({0, 2, 3, layer + 4});
    decision.ranking = std::make_shared<const std::vector<int32_t>>(std::move(order));
    decision.curve = std::make_shared<const engine::NormCurve>(std::move(curve));
    decision.cut = 1;
    recorder.on_decision({{run, sample, 0}, layer, decision, now, now + 5});
  }
}

void decode(Recorder& recorder, const Options& options, int64_t origin_ns, int64_t k) {
  engine::StepId at;
  for (int64_t i = 0; i < kSpansPerToken; ++i) {
    const SpanFacts facts = span_facts(options, k, i);
    at = {facts.run, facts.sample, facts.step};
    const int64_t start = origin_ns + facts.start_ns;
    recorder.on_span({.at = at,
                      .layer = facts.layer,
                      .op = static_cast<Op>(facts.op),
                      .start_ns = start,
                      .end_ns = start + facts.duration_ns});
  }
  const int64_t now = origin_ns + k * options.token_ns();
  recorder.on_memory({at, 0, engine::MemoryCause::append, now, {1, 2, 3}});
  recorder.on_step(
      {at, 1, static_cast<int32_t>(k), "tok", -0.5f, now, now + options.token_ns(), {1, 2, 3}});
}

void record(Recorder& recorder, const Options& options) {
  for (int32_t run = 0; run < kRuns; ++run)
    recorder.add_run(fmt::format("run {}", run), "none", "{}");
  const int64_t origin = steady_ns();
  for (int64_t k = 0; k < options.tokens(); ++k) {
    const int64_t pass = k / kTokensPerPass;
    const auto run = static_cast<int32_t>(pass % kRuns);
    const auto sample = static_cast<int32_t>(pass / kRuns);
    const int64_t due = origin + k * options.token_ns();
    // Sleeps are coarse: a few tokens at once, as the model's operations come in bursts, too.
    if (const int64_t early = due - steady_ns(); early > 2'000'000)
      std::this_thread::sleep_for(std::chrono::nanoseconds(early));
    if (k % kTokensPerPass == 0) {
      if (run == 0) announce_sample(recorder, sample);
      prefill(recorder, run, sample, due);
    }
    decode(recorder, options, origin, k);
    if ((k + 1) % kTokensPerPass == 0) {
      recorder.on_pass({.run = run,
                        .sample = sample,
                        .finish = engine::FinishReason::max_new_tokens,
                        .text = "text",
                        .generated = kTokensPerPass,
                        .start_ns = due,
                        .prefill_ns = 20,
                        .decide_ns = 2,
                        .decode_ns = kTokensPerPass * options.token_ns()});
    }
  }
}

// Resident memory of the process once a second, in bytes.
class MemoryWatch {
 public:
  MemoryWatch() : thread_([this] { run(); }) {}
  MemoryWatch(const MemoryWatch&) = delete;
  MemoryWatch& operator=(const MemoryWatch&) = delete;
  ~MemoryWatch() { (void)stop(); }

  std::vector<double> stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    return samples_;
  }

 private:
  void run() {
    auto next = std::chrono::steady_clock::now();
    while (!stopping_) {
      samples_.push_back(static_cast<double>(resident_bytes()));
      next += std::chrono::seconds(1);
      while (!stopping_ && std::chrono::steady_clock::now() < next)
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

  std::vector<double> samples_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;  // last: it uses the above
};

// How memory went: a straight line through what was seen but for the first fifth, in which buffers
// reach their size; and the median of each tenth.
struct Course {
  double mean = 0;
  double least = 0;
  double most = 0;
  double growth = 0;  // of the line, over all that it was laid through
  size_t seconds = 0;
  std::vector<double> tenths;
};

Course course_of(const std::vector<double>& samples) {
  const size_t first = samples.size() / 5;
  const size_t n = samples.size() - first;
  Course course;
  course.seconds = n;
  if (n < 2) return course;
  double sum_x = 0, sum_y = 0, sum_xx = 0, sum_xy = 0;
  course.least = course.most = samples[first];
  for (size_t i = 0; i < n; ++i) {
    const auto x = static_cast<double>(i);
    const double y = samples[first + i];
    sum_x += x;
    sum_y += y;
    sum_xx += x * x;
    sum_xy += x * y;
    course.least = std::min(course.least, y);
    course.most = std::max(course.most, y);
  }
  const auto count = static_cast<double>(n);
  course.mean = sum_y / count;
  const double slope = (count * sum_xy - sum_x * sum_y) / (count * sum_xx - sum_x * sum_x);
  course.growth = slope * (count - 1);
  for (size_t tenth = 0; tenth < 10 && samples.size() >= 10; ++tenth) {
    std::vector<double> part(
        samples.begin() + static_cast<std::ptrdiff_t>(samples.size() * tenth / 10),
        samples.begin() + static_cast<std::ptrdiff_t>(samples.size() * (tenth + 1) / 10));
    std::nth_element(part.begin(), part.begin() + std::ssize(part) / 2, part.end());
    course.tenths.push_back(part[part.size() / 2]);
  }
  return course;
}

// Throws Error at the first row that is not as it was announced. Returns the rows looked at.
uint64_t verify(const Options& options) {
  const Trace trace = Trace::open(options.path);
  const auto require = [](bool sound, std::string_view what, uint64_t row) {
    if (!sound) fail("{} of row {} is wrong", what, row);
  };
  const auto tokens = static_cast<uint64_t>(options.tokens());
  const uint64_t passes = tokens / kTokensPerPass;
  const uint64_t spans = tokens * static_cast<uint64_t>(kSpansPerToken);
  require(trace.rows<Spans>() == spans, "the number of spans", trace.rows<Spans>());
  require(trace.rows<Steps>() == tokens, "the number of steps", trace.rows<Steps>());
  require(trace.rows<Memory>() == tokens, "the number of bytes' rows", trace.rows<Memory>());
  require(trace.rows<Passes>() == passes, "the number of passes", trace.rows<Passes>());
  constexpr uint64_t kBlock = 1 << 20;
  int64_t origin = 0;
  for (uint64_t begin = 0; begin < spans; begin += kBlock) {
    const uint64_t end = std::min(begin + kBlock, spans);
    const Spans rows = trace.read<Spans>(begin, end);
    if (begin == 0) origin = rows.start_ns[0];
    for (uint64_t row = begin; row < end; ++row) {
      const auto n = static_cast<int64_t>(row);
      const SpanFacts facts = span_facts(options, n / kSpansPerToken, n % kSpansPerToken);
      const size_t i = row - begin;
      require(rows.run[i] == facts.run && rows.sample[i] == facts.sample &&
                  rows.step[i] == facts.step && rows.layer[i] == facts.layer &&
                  rows.op[i] == facts.op,
              "the place of a span", row);
      require(
          rows.start_ns[i] - origin == facts.start_ns && rows.duration_ns[i] == facts.duration_ns,
          "the time of a span", row);
    }
  }
  for (uint64_t begin = 0; begin < tokens; begin += kBlock) {
    const uint64_t end = std::min(begin + kBlock, tokens);
    const Steps steps = trace.read<Steps>(begin, end);
    const Memory memory = trace.read<Memory>(begin, end);
    for (uint64_t row = begin; row < end; ++row) {
      const SpanFacts facts = span_facts(options, static_cast<int64_t>(row), 0);
      const size_t i = row - begin;
      require(steps.token[i] == static_cast<int32_t>(row) && steps.step[i] == facts.step &&
                  steps.sample[i] == facts.sample && steps.run[i] == facts.run &&
                  steps.piece.at(i) == "tok",
              "a step", row);
      require(memory.step[i] == facts.step && memory.sample[i] == facts.sample &&
                  memory.asked[i] == 1 && memory.held[i] == 2 && memory.peak[i] == 3,
              "the bytes", row);
    }
  }
  uint64_t decisions = 0;
  for (uint64_t row = 0; row < passes; ++row) {
    const PassRows pass = trace.pass_at(row);
    require(pass.spans.count() == uint64_t{kTokensPerPass} * kSpansPerToken &&
                pass.steps.count() == kTokensPerPass && pass.decisions.count() == kLayers,
            "the rows of a pass", row);
    const std::vector<int32_t> kept = trace.kept_positions(pass.decisions.begin);
    require(kept == std::vector<int32_t>({0, 2, 3, 4}), "a kept set", row);
    decisions += pass.decisions.count();
  }
  return spans + 2 * tokens + passes + decisions;
}

int run(const Options& options) {
  RecorderOptions recording;
  recording.writer.overwrite = true;
  recording.writer.shard_bytes = static_cast<uint64_t>(options.shard_mib) << 20;
  auto recorder = std::make_unique<Recorder>(options.path, "{}", recording);
  MemoryWatch watch;
  const int64_t start = steady_ns();
  record(*recorder, options);
  const double seconds = static_cast<double>(steady_ns() - start) * 1e-9;
  const Course course = course_of(watch.stop());
  const std::map<std::string, uint64_t> drops = recorder->writer().drops();
  const WriterCost cost = recorder->writer().cost();
  const double callback_seconds = static_cast<double>(recorder->callback_ns()) * 1e-9;
  const int64_t finish_start = steady_ns();
  const FinishReport report = recorder->finish(Status::complete);
  recorder.reset();
  const double finish_seconds = static_cast<double>(steady_ns() - finish_start) * 1e-9;

  const double spans = static_cast<double>(options.tokens() * kSpansPerToken);
  const double asked_rate = static_cast<double>(options.times * kTokensPerSecond * kSpansPerToken);
  fmt::print("{:.0f} spans, {} tokens, {} passes in {:.1f} s: {:.0f} spans/s of {:.0f} asked for\n",
             spans, options.tokens(), options.tokens() / kTokensPerPass, seconds, spans / seconds,
             asked_rate);
  fmt::print(
      "recording took {:.1f} s of the producer and {:.1f} s of the writer; {} commits; queue "
      "at most {}\n",
      callback_seconds, static_cast<double>(cost.cpu_ns) * 1e-9, cost.commits,
      format_bytes(cost.queue_high_water));
  fmt::print(
      "resident memory over the last {} s: mean {:.1f} MiB, from {:.1f} to {:.1f}, growth of "
      "a line through it {:+.2f} MiB\n",
      course.seconds, course.mean / 0x1p20, course.least / 0x1p20, course.most / 0x1p20,
      course.growth / 0x1p20);
  fmt::print("its median in each tenth of the time:");
  for (const double tenth : course.tenths) fmt::print(" {:.0f}", tenth / 0x1p20);
  fmt::print(" MiB\n");
  fmt::print("finishing took {:.1f} s: {}\n", finish_seconds, format_bytes(report.file_bytes));
  std::fflush(stdout);
  if (!report.finalised) fail("{}", report.warning);
  if (!drops.empty()) fail("rows were dropped");
  fmt::print("{} rows read back from {} shards, every one right\n", verify(options),
             Trace::open(options.path).rows<Shards>());
  // What grows with passes (who has been run on what) is below a kilobyte each. What the queue once
  // took on a machine that was busy with other things stays with the allocator.
  const double allowed = 16 * 0x1p20 + static_cast<double>(cost.queue_high_water) +
                         1024 * static_cast<double>(options.tokens() / kTokensPerPass);
  if (course.growth > allowed) fail("resident memory grew by {:.1f} MiB", course.growth / 0x1p20);
  if (seconds > 1.1 * static_cast<double>(options.seconds))
    fail("the machine did not keep up: {:.0f} s for {} s", seconds, options.seconds);
  return 0;
}

Options parse(const std::vector<std::string>& words) {
  Options options;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::map<std::string_view, int64_t*> numbers = {{"--seconds", &options.seconds},
                                                          {"--times", &options.times},
                                                          {"--shard-mib", &options.shard_mib}};
    const auto number = numbers.find(words[i]);
    if (number != numbers.end() && i + 1 < words.size()) {
      *number->second = std::stoll(words[++i]);
    } else {
      options.path = words[i];
    }
  }
  if (options.path.empty() || options.tokens() == 0)
    fail("usage: kvreel_soak FILE [--seconds S] [--times T] [--shard-mib M]; S times T from 5 on");
  return options;
}

}  // namespace
}  // namespace kvreel::tracer

int main(int argc, char** argv) {
  try {
    return kvreel::tracer::run(kvreel::tracer::parse({argv + 1, argv + argc}));
  } catch (const std::exception& error) {
    fmt::print(stderr, "kvreel_soak: {}\n", error.what());
    return 1;
  }
}
