// The compare page by clicks on named items and keys.
#include <gtest/gtest.h>

#include "exports/tables/small_trace.h"
#include "viewer/big_trace.h"
#include "viewer/null_ui.h"

namespace kvreel::viewer {
namespace {

class ComparePage : public exports::testing::ExportTest {
 protected:
  void open(testing::NullUi& ui) {
    exports::testing::write_small_trace(path());
    page_ = make_compare_page();
    ui.show(*page_);
    ui.open(path());
    // Of `late` there is nothing.
    ui.view().compared = {{ui.view().reference.trace, 1}};
    ui.settle();
  }
  std::unique_ptr<PagePanel> page_;
};

TEST_F(ComparePage, RanksSamplesByTheirFirstDifferingToken) {
  testing::NullUi ui;
  open(ui);
  // c: {6, 5} beside {5}, all of it; b: {10, 12, 2} beside {10, 12, 13, 2}, half; a: the same.
  EXPECT_TRUE(ui.text("compare.rank.row.0").starts_with("c | 100 %"));
  EXPECT_TRUE(ui.text("compare.rank.row.1").starts_with("b | 50 %"));
  EXPECT_TRUE(ui.text("compare.rank.row.2").starts_with("a | 0 % | 50.0"));
}

TEST_F(ComparePage, GoesToTheMostDifferentSampleAndOnFromThere) {
  testing::NullUi ui;
  open(ui);
  ui.click("compare.most");
  EXPECT_EQ(ui.view().sample, "c");
  ui.press({'N'});
  EXPECT_EQ(ui.view().sample, "b");
  ui.click("compare.next");
  EXPECT_EQ(ui.view().sample, "a");
  ui.press({'N'});
  EXPECT_EQ(ui.view().sample, "c");
  ui.press({'N', true});
  EXPECT_EQ(ui.view().sample, "a");
  ui.click("compare.rank.row.1");
  EXPECT_EQ(ui.view().sample, "b");
}

TEST_F(ComparePage, MarksTheFirstDifferingToken) {
  testing::NullUi ui;
  open(ui);
  ui.session().select_sample("b");
  ui.settle();
  EXPECT_EQ(ui.text("compare.first.1"), "<2>");
  EXPECT_NE(ui.text("compare.text.1").find("3 tokens · differs at 2"), std::string::npos);
  EXPECT_NE(ui.text("compare.text.0").find("4 tokens · reference"), std::string::npos);
  ui.session().select_sample("a");
  ui.settle();
  EXPECT_FALSE(ui.has("compare.first.1"));
  EXPECT_NE(ui.text("compare.text.1").find("same output"), std::string::npos);
}

TEST_F(ComparePage, AClickOnATokenChoosesItsStep) {
  testing::NullUi ui;
  open(ui);
  ui.session().select_sample("b");
  ui.settle();
  ui.click("compare.first.1");
  EXPECT_EQ(ui.view().step, 2);
  // Pointing at a token lights its step everywhere.
  ui.hover("compare.first.1");
  EXPECT_EQ(ui.session().hover().step, 2);
}

TEST_F(ComparePage, APlotChoosesAStepAndTellsItsValues) {
  testing::NullUi ui;
  open(ui);
  ui.session().select_sample("b");
  ui.settle();
  ui.click("compare.latency", 0.99f);
  EXPECT_EQ(ui.view().step, 3);
  ui.hover("compare.bytes", 0.4f);
  EXPECT_EQ(ui.session().hover().step, 1);
}

TEST_F(ComparePage, TheTimeAxisIsLinearOrLogarithmic) {
  testing::NullUi ui;
  open(ui);
  ui.frames(2);
  EXPECT_EQ(ui.text("compare.latency.log"), "on");
  const uint64_t before = ui.draw_hash();
  ui.click("compare.latency.log");
  EXPECT_EQ(ui.text("compare.latency.log"), "off");
  EXPECT_NE(ui.draw_hash(), before);
}

TEST_F(ComparePage, LayersAreSharedWithTheOtherPanes) {
  testing::NullUi ui;
  open(ui);
  ui.session().select_sample("a");
  ui.settle();
  ui.click("compare.budgets", 0.9f);
  EXPECT_EQ(ui.view().layer, 1);
  ui.hover("compare.budgets", 0.1f);
  EXPECT_EQ(ui.session().hover().layer, 0);
}

TEST_F(ComparePage, RunsOfOnePolicyAreLabelledByWhatTellsThemApart) {
  exports::testing::TraceMaker maker(path());
  maker.add_names();
  maker.add_run("full", "full", "{}");
  const char* const options[] = {"0.1%", "0.5%", "1%"};
  for (const char* option : options) {
    maker.add_run(std::string("refreekv:keep-layers=none,threshold=") + option, "refreekv", "{}");
  }
  maker.add_sample("a", {"u", "v"}, "{}", "[]", 2);
  for (int32_t run = 0; run < 4; ++run) {
    maker.add_pass({run, 0, 1, -1, 1, 20, 1000, 1024, 1024, 1000, {9, 8}, {3}, {1000}});
  }
  maker.finish();
  testing::NullUi ui;
  page_ = make_compare_page();
  ui.show(*page_);
  ui.open(path());
  for (const char* plot : {"compare.latency", "compare.bytes"}) {
    for (int run = 1; run < 4; ++run) {
      const std::string text = ui.text(std::string(plot) + ".label." + std::to_string(run));
      EXPECT_EQ(text, std::string("\u2026threshold=") + options[run - 1]) << plot;
    }
  }
}

TEST_F(ComparePage, ALayerAmongManyIsMarkedAboveItsBars) {
  testing::BigTrace shape;
  shape.samples = 1;
  shape.layers = 80;
  testing::BigTraceWriter(path(), shape).write();
  testing::NullUi ui;
  page_ = make_compare_page();
  ui.show(*page_);
  ui.open(path());
  ui.view().layer = 3;
  ui.hover("compare.overlap", 40.5f / 80);
  for (const char* plot : {"compare.overlap", "compare.budgets"}) {
    EXPECT_EQ(ui.text(std::string(plot) + ".mark.40"), "40");
    EXPECT_EQ(ui.text(std::string(plot) + ".mark.3"), "3");
    EXPECT_FALSE(ui.has(std::string(plot) + ".mark.41"));
  }
}

TEST_F(ComparePage, ARunWithoutTheSampleIsNamed) {
  testing::NullUi ui;
  open(ui);
  {
    exports::testing::TraceMaker maker(path("b.h5"));
    maker.add_names();
    maker.add_run("streaming", "streaming-llm", "{}");
    maker.add_sample("z", {"u"}, "{}", "[]", 1);
    maker.add_pass({0, 0, 1, -1, 0.75, 20, 1000, 1024, 1024, 1000, {9}, {}, {}});
    maker.finish();
  }
  const TraceId other = ui.open(path("b.h5"));
  ui.view().compared.push_back({other, 0});
  ui.view().compared.push_back({ui.view().reference.trace, 2});
  ui.session().select_sample("b");
  ui.settle();
  EXPECT_NE(ui.text("compare.text.2").find("b.h5 has no sample 'b'"), std::string::npos);
  EXPECT_NE(ui.text("compare.text.3").find("not finished"), std::string::npos);
}

TEST_F(ComparePage, AnotherPromptUnderTheSameIdIsTold) {
  testing::NullUi ui;
  open(ui);
  {
    exports::testing::TraceMaker maker(path("b.h5"));
    maker.add_names();
    maker.add_run("streaming", "streaming-llm", "{}");
    maker.add_sample("b", {"u"}, "{}", "[]", 1);
    maker.add_pass({0, 0, 1, -1, 0.75, 20, 1000, 1024, 1024, 1000, {9}, {}, {}});
    maker.finish();
  }
  const TraceId other = ui.open(path("b.h5"));
  ui.view().compared.push_back({other, 0});
  ui.session().select_sample("b");
  ui.settle();
  EXPECT_NE(ui.text("compare.text.2").find("another prompt"), std::string::npos);
}

std::string with_tokenizer(char hash) {
  return R"({"kvreel": {"version": "1"}, "model": {"directory": "/m", "layers": 2, "q_heads": 4,
             "kv_heads": 2, "files": [{"name": "config.json", "sha256": "77"},
             {"name": "tokenizer.json", "sha256": ")" +
         std::string(1, hash) + R"("}]}})";
}

TEST_F(ComparePage, TracesOfDifferentTokenizersAreComparedByText) {
  const auto write = [&](const std::string& name, char hash, int32_t last) {
    exports::testing::TraceMaker maker(path(name), with_tokenizer(hash));
    maker.add_names();
    maker.add_run("full", "full", "{}");
    maker.add_sample("a", {"u", "v"}, "{}", "[]", 2);
    maker.add_pass({0, 0, 1, -1, 1, 20, 1000, 1024, 1024, 1000, {5, last}, {3}, {1000}});
    maker.finish();
  };
  write("a.h5", 'a', 6);
  write("same.h5", 'a', 7);
  write("b.h5", 'b', 6);
  testing::NullUi ui;
  page_ = make_compare_page();
  ui.show(*page_);
  ui.open(path("a.h5"));
  const TraceId same = ui.open(path("same.h5"));
  const TraceId other = ui.open(path("b.h5"));
  ui.view().compared = {{same, 0}};
  ui.settle();
  EXPECT_TRUE(ui.text("compare.text.1").ends_with("2 tokens · differs at 1"))
      << ui.text("compare.text.1");
  EXPECT_FALSE(exports::testing::contains(ui.text("compare.texts.pane"), "by text"));
  ui.view().compared = {{same, 0}, {other, 0}};
  ui.settle();
  EXPECT_TRUE(ui.text("compare.text.2").ends_with("2 tokens · same text"))
      << ui.text("compare.text.2");
  EXPECT_TRUE(exports::testing::contains(ui.text("compare.texts.pane"), "compared by text"));
  // Figures over all samples say nothing about tokens then, but still what they took.
  const auto page = make_overview_page();
  ui.show(*page);
  ui.settle();
  const std::string first = ui.text("overview.runs.row.0");
  const std::string third = ui.text("overview.runs.row.2");
  const auto cells = [](const std::string& row) { return std::count(row.begin(), row.end(), '|'); };
  EXPECT_EQ(cells(first), cells(third));
  EXPECT_TRUE(exports::testing::contains(first, "100.0 % 1/1")) << first;
  EXPECT_FALSE(exports::testing::contains(third, "1/1 |")) << third;
}

TEST_F(ComparePage, ThousandsOfTokensAndManyLayersCostLittle) {
  testing::BigTrace shape;
  shape.runs = 3;
  shape.samples = 1;
  shape.layers = 80;
  shape.spans = uint64_t{3} * 4000 * (80 * 4 + 2);  // 4000 steps of each run
  testing::BigTraceWriter(path(), shape).write();
  testing::NullUi ui;
  page_ = make_compare_page();
  ui.show(*page_);
  ui.open(path());
  EXPECT_NE(ui.text("compare.text.0").find("4000 tokens"), std::string::npos);
  ui.frames(2);
  // Lines of at most four points per column, dots of 3 x 80 layers, the visible chips.
  EXPECT_LT(ui.vertices(), 60'000);
  // The step that another pane chose is scrolled to and can be clicked.
  ui.view().step = 3500;
  ui.frames(3);
  ui.click("compare.texts.tokens", 0.35f, 0.1f);
  EXPECT_NEAR(ui.view().step, 3500, 12);
}

TEST_F(ComparePage, FramesWithoutInputAreAlike) {
  testing::NullUi ui(1000, 700);
  open(ui);
  ui.frames(2);
  const uint64_t before = ui.draw_hash();
  ui.frame();
  EXPECT_EQ(ui.draw_hash(), before);
}

}  // namespace
}  // namespace kvreel::viewer
