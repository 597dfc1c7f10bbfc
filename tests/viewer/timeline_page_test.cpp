// The timeline page, driven by the names of its items.
#include <cmath>

#include "exports/tables/small_trace.h"
#include "viewer/big_trace.h"
#include "viewer/null_ui.h"

namespace kvreel::viewer::testing {
namespace {

class TimelinePageTest : public exports::testing::ExportTest {
 protected:
  void SetUp() override {
    ExportTest::SetUp();
    BigTrace shape;
    shape.samples = 5;
    shape.spans = 4000;
    shape.kernels = 8000;  // a copy among every 16 of a step
    write_big_trace(path(), shape);
    page_ = make_timeline_page();
    ui_.show(*page_);
    trace_ = ui_.open(path());
  }
  TimeRange visible() {
    TimeRange range;
    const std::string text = ui_.text("timeline.range");
    const size_t space = text.find(' ');
    range.begin = std::stod(text.substr(0, space));
    range.end = std::stod(text.substr(space));
    return range;
  }

  NullUi ui_;
  std::unique_ptr<PagePanel> page_;
  TraceId trace_;
};

TEST_F(TimelinePageTest, HasARowForEachKindOfEvent) {
  for (const char* name : {"timeline.passes", "timeline.steps", "timeline.operations",
                           "timeline.stream.1", "timeline.stream.2", "timeline.memory"}) {
    EXPECT_TRUE(ui_.has(name)) << name;
  }
}

TEST_F(TimelinePageTest, TheWheelZoomsAroundThePointer) {
  const TimeRange whole = visible();
  ui_.wheel("timeline.rows", 4, 0.25f);
  const TimeRange in = visible();
  EXPECT_NEAR(in.length(), whole.length() / std::pow(1.25, 4), 2);
  EXPECT_NEAR(in.begin + in.length() / 4, whole.length() / 4, whole.length() / 500);
  ui_.wheel("timeline.rows", -4, 0.25f);
  EXPECT_NEAR(visible().length(), whole.length(), 2);
  ui_.wheel("timeline.rows", 3);
  ui_.press({KeyPress::kHome});
  EXPECT_EQ(visible(), whole);
  EXPECT_FALSE(ui_.view().time);
}

TEST_F(TimelinePageTest, AZoomGlidesToWhereItEndsAndThenNothingMoves) {
  ui_.motion = true;
  const TimeRange whole = visible();
  ui_.hover("timeline.rows", 0.25f);
  ImGui::GetIO().MouseWheel = 4;
  ui_.frame();
  EXPECT_TRUE(ui_.animating());
  ASSERT_TRUE(ui_.view().time) << "the view is at its target at once";
  const TimeRange target = *ui_.view().time;
  ui_.frame();
  EXPECT_LT(visible().length(), whole.length());
  EXPECT_GT(visible().length(), target.length() * 1.05);
  // A notch more builds on the target, not on what is drawn.
  ImGui::GetIO().MouseWheel = 1;
  ui_.frame();
  EXPECT_NEAR(ui_.view().time->length(), target.length() / 1.25, 1);
  ui_.frames(12);
  EXPECT_FALSE(ui_.animating());
  EXPECT_NEAR(visible().begin, ui_.view().time->begin, 1);
  EXPECT_NEAR(visible().end, ui_.view().time->end, 1);
  const uint64_t still = ui_.draw_hash();
  ui_.frames(3);
  EXPECT_EQ(ui_.draw_hash(), still);
  // A drag is followed at once.
  ui_.drag("timeline.rows", 0.5f, 0.3f, 0.25f, 0.3f, 1);
  EXPECT_FALSE(ui_.animating());
  EXPECT_NEAR(visible().begin, ui_.view().time->begin, 1);
  // A button glides, too.
  ui_.click("timeline.fit");
  ui_.frames(12);
  EXPECT_FALSE(ui_.animating());
  EXPECT_EQ(visible(), whole);
}

TEST_F(TimelinePageTest, ADragMeasuresAndARightDragPans) {
  const TimeRange whole = visible();
  ui_.drag("timeline.rows", 0.2f, 0.3f, 0.6f, 0.3f);
  ASSERT_TRUE(ui_.view().selection);
  EXPECT_NEAR(ui_.view().selection->length(), whole.length() * 0.4, whole.length() / 500);
  EXPECT_TRUE(exports::testing::contains(ui_.text("timeline.statistics"), "of the selection"));
  ui_.click("timeline.zoom_selection");
  EXPECT_NEAR(visible().length(), whole.length() * 0.4, whole.length() / 50);
  const TimeRange before = visible();
  ui_.drag("timeline.rows", 0.5f, 0.3f, 0.25f, 0.3f, 1);
  EXPECT_NEAR(visible().begin - before.begin, before.length() / 4, before.length() / 50);
  EXPECT_NEAR(visible().length(), before.length(), 2);
  ui_.press({KeyPress::kEscape});
  EXPECT_FALSE(ui_.view().selection);
}

TEST_F(TimelinePageTest, AMiddleDragZoomsToTheRange) {
  const TimeRange whole = visible();
  ui_.drag("timeline.rows", 0.5f, 0.3f, 0.75f, 0.3f, 2);
  EXPECT_NEAR(visible().begin, whole.length() / 2, whole.length() / 100);
  EXPECT_NEAR(visible().length(), whole.length() / 4, whole.length() / 100);
  EXPECT_FALSE(ui_.view().selection);
}

TEST_F(TimelinePageTest, AClickSelectsWhatTheEventBelongsTo) {
  // The last pass: run 1 of sample 4.
  ui_.click("timeline.passes", 0.98f);
  EXPECT_EQ(ui_.view().run, (RunRef{trace_, 1}));
  EXPECT_EQ(ui_.view().sample, "sample-4");
  ui_.click("timeline.passes", 0.01f);
  EXPECT_EQ(ui_.view().run, (RunRef{trace_, 0}));
  EXPECT_EQ(ui_.view().sample, "sample-0");
  ui_.double_click("timeline.steps", 0.58f);  // late in the sixth of ten passes: decoding
  EXPECT_TRUE(ui_.view().time);
  const TimeRange step = visible();
  // The step fills two thirds; its operations have boxes, and a click takes their layer.
  ui_.click("timeline.operations", 0.5f);
  EXPECT_GT(ui_.view().step, 0);
  EXPECT_EQ(visible(), step);
  EXPECT_TRUE(ui_.has("timeline.hovered"));
  EXPECT_TRUE(exports::testing::contains(ui_.text("timeline.hovered"), "layer"));
}

TEST_F(TimelinePageTest, SearchGoesFromMatchToMatch) {
  ui_.click("timeline.search");
  ui_.type("memcpy");
  ui_.click("timeline.next");
  const std::string first = ui_.text("timeline.match");
  EXPECT_TRUE(exports::testing::contains(first, "memcpy")) << first;
  ui_.click("timeline.next");
  const std::string second = ui_.text("timeline.match");
  EXPECT_NE(first, second);
  ui_.click("timeline.previous");
  EXPECT_EQ(ui_.text("timeline.match"), first);
}

TEST_F(TimelinePageTest, StatisticsAreSortedByAClick) {
  ui_.frames(5);
  const auto first = [&] { return ui_.text("timeline.row.0"); };
  // attend and attn_out take longest of all: 3 of 2 microseconds each.
  EXPECT_EQ(first().substr(0, 7), "attend ");
  ui_.click("timeline.sort.name");
  EXPECT_EQ(first().substr(0, 7), "attend ");
  EXPECT_EQ(ui_.text("timeline.row.2").substr(0, 6), "embed ");
  ui_.click("timeline.sort.name");
  EXPECT_EQ(first().substr(0, 4), "qkv ");
  ui_.click("timeline.by.kernels");
  ui_.frames(5);
  ui_.click("timeline.sort.count");
  EXPECT_EQ(first().substr(0, 12), "gemm_kernel ") << first();
  EXPECT_EQ(ui_.text("timeline.row.1").substr(0, 7), "memcpy ");
  ui_.click("timeline.sort.count");
  EXPECT_EQ(first().substr(0, 7), "memcpy ");
}

TEST_F(TimelinePageTest, ATraceWithoutADecisionSaysSo) {
  const TimeRange before = visible();
  ui_.click("timeline.decision");
  EXPECT_EQ(visible(), before);
  EXPECT_TRUE(exports::testing::contains(ui_.text("timeline.match"), "No span of a decision"));
}

// A hard limit that depends on the display alone: strips, boxes and labels of each row.
TEST_F(TimelinePageTest, VerticesDependOnPixelsNotOnEvents) {
  BigTrace shape;
  shape.samples = 10;
  shape.spans = 300'000;
  shape.kernels = 50'000;
  write_big_trace(path("more.h5"), shape);
  const TraceId more = ui_.open(path("more.h5"));
  ui_.view().run = {more, 0};
  ui_.settle();
  int most = 0;
  const TimeRange whole = visible();
  for (double zoom = 1; zoom < 1e6; zoom *= 3) {
    ui_.view().time = TimeRange{whole.length() / 3, whole.length() / 3 + whole.length() / zoom};
    ui_.frames(2);
    most = std::max(most, ui_.vertices());
  }
  // 5 rows of at most 1600 columns with a rectangle per category, 3 rectangles of memory, text.
  EXPECT_LT(most, 1600 * 4 * (5 * 4 + 3) + 20'000);
  EXPECT_GT(most, 1000);
}

}  // namespace
}  // namespace kvreel::viewer::testing
