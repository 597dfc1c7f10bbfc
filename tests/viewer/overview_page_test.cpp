// The overview page by clicks on named items.
#include <gtest/gtest.h>
#include <csignal>

#include "exports/tables/small_trace.h"
#include "tracer/rows.h"
#include "viewer/big_trace.h"
#include "viewer/null_ui.h"

namespace kvreel::viewer {
namespace {

class OverviewPage : public exports::testing::ExportTest {
 protected:
  void open(testing::NullUi& ui) {
    exports::testing::write_small_trace(path());
    page_ = make_overview_page();
    ui.show(*page_);
    ui.open(path());
  }
  static bool begins(const std::string& text, std::string_view with) {
    return text.starts_with(with);
  }
  std::unique_ptr<PagePanel> page_;
};

TEST_F(OverviewPage, ShowsTheRunsWithTheirFigures) {
  testing::NullUi ui;
  open(ui);
  EXPECT_TRUE(begins(ui.text("overview.runs.row.0"), "full | 3 / 3 | 100.0 %"));
  EXPECT_TRUE(begins(ui.text("overview.runs.row.1"), "refreekv:threshold=0.01 | 3 / 3 | 58.3 %"));
  // Its only pass was interrupted: nothing is known.
  EXPECT_TRUE(begins(ui.text("overview.runs.row.2"), "late | 0 / 3 | - | - | -"));
  EXPECT_EQ(ui.text("overview.state"), "complete");
}

TEST_F(OverviewPage, AHeaderSortsUpDownAndBack) {
  testing::NullUi ui;
  open(ui);
  ui.click("overview.runs.sort.budget");
  EXPECT_TRUE(begins(ui.text("overview.runs.row.0"), "refreekv"));
  EXPECT_TRUE(begins(ui.text("overview.runs.row.2"), "late"));  // unknown comes last
  ui.click("overview.runs.sort.budget");
  EXPECT_TRUE(begins(ui.text("overview.runs.row.0"), "full"));
  EXPECT_TRUE(begins(ui.text("overview.runs.row.2"), "late"));
  ui.click("overview.runs.sort.budget");
  EXPECT_TRUE(begins(ui.text("overview.runs.row.1"), "refreekv"));
}

TEST_F(OverviewPage, ARadioDotChoosesTheReference) {
  testing::NullUi ui;
  open(ui);
  EXPECT_EQ(ui.view().reference.run, 0);
  EXPECT_NE(ui.text("overview.runs.row.0").find("3/3"), std::string::npos);
  ui.click("overview.reference.1");
  EXPECT_EQ(ui.view().reference.run, 1);
  ui.settle();
  // Beside refreekv, full agrees in one of three.
  EXPECT_NE(ui.text("overview.runs.row.0").find("1/3"), std::string::npos);
  const auto& compared = ui.view().compared;
  EXPECT_EQ(std::count(compared.begin(), compared.end(), ui.view().reference), 0);
  EXPECT_EQ(
      std::count_if(compared.begin(), compared.end(), [](RunRef run) { return run.run == 0; }), 1);
}

TEST_F(OverviewPage, ATickComparesARunOrLeavesItOut) {
  testing::NullUi ui;
  open(ui);
  ASSERT_EQ(ui.view().compared.size(), 2u);
  ui.click("overview.compare.2");
  ASSERT_EQ(ui.view().compared.size(), 1u);
  EXPECT_EQ(ui.view().compared[0].run, 1);
  EXPECT_EQ(ui.text("overview.compare.2"), "off");
  ui.click("overview.compare.1");  // the last one stays
  EXPECT_EQ(ui.view().compared.size(), 1u);
  ui.click("overview.compare.2");
  EXPECT_EQ(ui.view().compared.size(), 2u);
}

TEST_F(OverviewPage, AClickChoosesARunAndADoubleClickReplaysIt) {
  testing::NullUi ui;
  open(ui);
  ui.click("overview.runs.row.0");
  EXPECT_EQ(ui.view().run.run, 0);
  EXPECT_EQ(ui.view().page, Page::overview);
  ui.double_click("overview.runs.row.1");
  EXPECT_EQ(ui.view().run.run, 1);
  EXPECT_EQ(ui.view().page, Page::replay);
}

TEST_F(OverviewPage, SamplesAreChosenSortedAndFiltered) {
  testing::NullUi ui;
  open(ui);
  ui.click("overview.runs.row.1");
  ui.click("overview.samples.row.2");
  EXPECT_EQ(ui.view().sample, "c");
  ui.click("overview.samples.sort.tokens");
  EXPECT_TRUE(begins(ui.text("overview.samples.row.0"), "c | copy | 2"));
  ui.click("overview.samples.sort.tokens");
  EXPECT_TRUE(begins(ui.text("overview.samples.row.0"), "a | fact | 4"));
  ui.click("overview.samples.filter");
  ui.type("FACT");
  EXPECT_TRUE(ui.has("overview.samples.row.1"));
  EXPECT_FALSE(ui.has("overview.samples.row.2"));
  ui.type("x");
  EXPECT_FALSE(ui.has("overview.samples.row.0"));
  ui.view().page = Page::overview;
}

TEST_F(OverviewPage, OnlyVisibleRowsAreDrawn) {
  constexpr int kSamples = 3000;
  {
    exports::testing::TraceMaker maker(path());
    maker.add_names();
    maker.add_run("full", "full", "{}");
    for (int i = 0; i < kSamples; ++i)
      maker.add_sample("s" + std::to_string(i), {"u"}, "{}", "[]", 1);
    for (int i = 0; i < 3; ++i)
      maker.add_pass({0, i, 1, -1, 1, 20, 1000, 1024, 1024, 1000, {9}, {}, {}});
    maker.finish();
  }
  testing::NullUi ui;
  page_ = make_overview_page();
  ui.show(*page_);
  ui.open(path());
  EXPECT_TRUE(ui.has("overview.samples.row.0"));
  EXPECT_FALSE(ui.has("overview.samples.row.100"));
  // 16-bit indices hold 65535 vertices; a page of rows takes far less.
  EXPECT_LT(ui.vertices(), 60'000);
  // A sample that another pane chose is scrolled to.
  ui.session().select_sample("s2500");
  ui.frames(3);
  EXPECT_TRUE(ui.has("overview.samples.row.2500"));
}

TEST_F(OverviewPage, TwoTracesHaveTheirFilesBeside) {
  testing::NullUi ui;
  open(ui);
  exports::testing::write_small_trace(path("other.h5"));
  ui.open(path("other.h5"));
  EXPECT_TRUE(begins(ui.text("overview.runs.row.0"), "full | trace.h5 | 3 / 3"));
  EXPECT_TRUE(begins(ui.text("overview.runs.row.3"), "full | other.h5 | 3 / 3"));
  // Beside the other trace's reference: the same tokens.
  EXPECT_NE(ui.text("overview.runs.row.3").find("3/3"), std::string::npos);
}

TEST_F(OverviewPage, AKilledTraceIsSeenAtOnce) {
  ASSERT_EQ(tracer::testing::run_child([&] {
              testing::BigTrace shape;
              shape.samples = 3;
              testing::BigTraceWriter writer(path(), shape);
              writer.write_sample(0);
              writer.write_pass(0, 0);
              writer.commit();
              ::kill(::getpid(), SIGKILL);
              return 0;
            }),
            -SIGKILL);
  testing::NullUi ui;
  page_ = make_overview_page();
  ui.show(*page_);
  ui.open(path());
  EXPECT_EQ(ui.text("overview.state"), "killed");
  EXPECT_NE(ui.text("overview.warning.0").find("killed"), std::string::npos);
  EXPECT_TRUE(ui.text("overview.runs.row.0").starts_with("full | 1 / 1 | 100.0 %"));
  EXPECT_TRUE(ui.text("overview.runs.row.1").find("| 0 / 1 | -") != std::string::npos);
}

TEST_F(OverviewPage, FramesWithoutInputAreAlike) {
  testing::NullUi ui(1000, 700);
  open(ui);
  ui.frames(2);
  const uint64_t before = ui.draw_hash();
  ui.frame();
  EXPECT_EQ(ui.draw_hash(), before);
}

}  // namespace
}  // namespace kvreel::viewer
