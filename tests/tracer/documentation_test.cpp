// The trace's documentation agrees with the schema, and its example reads traces.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>

#include "base/error.h"
#include "tracer/format/catalogue.h"
#include "tracer/record/recorder.h"
#include "tracer/rows.h"

namespace kvreel::tracer::testing {
namespace {

const std::string kDocument = std::string(KVREEL_SOURCE_DIR) + "/docs/trace-format.md";
const std::string kExample = std::string(KVREEL_SOURCE_DIR) + "/docs/examples/read_trace.py";

TEST(TraceDocumentation, ListsEveryDataSetAsTheSchemaDoes) {
  const std::string document = slurp(kDocument);
  EXPECT_EQ(document, with_schema(document))
      << "docs/trace-format.md is stale: run build/<preset>/tracer/kvreel_trace_schema "
         "docs/trace-format.md";
}

TEST(TraceDocumentation, NamesTheVersionOfTheSchema) {
  const std::string title = "# The trace format, version " + std::to_string(kFormatMajor) + "." +
                            std::to_string(kFormatMinor) + "\n";
  EXPECT_TRUE(slurp(kDocument).starts_with(title));
}

TEST(TraceDocumentation, ADocumentWithoutMarkersIsRefused) {
  EXPECT_NE(error_of([] { with_schema("no markers"); }).find("schema: begin"), std::string::npos);
}

class Example : public TraceTest {
 protected:
  void SetUp() override {
    TraceTest::SetUp();
    if (std::system((kPython + " -c 'import h5py' > /dev/null 2>&1").c_str()) != 0) {
      GTEST_SKIP() << kPython << " has no h5py: the documentation's example was not run";
    }
  }

  static void record(Recorder& recorder) {
    recorder.add_run("refreekv", "refreekv", "{}");
    const std::vector<int32_t> tokens = {5, 6, 7, 8};
    const std::vector<std::string> pieces = {"one ", "caf\xc3", "\xa9 ", "four"};
    engine::SampleEvent sample;
    sample.id = "a";
    sample.tokens = tokens;
    sample.pieces = pieces;
    recorder.on_sample(sample);
    engine::NormCurve curve;
    curve.distance = {0, 0.004f, 0.008f, 0.25f};
    curve.distance_all = curve.distance;
    engine::Decision decision;
    decision.reason = engine::Reason::threshold;
    decision.cached = 4;
    decision.kept = engine::KeptSet::of({0, 3});
    decision.ranking =
        std::make_shared<const std::vector<int32_t>>(std::vector<int32_t>{2, 1, 3, 0});
    decision.curve = std::make_shared<const engine::NormCurve>(curve);
    decision.threshold = 0.01;
    decision.cut = 2;
    decision.halt_position = 3;
    recorder.on_decision({{0, 0, 0}, 4, decision, 0, 1});
    engine::PassEvent pass;
    pass.budget = 0.5;
    recorder.on_pass(pass);
  }

  // What the example prints about a trace.
  static std::string run(const std::string& trace) {
    const std::string command = kPython + " '" + kExample + "' '" + trace + "' 2>&1";
    FILE* pipe = ::popen(command.c_str(), "r");
    std::string out;
    char block[4096];
    while (const size_t got = std::fread(block, 1, sizeof block, pipe)) out.append(block, got);
    EXPECT_EQ(::pclose(pipe), 0) << out;
    return out;
  }

  static void expect_facts(const std::string& out) {
    for (const char* fact :
         {"1 passes", "run refreekv: mean budget 0.5000, n = 1", "layer 4", "2 of 4 positions kept",
          "evicted text: 'caf\xc3\xa9 '", "halted at position 3, token 'four'",
          "distance 0.008000 at the cut, 0.250000 with the next candidate, threshold 0.010000"}) {
      EXPECT_NE(out.find(fact), std::string::npos) << "'" << fact << "' is not in:\n" << out;
    }
  }

  // The distribution's own, where packages put h5py.
  static inline const std::string kPython = "/usr/bin/python3";
};

TEST_F(Example, ReadsAFinishedTrace) {
  {
    Recorder recorder(path(), "{}");
    record(recorder);
    ASSERT_TRUE(recorder.finish(Status::complete).finalised);
  }
  const std::string out = run(path());
  expect_facts(out);
  EXPECT_NE(out.find("status 1"), std::string::npos) << out;
}

TEST_F(Example, ReadsATraceWhoseRecorderWasKilled) {
  const int code = run_child([&] {
    RecorderOptions options;
    options.writer.commit_interval = std::chrono::milliseconds(1);
    Recorder recorder(path(), "{}", options);
    record(recorder);
    ::usleep(300'000);
    ::kill(::getpid(), SIGKILL);
    return 0;
  });
  ASSERT_EQ(code, -SIGKILL);
  const std::string out = run(path());
  expect_facts(out);
  EXPECT_NE(out.find("status 0"), std::string::npos) << out;
}

}  // namespace
}  // namespace kvreel::tracer::testing
