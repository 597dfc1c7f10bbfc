// The program's icon: four layers of four tokens. Behind the diagonal where the norm crosses the
// threshold tokens are gone; before it they stay.
#include "viewer/shell/icon.h"

#include <algorithm>
#include <cmath>

namespace kvreel::viewer {
namespace {

// In units of a 128 x 128 square, as in kvreel-viewer.svg.
constexpr double kSide = 128;
constexpr double kCorner = 26;
constexpr double kFirst = 15;
constexpr double kCell = 21;
constexpr double kStride = 25.667;
constexpr double kCellCorner = 5;

struct Color {
  double r, g, b;
};
constexpr Color kGround = {0x1b, 0x1e, 0x24};
constexpr Color kKept = {0x5a, 0x9c, 0xf8};
constexpr Color kEvicted = {0xe0, 0x89, 0x3a};
constexpr Color kGone = {0x3a, 0x3f, 0x49};

bool in_rounded(double x, double y, double left, double top, double side, double corner) {
  const double half = side / 2;
  const double dx = std::max(std::abs(x - left - half) - (half - corner), 0.0);
  const double dy = std::max(std::abs(y - top - half) - (half - corner), 0.0);
  return dx * dx + dy * dy <= corner * corner;
}

Color color_at(double x, double y) {
  for (int column = 0; column < 4; ++column) {
    for (int row = 0; row < 4; ++row) {
      if (!in_rounded(x, y, kFirst + column * kStride, kFirst + row * kStride, kCell,
                      kCellCorner)) {
        continue;
      }
      return row >= column ? kKept : row == column - 1 ? kEvicted : kGone;
    }
  }
  return kGround;
}

}  // namespace

Picture icon_picture(int size) {
  constexpr int kSamples = 4;  // per side of a pixel
  Picture picture{size, size, {}};
  picture.rgba.reserve(static_cast<size_t>(size) * static_cast<size_t>(size) * 4);
  const double unit = kSide / (size * kSamples);
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      Color sum = {0, 0, 0};
      int covered = 0;
      for (int i = 0; i < kSamples * kSamples; ++i) {
        const double u = (x * kSamples + i % kSamples + 0.5) * unit;
        const double v = (y * kSamples + i / kSamples + 0.5) * unit;
        if (!in_rounded(u, v, 0, 0, kSide, kCorner)) continue;
        const Color color = color_at(u, v);
        sum = {sum.r + color.r, sum.g + color.g, sum.b + color.b};
        ++covered;
      }
      const double share = std::max(covered, 1);
      for (const double channel : {sum.r / share, sum.g / share, sum.b / share}) {
        picture.rgba.push_back(static_cast<uint8_t>(std::lround(channel)));
      }
      picture.rgba.push_back(static_cast<uint8_t>(covered * 255 / (kSamples * kSamples)));
    }
  }
  return picture;
}

}  // namespace kvreel::viewer
