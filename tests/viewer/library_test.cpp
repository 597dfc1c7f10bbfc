// Traces in the library: what it says of them, and when.
#include "viewer/data/library.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>

#include "viewer/big_trace.h"
#include "viewer/library_fixture.h"

namespace kvreel::viewer::testing {
namespace {

using exports::testing::write_small_trace;

TEST_F(LibraryTest, ATraceOpensToItsOverview) {
  write_small_trace(path());
  const TraceId trace = library_.open(path());
  EXPECT_EQ(library_.overview(trace).state, LoadState::loading);
  EXPECT_TRUE(library_.busy());
  ASSERT_TRUE(library_.wait_idle(kPatience));
  EXPECT_FALSE(library_.busy());
  const Loaded<Overview> overview = library_.overview(trace);
  ASSERT_EQ(overview.state, LoadState::ready) << overview.error;
  EXPECT_EQ(overview->file, "trace.h5");
  EXPECT_EQ(overview->status, "complete");
  EXPECT_EQ(overview->model, "tiny (qwen2)");
  EXPECT_EQ(overview->layers, 2);
  EXPECT_EQ(overview->query_heads, 4);
  EXPECT_EQ(overview->kv_heads, 2);
  EXPECT_EQ(overview->head_dim, 8);
  EXPECT_EQ(overview->page_rows, 0);  // the trace does not say
  EXPECT_EQ(overview->kv_bytes, 0);
  EXPECT_EQ(overview->file_bytes, std::filesystem::file_size(path()));
  EXPECT_EQ(overview->runs.size(), 3u);
  EXPECT_EQ(overview->runs[1].policy, "refreekv");
  EXPECT_EQ(overview->runs[1].parameter("threshold"), "0.01");
  EXPECT_EQ(overview->runs[1].parameter("none"), "");
  ASSERT_EQ(overview->samples.size(), 3u);
  EXPECT_EQ(overview->samples[1].id, "b");
  EXPECT_EQ(overview->samples[1].tokens, 3);
  EXPECT_EQ(overview->samples[1].original_tokens, 5);
  EXPECT_EQ(overview->samples[1].answers, std::vector<std::string>{"y"});
  EXPECT_EQ(overview->samples[0].metadata.at("task"), "fact");
  EXPECT_EQ(overview->samples[0].metadata.at("level"), "1");
  EXPECT_EQ(overview->names.at(2), "attend");
  EXPECT_EQ(overview->spans, 4u);
  EXPECT_EQ(overview->passes.size(), 7u);
  ASSERT_NE(overview->pass(1, 1), nullptr);
  EXPECT_EQ(overview->pass(1, 1)->budget, 0.25);
  EXPECT_EQ(overview->pass(1, 1)->prefill_asked, 750u);
  EXPECT_EQ(overview->pass(2, 1), nullptr);
  EXPECT_EQ(overview->find_run("late"), 2);
  EXPECT_EQ(overview->find_sample("c"), 2);
  ASSERT_NE(overview->comparison, nullptr);
  EXPECT_EQ(overview->comparison->reference, "full");
  EXPECT_TRUE(contains(overview->facts, "Test CPU")) << overview->facts;
  ASSERT_EQ(overview->warnings.size(), 1u);
  EXPECT_TRUE(contains(overview->warnings[0], "12 rows of table 'spans' were dropped"));
}

TEST_F(LibraryTest, APassIsReadWithItsStepsAndDecisions) {
  write_small_trace(path());
  open(path());
  const Loaded<PassDetail> pass = this->pass(1, 0);
  ASSERT_TRUE(pass) << pass.error;
  EXPECT_TRUE(pass->warnings.empty());
  EXPECT_EQ(pass->text, "output, \"quoted\"");
  ASSERT_EQ(pass->steps.size(), 3u);
  EXPECT_EQ(pass->steps[0].rows, 4);
  EXPECT_EQ(pass->steps[1].token, 11);
  EXPECT_EQ(pass->steps[1].duration_ns, 5'000'000);
  EXPECT_EQ(pass->steps[2].cache_asked, 700u);
  EXPECT_EQ(pass->pieces.at(2), "<2>");
  ASSERT_EQ(pass->decisions.size(), 2u);
  const Decision& exempt = pass->decisions[0];
  EXPECT_EQ(exempt.layer, 0);
  EXPECT_EQ(exempt.reason, 1);
  EXPECT_EQ(exempt.kept_ranges, (std::vector<Range>{{0, 4}}));
  EXPECT_EQ(exempt.ranking, nullptr);
  EXPECT_EQ(exempt.curve, nullptr);
  EXPECT_TRUE(std::isnan(exempt.threshold));
  const Decision& cut = pass->decisions[1];
  EXPECT_EQ(cut.kept_ranges, (std::vector<Range>{{0, 1}, {2, 4}}));
  EXPECT_EQ(cut.kept, 3);
  EXPECT_EQ(cut.cut, 1);
  EXPECT_EQ(cut.halt_position, 2);
  EXPECT_EQ(*cut.ranking, (std::vector<int32_t>{1, 2, 3}));
  EXPECT_EQ(*cut.curve, (std::vector<float>{0.0f, 0.01f, 0.3f}));
  EXPECT_EQ(*cut.curve_all, (std::vector<float>{0.0f, 0.005f, 0.15f}));
  EXPECT_EQ(cut.threshold, 0.01);
  EXPECT_EQ(cut.base_norm_all, 0.75);
}

TEST_F(LibraryTest, APromptKeepsTheBytesOfItsTokens) {
  write_small_trace(path());
  open(path());
  const auto prompt = soon([&] { return library_.prompt(trace_, 0); });
  ASSERT_TRUE(prompt) << prompt.error;
  ASSERT_EQ(prompt->size(), 4u);
  EXPECT_EQ(prompt->ids[3], 103);
  EXPECT_EQ(prompt->piece(1), " \xE2\x82");
  EXPECT_EQ(prompt->piece(2), "\xAC");
}

TEST_F(LibraryTest, WhatATraceDoesNotHaveFailsWithASentence) {
  write_small_trace(path());
  open(path());
  const auto none = pass(2, 1);
  EXPECT_EQ(none.state, LoadState::failed);
  EXPECT_TRUE(contains(none.error, "has not finished sample 1")) << none.error;
  EXPECT_EQ(soon([&] { return library_.prompt(trace_, 99); }).state, LoadState::failed);
  EXPECT_EQ(soon([&] { return library_.prompt(trace_, -1); }).state, LoadState::failed);
  const auto unknown = library_.pass({TraceId{77}, 0, 0});
  EXPECT_EQ(unknown.state, LoadState::failed);
  EXPECT_TRUE(contains(unknown.error, "not open"));
}

TEST_F(LibraryTest, AnAnswerStaysTheSameObjectWhileItIsCached) {
  write_small_trace(path());
  open(path());
  const auto first = pass(1, 0);
  library_.poll();
  EXPECT_EQ(pass(1, 0).value, first.value);
}

TEST_F(LibraryTest, QuestionsMayComeBeforeTheTraceIsOpen) {
  write_small_trace(path());
  trace_ = library_.open(path());
  EXPECT_EQ(library_.pass(key(1, 1)).state, LoadState::loading);
  ASSERT_TRUE(library_.wait_idle(kPatience));
  EXPECT_EQ(library_.pass(key(1, 1)).state, LoadState::ready);
}

TEST_F(LibraryTest, TheSameFileIsOpenOnceAndAnotherHasItsOwnId) {
  write_small_trace(path("a.h5"));
  write_small_trace(path("b.h5"));
  const TraceId a = library_.open(path("a.h5"));
  const TraceId b = library_.open(path("b.h5"));
  EXPECT_NE(a, b);
  EXPECT_EQ(library_.open(path("./a.h5")), a);
  ASSERT_TRUE(library_.wait_idle(kPatience));
  EXPECT_EQ(library_.traces(), (std::vector<TraceId>{a, b}));
  EXPECT_EQ(library_.path(b), path("b.h5"));
  library_.close(a);
  EXPECT_EQ(library_.traces(), std::vector<TraceId>{b});
  EXPECT_EQ(library_.overview(a).state, LoadState::failed);
  const TraceId again = library_.open(path("a.h5"));
  EXPECT_NE(again, a);
  ASSERT_TRUE(library_.wait_idle(kPatience));
  EXPECT_TRUE(library_.overview(again));
}

TEST_F(LibraryTest, AFileThatWasMadeSoundIsOpenedAgainUnderItsId) {
  trace_ = library_.open(path());
  ASSERT_TRUE(library_.wait_idle(kPatience));
  const auto missing = library_.overview(trace_);
  EXPECT_EQ(missing.state, LoadState::failed);
  EXPECT_TRUE(contains(missing.error, "No such file")) << missing.error;
  EXPECT_EQ(pass(0, 0).error, missing.error);
  write_small_trace(path());
  EXPECT_EQ(library_.open(path()), trace_);
  ASSERT_TRUE(library_.wait_idle(kPatience));
  EXPECT_EQ(library_.overview(trace_).state, LoadState::ready);
  EXPECT_TRUE(pass(0, 0));
}

TEST_F(LibraryTest, NewsWakeTheWindowFromTheLoadingThread) {
  write_small_trace(path());
  std::atomic<int> wakes = 0;
  Library library([&] { ++wakes; });
  library.open(path());
  ASSERT_TRUE(library.wait_idle(kPatience));
  EXPECT_GT(wakes, 0);
}

TEST_F(LibraryTest, ClosingWhileItLoadsIsSound) {
  write_small_trace(path());
  for (int i = 0; i < 20; ++i) {
    const TraceId trace = library_.open(path());
    library_.pass({trace, 0, 0});
    library_.timeline(trace);
    if (i % 2 != 0) library_.poll();
    library_.close(trace);
  }
  ASSERT_TRUE(library_.wait_idle(kPatience));
  EXPECT_TRUE(library_.traces().empty());
}

TEST_F(LibraryTest, DecisionsThatRankAlikeShareWhatIsInMemory) {
  BigTrace shape;
  shape.runs = 3;
  shape.samples = 2;
  shape.layers = 3;
  shape.spans = 6 * 14;  // one step each: next to nothing beside the lists
  write_big_trace(path(), shape);
  open(path());
  const auto one = pass(1, 0);
  const auto other = pass(2, 0);
  const auto elsewhere = pass(1, 1);
  ASSERT_TRUE(one && other && elsewhere);
  ASSERT_EQ(one->decisions.size(), 3u);
  EXPECT_EQ(one->decisions[0].ranking, one->decisions[2].ranking);
  EXPECT_EQ(one->decisions[0].ranking, other->decisions[0].ranking);
  EXPECT_NE(one->decisions[0].ranking, elsewhere->decisions[0].ranking);
  EXPECT_NE(one->decisions[0].curve, one->decisions[1].curve);
  // Of a pass, what is shared counts once.
  const uint64_t lists = (60 + 2 * 3 * 60) * 4;
  EXPECT_GT(one->bytes(), lists);
  EXPECT_LT(one->bytes(), lists + 2048);
}

TEST_F(LibraryTest, TheFirstHundredDetailsAgreeWithWhatWasWritten) {
  BigTrace shape;
  shape.runs = 4;
  shape.samples = 25;
  shape.spans = 100 * 30;
  write_big_trace(path(), shape);
  const auto overview = open(path());
  ASSERT_EQ(overview->passes.size(), 100u);
  for (const PassInfo& info : overview->passes) library_.pass(key(info.run, info.sample));
  ASSERT_TRUE(library_.wait_idle(kPatience));
  for (const PassInfo& info : overview->passes) {
    const auto detail = library_.pass(key(info.run, info.sample));
    ASSERT_TRUE(detail) << detail.error;
    EXPECT_TRUE(detail->warnings.empty());
    EXPECT_EQ(detail->text, fmt::format("output of run {} on sample {}", info.run, info.sample));
    EXPECT_EQ(detail->steps.size(), static_cast<size_t>(info.generated));
    ASSERT_EQ(detail->decisions.size(), 4u);
    for (const Decision& decision : detail->decisions) {
      ASSERT_EQ(decision.curve != nullptr, info.run > 0);
      if (!decision.curve) continue;
      for (int i = 0; i < decision.candidates; ++i) {
        EXPECT_EQ((*decision.curve)[static_cast<size_t>(i)],
                  BigTraceWriter::curve_value(decision.layer, i, decision.candidates));
      }
    }
  }
}

class AttentionTest : public LibraryTest {
 protected:
  void SetUp() override {
    LibraryTest::SetUp();
    BigTrace shape;
    shape.runs = 1;
    shape.samples = 2;
    shape.layers = 3;
    shape.spans = 2 * 14 * 5;  // five steps each
    shape.attention = true;
    shape.attention_rows = true;
    write_big_trace(path(), shape);
    open(path());
  }
};

TEST_F(AttentionTest, NormsAreDenseByStepLayerAndHead) {
  const auto norms = soon([&] { return library_.attention(key(0, 1)); });
  ASSERT_TRUE(norms) << norms.error;
  EXPECT_EQ(norms->layers, 3);
  EXPECT_EQ(norms->heads, 8);
  EXPECT_EQ(norms->steps, (std::vector<int32_t>{0, 1, 2, 3, 4}));
  for (int step = 0; step < 5; ++step) {
    for (int layer = 0; layer < 3; ++layer) {
      for (int head = 0; head < 8; ++head) {
        const size_t at = norms->index(static_cast<size_t>(step), layer, head);
        const float value = BigTraceWriter::norm_value(step, layer, head);
        EXPECT_EQ(norms->frobenius[at], value);
        EXPECT_EQ(norms->last_row_norm[at], value / 2);
        EXPECT_EQ(norms->mean_entropy[at], 1 + value);
        EXPECT_EQ(norms->last_row_entropy[at], 2 + value);
        EXPECT_EQ(norms->last_row_sinks[at], 0.5f * value);
      }
    }
  }
}

TEST_F(AttentionTest, RowsComeByHead) {
  const auto rows = soon([&] { return library_.attention_rows(key(0, 1), 2, 1); });
  ASSERT_TRUE(rows) << rows.error;
  ASSERT_EQ(rows->by_head.size(), 8u);
  for (const std::vector<float>& row : rows->by_head) {
    EXPECT_EQ(row.size(), 66u);  // 64 prompt tokens and two generated ones
    EXPECT_NEAR(std::accumulate(row.begin(), row.end(), 0.0), 1.0, 1e-5);
  }
  const auto none = soon([&] { return library_.attention_rows(key(0, 1), 99, 1); });
  ASSERT_TRUE(none) << none.error;
  ASSERT_EQ(none->by_head.size(), 8u);
  EXPECT_TRUE(none->by_head[0].empty());
}

TEST_F(LibraryTest, NormsThatWereDroppedAreNotNumbers) {
  {
    exports::testing::TraceMaker maker(path());
    exports::testing::add_inputs(maker);
    tracer::Attention rows;
    for (const int step : {0, 7}) {
      rows.run.push_back(0);
      rows.sample.push_back(0);
      rows.step.push_back(step);
      rows.layer.push_back(1);
      rows.head.push_back(2);
      rows.frobenius.push_back(static_cast<float>(step));
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
  ASSERT_TRUE(norms) << norms.error;
  EXPECT_EQ(norms->steps, (std::vector<int32_t>{0, 7}));
  ASSERT_EQ(norms->frobenius.size(), 2u * 2 * 4);
  EXPECT_EQ(norms->frobenius[norms->index(1, 1, 2)], 7.0f);
  EXPECT_EQ(std::count_if(norms->frobenius.begin(), norms->frobenius.end(),
                          [](float value) { return std::isnan(value); }),
            14);
}

class SmallCacheTest : public LibraryTest {
 protected:
  SmallCacheTest() : LibraryTest({.cache_bytes = 100'000}) {}
};

TEST_F(SmallCacheTest, DetailsThatNobodyAsksForAreReadAgainAndThoseInUseStayWhole) {
  BigTrace shape;
  shape.samples = 20;
  shape.tokens = 1000;  // 4 curves of 996 values and their likes: 36 KB a pass
  write_big_trace(path(), shape);
  open(path());
  const auto held = pass(1, 0);
  for (int sample = 1; sample < 20; ++sample) pass(1, sample);
  EXPECT_EQ(held->decisions.at(0).curve->size(), 996u);
  EXPECT_EQ(library_.pass(key(1, 0)).state, LoadState::loading);  // it had to go
  const auto again = pass(1, 0);
  ASSERT_TRUE(again);
  EXPECT_NE(again.value, held.value);
  EXPECT_EQ(again->decisions.at(0).curve, held->decisions.at(0).curve);  // not read twice
}

}  // namespace
}  // namespace kvreel::viewer::testing
