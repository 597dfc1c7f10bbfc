// A trace small enough to check by hand, and a directory for it.
//
//   samples  a: 4 tokens ("Hi", and the euro sign in two parts, a newline), task fact, answered
//            b: 3 tokens, task fact, answered, truncated from 5
//            c: 2 tokens, task copy, no answers
//   runs     full; refreekv:threshold=0.01; late, whose only pass (sample a) was interrupted
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "tracer/read/trace.h"
#include "tracer/record/trace_writer.h"

namespace kvreel::exports::testing {

namespace t = kvreel::tracer;

inline constexpr std::string_view kProvenance = R"({
  "kvreel": {"version": "1.2.3", "commit": "abcdef"},
  "command": ["kvreel", "record", "--out", "my trace.h5"],
  "created_utc": "2026-11-22T01:02:03Z",
  "machine": {"cpu": "Test CPU", "cores": 2, "memory_bytes": 1073741824,
              "read_bandwidth": {"threads": 2, "runs": 5, "median_bytes_per_s": 1e9}},
  "engine": {"backend": "cpu", "threads": 2},
  "model": {"directory": "/models/tiny", "family": "qwen2", "layers": 2, "q_heads": 4,
            "kv_heads": 2, "head_dim": 8, "parameters": 1234567, "stored_dtype": "bf16",
            "weight_bytes": 2469134, "weight_bytes_per_token": 1000000, "weights": "files",
            "files": [{"name": "model.safetensors", "bytes": 2469134,
                       "sha256": "0123456789abcdef0123456789abcdef"}]},
  "prompts": {"path": "prompts.jsonl", "count": 4}
})";

struct PassSpec {
  int32_t run = 0;
  int32_t sample = 0;
  int8_t finish = 0;
  int8_t exact_match = -1;
  double budget = 1;
  int64_t prefill_ms = 0;
  uint64_t asked = 0;
  uint64_t held = 0;
  uint64_t peak = 0;
  uint64_t full_asked = 0;
  std::vector<int32_t> tokens;        // one per step
  std::vector<int64_t> token_ms;      // of steps from 1
  std::vector<uint64_t> cache_asked;  // of steps from 1
  std::vector<std::pair<std::string, double>> scores;
  std::vector<std::pair<float, bool>> fidelity;  // of steps from 1: KL, same top token
  std::vector<std::vector<float>> lost;          // [step from 1][layer], mean; max is twice that
  int64_t prefill_pass = 0;
};

struct DecisionSpec {
  int16_t layer = 0;
  int8_t reason = 0;
  int32_t cached = 0;
  std::vector<int32_t> kept_ranges;
  std::vector<int32_t> ranking;
  int32_t cut = 0;
  int32_t halt_position = -1;
  std::vector<float> distance;
  double threshold = 0.01;  // where there is a distance
  int16_t kv_head = -1;
};

struct SpanSpec {
  int32_t step = 0;
  int16_t layer = 0;
  int8_t op = 0;
  int64_t duration_ns = 0;
};

class TraceMaker {
 public:
  explicit TraceMaker(const std::string& path, std::string_view provenance = kProvenance)
      : writer_(path, provenance) {}

  void add_names() {
    t::Names names;
    for (const char* name :
         {"embed", "qkv", "attend", "decide", "keep", "attn_out", "ffn", "logits", "sample"})
      names.name.push_back(name);
    writer_.append(names);
  }
  void add_run(std::string_view name, std::string_view policy, std::string_view parameters) {
    t::Runs runs;
    runs.name.push_back(name);
    runs.policy.push_back(policy);
    runs.parameters.push_back(parameters);
    writer_.append(runs);
  }
  void add_sample(std::string_view id, const std::vector<std::string>& pieces,
                  std::string_view metadata, std::string_view answers, int32_t original,
                  std::string_view text = {}) {
    t::Tokens tokens;
    for (size_t i = 0; i < pieces.size(); ++i) {
      tokens.id.push_back(static_cast<int32_t>(100 + i));
      tokens.piece.push_back(pieces[i]);
    }
    writer_.append(tokens);
    t::Samples samples;
    samples.id.push_back(id);
    samples.text.push_back(text.empty() ? "text of " + std::string(id) : std::string(text));
    samples.answers.push_back(answers);
    samples.metadata.push_back(metadata);
    samples.original_tokens.push_back(original);
    samples.tokens_end.push_back(writer_.rows<t::Tokens>());
    writer_.append(samples);
    prompt_tokens_.push_back(static_cast<int32_t>(pieces.size()));
  }
  void add_steps(const PassSpec& pass) {
    t::Steps steps;
    for (size_t i = 0; i < pass.tokens.size(); ++i) {
      steps.run.push_back(pass.run);
      steps.sample.push_back(pass.sample);
      steps.step.push_back(static_cast<int32_t>(i));
      steps.rows.push_back(i == 0 ? prompt_tokens_.at(static_cast<size_t>(pass.sample)) : 1);
      steps.token.push_back(pass.tokens[i]);
      steps.piece.push_back("<" + std::to_string(pass.tokens[i]) + ">");
      steps.logprob.push_back(-0.1f);
      steps.start_ns.push_back(static_cast<int64_t>(1000 * i));
      steps.duration_ns.push_back(1'000'000 * (i == 0 ? pass.prefill_ms : pass.token_ms.at(i - 1)));
      steps.cache_asked.push_back(i == 0 ? pass.asked : pass.cache_asked.at(i - 1));
      steps.cache_held.push_back(8192);
    }
    writer_.append(steps);
  }
  void add_pass(const PassSpec& pass, const std::vector<DecisionSpec>& decisions = {},
                const std::vector<SpanSpec>& spans = {}) {
    add_steps(pass);
    add_spans(pass, spans);
    for (const DecisionSpec& decision : decisions) add_decision(pass, decision);
    add_quality(pass);
    t::Passes rows;
    rows.run = {pass.run};
    rows.sample = {pass.sample};
    rows.finish = {pass.finish};
    rows.text.push_back("output, \"quoted\"");
    rows.prompt_tokens = {prompt_tokens_.at(static_cast<size_t>(pass.sample))};
    rows.generated = {static_cast<int32_t>(pass.tokens.size())};
    rows.exact_match = {pass.exact_match};
    rows.budget = {pass.budget};
    rows.start_ns = {0};
    rows.prefill_ns = {pass.prefill_ms * 1'000'000};
    rows.decide_ns = {pass.prefill_ms * 10'000};
    rows.decode_ns = {0};
    rows.prefill_asked = {pass.asked};
    rows.prefill_held = {pass.held};
    rows.prefill_peak = {pass.peak};
    rows.full_asked = {pass.full_asked};
    rows.end_asked = {pass.asked};
    rows.end_held = {pass.held};
    rows.end_peak = {pass.peak};
    rows.process_peak = {1 << 20};
    rows.recorder_ns = {pass.prefill_ms * 1'000};
    rows.steps_end = {writer_.rows<t::Steps>()};
    rows.spans_end = {writer_.rows<t::Spans>()};
    rows.memory_end = {writer_.rows<t::Memory>()};
    rows.attention_end = {writer_.rows<t::Attention>()};
    rows.attention_rows_end = {writer_.rows<t::AttentionRows>()};
    rows.decisions_end = {writer_.rows<t::Decisions>()};
    rows.kernels_end = {writer_.rows<t::Kernels>()};
    rows.prefill_pass = {pass.prefill_pass};
    rows.fidelity_end = {writer_.rows<t::Fidelity>()};
    rows.lost_attention_end = {writer_.rows<t::LostAttention>()};
    rows.scores_end = {writer_.rows<t::Scores>()};
    writer_.append(rows);
  }
  void add_note(std::string_view key, std::string_view value) {
    t::Notes notes;
    notes.time_ns.push_back(1);
    notes.key.push_back(key);
    notes.value.push_back(value);
    writer_.append(notes);
  }
  void finish(t::Status status = t::Status::complete) {
    EXPECT_TRUE(writer_.finish(status).finalised);
  }
  t::TraceWriter& writer() { return writer_; }

 private:
  void add_spans(const PassSpec& pass, const std::vector<SpanSpec>& spans) {
    t::Spans rows;
    for (const SpanSpec& span : spans) {
      rows.run.push_back(pass.run);
      rows.sample.push_back(pass.sample);
      rows.step.push_back(span.step);
      rows.layer.push_back(span.layer);
      rows.op.push_back(span.op);
      rows.start_ns.push_back(7);
      rows.duration_ns.push_back(span.duration_ns);
    }
    writer_.append(rows);
  }
  void add_quality(const PassSpec& pass) {
    t::Scores scores;
    for (const auto& [metric, value] : pass.scores) {
      scores.run.push_back(pass.run);
      scores.sample.push_back(pass.sample);
      scores.metric.push_back(metric);
      scores.value.push_back(value);
    }
    writer_.append(scores);
    t::Fidelity fidelity;
    for (size_t i = 0; i < pass.fidelity.size(); ++i) {
      fidelity.run.push_back(pass.run);
      fidelity.sample.push_back(pass.sample);
      fidelity.step.push_back(static_cast<int32_t>(i + 1));
      fidelity.token.push_back(static_cast<int32_t>(50 + i));
      fidelity.kl.push_back(pass.fidelity[i].first);
      fidelity.same_top.push_back(pass.fidelity[i].second ? 1 : 0);
      fidelity.logprob.push_back(-0.5f);
      fidelity.reference_logprob.push_back(-0.25f);
    }
    writer_.append(fidelity);
    t::LostAttention lost;
    for (size_t i = 0; i < pass.lost.size(); ++i) {
      for (size_t layer = 0; layer < pass.lost[i].size(); ++layer) {
        lost.run.push_back(pass.run);
        lost.sample.push_back(pass.sample);
        lost.step.push_back(static_cast<int32_t>(i + 1));
        lost.layer.push_back(static_cast<int16_t>(layer));
        lost.mean.push_back(pass.lost[i][layer]);
        lost.max.push_back(2 * pass.lost[i][layer]);
      }
    }
    writer_.append(lost);
  }
  void add_decision(const PassSpec& pass, const DecisionSpec& decision) {
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    const bool ranked = !decision.ranking.empty();
    const bool measured = !decision.distance.empty();
    if (ranked) {
      t::Rankings rankings;
      rankings.positions.push_back(decision.ranking);
      rankings.scores.push_back(std::vector<float>());
      writer_.append(rankings);
    }
    std::vector<float> all;  // half of the distance
    for (const float value : decision.distance) all.push_back(value / 2);
    if (measured) {
      t::Curves curves;
      curves.distance.push_back(decision.distance);
      curves.distance_all.push_back(all);
      writer_.append(curves);
    }
    int32_t kept = 0;
    for (size_t i = 0; i < decision.kept_ranges.size(); i += 2)
      kept += decision.kept_ranges[i + 1] - decision.kept_ranges[i];
    const auto cut = static_cast<size_t>(decision.cut);
    t::Decisions rows;
    rows.run = {pass.run};
    rows.sample = {pass.sample};
    rows.step = {0};
    rows.layer = {decision.layer};
    rows.kv_head = {decision.kv_head};
    rows.reason = {decision.reason};
    rows.cached = {decision.cached};
    rows.kept = {kept};
    rows.candidates = {static_cast<int32_t>(decision.ranking.size())};
    rows.cut = {decision.cut};
    rows.halt_position = {decision.halt_position};
    rows.threshold = {measured ? decision.threshold : kNone};
    rows.base_norm = {measured ? 0.5 : kNone};
    rows.base_norm_all = {measured ? 0.75 : kNone};
    rows.distance = {measured ? decision.distance[cut] : std::nanf("")};
    rows.distance_all = {measured ? all[cut] : std::nanf("")};
    rows.ranking = {ranked ? static_cast<int64_t>(writer_.rows<t::Rankings>()) - 1 : -1};
    rows.curve = {measured ? static_cast<int64_t>(writer_.rows<t::Curves>()) - 1 : -1};
    rows.start_ns = {0};
    rows.duration_ns = {1500};
    rows.kept_ranges.push_back(decision.kept_ranges);
    rows.temperature.push_back(std::nan(""));
    writer_.append(rows);
  }

  t::TraceWriter writer_;
  std::vector<int32_t> prompt_tokens_;
};

inline void add_inputs(TraceMaker& maker) {
  maker.add_names();
  maker.add_run("full", "full", "{}");
  maker.add_run("refreekv:threshold=0.01", "refreekv", R"({"threshold": 0.01})");
  maker.add_run("late", "late", "{}");
  maker.add_sample("a", {"Hi", " \xE2\x82", "\xAC", "\n"}, R"({"task": "fact", "level": 1})",
                   R"(["x"])", 4);
  maker.add_sample("b", {"p", "q", "r"}, R"({"task": "fact"})", R"(["y"])", 5);
  maker.add_sample("c", {"s", "t"}, R"({"task": "copy"})", "[]", 2);
}

// The trace that is described above.
inline void write_small_trace(const std::string& path) {
  TraceMaker maker(path);
  add_inputs(maker);
  const std::vector<SpanSpec> spans = {
      {0, -1, 0, 5}, {0, 0, 2, 10}, {0, 1, 2, 30}, {1, 0, 2, 7}};  // embed, attend x 3
  maker.add_pass(
      {0, 0, 0, 1, 1.0, 100, 4000, 4096, 4096, 4000, {10, 11, 2}, {10, 12}, {1000, 2000}},
      {{0, 0, 4, {0, 4}}, {1, 0, 4, {0, 4}}}, spans);
  maker.add_pass(
      {1, 0, 0, 1, 0.5, 110, 2000, 2048, 4096, 4000, {10, 11, 2}, {5, 7}, {500, 700}},
      {{0, 1, 4, {0, 4}}, {1, 3, 4, {0, 1, 2, 4}, {1, 2, 3}, 1, 2, {0.0f, 0.01f, 0.3f}}});
  maker.add_pass(
      {2, 0, 3, 1, 0.9, 50, 3000, 4096, 4096, 4000, {10}, {}, {}});  // interrupted: never counts
  maker.add_pass({0,
                  1,
                  0,
                  1,
                  1.0,
                  200,
                  3000,
                  4096,
                  4096,
                  3000,
                  {10, 12, 13, 2},
                  {11, 13, 14},
                  {3000, 3000, 3000}});
  maker.add_pass({1, 1, 0, 0, 0.25, 220, 750, 1024, 2048, 3000, {10, 12, 2}, {6, 8}, {800, 900}},
                 {{0, 1, 3, {0, 3}}, {1, 3, 3, {0, 1, 2, 3}, {1, 2}, 1, 2, {0.0f, 0.02f}}});
  maker.add_pass({0, 2, 1, -1, 1.0, 300, 2000, 4096, 4096, 2000, {5}, {}, {}});
  maker.add_pass({1, 2, 1, -1, 1.0, 330, 2000, 4096, 4096, 2000, {6, 5}, {9}, {1100}});
  maker.add_note("overhead", R"({"callback_ns": 2000000, "writer_cpu_ns": 3000000,
                                 "inference_ns": 100000000, "share": 0.02})");
  maker.add_note("drops", R"({"spans": 12})");
  maker.add_note("finished", R"({"status": "complete", "wall_ns": 5000000000,
                                 "ended_utc": "2026-11-22T01:02:08.000000Z"})");
  maker.finish();
}

// A trace of scores, fidelity, lost attention and shared prefills, checked by hand:
//
//   samples  a, b (task fact), c (task copy)
//   runs     full, and half, which shares full's prefill
//   token-f1 full 1, 0.8, 0.5; half 0.5, 0.8, 0.1; recall, of a and b alone: full 1, 1; half 0, 1
//   KL       half, a: 0.1, 0.3 (second token another), b: 0.5, c: not recorded
//   lost     half, a: layers 0.1, 0.2 and 0.3, 0.4; b: 0, 0.5
inline void write_quality_trace(const std::string& path) {
  TraceMaker maker(path);
  maker.add_names();
  maker.add_run("full", "full", "{}");
  maker.add_run("half", "streaming-llm", R"({"budget": "50%"})");
  maker.add_sample("a", {"x", "y"}, R"({"task": "fact"})", R"(["x"])", 2);
  maker.add_sample("b", {"x", "y"}, R"({"task": "fact"})", R"(["y"])", 2);
  maker.add_sample("c", {"x", "y"}, R"({"task": "copy"})", R"(["z"])", 2);
  const auto pass = [](int32_t run, int32_t sample, int8_t match, double budget) {
    PassSpec spec{run, sample, 0, match, budget, 10, 1, 1, 1, 1, {7, 8, 9}, {1, 1}, {1, 1}};
    if (run == 1) spec.prefill_pass = 2 * sample + 1;
    return spec;
  };
  PassSpec spec = pass(0, 0, 1, 1.0);
  spec.scores = {{"token-f1", 1.0}, {"recall", 1.0}};
  maker.add_pass(spec);
  spec = pass(1, 0, 0, 0.5);
  spec.scores = {{"token-f1", 0.5}, {"recall", 0.0}};
  spec.fidelity = {{0.1f, true}, {0.3f, false}};
  spec.lost = {{0.1f, 0.2f}, {0.3f, 0.4f}};
  maker.add_pass(spec);
  spec = pass(0, 1, 0, 1.0);
  spec.scores = {{"token-f1", 0.8}, {"recall", 1.0}};
  maker.add_pass(spec);
  spec = pass(1, 1, 0, 0.5);
  spec.scores = {{"token-f1", 0.8}, {"recall", 1.0}};
  spec.fidelity = {{0.5f, true}};
  spec.lost = {{0.0f, 0.5f}};
  maker.add_pass(spec);
  spec = pass(0, 2, 0, 1.0);
  spec.scores = {{"token-f1", 0.5}};
  maker.add_pass(spec);
  spec = pass(1, 2, 0, 0.5);
  spec.scores = {{"token-f1", 0.1}};
  maker.add_pass(spec);
  maker.finish();
}

class ExportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "kvreel-exports-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string path(std::string_view name = "trace.h5") const {
    return (directory_ / std::filesystem::path(name)).string();
  }
  t::Trace small_trace() const {
    write_small_trace(path());
    return t::Trace::open(path());
  }

 private:
  std::filesystem::path directory_;
};

// The message of the error of type E that `work` throws, "" where it throws none.
template <typename E = Error, typename Work>
std::string error_of(Work&& work) {
  try {
    work();
  } catch (const E& error) {
    return error.what();
  }
  return "";
}

inline bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace kvreel::exports::testing
