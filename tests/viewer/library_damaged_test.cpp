// Files that are foreign, damaged or hostile give a sentence, or what is sound of them: never a
// crash, a hang, or memory for what a file only claims.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tracer/rows.h"
#include "viewer/big_trace.h"
#include "viewer/library_fixture.h"

namespace kvreel::viewer::testing {
namespace {

using exports::testing::TraceMaker;
using tracer::testing::run_child;
using tracer::testing::slurp;
using tracer::testing::spill;

class DamagedLibraryTest : public LibraryTest {
 protected:
  std::string error_of(const std::string& path) {
    const auto overview = open(path);
    EXPECT_EQ(overview.state, LoadState::failed);
    EXPECT_FALSE(overview);
    return overview.error;
  }
  bool mentions(std::string_view part) {
    const auto overview = library_.overview(trace_);
    return overview && std::any_of(overview->warnings.begin(), overview->warnings.end(),
                                   [&](const auto& text) { return contains(text, part); });
  }
};

TEST_F(DamagedLibraryTest, WhatIsNoTraceIsSaidToBeNone) {
  spill(path("empty"), "");
  EXPECT_TRUE(contains(error_of(path("empty")), "not an HDF5 file"));
  spill(path("text"), std::string(5000, 'x'));
  EXPECT_TRUE(contains(error_of(path("text")), "not an HDF5 file"));
  const std::string directory = std::filesystem::path(path()).parent_path().string();
  EXPECT_TRUE(contains(error_of(directory), "is not a file"));
  EXPECT_TRUE(contains(error_of(path("none")), "No such file"));
}

TEST_F(DamagedLibraryTest, ATraceThatWasCutShortIsSaidToBe) {
  exports::testing::write_small_trace(path());
  const std::string whole = slurp(path());
  spill(path("short.h5"), whole.substr(0, whole.size() / 2));
  EXPECT_TRUE(contains(error_of(path("short.h5")), "cut short"));
}

TEST_F(DamagedLibraryTest, JsonThatIsNoneIsAWarning) {
  {
    TraceMaker maker(path());
    maker.add_names();
    maker.add_run("full", "full", "{{{");
    maker.add_sample("a", {"x"}, "not json", R"(["yes"])", 1);
    maker.add_sample("b", {"x"}, R"({"k": [1, null]})", R"({"not": "an array"})", 1);
    maker.add_sample("c", {"x"}, std::string(5000, '['), "[1]", 1);
    maker.add_note("drops", "[nonsense");
    maker.add_note("warning", R"("the disk was slow")");
    maker.finish();
  }
  const auto overview = open(path());
  ASSERT_TRUE(overview) << overview.error;
  EXPECT_EQ(overview->runs.size(), 1u);
  ASSERT_EQ(overview->samples.size(), 3u);
  EXPECT_EQ(overview->samples[0].answers, std::vector<std::string>{"yes"});
  EXPECT_EQ(overview->samples[1].metadata.at("k"), "[1,null]");
  EXPECT_TRUE(mentions("parameters of run 'full'"));
  EXPECT_TRUE(mentions("3 of 3 samples"));
  EXPECT_TRUE(mentions("the disk was slow"));
}

TEST_F(DamagedLibraryTest, AProvenanceOfNonsenseCostsTheModelsFactsOnly) {
  for (const char* provenance :
       {"{}", "[]", "nonsense", R"({"model": 3, "engine": []})",
        R"({"model": {"layers": 1e300, "q_heads": -4, "kv_heads": 2.5, "head_dim": "x"}})"}) {
    SCOPED_TRACE(provenance);
    std::filesystem::remove(path());
    {
      TraceMaker maker(path(), provenance);
      exports::testing::add_inputs(maker);
      maker.add_pass({0, 0, 0, 1, 1.0, 100, 4000, 4096, 4096, 4000, {10}, {}, {}},
                     {{1, 3, 4, {0, 1, 2, 4}, {1, 2, 3}, 1, 2, {0.0f, 0.01f, 0.3f}}});
      maker.finish();
    }
    const auto overview = open(path());
    ASSERT_TRUE(overview) << overview.error;
    EXPECT_EQ(overview->layers, 0);
    EXPECT_EQ(overview->query_heads, 0);
    EXPECT_EQ(overview->kv_heads, 0);
    EXPECT_EQ(overview->passes.size(), 1u);
    const auto detail = pass(0, 0);
    ASSERT_TRUE(detail) << detail.error;
    EXPECT_EQ(detail->decisions.size(), 1u);
    library_.close(trace_);
  }
}

TEST_F(DamagedLibraryTest, PassesThatContradictOtherTablesAreLeftOut) {
  {
    TraceMaker maker(path());
    exports::testing::add_inputs(maker);
    maker.add_pass({0, 0, 0, 1, 1.0, 100, 4000, 4096, 4096, 4000, {10}, {}, {}});
    tracer::Passes row;
    const auto add = [&](int32_t run, int32_t sample, int32_t tokens, int32_t generated,
                         uint64_t steps_end) {
      tracer::Passes::columns(
          row, [](std::string_view, auto& column, std::string_view, std::string_view) {
            if constexpr (tracer::is_list_column<decltype(column)>) {
              column.push_back(std::string_view());
            } else {
              column.push_back({});
            }
          });
      row.run.back() = run;
      row.sample.back() = sample;
      row.prompt_tokens.back() = tokens;
      row.generated.back() = generated;
      row.steps_end.back() = steps_end;
    };
    add(9, 0, 4, 0, 1);           // no such run
    add(0, -1, 4, 0, 1);          // no such sample
    add(1, 0, 2000000000, 0, 1);  // not the prompt's length
    add(1, 1, 3, 2000000000, 1);  // more tokens than steps
    add(1, 2, 2, 0, 1000);        // beyond the table
    maker.writer().append(row);
    maker.finish();
  }
  const auto overview = open(path());
  ASSERT_TRUE(overview) << overview.error;
  EXPECT_EQ(overview->passes.size(), 1u);
  EXPECT_TRUE(mentions("5 of 6 passes contradict"));
  EXPECT_TRUE(mentions("could not be compared"));
  EXPECT_TRUE(pass(0, 0));
}

TEST_F(DamagedLibraryTest, DecisionsThatContradictThemselvesAreLeftOut) {
  using exports::testing::DecisionSpec;
  const DecisionSpec sound = {1, 3, 4, {0, 1, 2, 4}, {1, 2, 3}, 1, 2, {0.0f, 0.01f, 0.3f}};
  std::vector<DecisionSpec> decisions(9, sound);
  decisions[1].layer = 2;                     // the model has two
  decisions[2].kept_ranges = {0, 1, 2};       // no pairs
  decisions[3].kept_ranges = {2, 4, 0, 1};    // not ascending
  decisions[4].kept_ranges = {0, 1, 2, 400};  // beyond every position
  decisions[5].ranking = {1, 2, 300};
  decisions[6].ranking = {-1, 2, 3};
  decisions[7].distance = {0.0f, 0.1f};  // fewer than candidates
  decisions[8].halt_position = 1000;
  {
    TraceMaker maker(path());
    exports::testing::add_inputs(maker);
    maker.add_pass({0, 0, 0, 1, 1.0, 100, 4000, 4096, 4096, 4000, {10}, {}, {}}, decisions);
    maker.finish();
  }
  open(path());
  const auto detail = pass(0, 0);
  ASSERT_TRUE(detail) << detail.error;
  EXPECT_EQ(detail->decisions.size(), 1u);
  EXPECT_EQ(detail->steps.size(), 1u);
  ASSERT_EQ(detail->warnings.size(), 1u);
  EXPECT_TRUE(contains(detail->warnings[0], "8 of 9 decisions")) << detail->warnings[0];
}

TEST_F(DamagedLibraryTest, NormsOfScatteredLayersTakeNoMemory) {
  {
    TraceMaker maker(path(), "{}");  // nothing says how many layers there are
    exports::testing::add_inputs(maker);
    tracer::Attention rows;
    for (int i = 0; i < 3; ++i) {
      rows.run.push_back(0);
      rows.sample.push_back(0);
      rows.step.push_back(i);
      rows.layer.push_back(static_cast<int16_t>(i == 2 ? 32767 : 0));
      rows.head.push_back(static_cast<int16_t>(i == 1 ? 32767 : 0));
      rows.frobenius.push_back(1);
      rows.last_row_norm.push_back(1);
      rows.mean_entropy.push_back(1);
      rows.last_row_entropy.push_back(1);
      rows.last_row_sinks.push_back(1);
    }
    maker.writer().append(rows);
    maker.add_pass({0, 0, 0, 1, 1.0, 100, 4000, 4096, 4096, 4000, {10}, {}, {}});
    maker.finish();
  }
  open(path());
  const auto norms = soon([&] { return library_.attention(key(0, 0)); });
  EXPECT_EQ(norms.state, LoadState::failed);
  EXPECT_TRUE(contains(norms.error, "damaged")) << norms.error;
}

// Reads everything of a trace, however little there is. True where it opens and not all is whole.
bool read_everything(const std::string& path) {
  Library library(nullptr);
  const TraceId trace = library.open(path);
  library.timeline(trace);
  library.prompt(trace, 0);
  if (!library.wait_idle(kPatience)) fail("nothing came of it");
  const Loaded<Overview> overview = library.overview(trace);
  if (!overview) {
    if (overview.error.empty()) fail("a failure says nothing");
    return false;
  }
  const auto samples = static_cast<int32_t>(overview->samples.size());
  for (int32_t sample = 0; sample < samples; ++sample) library.prompt(trace, sample);
  for (const PassInfo& pass : overview->passes) {
    const PassKey key{trace, pass.run, pass.sample};
    library.pass(key);
    library.attention(key);
    for (int32_t layer = 0; layer < 2; ++layer) library.attention_rows(key, 0, layer);
  }
  if (!library.wait_idle(kPatience)) fail("nothing came of it");
  bool damaged = library.timeline(trace).state == LoadState::failed ||
                 !overview->warnings.empty() || overview->passes.size() < 4;
  // Whatever came may be used as the window uses it.
  for (const PassInfo& pass : overview->passes) {
    const auto prompt = library.prompt(trace, pass.sample);
    const auto detail = library.pass({trace, pass.run, pass.sample});
    damaged = damaged || !prompt || !detail || !detail->warnings.empty();
    if (!prompt || !detail) continue;
    std::vector<int> evicted(prompt->size() + static_cast<size_t>(pass.generated));
    for (const Decision& decision : detail->decisions) {
      for (int32_t i = 0; decision.ranking && i < decision.cut; ++i) {
        ++evicted.at(static_cast<size_t>(decision.ranking->at(static_cast<size_t>(i))));
      }
    }
  }
  return damaged;
}

// In processes of their own, with a limit on time and memory, some mutants in each.
// `at_least` of them are to open with damaged parts.
void read_mutants(const std::string& directory, const std::string& whole, int count, int at_least,
                  const std::function<void(std::string&, std::mt19937&)>& mutate) {
  constexpr int kPerChild = 25;
  int damaged = 0;
  for (int first = 0; first < count; first += kPerChild) {
    const int code = run_child([&] {
      int partly = 0;
      ::alarm(300);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
      const rlimit limit{uint64_t{3} << 30, uint64_t{3} << 30};
      ::setrlimit(RLIMIT_AS, &limit);
#endif
      for (int i = first; i < std::min(first + kPerChild, count); ++i) {
        std::mt19937 random(static_cast<uint32_t>(i));
        std::string bytes = whole;
        mutate(bytes, random);
        const std::string path = directory + "/mutant.h5";
        std::filesystem::remove(path);
        spill(path, bytes);
        partly += read_everything(path);
      }
      return partly;
    });
    EXPECT_TRUE(code >= 0 && code <= kPerChild) << code << " of the mutants from " << first;
    damaged += code;
  }
  EXPECT_GE(damaged, at_least) << "the mutants are refused at the door, or not noticed";
}

class MutantLibraryTest : public LibraryTest {
 protected:
  // A trace with something in every table; finished, or as a killed recorder leaves it.
  std::string bytes_of_trace(bool finished) {
    BigTrace shape;
    shape.samples = 2;
    shape.spans = 2000;
    shape.kernels = 2000;
    shape.layers = 2;
    shape.heads = 2;
    shape.tokens = 200;
    shape.attention = true;
    shape.attention_rows = true;
    shape.finish = finished;
    write_big_trace(path(), shape);
    return slurp(path());
  }
  std::string directory() const { return std::filesystem::path(path()).parent_path().string(); }
};

void change_bytes(std::string& bytes, std::mt19937& random) {
  const size_t changes = 1 + random() % 3;
  for (size_t i = 0; i < changes; ++i) {
    bytes[random() % bytes.size()] = static_cast<char>(random());
  }
}

TEST_F(MutantLibraryTest, WithChangedBytesDoNoHarm) {
  read_mutants(directory(), bytes_of_trace(true), 200, 5, change_bytes);
}

TEST_F(MutantLibraryTest, OfAnUnfinishedTraceDoNoHarm) {
  read_mutants(directory(), bytes_of_trace(false), 100, 5, change_bytes);
}

TEST_F(MutantLibraryTest, CutShortDoNoHarm) {
  read_mutants(
      directory(), bytes_of_trace(false), 50, 0,
      [](std::string& bytes, std::mt19937& random) { bytes.resize(random() % bytes.size()); });
}

}  // namespace
}  // namespace kvreel::viewer::testing
