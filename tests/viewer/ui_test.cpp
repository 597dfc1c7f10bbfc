// Named widgets and canvases, driven by name.
#include <array>
#include <cmath>

#include "viewer/null_ui.h"

namespace kvreel::viewer::testing {
namespace {

TEST(Ui, AButtonIsPressedByItsName) {
  NullUi ui;
  int pressed = 0;
  ui.show([&](Frame& frame, const Rect&) {
    if (button(frame, "a", "One")) pressed += 1;
    ImGui::SameLine();
    if (button(frame, "b", "Two", "a tip", true)) pressed += 10;
  });
  ui.frames(2);
  ui.click("b");
  EXPECT_EQ(pressed, 10);
  EXPECT_EQ(ui.log(), std::vector<std::string>{"click b"});
  EXPECT_EQ(ui.text("a"), "One");
}

TEST(Ui, OneOfSeveralIsChosen) {
  NullUi ui;
  int chosen = 0;
  constexpr std::array<const char*, 3> kLabels = {"mean", "max", "min"};
  ui.show([&](Frame& frame, const Rect&) { segmented(frame, "how", kLabels, chosen); });
  ui.frames(2);
  ui.click("how.max");
  EXPECT_EQ(chosen, 1);
  EXPECT_EQ(ui.text("how.max"), "on");
  EXPECT_EQ(ui.text("how.mean"), "off");
}

TEST(Ui, ACheckIsTurnedOnAndOff) {
  NullUi ui;
  bool on = false;
  ui.show([&](Frame& frame, const Rect&) { check(frame, "c", "a run", on, 200, {}); });
  ui.frames(2);
  ui.click("c");
  EXPECT_TRUE(on);
  EXPECT_EQ(ui.text("c"), "on");
  ui.click("c");
  EXPECT_FALSE(on);
  EXPECT_EQ(ui.log().back(), "click c off");
}

TEST(Ui, ACanvasTellsAClickFromADrag) {
  NullUi ui;
  int clicks = 0;
  float dragged = 0;
  float panned = 0;
  float wheel = 0;
  ui.show([&](Frame& frame, const Rect&) {
    const Canvas c = canvas(frame, "map", {100, 100, 400, 200});
    clicks += c.clicked;
    if (c.dragging) dragged += c.delta.x;
    if (c.panning) panned += c.delta.x;
    wheel += c.wheel;
  });
  ui.frames(2);
  ui.click("map");
  EXPECT_EQ(clicks, 1);
  EXPECT_EQ(dragged, 0);
  ui.drag("map", 0.25f, 0.5f, 0.75f, 0.5f);
  EXPECT_EQ(clicks, 1);
  EXPECT_NEAR(dragged, 200, 1);
  ui.drag("map", 0.75f, 0.5f, 0.25f, 0.5f, 1);
  EXPECT_NEAR(panned, -200, 1);
  ui.wheel("map", 2);
  EXPECT_EQ(wheel, 2);
}

TEST(Ui, AKeyIsUsedOnce) {
  NullUi ui;
  int first = 0;
  int second = 0;
  ui.show([&](Frame& frame, const Rect&) {
    first += frame.pressed({KeyPress::kSpace});
    second += frame.pressed({KeyPress::kSpace});
    first += frame.pressed({'E', false, true});
  });
  ui.press({KeyPress::kSpace});
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 0);
  ui.press({'E', false, true});
  EXPECT_EQ(first, 2);
}

TEST(Ui, APolylineOfAnyLengthIsDrawn) {
  NullUi ui;
  std::vector<ImVec2> points;
  for (int i = 0; i < 100'000; ++i)
    points.push_back({static_cast<float>(i) * 0.01f, static_cast<float>(i % 2) * 50});
  ui.show([&](Frame& frame, const Rect&) {
    draw_polyline(*ImGui::GetWindowDrawList(), points, frame.palette().text, 1);
  });
  ui.frames(2);
  EXPECT_GT(ui.vertices(), 100'000);
}

TEST(Ui, TheSameFrameIsDrawnTheSame) {
  NullUi ui;
  ui.show([&](Frame& frame, const Rect& area) {
    message(frame, pane(frame, "p", area, "Title", "caption"), "Nothing here",
            "A hint what to do.");
  });
  ui.frames(3);
  const uint64_t hash = ui.draw_hash();
  ui.frame();
  EXPECT_EQ(ui.draw_hash(), hash);
}

TEST(Rect, PiecesAddUp) {
  Rect rect{10, 20, 100, 50};
  const Rect top = rect.take_top(20);
  EXPECT_EQ(top.h, 20);
  EXPECT_EQ(rect.y, 40);
  const Rect right = rect.take_right(1000);
  EXPECT_EQ(right.w, 100);
  EXPECT_EQ(rect.w, 0);
}

// Contrast of two colours by WCAG 2.1, relative luminance from sRGB.
double contrast(ImU32 a, ImU32 b) {
  const auto luminance = [](ImU32 color) {
    double sum = 0;
    constexpr double kWeights[3] = {0.2126, 0.7152, 0.0722};
    for (int i = 0; i < 3; ++i) {
      const double c = ((color >> (8 * i)) & 0xff) / 255.0;
      sum += kWeights[i] * (c <= 0.03928 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4));
    }
    return sum;
  };
  const double x = luminance(a);
  const double y = luminance(b);
  return (std::max(x, y) + 0.05) / (std::min(x, y) + 0.05);
}

TEST(Theme, TextIsLegible) {
  for (const Palette& p : {dark_palette(), light_palette()}) {
    SCOPED_TRACE(p.dark ? "dark" : "light");
    EXPECT_GE(contrast(p.text, p.pane), 12);
    EXPECT_GE(contrast(p.text2, p.pane), 5);
    EXPECT_GE(contrast(p.text2, p.ground), 4.5);
    EXPECT_GE(contrast(p.accent_text, p.accent), 4.5);
    EXPECT_GE(contrast(p.text, p.kept_ground), 7);
    EXPECT_GE(contrast(p.text, p.sink_ground), 7);
    EXPECT_GE(contrast(p.evicted_text, p.evicted_ground), 3.5);
    for (const ImU32 color : p.series) EXPECT_GE(contrast(color, p.pane), 2.7);
    EXPECT_GE(contrast(p.warning, p.pane), 4.5);
    EXPECT_GE(contrast(p.good, p.pane), 4.5);
  }
}

}  // namespace
}  // namespace kvreel::viewer::testing
