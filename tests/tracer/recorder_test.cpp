// The recorder turns synthetic events into the rows that they describe.
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "base/steady_clock.h"
#include "tracer/record/recorder.h"
#include "tracer/rows.h"

namespace kvreel::tracer::testing {
namespace {

using nlohmann::json;
using RecorderTest = TraceTest;

void announce(Recorder& recorder, int32_t sample, std::string_view id) {
  const std::vector<int32_t> tokens = {1, 22, 333};
  const std::vector<std::string> pieces = {"<s>", "caf", "\xc3"};
  const std::vector<std::string> answers = {"yes \"quoted\""};
  engine::SampleEvent event;
  event.sample = sample;
  event.id = id;
  event.text = "<s>caf\xc3\xa9";
  event.tokens = tokens;
  event.pieces = pieces;
  event.answers = answers;
  event.metadata = R"({"source":"test"})";
  event.original_tokens = 5;
  recorder.on_sample(event);
}

engine::PassEvent pass_event(int32_t run, int32_t sample) {
  engine::PassEvent event;
  event.run = run;
  event.sample = sample;
  event.finish = engine::FinishReason::max_new_tokens;
  event.text = "an answer";
  event.generated = 2;
  event.exact_match = 0;
  event.budget = 0.5;
  event.start_ns = steady_ns();
  event.prefill_ns = 700;
  event.decide_ns = 70;
  event.decode_ns = 300;
  event.after_prefill = {1, 2, 3};
  event.at_end = {4, 5, 6};
  event.full_after_prefill = 7;
  return event;
}

engine::Decision threshold_decision(std::shared_ptr<const std::vector<int32_t>> ranking,
                                    std::shared_ptr<const engine::NormCurve> curve, int kv_head) {
  engine::Decision decision;
  decision.kv_head = kv_head;
  decision.reason = engine::Reason::threshold;
  decision.cached = 6;
  decision.kept = engine::KeptSet::of({0, 1, 3, 5});
  decision.ranking = std::move(ranking);
  decision.curve = std::move(curve);
  decision.threshold = 0.01;
  decision.cut = 2;
  decision.halt_position = 1;
  return decision;
}

std::shared_ptr<const engine::NormCurve> curve_of(float first) {
  engine::NormCurve curve;
  curve.distance = {first, 0.005f, 0.01f, 0.5f};
  curve.distance_all = {first, 0.004f, 0.009f, 0.4f};
  curve.base_norm = 1.5;
  curve.base_norm_all = 1.75;
  return std::make_shared<const engine::NormCurve>(curve);
}

TEST_F(RecorderTest, ProvenanceGetsTheClockAndNamesTheOperations) {
  const int64_t before = steady_ns();
  {
    Recorder recorder(path(), R"({"command":"x"})");
    ASSERT_TRUE(recorder.finish(Status::complete).finalised);
  }
  const Trace trace = Trace::open(path());
  const json provenance = json::parse(trace.provenance());
  EXPECT_EQ(provenance["command"], "x");
  EXPECT_EQ(provenance["clock"]["source"], "std::chrono::steady_clock");
  EXPECT_GE(provenance["clock"]["origin_steady_ns"].get<int64_t>(), before);
  EXPECT_LE(provenance["clock"]["origin_steady_ns"].get<int64_t>(), steady_ns());
  EXPECT_EQ(provenance["clock"]["origin_utc"].get<std::string>().size(),
            std::string("2026-11-22T00:28:17.123456Z").size());
  const Names names = trace.read<Names>(0, trace.rows<Names>());
  ASSERT_EQ(names.name.rows(), engine::kOpNames.size());
  for (size_t i = 0; i < engine::kOpNames.size(); ++i)
    EXPECT_EQ(names.name.at(i), engine::kOpNames[i]);
}

TEST_F(RecorderTest, ProvenanceThatIsNoObjectIsRefused) {
  for (const char* text : {"", "[1]", "{", "7"}) {
    EXPECT_NE(error_of([&] { Recorder recorder(path(), text); }).find("JSON object"),
              std::string::npos)
        << text;
    EXPECT_FALSE(std::filesystem::exists(path()));
  }
}

TEST_F(RecorderTest, APassBecomesRows) {
  int64_t origin = 0;
  const int64_t start = steady_ns();
  {
    Recorder recorder(path(), "{}", {.attention_rows = true});
    EXPECT_EQ(recorder.add_run("refreekv", "refreekv", R"({"threshold":0.01})"), 0);
    announce(recorder, 0, "first");
    const engine::StepId at{0, 0, 0};
    recorder.on_span({at, -1, engine::Op::embed, start, start + 10});
    recorder.on_span({at, 3, engine::Op::keep, start + 20, start + 25});
    recorder.on_memory({at, 3, engine::MemoryCause::keep, start + 25, {10, 20, 30}});

    engine::AttentionStatistics statistics;
    statistics.q_heads = 2;
    statistics.queries = 6;
    statistics.keys = 3;
    statistics.last_rows = 2;
    statistics.probabilities = {9, 9, 9, 0.1f, 0.2f, 0.7f, 9, 9, 9, 0.3f, 0.3f, 0.4f};
    const std::vector<engine::HeadNorms> heads = {{1, 2, 3, 4, 5}, {6, 7, 8, 9, 10}};
    recorder.on_attention({at, 3, heads, statistics});

    const auto decision = threshold_decision(
        std::make_shared<const std::vector<int32_t>>(std::vector<int32_t>{4, 2, 1, 3}), curve_of(0),
        -1);
    recorder.on_decision({at, 3, decision, start + 30, start + 37});
    engine::StepEvent step;
    step.at = at;
    step.rows = 3;
    step.token = 42;
    step.piece = "\xa9";
    step.logprob = -0.25f;
    step.start_ns = start;
    step.end_ns = start + 50;
    step.cache = {11, 22, 33};
    recorder.on_step(step);
    recorder.on_pass(pass_event(0, 0));
    ASSERT_TRUE(recorder.finish(Status::complete).finalised);
  }
  const Trace trace = Trace::open(path());
  origin = json::parse(trace.provenance())["clock"]["origin_steady_ns"].get<int64_t>();

  const Runs runs = trace.read<Runs>(0, 1);
  EXPECT_EQ(runs.parameters.at(0), R"({"threshold":0.01})");
  const Samples samples = trace.read<Samples>(0, 1);
  EXPECT_EQ(samples.id.at(0), "first");
  EXPECT_EQ(samples.text.at(0), "<s>caf\xc3\xa9");
  EXPECT_EQ(json::parse(samples.answers.at(0)), json({"yes \"quoted\""}));
  EXPECT_EQ(samples.original_tokens[0], 5);
  EXPECT_EQ(samples.tokens_end[0], 3u);
  EXPECT_EQ(trace.read<Tokens>(0, 3).id, (std::vector<int32_t>{1, 22, 333}));
  EXPECT_EQ(trace.read<Tokens>(0, 3).piece.at(2), "\xc3") << "pieces are bytes, not text";

  const Spans spans = trace.read<Spans>(0, 2);
  EXPECT_EQ(spans.layer, (std::vector<int16_t>{-1, 3}));
  EXPECT_EQ(spans.op, (std::vector<int8_t>{0, 4}));
  EXPECT_EQ(spans.start_ns, (std::vector<int64_t>{start - origin, start + 20 - origin}));
  EXPECT_EQ(spans.duration_ns, (std::vector<int64_t>{10, 5}));

  const Memory memory = trace.read<Memory>(0, 1);
  EXPECT_EQ(memory.cause[0], 1);
  EXPECT_EQ(memory.asked[0], 10u);
  EXPECT_EQ(memory.held[0], 20u);
  EXPECT_EQ(memory.peak[0], 30u);

  const Attention attention = trace.read<Attention>(0, 2);
  EXPECT_EQ(attention.head, (std::vector<int16_t>{0, 1}));
  EXPECT_EQ(attention.frobenius, (std::vector<float>{1, 6}));
  EXPECT_EQ(attention.last_row_sinks, (std::vector<float>{5, 10}));
  const AttentionRows rows = trace.read<AttentionRows>(0, 2);
  EXPECT_EQ(rows.probabilities.values, (std::vector<float>{0.1f, 0.2f, 0.7f, 0.3f, 0.3f, 0.4f}));
  EXPECT_EQ(rows.probabilities.ends, (std::vector<uint64_t>{3, 6}));

  const Decisions decisions = trace.read<Decisions>(0, 1);
  EXPECT_EQ(decisions.reason[0], 3);
  EXPECT_EQ(decisions.kept[0], 4);
  EXPECT_EQ(decisions.candidates[0], 4);
  EXPECT_EQ(decisions.cut[0], 2);
  EXPECT_EQ(decisions.halt_position[0], 1);
  EXPECT_EQ(decisions.threshold[0], 0.01);
  EXPECT_EQ(decisions.base_norm[0], 1.5);
  EXPECT_EQ(decisions.base_norm_all[0], 1.75);
  EXPECT_EQ(decisions.distance[0], 0.01f);
  EXPECT_EQ(decisions.distance_all[0], 0.009f);
  EXPECT_EQ(decisions.duration_ns[0], 7);
  EXPECT_EQ(decisions.kept_ranges.values, (std::vector<int32_t>{0, 2, 3, 4, 5, 6}));

  const Steps steps = trace.read<Steps>(0, 1);
  EXPECT_EQ(steps.token[0], 42);
  EXPECT_EQ(steps.piece.at(0), "\xa9");
  EXPECT_EQ(steps.logprob[0], -0.25f);
  EXPECT_EQ(steps.cache_held[0], 22u);

  const Passes passes = trace.read<Passes>(0, 1);
  EXPECT_EQ(passes.finish[0], 1);
  EXPECT_EQ(passes.text.at(0), "an answer");
  EXPECT_EQ(passes.prompt_tokens[0], 3);
  EXPECT_EQ(passes.exact_match[0], 0);
  EXPECT_EQ(passes.budget[0], 0.5);
  EXPECT_EQ(passes.prefill_ns[0], 700);
  EXPECT_EQ(passes.prefill_peak[0], 3u);
  EXPECT_EQ(passes.full_asked[0], 7u);
  EXPECT_EQ(passes.end_held[0], 5u);
  EXPECT_GT(passes.recorder_ns[0], 0);
  EXPECT_GT(passes.process_peak[0], 1u << 20);
  const PassRows pass = *trace.pass(0, 0);
  EXPECT_EQ(pass.spans, (RowRange{0, 2}));
  EXPECT_EQ(pass.attention, (RowRange{0, 2}));
  EXPECT_EQ(pass.attention_rows, (RowRange{0, 2}));
  EXPECT_EQ(pass.decisions, (RowRange{0, 1}));
  EXPECT_EQ(pass.steps, (RowRange{0, 1}));
  EXPECT_EQ(pass.kernels, (RowRange{0, 0}));
}

TEST_F(RecorderTest, KeptAndEvictedPositionsAreReadBack) {
  {
    Recorder recorder(path(), "{}");
    announce(recorder, 0, "first");
    announce(recorder, 1, "second");  // so that there are six tokens
    const auto ranking =
        std::make_shared<const std::vector<int32_t>>(std::vector<int32_t>{4, 2, 1, 3});
    const auto decision = threshold_decision(ranking, nullptr, 0);
    recorder.on_decision({{0, 0, 0}, 0, decision, 0, 1});
    engine::Decision full;
    full.cached = 6;
    full.kept = engine::KeptSet::of({0, 1, 2, 3, 4, 5});
    recorder.on_decision({{0, 0, 0}, 1, full, 0, 1});
    ASSERT_TRUE(recorder.finish(Status::complete).finalised);
  }
  const Trace trace = Trace::open(path());
  EXPECT_EQ(trace.kept_positions(0), (std::vector<int32_t>{0, 1, 3, 5}));
  EXPECT_EQ(trace.evicted_positions(0), (std::vector<int32_t>{4, 2}));
  EXPECT_EQ(trace.kept_positions(1), (std::vector<int32_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_TRUE(trace.evicted_positions(1).empty());
  EXPECT_TRUE(std::isnan(trace.read<Decisions>(1, 2).threshold[0]));
  EXPECT_TRUE(std::isnan(trace.read<Decisions>(0, 1).distance[0])) << "no curve was measured";
  EXPECT_EQ(trace.read<Decisions>(1, 2).ranking[0], -1);
}

TEST_F(RecorderTest, EqualRankingsOfASampleShareARow) {
  {
    Recorder recorder(path(), "{}");
    announce(recorder, 0, "first");
    announce(recorder, 1, "second");
    const auto ranking = [](std::vector<int32_t> order) {
      return std::make_shared<const std::vector<int32_t>>(std::move(order));
    };
    const auto a = ranking({4, 2, 1, 3});
    const auto decide = [&](int32_t run, int32_t sample, int32_t layer, const auto& order) {
      recorder.on_decision({{run, sample, 0}, layer, threshold_decision(order, nullptr, -1), 0, 1});
    };
    decide(0, 0, 0, a);                      // row 0
    decide(0, 0, 1, a);                      // the same pointer
    decide(0, 0, 2, ranking({4, 2, 1, 3}));  // the same content
    decide(0, 0, 3, ranking({1, 2, 3, 4}));  // row 1
    decide(1, 0, 0, a);                      // another run of the sample
    decide(0, 1, 0, a);                      // another sample: row 2
    ASSERT_TRUE(recorder.finish(Status::complete).finalised);
  }
  const Trace trace = Trace::open(path());
  EXPECT_EQ(trace.read<Decisions>(0, 6).ranking, (std::vector<int64_t>{0, 0, 0, 1, 0, 2}));
  EXPECT_EQ(trace.rows<Rankings>(), 3u);
  EXPECT_EQ(trace.read<Rankings>(1, 2).positions.values, (std::vector<int32_t>{1, 2, 3, 4}));
}

TEST_F(RecorderTest, HeadsThatAreCutTogetherShareACurve) {
  {
    Recorder recorder(path(), "{}");
    announce(recorder, 0, "first");
    const auto shared = curve_of(0);
    for (const int head : {0, 1}) {
      recorder.on_decision({{0, 0, 0}, 0, threshold_decision(nullptr, shared, head), 0, 1});
    }
    recorder.on_decision({{0, 0, 0}, 0, threshold_decision(nullptr, curve_of(0), 2), 0, 1});
    recorder.on_decision({{0, 0, 0}, 1, threshold_decision(nullptr, curve_of(0.001f), -1), 0, 1});
    ASSERT_TRUE(recorder.finish(Status::complete).finalised);
  }
  const Trace trace = Trace::open(path());
  EXPECT_EQ(trace.read<Decisions>(0, 4).curve, (std::vector<int64_t>{0, 0, 1, 2}));
  EXPECT_EQ(trace.read<Curves>(2, 3).distance.values[0], 0.001f);
}

TEST_F(RecorderTest, OptionsSayWhatIsAskedFor) {
  Recorder none(path("none.h5"), "{}", {.spans = false, .attention_norms = false});
  EXPECT_FALSE(none.prefill_needs().any());
  EXPECT_FALSE(none.decode_needs().any());
  EXPECT_FALSE(none.wants_spans());
  Recorder norms(path("norms.h5"), "{}");
  EXPECT_TRUE(norms.wants_spans());
  EXPECT_TRUE(norms.prefill_needs().row_norms);
  EXPECT_TRUE(norms.prefill_needs().row_entropy);
  EXPECT_FALSE(norms.decode_needs().any());
  Recorder rows(path("rows.h5"), "{}",
                {.attention_norms = false, .attention_rows = true, .decode_attention = true});
  EXPECT_EQ(rows.decode_needs().last_rows, 1);
  EXPECT_FALSE(rows.decode_needs().row_norms);
}

TEST_F(RecorderTest, WhatWasNotAskedForIsNotRecorded) {
  {
    Recorder recorder(path(), "{}", {.spans = false});
    announce(recorder, 0, "first");
    engine::AttentionStatistics statistics;
    const std::vector<engine::HeadNorms> heads(2);
    recorder.on_span({{0, 0, 0}, 0, engine::Op::qkv, 0, 1});
    recorder.on_attention({{0, 0, 0}, 0, heads, statistics});
    recorder.on_attention(
        {{0, 0, 1}, 0, heads, statistics});  // a decode step, which a policy asked for
    ASSERT_TRUE(recorder.finish(Status::complete).finalised);
  }
  const Trace trace = Trace::open(path());
  EXPECT_EQ(trace.rows<Spans>(), 0u);
  EXPECT_EQ(trace.rows<Attention>(), 2u);
  EXPECT_EQ(trace.rows<AttentionRows>(), 0u);
}

TEST_F(RecorderTest, ASharedPrefillIsSpentOnce) {
  {
    Recorder recorder(path(), "{}");
    announce(recorder, 0, "first");
    engine::PassEvent shared = pass_event(1, 0);
    shared.prefill_run = 0;
    recorder.on_pass(pass_event(0, 0));
    recorder.on_pass(shared);
    ASSERT_TRUE(recorder.finish(Status::complete).finalised);
  }
  const auto notes = Trace::open(path()).notes();
  // Prefill and decode of the first, deciding and decode of the other.
  EXPECT_EQ(json::parse(notes.at("overhead"))["inference_ns"], 700 + 300 + 70 + 300);
}

TEST_F(RecorderTest, NotesTellWhatRecordingCost) {
  {
    Recorder recorder(path(), "{}");
    announce(recorder, 0, "first");
    recorder.add_note("warning", R"("something")");
    recorder.on_pass(pass_event(0, 0));
    EXPECT_GT(recorder.callback_ns(), 0);
    ASSERT_TRUE(recorder.finish(Status::interrupted).finalised);
  }
  const Trace trace = Trace::open(path());
  EXPECT_EQ(trace.status(), Status::interrupted);
  const auto notes = trace.notes();
  const json overhead = json::parse(notes.at("overhead"));
  EXPECT_GT(overhead["callback_ns"].get<int64_t>(), 0);
  EXPECT_GT(overhead["writer_cpu_ns"].get<int64_t>(), 0);
  EXPECT_EQ(overhead["inference_ns"], 1000);
  EXPECT_DOUBLE_EQ(overhead["share"].get<double>(), overhead["callback_ns"].get<double>() / 1000);
  EXPECT_EQ(json::parse(notes.at("drops")), json::object());
  EXPECT_GT(json::parse(notes.at("queue"))["high_water_bytes"].get<uint64_t>(), 0u);
  const json finished = json::parse(notes.at("finished"));
  EXPECT_EQ(finished["status"], "interrupted");
  EXPECT_GT(finished["wall_ns"].get<int64_t>(), 0);
  EXPECT_GT(json::parse(notes.at("process"))["peak_rss"].get<uint64_t>(), 1u << 20);
  EXPECT_EQ(notes.at("warning"), R"("something")");
}

TEST_F(RecorderTest, DroppedRowsAreNotedAndPassesDoNotCountThem) {
  {
    RecorderOptions options;
    options.writer.queue_bytes = 1;
    Recorder recorder(path(), "{}", options);
    announce(recorder, 0, "first");
    for (int i = 0; i < 30; ++i) recorder.on_span({{0, 0, 0}, 0, engine::Op::qkv, 0, 1});
    recorder.on_pass(pass_event(0, 0));
    ASSERT_TRUE(recorder.finish(Status::complete).finalised);
  }
  const Trace trace = Trace::open(path());
  EXPECT_EQ(json::parse(trace.notes().at("drops")), json({{"spans", 30}}));
  EXPECT_EQ(trace.pass(0, 0)->spans, (RowRange{0, 0}));
}

TEST_F(RecorderTest, SamplesComeInOrderAndOnce) {
  Recorder recorder(path(), "{}");
  EXPECT_NE(error_of([&] { announce(recorder, 1, "x"); }).find("sample 1"), std::string::npos);
  announce(recorder, 0, "x");
  EXPECT_NE(error_of([&] { announce(recorder, 0, "x"); }).find("sample 0"), std::string::npos);
  EXPECT_NE(error_of([&] { recorder.on_pass(pass_event(0, 7)); }).find("sample 7"),
            std::string::npos);
}

TEST_F(RecorderTest, ValuesThatDoNotFitAreRefused) {
  Recorder recorder(path(), "{}");
  EXPECT_NE(error_of([&] {
              recorder.on_span({{0, 0, 0}, 40000, engine::Op::qkv, 0, 1});
            }).find("layer 40000"),
            std::string::npos);
  EXPECT_NE(error_of([&] { recorder.add_note("key", "not json"); }).find("'key'"),
            std::string::npos);
  EXPECT_NE(error_of([&] { recorder.add_run("r", "r", "[]"); }).find("'r'"), std::string::npos);
}

TEST_F(RecorderTest, AFailedWriteReachesTheCallbacks) {
  Recorder recorder(path(), "{}");
  announce(recorder, 0, "first");
  std::filesystem::remove(path());
  std::string error;
  // The writer notices at its next commit.
  for (int i = 0; i < 200 && error.empty(); ++i) {
    error = error_of([&] { recorder.on_pass(pass_event(0, 0)); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_NE(error.find(path()), std::string::npos) << error;
  EXPECT_NE(error_of([&] { (void)recorder.finish(Status::complete); }), "");
}

TEST_F(RecorderTest, WithoutFinishTheRowsAreThere) {
  {
    Recorder recorder(path(), "{}");
    announce(recorder, 0, "first");
    recorder.on_span({{0, 0, 0}, 0, engine::Op::qkv, steady_ns(), steady_ns()});
  }
  const Trace trace = Trace::open(path());
  EXPECT_EQ(trace.status(), Status::recording);
  EXPECT_EQ(trace.unfinished().spans, (RowRange{0, 1}));
}

}  // namespace
}  // namespace kvreel::tracer::testing
