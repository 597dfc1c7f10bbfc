// Traces in the library: what it says of them, and when.
#include "viewer/data/library.h"

#include <gtest/gtest.h>

#include "exports/small_trace.h"

namespace kvreel::viewer {
namespace {

using exports::testing::contains;

constexpr int kPatience = 60'000;  // ms; only a hang takes as long

class LibraryTest : public exports::testing::ExportTest {};

TEST_F(LibraryTest, ATraceOpensToItsOverview) {
  exports::testing::write_small_trace(path());
  Library library([] {});
  const TraceId trace = library.open(path());
  EXPECT_EQ(library.overview(trace).state, LoadState::loading);
  ASSERT_TRUE(library.wait_idle(kPatience));
  const Loaded<Overview> overview = library.overview(trace);
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

}  // namespace
}  // namespace kvreel::viewer
