// Timelines in the Trace Event Format.
#include "exports/timeline/chrome_trace.h"

#include <gtest/gtest.h>
#include <cmath>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "exports/tables/small_trace.h"
#include "exports/timeline/document.h"

namespace kvreel::exports::testing {
namespace {

using nlohmann::json;
using Timelines = ExportTest;

std::string text_of(const std::vector<const t::Trace*>& traces,
                    const TimelineOptions& options = {}) {
  std::ostringstream out;
  write_chrome_trace(out, traces, options);
  return out.str();
}
json timeline(const t::Trace& trace, const TimelineOptions& options = {}) {
  return json::parse(text_of({&trace}, options));
}

// Events of a phase, such as "X", and perhaps of a category.
std::vector<json> events(const json& document, const std::string& phase,
                         const std::string& category = "") {
  std::vector<json> found;
  for (const json& event : document["traceEvents"]) {
    if (event["ph"] == phase && (category.empty() || event.value("cat", "") == category))
      found.push_back(event);
  }
  return found;
}

// Names of processes by their number, or of tracks.
std::map<int, std::string> names(const json& document, const std::string& kind) {
  std::map<int, std::string> found;
  for (const json& event : events(document, "M")) {
    if (event["name"] == kind)
      found[event[kind == "thread_name" ? "tid" : "pid"].get<int>()] = event["args"]["name"];
  }
  return found;
}

// One pass with everything: a prefill and a decode step with spans, two kernels on two streams,
// cache bytes, a decision.
void write_full_pass(const std::string& path, int64_t span_overhang = 0) {
  TraceMaker maker(path);
  maker.add_names();
  maker.add_run("full", "full", "{}");
  maker.add_run("evil \"run\"\n\xFF", "full", "{}");
  maker.add_sample("a", {"Hi", "\xE2\x82", "!"}, "{}", "[]", 3);
  t::Steps steps;
  for (int32_t step = 0; step < 2; ++step) {
    steps.run.push_back(1);
    steps.sample.push_back(0);
    steps.step.push_back(step);
    steps.rows.push_back(step == 0 ? 3 : 1);
    steps.token.push_back(10 + step);
    steps.piece.push_back(step == 0 ? "\x01\"\\" : "\xC3");
    steps.logprob.push_back(step == 0 ? -0.5f : std::nanf(""));
    steps.start_ns.push_back(1000 + 10'000 * step);
    steps.duration_ns.push_back(9'001);
    steps.cache_asked.push_back(100);
    steps.cache_held.push_back(200);
  }
  maker.writer().append(steps);
  t::Spans spans;
  const auto span = [&](int32_t step, int16_t layer, int8_t op, int64_t start, int64_t duration) {
    spans.run.push_back(1);
    spans.sample.push_back(0);
    spans.step.push_back(step);
    spans.layer.push_back(layer);
    spans.op.push_back(op);
    spans.start_ns.push_back(start);
    spans.duration_ns.push_back(duration);
  };
  span(0, -1, 0, 1000, 500);
  span(0, 0, 2, 1500, 501);
  span(0, 1, 2, 2001, 8'000 + span_overhang);
  span(1, 0, 2, 11'500, 1);
  maker.writer().append(spans);
  t::Kernels kernels;
  const auto kernel = [&](int32_t stream, int64_t start, int64_t duration) {
    kernels.run.push_back(1);
    kernels.sample.push_back(0);
    kernels.step.push_back(0);
    kernels.layer.push_back(0);
    kernels.op.push_back(2);
    kernels.name.push_back(3);
    kernels.stream.push_back(stream);
    kernels.start_ns.push_back(start);
    kernels.duration_ns.push_back(duration);
    kernels.bytes.push_back(64);
  };
  kernel(7, 1600, 100);
  kernel(13, 1650, 100);
  kernel(7, 1700, 5);
  maker.writer().append(kernels);
  t::Memory memory;
  memory.run = {1};
  memory.sample = {0};
  memory.step = {0};
  memory.layer = {0};
  memory.cause = {0};
  memory.time_ns = {9'999};
  memory.asked = {5};
  memory.held = {UINT64_MAX};
  memory.peak = {7};
  maker.writer().append(memory);
  t::Decisions decisions;
  decisions.run = {1};
  decisions.sample = {0};
  decisions.step = {0};
  decisions.layer = {1};
  decisions.kv_head = {-1};
  decisions.reason = {3};
  decisions.cached = {4};
  decisions.kept = {3};
  decisions.candidates = {2};
  decisions.cut = {1};
  decisions.halt_position = {1};
  decisions.threshold = {0.01};
  decisions.base_norm = {0.5};
  decisions.base_norm_all = {0.5};
  decisions.distance = {0.005f};
  decisions.distance_all = {std::nanf("")};
  decisions.ranking = {-1};
  decisions.curve = {-1};
  decisions.start_ns = {9'000};
  decisions.duration_ns = {12};
  decisions.kept_ranges.push_back(std::vector<int32_t>{0, 3});
  decisions.temperature.push_back(std::nan(""));
  maker.writer().append(decisions);
  t::Passes pass;
  pass.run = {1};
  pass.sample = {0};
  pass.finish = {0};
  pass.text.push_back("out");
  pass.prompt_tokens = {3};
  pass.generated = {2};
  pass.exact_match = {-1};
  pass.budget = {0.75};
  pass.start_ns = {990};
  pass.prefill_ns = {9'001};
  pass.decide_ns = {0};
  pass.decode_ns = {9'001};
  pass.prefill_asked = pass.prefill_held = pass.prefill_peak = pass.full_asked = {0};
  pass.end_asked = pass.end_held = pass.end_peak = pass.process_peak = {0};
  pass.recorder_ns = {0};
  pass.steps_end = {2};
  pass.spans_end = {4};
  pass.memory_end = {1};
  pass.attention_end = {0};
  pass.attention_rows_end = {0};
  pass.decisions_end = {1};
  pass.kernels_end = {3};
  pass.prefill_pass = {0};
  pass.fidelity_end = pass.lost_attention_end = pass.scores_end = {0};
  maker.writer().append(pass);
  maker.finish();
}

TEST_F(Timelines, HaveAnEventPerRow) {
  const t::Trace trace = small_trace();
  const json document = timeline(trace);
  EXPECT_EQ(document["displayTimeUnit"], "ns");
  EXPECT_EQ(events(document, "X", "pass").size(), trace.rows<t::Passes>());
  EXPECT_EQ(events(document, "X", "step").size(), trace.rows<t::Steps>());
  EXPECT_EQ(events(document, "X", "op").size(), trace.rows<t::Spans>());
  EXPECT_EQ(events(document, "i", "decision").size(), trace.rows<t::Decisions>());
  EXPECT_EQ(names(document, "process_name"),
            (std::map<int, std::string>{{1, "full"}, {2, "refreekv:threshold=0.01"}, {3, "late"}}));
  EXPECT_EQ(document["otherData"]["trace"], "trace.h5");
  EXPECT_EQ(document["otherData"]["sha256"].get<std::string>().size(), 64u);
}

TEST_F(Timelines, SayWhatHappenedWhen) {
  write_full_pass(path());
  const t::Trace trace = t::Trace::open(path());
  const std::string text = text_of({&trace}, {.command = "kvreel x", .version = "1 (c)"});
  const json document = json::parse(text);
  EXPECT_EQ(document["otherData"]["written by"], "kvreel 1 (c)");
  EXPECT_EQ(document["otherData"]["command"], "kvreel x");
  EXPECT_EQ(names(document, "process_name").at(2), "evil \"run\"\n\uFFFD");

  const std::vector<json> passes = events(document, "X", "pass");
  ASSERT_EQ(passes.size(), 1u);
  EXPECT_EQ(passes[0]["name"], "a");
  // To the end of the last step, 20001: the time between steps is nobody's duration.
  EXPECT_TRUE(contains(text, R"("ts":0.990,"dur":19.011)")) << text;
  EXPECT_EQ(passes[0]["args"]["text"], "out");
  EXPECT_FALSE(passes[0]["args"].contains("exact_match"));

  const std::vector<json> steps = events(document, "X", "step");
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0]["name"], "prefill");
  EXPECT_EQ(steps[1]["name"], "decode");
  EXPECT_EQ(steps[0]["args"]["text"], "\x01\"\\");
  EXPECT_EQ(steps[1]["args"]["text"], "\uFFFD");
  EXPECT_FALSE(steps[1]["args"].contains("logprob"));
  EXPECT_TRUE(contains(text, R"("ts":11.000,"dur":9.001)"));

  const std::vector<json> spans = events(document, "X", "op");
  ASSERT_EQ(spans.size(), 4u);
  EXPECT_FALSE(spans[0]["args"].contains("layer"));
  EXPECT_EQ(spans[1]["args"]["layer"], 0);
  EXPECT_EQ(spans[3]["args"]["step"], 1);

  const std::vector<json> kernels = events(document, "X", "kernel");
  ASSERT_EQ(kernels.size(), 3u);
  EXPECT_EQ(kernels[0]["tid"], kernels[2]["tid"]);
  EXPECT_NE(kernels[0]["tid"], kernels[1]["tid"]);
  EXPECT_EQ(names(document, "thread_name").at(kernels[1]["tid"]), "stream 13");
  EXPECT_EQ(kernels[0]["args"]["op"], "attend");
  EXPECT_EQ(kernels[0]["args"]["bytes"], 64);

  const std::vector<json> counters = events(document, "C");
  ASSERT_EQ(counters.size(), 2u);
  EXPECT_EQ(counters[0]["args"]["asked"], 5);
  EXPECT_EQ(counters[0]["args"]["held"], UINT64_MAX);
  EXPECT_EQ(counters[1]["args"]["held"], 0);
  EXPECT_EQ(counters[1]["ts"], 20.001);

  const std::vector<json> decisions = events(document, "i");
  ASSERT_EQ(decisions.size(), 1u);
  const json& what = decisions[0]["args"];
  EXPECT_EQ(what["reason"], "threshold");
  EXPECT_EQ(what["budget"], 0.75);
  EXPECT_EQ(what["cut"], 1);
  EXPECT_EQ(what["halt_token"], "\uFFFD\uFFFD");
  EXPECT_FALSE(what.contains("kv_head"));
  EXPECT_EQ(names(document, "thread_name").at(decisions[0]["tid"]), "decisions");
}

// The slices of every track in the order of the file, which importers keep for equal times.
void expect_nesting(const json& document) {
  std::map<std::pair<int, int>, std::vector<int64_t>> open;  // ends, by process and track
  std::map<std::pair<int, int>, int64_t> last;
  for (const json& event : events(document, "X")) {
    const std::pair<int, int> track(event["pid"], event["tid"]);
    const auto start = std::llround(event["ts"].get<double>() * 1000);
    const auto end = start + std::llround(event["dur"].get<double>() * 1000);
    EXPECT_GE(start, last.try_emplace(track, INT64_MIN).first->second) << event;
    last[track] = start;
    std::vector<int64_t>& ends = open[track];
    while (!ends.empty() && ends.back() <= start) ends.pop_back();
    if (!ends.empty()) {
      EXPECT_LE(end, ends.back()) << event;
    }
    ends.push_back(end);
  }
}

TEST_F(Timelines, SlicesOfATrackNest) {
  write_full_pass(path());
  const json document = timeline(t::Trace::open(path()));
  expect_nesting(document);
  std::map<int, int> by_track;
  for (const json& event : events(document, "X")) ++by_track[event["tid"]];
  EXPECT_EQ(by_track.size(), 3u);  // the host and two streams
}

TEST_F(Timelines, WhatDoesNotNestHasATrackOfItsOwn) {
  write_full_pass(path(), 100);  // a span that outlasts its step by 100 ns
  const json document = timeline(t::Trace::open(path()));
  expect_nesting(document);
  std::vector<std::string> tracks;
  for (const auto& [tid, name] : names(document, "thread_name")) tracks.push_back(name);
  EXPECT_EQ(std::count(tracks.begin(), tracks.end(), "host (2)"), 1);
  EXPECT_EQ(events(document, "X", "op").size(), 4u);
}

TEST_F(Timelines, AreFilteredAsTablesAre) {
  const t::Trace trace = small_trace();
  const auto counts = [&](const Filter& filter) {
    const json document = timeline(trace, {.filter = filter});
    return std::vector<size_t>{events(document, "X", "pass").size(),
                               events(document, "X", "step").size(),
                               events(document, "X", "op").size(), events(document, "i").size()};
  };
  EXPECT_EQ(counts({.runs = {"full"}}), (std::vector<size_t>{3, 8, 4, 2}));
  EXPECT_EQ(counts({.samples = {"b"}}), (std::vector<size_t>{2, 7, 0, 2}));
  EXPECT_EQ(counts({.layer = 0}), (std::vector<size_t>{7, 17, 2, 3}));
  EXPECT_EQ(counts({.first_step = 1, .last_step = 1}), (std::vector<size_t>{7, 5, 1, 0}));
  EXPECT_TRUE(contains(
      error_of<UsageError>([&] { text_of({&trace}, {.filter = {.runs = {"ful"}}}); }), "'full'"));
  // Processes of runs that are left out are left out.
  EXPECT_EQ(names(timeline(trace, {.filter = {.runs = {"late"}}}), "process_name").size(), 1u);
}

TEST_F(Timelines, HaveTheUnfinishedPass) {
  {
    TraceMaker maker(path());
    add_inputs(maker);
    maker.add_pass({0, 0, 0, 1, 1.0, 100, 4000, 4096, 4096, 4000, {10, 2}, {10}, {1000}});
    maker.add_steps({1, 0, 0, 1, 1.0, 100, 4000, 4096, 4096, 4000, {10, 11}, {10}, {1000}});
    maker.finish(t::Status::interrupted);
  }
  const json document = timeline(t::Trace::open(path()));
  EXPECT_EQ(events(document, "X", "pass").size(), 1u);
  const std::vector<json> steps = events(document, "X", "step");
  ASSERT_EQ(steps.size(), 4u);
  EXPECT_EQ(steps[3]["pid"], 2);
}

TEST_F(Timelines, OfSeveralTracesHaveProcessesOfTheirOwn) {
  write_small_trace(path("one.h5"));
  write_full_pass(path("two.h5"));
  const t::Trace one = t::Trace::open(path("one.h5"));
  const t::Trace two = t::Trace::open(path("two.h5"));
  const json document = json::parse(text_of({&one, &two}));
  const std::map<int, std::string> processes = names(document, "process_name");
  EXPECT_EQ(processes.size(), 5u);
  EXPECT_EQ(processes.at(1), "one: full");
  EXPECT_EQ(processes.at(4), "two: full");
  EXPECT_EQ(document["otherData"]["trace 2"], "two.h5");
  expect_nesting(document);
}

TEST_F(Timelines, AreTheSameEveryTime) {
  const t::Trace trace = small_trace();
  EXPECT_EQ(text_of({&trace}), text_of({&trace}));
}

TEST_F(Timelines, ARowThatNamesWhatIsNotThereIsAnError) {
  {
    TraceMaker maker(path());
    add_inputs(maker);
    maker.add_pass({0, 0, 0, 1, 1.0, 1, 1, 1, 1, 1, {10}, {}, {}}, {}, {{0, 0, 99, 1}});
    maker.finish();
  }
  const t::Trace trace = t::Trace::open(path());
  const std::string error = error_of([&] { text_of({&trace}); });
  EXPECT_TRUE(contains(error, "row 99 of table 'names'")) << error;
  EXPECT_TRUE(contains(error, path())) << error;
}

// Times that no clock shows are written as they are, and harm nothing else.
TEST_F(Timelines, SurviveTimesOfADamagedTrace) {
  {
    TraceMaker maker(path());
    add_inputs(maker);
    t::Spans spans;
    for (const auto& [start, duration] : std::vector<std::pair<int64_t, int64_t>>{
             {INT64_MIN, INT64_MAX}, {INT64_MAX, INT64_MAX}, {0, INT64_MIN}, {5, -1}}) {
      spans.run.push_back(0);
      spans.sample.push_back(0);
      spans.step.push_back(0);
      spans.layer.push_back(INT16_MIN);
      spans.op.push_back(0);
      spans.start_ns.push_back(start);
      spans.duration_ns.push_back(duration);
    }
    maker.writer().append(spans);
    maker.add_pass({0, 0, 0, 1, 1.0, 1, 1, 1, 1, 1, {10}, {}, {}});
    maker.finish();
  }
  const json document = timeline(t::Trace::open(path()));
  EXPECT_EQ(events(document, "X", "op").size(), 4u);
}

TEST_F(Timelines, AFullDiskIsAnError) {
  const t::Trace trace = small_trace();
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  EXPECT_TRUE(contains(error_of([&] { write_chrome_trace(out, {&trace}, {}); }), "the timeline"));
}

TEST(JsonStrings, HoldNoControlCharacterAndNoIllFormedText) {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  const std::string text = json_string(every_byte);
  for (const char c : text) {
    EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != '\x7f') << static_cast<int>(c);
  }
  EXPECT_EQ(json::parse(text).get<std::string>().substr(0, 128), every_byte.substr(0, 128));
}

TEST(Microseconds, AreExact) {
  EXPECT_EQ(microseconds(0), "0.000");
  EXPECT_EQ(microseconds(1), "0.001");
  EXPECT_EQ(microseconds(1'234'567), "1234.567");
  EXPECT_EQ(microseconds(-1), "-0.001");
  EXPECT_EQ(microseconds(INT64_MAX), "9223372036854775.807");
  EXPECT_EQ(microseconds(INT64_MIN), "-9223372036854775.808");
}

}  // namespace
}  // namespace kvreel::exports::testing
