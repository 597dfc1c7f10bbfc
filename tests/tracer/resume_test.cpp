// A recording goes on where another one stopped: what stays, what goes, and what a kill leaves.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <random>

#include "base/error.h"
#include "base/steady_clock.h"
#include "tracer/read/recover.h"
#include "tracer/read/resume.h"
#include "tracer/record/recorder.h"
#include "tracer/rows.h"

namespace kvreel::tracer::testing {
namespace {

using nlohmann::json;
using ResumedTrace = TraceTest;

void announce(Recorder& recorder, int32_t sample) {
  std::vector<int32_t> tokens(static_cast<size_t>(4 + sample % 3), 7 + sample);
  const std::vector<std::string> pieces(tokens.size(), "x");
  const std::string id = "sample " + std::to_string(sample);
  recorder.on_sample({.sample = sample,
                      .id = id,
                      .text = id,
                      .tokens = tokens,
                      .pieces = pieces,
                      .metadata = "{}",
                      .original_tokens = static_cast<int64_t>(tokens.size())});
}

// A pass whose rows follow from its run and sample: a ranking that is the sample's, a curve that is
// the pass's.
void pass(Recorder& recorder, int32_t run, int32_t sample,
          engine::FinishReason finish = engine::FinishReason::stop_token) {
  const engine::StepId at{run, sample, 0};
  const int64_t now = steady_ns();
  recorder.on_span({at, 0, engine::Op::attend, now, now + 10});
  recorder.on_memory({at, 0, engine::MemoryCause::append, now, {1, 2, 3}});
  engine::NormCurve curve;
  curve.distance = {0, 0.1f * static_cast<float>(run + 1)};
  curve.distance_all = {0, 0.01f * static_cast<float>(sample)};
  engine::Decision decision;
  decision.reason = engine::Reason::threshold;
  decision.cached = 4;
  decision.kept = engine::KeptSet::of({0, 2, 3});
  decision.ranking = std::make_shared<const std::vector<int32_t>>(std::vector<int32_t>{1, sample});
  decision.curve = std::make_shared<const engine::NormCurve>(curve);
  decision.cut = 1;
  recorder.on_decision({at, 0, decision, now, now + 5});
  recorder.on_step({at, 4, 100 + run, "tok", -0.5f, now, now + 20, {}});
  const std::vector<engine::Score> scores = {{"token-f1", 0.25 * run}};
  recorder.on_pass({.run = run,
                    .sample = sample,
                    .finish = finish,
                    .text = "text " + std::to_string(run),
                    .generated = 1,
                    .scores = scores,
                    .prefill_run = run > 0 && finish == engine::FinishReason::stop_token ? 0 : -1,
                    .start_ns = now,
                    .prefill_ns = 20,
                    .decide_ns = 2,
                    .decode_ns = 5});
}

void add_runs(Recorder& recorder, int32_t from, int32_t runs) {
  for (int32_t run = from; run < runs; ++run) {
    EXPECT_EQ(recorder.add_run("run " + std::to_string(run), "p", "{}"), run);
  }
}

// Records what of samples x runs is missing, up to `most` passes.
void record_rest(Recorder& recorder, const KeptTrace& kept, int32_t samples, int32_t runs,
                 int most = 1 << 20) {
  for (int32_t sample = 0; sample < samples; ++sample) {
    if (most == 0) return;
    if (static_cast<size_t>(sample) >= kept.prompt_tokens.size()) announce(recorder, sample);
    for (int32_t run = 0; run < runs && most > 0; ++run) {
      if (kept.passes.contains({run, sample})) continue;
      pass(recorder, run, sample);
      --most;
    }
  }
}

constexpr int32_t kSamples = 4;
constexpr int32_t kRuns = 3;

// A trace of `passes` passes, ended with `status`; the next pass is interrupted where asked.
void record_first(const std::string& path, int passes, Status status, bool interrupted = false) {
  Recorder recorder(path, R"({"command":"first"})");
  add_runs(recorder, 0, kRuns);
  record_rest(recorder, {}, kSamples, kRuns, passes);
  if (interrupted) {
    if (passes % kRuns == 0) announce(recorder, passes / kRuns);
    pass(recorder, passes % kRuns, passes / kRuns, engine::FinishReason::interrupted);
  }
  EXPECT_TRUE(recorder.finish(status).finalised);
}

void finish_rest(const std::string& path, int32_t samples = kSamples, int32_t runs = kRuns) {
  const KeptTrace kept = find_kept(Trace::open(path));
  Recorder recorder(kept, R"({"command":"again"})");
  add_runs(recorder, static_cast<int32_t>(kept.rows[table_index<Runs>()]), runs);
  record_rest(recorder, kept, samples, runs);
  EXPECT_TRUE(recorder.finish(Status::complete).finalised);
}

// What is told about each pass, without times, and with references followed.
std::map<std::pair<int32_t, int32_t>, std::string> told(const Trace& trace) {
  std::map<std::pair<int32_t, int32_t>, std::string> passes;
  for (uint64_t row = 0; row < trace.rows<Passes>(); ++row) {
    const PassRows at = trace.pass_at(row);
    const Passes of = trace.read<Passes>(row, row + 1);
    json out = {std::string(of.text.at(0)), of.finish[0], of.prompt_tokens[0]};
    if (of.prefill_pass[0] > 0) {
      out.push_back(trace.pass_at(static_cast<uint64_t>(of.prefill_pass[0] - 1)).sample);
    }
    const Decisions decisions = trace.read<Decisions>(at.decisions.begin, at.decisions.end);
    for (size_t i = 0; i < decisions.run.size(); ++i) {
      const auto ranking = static_cast<uint64_t>(decisions.ranking[i]);
      const auto curve = static_cast<uint64_t>(decisions.curve[i]);
      out.push_back(decisions.kept_ranges.values);
      out.push_back(trace.read<Rankings>(ranking, ranking + 1).positions.values);
      out.push_back(trace.read<Curves>(curve, curve + 1).distance.values);
      out.push_back(trace.read<Curves>(curve, curve + 1).distance_all.values);
    }
    out.push_back(trace.read<Steps>(at.steps.begin, at.steps.end).token);
    out.push_back(at.spans.count());
    out.push_back(trace.read<Memory>(at.memory.begin, at.memory.end).held);
    out.push_back(trace.read<Scores>(at.scores.begin, at.scores.end).value);
    passes[{at.run, at.sample}] = out.dump();
  }
  return passes;
}

std::string whole_trace(const std::string& path, int32_t samples = kSamples, int32_t runs = kRuns) {
  Recorder recorder(path, "{}");
  add_runs(recorder, 0, runs);
  record_rest(recorder, {}, samples, runs);
  EXPECT_TRUE(recorder.finish(Status::complete).finalised);
  return path;
}

TEST_F(ResumedTrace, EqualsAnUninterruptedOneWhereverItStopped) {
  const auto whole = told(Trace::open(whole_trace(path("whole.h5"))));
  ASSERT_EQ(whole.size(), kSamples * kRuns);
  for (int passes = 0; passes < kSamples * kRuns; ++passes) {
    for (const bool interrupted : {false, true}) {
      SCOPED_TRACE(passes * 2 + interrupted);
      record_first(path(), passes, Status::interrupted, interrupted);
      const KeptTrace kept = find_kept(Trace::open(path()));
      EXPECT_EQ(kept.passes.size(), static_cast<size_t>(passes));
      EXPECT_EQ(kept.dropped_passes, interrupted ? 1u : 0u);
      finish_rest(path());
      const Trace trace = Trace::open(path());
      EXPECT_EQ(trace.status(), Status::complete);
      EXPECT_EQ(trace.rows<Samples>(), kSamples);
      EXPECT_EQ(trace.rows<Runs>(), kRuns);
      EXPECT_EQ(trace.rows<Names>(), engine::kOpNames.size());
      EXPECT_EQ(told(trace), whole);
      std::filesystem::remove(path());
    }
  }
}

TEST_F(ResumedTrace, KeepsEveryRowOfWhatStays) {
  record_first(path(), 5, Status::interrupted, true);
  const Trace before = Trace::open(path());
  const KeptTrace kept = find_kept(before);
  std::filesystem::copy_file(path(), path("copy.h5"));
  finish_rest(path());
  const Trace first = Trace::open(path("copy.h5"));
  const Trace after = Trace::open(path());
  std::string wrong;
  for_each_table([&](auto empty) {
    using Table = decltype(empty);
    const uint64_t rows = kept.rows[table_index<Table>()];
    const std::string column = difference(first.read<Table>(0, rows), after.read<Table>(0, rows));
    if (!column.empty()) wrong += std::string(Table::kName) + "/" + column + " ";
  });
  EXPECT_EQ(wrong, "");
  EXPECT_EQ(kept.rows[table_index<Steps>()], 5u);
  EXPECT_EQ(first.rows<Steps>(), 6u) << "the interrupted pass had rows";
  EXPECT_EQ(after.provenance(), first.provenance());
}

TEST_F(ResumedTrace, TimesNeverFallBack) {
  record_first(path(), 4, Status::interrupted, true);
  const int64_t end = find_kept(Trace::open(path())).end_ns;
  finish_rest(path());
  const Trace trace = Trace::open(path());
  const Passes passes = trace.read<Passes>(0, trace.rows<Passes>());
  EXPECT_TRUE(std::ranges::is_sorted(passes.start_ns));
  EXPECT_LT(passes.start_ns[3], end);
  EXPECT_GE(passes.start_ns[4], end);
  EXPECT_LT(passes.start_ns[4], end + 60'000'000'000) << "no empty hours between the parts";
  const Notes notes = trace.read<Notes>(0, trace.rows<Notes>());
  EXPECT_TRUE(std::ranges::is_sorted(notes.time_ns));
  EXPECT_GE(trace.last_commit_ns(), passes.start_ns.back());
}

TEST_F(ResumedTrace, NotesTellEveryPartAndWhatAllOfThemCost) {
  record_first(path(), 2, Status::interrupted);
  const json first = json::parse(Trace::open(path()).notes()["overhead"]);
  for (const int32_t samples : {2, 3}) finish_rest(path(), samples);
  const Trace trace = Trace::open(path());
  const auto notes = trace.notes();
  const json parts = json::parse(notes.at("continued"));
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0]["command"], "again");
  EXPECT_EQ(parts[0]["first_pass"], 2);
  EXPECT_EQ(parts[1]["first_pass"], 6);
  EXPECT_GT(parts[1]["clock"]["time_ns"], parts[0]["clock"]["time_ns"]);
  const json overhead = json::parse(notes.at("overhead"));
  // Three prefills, each shared by two passes that decided for themselves, and nine decodes.
  EXPECT_EQ(overhead["inference_ns"], 3 * 20 + 6 * 2 + 9 * 5);
  EXPECT_GT(overhead["callback_ns"], first["callback_ns"]);
  EXPECT_GT(overhead["writer_cpu_ns"], first["writer_cpu_ns"]);
  EXPECT_EQ(json::parse(notes.at("finished"))["status"], "complete");
}

TEST_F(ResumedTrace, TakesMoreSamplesAndMoreRuns) {
  whole_trace(path(), 2, 2);
  finish_rest(path(), 3, 4);
  EXPECT_EQ(told(Trace::open(path())), told(Trace::open(whole_trace(path("whole.h5"), 3, 4))));
}

TEST_F(ResumedTrace, ARecoveredTraceGoesOn) {
  record_first(path("first.h5"), 3, Status::interrupted, true);
  recover(path("first.h5"), path(), false);
  finish_rest(path());
  EXPECT_EQ(told(Trace::open(path())), told(Trace::open(whole_trace(path("whole.h5")))));
}

TEST_F(ResumedTrace, KillsAtAnyMomentLeaveATraceThatGoesOn) {
  constexpr int32_t kManySamples = 100;
  std::mt19937 random(20261124);
  int kills_with_passes = 0;
  int restarted = 0;
  // Slow passes; killed until it once comes to its end.
  const auto record_slowly = [&] {
    const auto go_on = [&](Recorder& recorder, const KeptTrace& kept) {
      add_runs(recorder, static_cast<int32_t>(kept.rows[table_index<Runs>()]), kRuns);
      for (int32_t sample = 0; sample < kManySamples; ++sample) {
        if (static_cast<size_t>(sample) >= kept.prompt_tokens.size()) announce(recorder, sample);
        for (int32_t run = 0; run < kRuns; ++run) {
          if (kept.passes.contains({run, sample})) continue;
          pass(recorder, run, sample);
          ::usleep(2000);
        }
      }
      return recorder.finish(Status::complete).finalised ? 0 : 1;
    };
    RecorderOptions options;
    options.writer.commit_interval = std::chrono::milliseconds(2);
    if (!std::filesystem::exists(path())) {
      Recorder recorder(path(), "{}", options);
      return go_on(recorder, {});
    }
    const KeptTrace kept = find_kept(Trace::open(path()));
    Recorder recorder(kept, "{}", options);
    return go_on(recorder, kept);
  };
  const auto committed_passes = [&]() -> uint64_t {
    try {
      return Trace::open(path()).rows<Passes>();
    } catch (const Error&) {
      return 0;  // not there yet
    }
  };
  int code = 1;
  for (int attempt = 0; attempt < 200 && code != 0; ++attempt) {
    SCOPED_TRACE(attempt);
    const uint64_t before = committed_passes();
    const pid_t child = start_child(record_slowly);
    // A third is killed whatever it does just then, the others after some more passes.
    const bool at_once = random() % 3 == 0;
    const uint64_t wanted = before + 1 + random() % 10;
    for (int i = 0; attempt < 12 && !at_once && i < 60'000; ++i) {
      if (committed_passes() >= wanted) break;
      ::usleep(500);
    }
    if (attempt < 12) {
      ::usleep(static_cast<useconds_t>(random() % (at_once ? 40'000 : 3'000)));
      ::kill(child, SIGKILL);
    }
    code = wait_for(child);
    ASSERT_TRUE(code == 0 || code == -SIGKILL) << code;
    if (!std::filesystem::exists(path())) continue;
    const Trace trace = Trace::open(path());
    if (code != 0) kills_with_passes += trace.rows<Passes>() > 0;
    restarted += trace.notes().contains("continued");
  }
  EXPECT_EQ(code, 0);
  EXPECT_GE(kills_with_passes, 3);
  EXPECT_GE(restarted, 3);
  EXPECT_EQ(told(Trace::open(path())),
            told(Trace::open(whole_trace(path("whole.h5"), kManySamples, kRuns))));
  std::filesystem::remove(path("whole.h5"));
  // The kills' drafts go when the trace is resumed next.
  spill(path() + ".999.starting", "left by a kill");
  spill(path() + ".999.other", "somebody else's");
  finish_rest(path(), kManySamples, kRuns);
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    files.push_back(entry.path().filename().string());
  }
  std::ranges::sort(files);
  EXPECT_EQ(files, (std::vector<std::string>{"trace.h5", "trace.h5.999.other"}));
}

TEST_F(ResumedTrace, IsRefusedWhileItIsRecorded) {
  record_first(path(), 4, Status::interrupted);
  const KeptTrace kept = find_kept(Trace::open(path()));
  const auto wait_for_file = [&](std::string_view name) {
    for (int i = 0; i < 30'000 && !std::filesystem::exists(path(name)); ++i) ::usleep(1000);
  };
  const pid_t child = start_child([&] {
    Recorder recorder(kept, "{}");
    spill(path("started"), "");
    wait_for_file("tried");
    record_rest(recorder, kept, kSamples, kRuns);
    return recorder.finish(Status::complete).finalised ? 0 : 1;
  });
  wait_for_file("started");
  EXPECT_NE(error_of([&] { find_kept(Trace::open(path())); }).find("being recorded"),
            std::string::npos);
  const std::string error = error_of([&] { Recorder again(kept, "{}"); });
  EXPECT_NE(error.find("being recorded"), std::string::npos) << error;
  spill(path("tried"), "");
  EXPECT_EQ(wait_for(child), 0);
  EXPECT_EQ(Trace::open(path()).rows<Passes>(), kSamples * kRuns);
}

TEST_F(ResumedTrace, AFileThatWasReplacedMeanwhileStays) {
  record_first(path(), 4, Status::interrupted);
  const KeptTrace kept = find_kept(Trace::open(path()));
  record_first(path("other.h5"), 6, Status::interrupted);
  std::filesystem::rename(path("other.h5"), path());
  const std::string before = slurp(path());
  const std::string error = error_of([&] { Recorder recorder(kept, "{}"); });
  EXPECT_NE(error.find("replaced or changed"), std::string::npos) << error;
  EXPECT_NE(error.find("stays as it is"), std::string::npos) << error;
  EXPECT_EQ(slurp(path()), before);
}

TEST_F(ResumedTrace, StaysAsItIsWhereItsCopyHasNoRoom) {
  record_first(path(), 4, Status::interrupted);
  const std::string before = slurp(path());
  const KeptTrace kept = find_kept(Trace::open(path()));
  const int code = run_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{before.size() / 4, before.size() / 4};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const std::string error = error_of([&] { Recorder recorder(kept, "{}"); });
    return error.find("stays as it is") != std::string::npos ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(slurp(path()), before);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 1);
}

// The directory may be that of the process, as in "-o trace.h5".
TEST_F(ResumedTrace, HasTheNamesOfOperationsAlsoAfterAKillBeforeTheFirstRow) {
  // What the first commit of a recording leaves: an empty trace.
  { TraceWriter writer(path(), R"({"command":"first"})"); }
  ASSERT_EQ(Trace::open(path()).rows<Names>(), 0u);
  finish_rest(path());
  finish_rest(path(), kSamples + 1);
  const Trace trace = Trace::open(path());
  const Names names = trace.read<Names>(0, trace.rows<Names>());
  ASSERT_EQ(trace.rows<Names>(), engine::kOpNames.size());
  for (size_t op = 0; op < engine::kOpNames.size(); ++op) {
    EXPECT_EQ(names.name.at(op), engine::kOpNames[op]);
  }
}

TEST_F(ResumedTrace, APathWithoutADirectoryGoesOn) {
  const int code = run_child([&] {
    std::filesystem::current_path(directory_);
    record_first("here.h5", 4, Status::interrupted);
    spill("here.h5.7.starting", "left by a kill");
    finish_rest("here.h5");
    return std::filesystem::exists("here.h5.7.starting") ? 1 : 0;
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(Trace::open(path("here.h5")).rows<Passes>(), kSamples * kRuns);
}

TEST_F(ResumedTrace, PassesThatDoNotFitTogetherAreRefused) {
  // make_rows() does not make passes that fit together, so that no pass can stay.
  const std::string file = finished(50);
  const std::string before = slurp(file);
  EXPECT_NE(error_of([&] { find_kept(Trace::open(file)); }).find("damaged"), std::string::npos);
  EXPECT_EQ(slurp(file), before);
}

}  // namespace
}  // namespace kvreel::tracer::testing
