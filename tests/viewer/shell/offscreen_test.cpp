// Pixels: what is drawn is there, is the same every time, and looks as it did.
//
// Goldens are few and small. After a change of look, write them anew and look at them:
//   KVREEL_WRITE_GOLDENS=1 build/release/tests/viewer_shell_test --gtest_filter='Goldens*'
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "base/sha256.h"
#include "viewer/shell/scene.h"

namespace kvreel::viewer {
namespace {

using testing::Scene;
using testing::TempDir;

uint32_t pixel(const Picture& picture, int x, int y) {
  const auto i = static_cast<size_t>(y * picture.width + x) * 4;
  return IM_COL32(picture.rgba[i], picture.rgba[i + 1], picture.rgba[i + 2], picture.rgba[i + 3]);
}

TEST(Offscreen, DrawsWhatItIsTold) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 200, 100);
  Scene scene(*host, true);
  const Picture picture = scene.draw([](Frame& frame, const Rect&) {
    ImGui::GetWindowDrawList()->AddRectFilled({50, 20}, {90, 60}, frame.palette().accent);
  });
  ASSERT_EQ(picture.width, 200);
  ASSERT_EQ(picture.height, 100);
  const Palette& p = dark_palette();
  EXPECT_EQ(pixel(picture, 10, 10), p.ground);
  EXPECT_EQ(pixel(picture, 50, 20), p.accent);
  EXPECT_EQ(pixel(picture, 89, 59), p.accent);
  EXPECT_EQ(pixel(picture, 90, 60), p.ground);
  EXPECT_EQ(pixel(picture, 199, 99), p.ground);
}

TEST(Offscreen, TakesAnotherSize) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 200, 100);
  Scene scene(*host, false);
  host->resize(320, 240);
  const Picture picture = scene.draw([](Frame& frame, const Rect& area) {
    ImGui::GetWindowDrawList()->AddRectFilled({area.right() - 20, area.bottom() - 20}, area.max(),
                                              frame.palette().accent);
  });
  ASSERT_EQ(picture.width, 320);
  ASSERT_EQ(picture.height, 240);
  EXPECT_EQ(pixel(picture, 312, 232), light_palette().accent);
  EXPECT_EQ(pixel(picture, 295, 215), light_palette().ground);
}

TEST(Offscreen, WakesWhoWaits) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 64, 64);
  host->wake();
  host->wait(60);  // returns at once, or the test's time runs out
  EXPECT_TRUE(host->take_activity());
  EXPECT_FALSE(host->take_activity());
}

// Pictures are uploaded once per version, drawn without smoothing, and dropped when unused.
TEST(Pictures, AreUploadedWhereTheirVersionDiffers) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 100, 100);
  Scene scene(*host, true);
  constexpr uint32_t kRed = IM_COL32(200, 10, 10, 255);
  constexpr uint32_t kBlue = IM_COL32(10, 10, 200, 255);
  int fills = 0;
  const auto draw = [&](uint64_t version, uint32_t left, uint32_t right) {
    return scene.draw([&](Frame& frame, const Rect&) {
      const ImTextureID id =
          frame.textures.picture("map", version, 2, 1, [&](std::span<uint32_t> out) {
            ASSERT_EQ(out.size(), 2u);
            out[0] = left;
            out[1] = right;
            ++fills;
          });
      ImGui::GetWindowDrawList()->AddImage(id, {10, 10}, {90, 90});
    });
  };
  Picture picture = draw(1, kRed, kBlue);
  EXPECT_EQ(pixel(picture, 11, 50), kRed);
  EXPECT_EQ(pixel(picture, 49, 50), kRed);
  EXPECT_EQ(pixel(picture, 50, 50), kBlue);
  picture = draw(1, kBlue, kRed);
  EXPECT_EQ(fills, 1);
  EXPECT_EQ(pixel(picture, 11, 50), kRed);
  picture = draw(2, kBlue, kRed);
  EXPECT_EQ(fills, 2);
  EXPECT_EQ(pixel(picture, 11, 50), kBlue);
  for (int i = 0; i < 310; ++i) scene.draw([](Frame&, const Rect&) {});
  draw(2, kBlue, kRed);
  EXPECT_EQ(fills, 3) << "a picture that no frame asked for is still there";
}

TEST(Pictures, TooLargeForOpenGlAreRefused) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 64, 64);
  EXPECT_THROW(host->textures().picture("wide", 1, 16385, 1, [](std::span<uint32_t>) {}),
               std::invalid_argument);
}

// --- Goldens ---

// A bit of everything that is drawn with, none of any page.
void draw_samples(Frame& frame, const Rect& area) {
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  Rect inner = pane(frame, "sample", area.inset(frame.px(8)), "Norm curve",
                    "layer 3 \u00b7 share of the base norm");
  const Rect buttons = inner.take_top(frame.px(32));
  ImGui::SetCursorScreenPos(buttons.min());
  button(frame, "a", "Play", nullptr, true);
  ImGui::SameLine();
  button(frame, "b", "Open");
  Rect chips = inner.take_top(frame.px(26));
  const std::array<ImU32, 3> grounds = {p.kept_ground, p.evicted_ground, p.sink_ground};
  const std::array<ImU32, 3> texts = {p.text, p.evicted_text, p.text};
  for (size_t i = 0; i < grounds.size(); ++i) {
    const Rect chip = chips.take_left(frame.px(64)).inset(frame.px(2));
    list.AddRectFilled(chip.min(), chip.max(), grounds[i], frame.px(4));
    draw_text(list, frame.theme.fonts.text, {chip.x + frame.px(6), chip.y + frame.px(3)}, texts[i],
              "\u03bb\u2082 \u2264 T");
  }
  for (int i = 0; i <= 4; ++i) {
    horizontal_line(list, inner.x, inner.right(),
                    inner.y + inner.h * static_cast<float>(i) / 4 - (i == 4 ? 1 : 0), p.grid);
  }
  std::vector<ImVec2> curve;
  for (int i = 0; i <= 100; ++i) {
    const float t = static_cast<float>(i) / 100;
    curve.push_back({inner.x + inner.w * t, inner.y + inner.h * (1 - t * t)});
  }
  draw_polyline(list, curve, p.series[0], frame.px(2));
  draw_text(list, frame.theme.fonts.small, {inner.right(), inner.y + frame.px(4)}, p.text2,
            "12.5 %", Align::right);
}

// Pixels that differ by more than 24 of 255 from every pixel near them in the other picture: edges
// may move by a pixel between drivers, things may not.
int bad_pixels(const Picture& a, const Picture& b) {
  constexpr int kTolerance = 24;
  const auto near = [&](const Picture& from, const Picture& to, int x, int y) {
    for (int v = std::max(0, y - 1); v <= std::min(to.height - 1, y + 1); ++v) {
      for (int u = std::max(0, x - 1); u <= std::min(to.width - 1, x + 1); ++u) {
        int worst = 0;
        for (size_t c = 0; c < 3; ++c) {
          const int one = from.rgba[static_cast<size_t>(y * from.width + x) * 4 + c];
          const int other = to.rgba[static_cast<size_t>(v * to.width + u) * 4 + c];
          worst = std::max(worst, std::abs(one - other));
        }
        if (worst <= kTolerance) return true;
      }
    }
    return false;
  };
  int bad = 0;
  for (int y = 0; y < a.height; ++y) {
    for (int x = 0; x < a.width; ++x) bad += !near(a, b, x, y) || !near(b, a, x, y);
  }
  return bad;
}

class Goldens : public ::testing::TestWithParam<std::tuple<bool, float>> {};

TEST_P(Goldens, LookAsTheyDid) {
  const auto [dark, scale] = GetParam();
  const auto width = static_cast<int>(std::lround(320 * scale));
  const auto height = static_cast<int>(std::lround(200 * scale));
  KVREEL_OFFSCREEN_OR_SKIP(host, width, height);
  Scene scene(*host, dark, scale);
  // The first frame lays out; later ones stay as they are.
  scene.draw(draw_samples);
  const Picture picture = scene.draw(draw_samples);
  EXPECT_EQ(scene.draw(draw_samples).rgba, picture.rgba) << "two frames differ";

  const std::string name =
      std::string("samples-") + (dark ? "dark" : "light") + (scale > 1 ? "-1.5x" : "") + ".png";
  const std::string golden = std::string(KVREEL_SOURCE_DIR) + "/tests/viewer/shell/goldens/" + name;
  if (std::getenv("KVREEL_WRITE_GOLDENS") != nullptr) {
    write_png(golden, picture);
    GTEST_SKIP() << "wrote " << golden;
  }
  // Other versions rasterise letters and edges differently, and rightly.
  if (host->gl_version().find("Mesa 22.") == std::string::npos) {
    GTEST_SKIP() << "the goldens are of Mesa 22, this is " << host->gl_version();
  }
  if (sha256_file(find_text_font()->path()) !=
      "abdc775b21b1bc470d50c97e790d276f2054b7504e56e5bd3e64f48d68582322") {
    GTEST_SKIP() << "the goldens are of another version of DejaVu Sans";
  }
  const Picture expected = read_png(golden);
  ASSERT_EQ(expected.width, picture.width);
  ASSERT_EQ(expected.height, picture.height);
  const double share = static_cast<double>(bad_pixels(picture, expected)) / (width * height);
  EXPECT_LE(share, 1e-4) << [&] {
    const std::string now = (std::filesystem::temp_directory_path() / ("kvreel-" + name)).string();
    write_png(now, picture);
    return "compare " + golden + " and " + now;
  }();
}

INSTANTIATE_TEST_SUITE_P(Themes, Goldens,
                         ::testing::Values(std::tuple(true, 1.f), std::tuple(false, 1.f),
                                           std::tuple(true, 1.5f)));

// The comparison notices what it is for.
TEST(PictureComparison, ForgivesAPixelOfShiftButNotASmallSquare) {
  Picture a{100, 100, std::vector<uint8_t>(100 * 100 * 4, 30)};
  Picture shifted = a;
  Picture square = a;
  for (size_t y = 0; y < 100; ++y) {
    for (size_t c = 0; c < 4; ++c) {
      a.rgba[(y * 100 + 50) * 4 + c] = 220;
      shifted.rgba[(y * 100 + 51) * 4 + c] = 220;
      square.rgba[(y * 100 + 50) * 4 + c] = 220;
    }
  }
  for (size_t y = 10; y < 13; ++y) {
    for (size_t x = 10; x < 13; ++x) square.rgba[(y * 100 + x) * 4] = 255;
  }
  EXPECT_EQ(bad_pixels(a, shifted), 0);
  EXPECT_EQ(bad_pixels(a, square), 9);
}

}  // namespace
}  // namespace kvreel::viewer
