// What info says of traces in every state.
#include "exports/tables/info.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "exports/tables/display.h"
#include "exports/tables/provenance.h"
#include "exports/tables/small_trace.h"

namespace kvreel::exports::testing {
namespace {

using Info = ExportTest;

TEST_F(Info, SaysHowTheTraceWasMade) {
  const auto info = nlohmann::json::parse(info_json(small_trace()).dump());
  EXPECT_EQ(info["trace"]["status"], "complete");
  EXPECT_EQ(info["trace"]["command"], "kvreel record --out 'my trace.h5'");
  EXPECT_EQ(info["trace"]["created_utc"], "2026-11-22T01:02:03Z");
  EXPECT_EQ(info["trace"]["bytes"], std::filesystem::file_size(path()));
  EXPECT_EQ(info["kvreel"]["commit"], "abcdef");
  EXPECT_EQ(info["model"]["layers"], 2);
  EXPECT_EQ(info["engine"]["backend"], "cpu");
}

TEST_F(Info, CountsPassesPromptsAndRows) {
  const auto info = nlohmann::json::parse(info_json(small_trace()).dump());
  EXPECT_EQ(info["passes"]["finished"], 6);
  EXPECT_EQ(info["passes"]["interrupted"], 1);
  EXPECT_EQ(info["passes"]["expected"], 12);  // 4 prompts x 3 runs
  EXPECT_EQ(info["prompts"]["samples"], 3);
  EXPECT_EQ(info["prompts"]["tokens"]["median"], 3);
  EXPECT_EQ(info["prompts"]["tokens"]["max"], 4);
  EXPECT_EQ(info["prompts"]["truncated"], 1);
  EXPECT_EQ(info["runs"][1]["parameters"]["threshold"], 0.01);
  EXPECT_EQ(info["runs"][1]["finished_passes"], 3);
  EXPECT_EQ(info["rows"]["passes"], 7);
  EXPECT_EQ(info["rows"]["decisions"], 6);
}

TEST_F(Info, SaysWhatRecordingCost) {
  const t::Trace trace = small_trace();
  const auto info = nlohmann::json::parse(info_json(trace).dump());
  EXPECT_EQ(info["recording"]["overhead"]["share"], 0.02);
  EXPECT_EQ(info["recording"]["overhead"]["source"], "whole recording");
  EXPECT_EQ(info["recording"]["drops"]["spans"], 12);
  const std::string text = render_info_text(trace);
  EXPECT_TRUE(contains(text, "2.00 ms of 100 ms inference time (2.0 %)")) << text;
  EXPECT_TRUE(contains(text, "spans 12")) << text;
}

TEST_F(Info, ReadsInAHundredColumns) {
  const std::string text = render_info_text(small_trace());
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    // A path cannot be broken.
    if (contains(line, path())) continue;
    EXPECT_LE(display_width(line), 100u) << line;
  }
  for (const char* part : {"complete, 6 of 12 passes finished, 1 interrupted", "Test CPU",
                           "1 GB/s read with 2 threads", "qwen2, 1.23 M parameters, 2 layers",
                           "sha256 0123456789ab\n", "3 samples of 2 to 4 tokens, median 3",
                           "1 truncated", "refreekv:threshold=0.01 (3 passes): threshold 0.01"}) {
    EXPECT_TRUE(contains(text, part)) << part << "\n" << text;
  }
}

TEST_F(Info, AKilledRecordingIsCalledSo) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      TraceMaker maker(path());
      add_inputs(maker);
      maker.add_pass({0, 0, 0, 1, 1, 100, 1, 1, 1, 1, {7}, {}, {}});
      maker.writer().commit();
      ::_exit(0);  // without closing anything
    } catch (const std::exception&) {
      ::_exit(1);
    }
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  const t::Trace trace = t::Trace::open(path());
  const auto info = nlohmann::json::parse(info_json(trace).dump());
  EXPECT_EQ(info["trace"]["status"], "killed");
  EXPECT_EQ(info["passes"]["finished"], 1);
  // No final note: the finished pass says what recording took, 100 us of 100 ms.
  EXPECT_EQ(info["recording"]["overhead"]["source"], "finished passes");
  EXPECT_DOUBLE_EQ(info["recording"]["overhead"]["share"], 0.001);
  EXPECT_TRUE(contains(render_info_text(trace), "killed, 1 of 12 passes finished"));
}

TEST_F(Info, AnEmptyTraceHasInfo) {
  {
    TraceMaker maker(path(), "{}");
    maker.finish(t::Status::interrupted);
  }
  const t::Trace trace = t::Trace::open(path());
  const auto info = nlohmann::json::parse(info_json(trace).dump());
  EXPECT_EQ(info["trace"]["status"], "interrupted");
  EXPECT_TRUE(info["model"].is_null());
  EXPECT_TRUE(info["prompts"]["tokens"].is_null());
  EXPECT_TRUE(contains(render_info_text(trace), "0 samples"));
}

TEST_F(Info, AnUnfinishedRecordingIsCalledSo) {
  { TraceMaker maker(path(), "{}"); }
  EXPECT_EQ(status_word(t::Trace::open(path())), "unfinished");
}

TEST_F(Info, HostileTextCannotReachTheTerminal) {
  {
    TraceMaker maker(path(), R"({"command": "\u001b[2Jrm", "machine": {"cpu": "a\nb\u009b"},
                                 "model": {"family": "\u001b]0;x\u0007"}})");
    maker.add_run("\x1b[31mred", "p\n", R"({"\u001b": "\u001b"})");
    maker.add_note("\x1b", R"("\u001b")");
    maker.finish();
  }
  const std::string text = render_info_text(t::Trace::open(path()));
  for (const char c : text) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << text;
  EXPECT_FALSE(contains(text, "\xC2\x9B"));
}

TEST_F(Info, DeeplyNestedJsonDoesNotExhaustTheStack) {
  const std::string deep = std::string(2'000'000, '[') + std::string(2'000'000, ']');
  {
    TraceMaker maker(path(), "{}");
    maker.add_run("full", "full", deep);
    maker.add_note("deep", deep);
    maker.finish();
  }
  const t::Trace trace = t::Trace::open(path());
  EXPECT_TRUE(info_json(trace)["notes"]["deep"].is_null());
  EXPECT_TRUE(contains(render_info_text(trace), "full (0 passes)"));
}

TEST_F(Info, ProvenanceThatIsNoObjectNamesTheFile) {
  {
    TraceMaker maker(path(), "[1]");
    maker.finish();
  }
  const t::Trace trace = t::Trace::open(path());
  const std::string error = error_of([&] { info_json(trace); });
  EXPECT_TRUE(contains(error, path())) << error;
  EXPECT_TRUE(contains(error, "provenance")) << error;
}

}  // namespace
}  // namespace kvreel::exports::testing
