// What is on the screen is what is on paper: a scene painted with ImGui and OpenGL beside Cairo's
// raster of it.
#include "viewer/panels/scene_painter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>

#include "exports/plot/paint.h"
#include "exports/plot/sample_scene.h"
#include "viewer/shell/scene.h"

namespace kvreel::viewer {
namespace {

using testing::Scene;

struct Difference {
  double rmse = 0;  // over channels, of 1
  double bad = 0;   // share of pixels that are like no pixel near them in the other picture
};

Difference compare(const Picture& screen, const plot::Raster& paper) {
  constexpr int kTolerance = 24;
  const int width = paper.width, height = paper.height;
  const auto on_screen = [&](int x, int y, int c) {
    return int{screen.rgba[static_cast<size_t>((y * screen.width + x) * 4 + c)]};
  };
  const auto on_paper = [&](int x, int y, int c) {
    return static_cast<int>(paper.pixels[static_cast<size_t>(y * width + x)] >> (8 * c) & 0xff);
  };
  const auto near = [&](const auto& one, const auto& other, int x, int y) {
    for (int v = std::max(0, y - 1); v <= std::min(height - 1, y + 1); ++v) {
      for (int u = std::max(0, x - 1); u <= std::min(width - 1, x + 1); ++u) {
        int worst = 0;
        for (int c = 0; c < 3; ++c)
          worst = std::max(worst, std::abs(one(x, y, c) - other(u, v, c)));
        if (worst <= kTolerance) return true;
      }
    }
    return false;
  };
  Difference difference;
  double sum = 0;
  int bad = 0;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        const double d = (on_screen(x, y, c) - on_paper(x, y, c)) / 255.0;
        sum += d * d;
      }
      bad += !near(on_screen, on_paper, x, y) || !near(on_paper, on_screen, x, y);
    }
  }
  difference.rmse = std::sqrt(sum / (3.0 * width * height));
  difference.bad = static_cast<double>(bad) / (static_cast<double>(width) * height);
  return difference;
}

constexpr double kScale = 2;  // pixels per point
constexpr plot::Color kInk{0, 114, 178, 255};
constexpr plot::Color kOther{213, 94, 0, 255};
constexpr plot::Color kQuiet{0, 0, 0, 60};
constexpr plot::Color kNothing{0, 0, 0, 0};

// The screen shows the scene `shift` points to the right of where the paper has it.
Difference screen_beside_paper(OffscreenHost& host, const plot::Scene& scene,
                               const plot::Fonts& fonts, const std::string& name,
                               double shift = 0) {
  const plot::Raster paper = plot::rasterize(scene, fonts, kScale);
  host.resize(paper.width, paper.height);
  Scene window(host, false);
  // The host keeps pictures by name: another painter is another name.
  ScenePainter painter(name + std::to_string(shift));
  const Picture screen = window.draw([&](Frame& frame, const Rect& area) {
    const ScenePlace place{{static_cast<float>(shift * kScale), 0}, kScale};
    ImGui::GetWindowDrawList()->PushClipRectFullScreen();  // without the window's padding
    painter.draw(frame.textures, *ImGui::GetWindowDrawList(), scene, 1, fonts, place, area);
    ImGui::GetWindowDrawList()->PopClipRect();
  });
  // To look at: KVREEL_KEEP_PICTURES=DIRECTORY.
  if (const char* directory = std::getenv("KVREEL_KEEP_PICTURES")) {
    write_png(std::string(directory) + "/" + name + (shift > 0 ? "-shifted" : "") + "-screen.png",
              screen);
    Picture other{paper.width, paper.height, {}};
    for (const uint32_t pixel : paper.pixels) {
      for (int c = 0; c < 4; ++c) other.rgba.push_back(static_cast<uint8_t>(pixel >> (8 * c)));
    }
    write_png(std::string(directory) + "/" + name + "-paper.png", other);
  }
  return compare(screen, paper);
}

plot::Scene sheet() {
  plot::Scene scene;
  scene.width = 240;
  scene.height = 160;
  return scene;
}

// A plot's axes, grid and curves, as layouts make them.
plot::Scene curves() {
  plot::Scene scene = sheet();
  const auto line = [&](std::vector<plot::Point> points, plot::Color color, double width,
                        std::vector<double> dashes = {}) {
    scene.shapes.emplace_back(plot::Polyline{std::move(points), color, width, std::move(dashes)});
  };
  for (double y = 20.3; y < 150; y += 25) line({{20, y}, {230, y}}, {225, 225, 225, 255}, 0.5);
  line({{20.2, 10}, {20.2, 145.3}}, {60, 60, 60, 255}, 0.75);
  line({{20.2, 145.3}, {230, 145.3}}, {60, 60, 60, 255}, 0.75);
  for (double x = 20.2; x < 230; x += 35) line({{x, 145.3}, {x, 148.3}}, {60, 60, 60, 255}, 0.75);
  for (int series = 0; series < 4; ++series) {
    std::vector<plot::Point> points;
    for (int i = 0; i <= 200; ++i) {
      const double t = i / 200.;
      points.push_back(
          {20 + 210 * t, 140 - 100 * t * (1 - 0.2 * series) + 8 * std::sin(9 * t + series)});
    }
    const std::vector<std::vector<double>> dashes = {{}, {4, 2.5}, {0, 2.2}, {5, 2, 0, 2}};
    line(points, series % 2 == 0 ? kInk : kOther, 1.25, dashes[static_cast<size_t>(series)]);
  }
  return scene;
}

// What M4 leaves of data that changes at every point: two lines a pixel at most.
plot::Scene zigzags() {
  plot::Scene scene = sheet();
  uint32_t random = 12345;
  for (int series = 0; series < 3; ++series) {
    plot::Polyline line{{}, series % 2 == 0 ? kInk : kOther, 1, {}};
    for (int i = 0; i < 420; ++i) {
      random = random * 1664525u + 1013904223u;
      line.points.push_back({15 + 0.5 * i, 30.0 + 45 * series + (random >> 16) % 30});
    }
    scene.shapes.emplace_back(std::move(line));
  }
  return scene;
}

plot::Scene bars() {
  plot::Scene scene = sheet();
  for (int i = 0; i < 6; ++i) {
    const double x = 20.3 + 35.1 * i;
    const double height = 30.7 + 13.3 * i;
    scene.shapes.emplace_back(plot::Rectangle{x, 150 - height, 10.4, height, kInk});
    scene.shapes.emplace_back(
        plot::Rectangle{x + 12.1, 150 - height * 0.8, 10.4, height * 0.8, {230, 159, 0, 128}});
    scene.shapes.emplace_back(
        plot::Rectangle{x + 12.1, 60.0 - 5 * i, 10.4, 25, kNothing, {40, 40, 40, 255}, 0.75});
    const double middle = x + 5.2;
    scene.shapes.emplace_back(
        plot::Polyline{{{middle, 145 - height}, {middle, 155 - height}}, {40, 40, 40, 255}, 1, {}});
    scene.shapes.emplace_back(plot::Disc{{middle, 20}, 2.5, kOther, {40, 40, 40, 255}, 0.5});
  }
  scene.shapes.emplace_back(
      plot::Rectangle{150, 8, 80, 22, {255, 255, 255, 230}, {150, 150, 150, 255}, 0.5, 3});
  return scene;
}

plot::Scene map() {
  plot::Scene scene = sheet();
  scene.shapes.emplace_back(plot::testing::cells(20.3, 10.4, 200.6, 60.2, 23, 7));
  // More cells than there are pixels.
  scene.shapes.emplace_back(plot::testing::cells(20.3, 85.1, 200.6, 60.2, 1500, 5));
  return scene;
}

plot::Scene texts(const plot::Fonts& fonts) {
  plot::Scene scene = sheet();
  const auto label = [&](plot::Point at, std::string_view text, double size, bool turned = false) {
    scene.shapes.emplace_back(plot::testing::label(fonts, at, text, size, 0, turned));
  };
  label({20, 20.3}, "Budget A_{95} of n^{2}, \u03bb \u2212 5\u2009%", 9);
  label({20, 40.7}, "axis labels, 0.001, 128 KiB, 12\u2009000", 7);
  label({20, 60}, "\u2016A\u2016 \u2264 \u23ce", 14);
  label({230, 150}, "turned A_{i} (ms)", 9, true);
  for (int i = 0; i < 6; ++i)
    label({20.0 + 30.3 * i, 90.2 + 8.1 * i}, "tick " + std::to_string(i), 6.5);
  return scene;
}

// A clip, a band and lines through it.
plot::Scene bands() {
  plot::Scene scene = sheet();
  for (double y = 20.3; y < 150; y += 25) {
    scene.shapes.emplace_back(plot::Polyline{{{20, y}, {230, y}}, {200, 200, 200, 255}, 0.5, {}});
  }
  scene.shapes.emplace_back(plot::Clip{20, 10, 200, 140});
  for (int series = 0; series < 2; ++series) {
    plot::Polygon band{{}, series == 0 ? kInk : kOther, true};
    band.fill.a = 64;
    std::vector<plot::Point> lower;
    for (int i = 0; i <= 60; ++i) {
      const double x = 10 + 3.7 * i;
      const double y = 60 + 40 * series + 25 * std::sin(i / 7. + series);
      const double half = 10 + 9.9 * std::cos(i / 5.);
      band.points.push_back({x, y - half});
      lower.push_back({x, y + half});
    }
    band.points.insert(band.points.end(), lower.rbegin(), lower.rend());
    scene.shapes.emplace_back(std::move(band));
  }
  scene.shapes.emplace_back(plot::Unclip{});
  scene.shapes.emplace_back(
      plot::Polygon{{{150, 30}, {162, 25}, {158, 30}, {162, 35}}, {0, 0, 0, 255}});
  return scene;
}

// Every shape in every form. But for one line that is see-through and crosses itself hundreds of
// times: the screen cannot keep its crossings from being darker, and layouts make none.
plot::Scene every_shape(const plot::Fonts& fonts) {
  plot::Scene scene = plot::testing::sample_scene(fonts);
  std::erase_if(scene.shapes, [](const plot::Shape& shape) {
    const auto* line = std::get_if<plot::Polyline>(&shape);
    return line != nullptr && line->color.a < 255 && line->points.size() > 100;
  });
  return scene;
}

// Limits, each about twice what was measured with Mesa 22.3 (llvmpipe) and Cairo 1.16, and what
// remains below them:
//   texts    nothing: the screen shows Cairo's own glyphs
//   map      rounding: pixels are resampled by the same function, edges covered by the same shares
//   bars     corners of rounded rectangles and the edges of discs: ImGui's soft edge is a ramp of
//            one pixel across the outline, Cairo's the area of each pixel that is covered
//   bands    the same, along their edges
//   curves   the same, along every line; and lines of about a pixel that lie on whole pixels on the
//            screen and between two of them on paper
//   zigzags  the same, at two edges a pixel. ImGui's mitred polylines, which this painter avoids
//            at corners, gave 0.09, and 0.07 when each segment was a line of its own
//   shapes   all of these, and frames of half a point on whole pixels
struct Limit {
  const char* name;
  std::function<plot::Scene(const plot::Fonts&)> make;
  double rmse;
  double bad;
};
const Limit kLimits[] = {
    {"texts", texts, 0.0005, 0},
    {"map", [](const plot::Fonts&) { return map(); }, 0.001, 0},
    {"bars", [](const plot::Fonts&) { return bars(); }, 0.008, 0.001},
    {"bands", [](const plot::Fonts&) { return bands(); }, 0.01, 0.0002},
    {"curves", [](const plot::Fonts&) { return curves(); }, 0.012, 0.002},
    {"zigzags", [](const plot::Fonts&) { return zigzags(); }, 0.025, 0.016},
    {"shapes", every_shape, 0.035, 0.02},
};

class SceneOnScreen : public ::testing::TestWithParam<Limit> {};

TEST_P(SceneOnScreen, IsWhatIsOnPaper) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 480, 320);
  const plot::Fonts fonts;
  const Limit& limit = GetParam();
  const Difference d = screen_beside_paper(*host, limit.make(fonts), fonts, limit.name);
  RecordProperty("rmse", std::to_string(d.rmse));
  RecordProperty("bad", std::to_string(d.bad));
  EXPECT_LE(d.rmse, limit.rmse);
  EXPECT_LE(d.bad, limit.bad);
}

// The comparison notices what it is for.
TEST_P(SceneOnScreen, IsNotWhatIsOnPaperWhereItIsShiftedByAPixel) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 480, 320);
  const plot::Fonts fonts;
  const Limit& limit = GetParam();
  const Difference pixel =
      screen_beside_paper(*host, limit.make(fonts), fonts, limit.name, 1 / kScale);
  EXPECT_GT(pixel.rmse, 1.5 * limit.rmse);
  const Difference points = screen_beside_paper(*host, limit.make(fonts), fonts, limit.name, 2);
  EXPECT_GT(points.bad, 2 * limit.bad);
}

INSTANTIATE_TEST_SUITE_P(Scenes, SceneOnScreen, ::testing::ValuesIn(kLimits),
                         [](const auto& test) { return test.param.name; });

// Moved by whole pixels nothing is drawn anew, and what is visible of a large scene is the same as
// if all of it were.
TEST(ScenePainter, DrawsAPartAsItDrawsTheWhole) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 400, 300);
  const plot::Fonts fonts;
  const plot::Scene scene = texts(fonts);
  constexpr double kLarge = 24;  // 5760 x 3840 pixels: more than one picture holds
  const plot::Raster paper = plot::rasterize(scene, fonts, kLarge);
  Scene window(*host, false);
  ScenePainter painter("large");
  for (const ImVec2 corner : {ImVec2{480, 300}, ImVec2{481, 900}}) {
    const Picture screen = window.draw([&](Frame& frame, const Rect& area) {
      ImGui::GetWindowDrawList()->PushClipRectFullScreen();
      painter.draw(frame.textures, *ImGui::GetWindowDrawList(), scene, 1, fonts,
                   {{-corner.x, -corner.y}, kLarge}, area);
      ImGui::GetWindowDrawList()->PopClipRect();
    });
    int different = 0, inked = 0;
    for (int y = 0; y < 300; ++y) {
      for (int x = 0; x < 400; ++x) {
        const auto px = static_cast<size_t>(static_cast<int>(corner.x) + x);
        const auto py = static_cast<size_t>(static_cast<int>(corner.y) + y);
        const int on_paper =
            static_cast<int>(paper.pixels[py * static_cast<size_t>(paper.width) + px] & 0xff);
        const int on_screen = screen.rgba[static_cast<size_t>(y * 400 + x) * 4];
        // Cairo's coordinates are whole 256ths of a pixel: edges round otherwise from elsewhere.
        different += std::abs(on_paper - on_screen) > 24;
        inked += on_paper < 128;
      }
    }
    EXPECT_EQ(different, 0);
    EXPECT_GT(inked, 1000) << "there is text in this part";
  }
}

}  // namespace
}  // namespace kvreel::viewer
