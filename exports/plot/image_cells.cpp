// Resampling of images: nearest cells where they are large, means where they are small.
#include "exports/plot/image_cells.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace kvreel::plot {
namespace {

// Cells that one pixel shows, with their shares, which sum to 1.
struct Span {
  int first = 0;
  std::vector<float> shares;
};

// One span per pixel of [begin, begin + count) for `cells` cells over [from, from + length),
// both in pixels.
std::vector<Span> spans_of(int begin, int count, double from, double length, int cells) {
  const double cells_per_pixel = cells / length;
  const auto last = static_cast<double>(cells - 1);
  std::vector<Span> spans(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    Span& span = spans[static_cast<std::size_t>(i)];
    const double left = (begin + i - from) * cells_per_pixel;
    if (cells_per_pixel <= 1) {
      span.first = static_cast<int>(std::clamp(std::floor(left + cells_per_pixel / 2), 0.0, last));
      span.shares = {1};
      continue;
    }
    const double low = std::clamp(left, 0.0, last);
    const double high = std::clamp(left + cells_per_pixel, low, static_cast<double>(cells));
    span.first = static_cast<int>(low);
    const int end = std::max(static_cast<int>(std::ceil(high)), span.first + 1);
    double sum = 0;
    for (int cell = span.first; cell < end; ++cell) {
      const double share = std::min(high, cell + 1.0) - std::max(low, static_cast<double>(cell));
      span.shares.push_back(static_cast<float>(share));
      sum += share;
    }
    for (float& share : span.shares) {
      share =
          sum > 0 ? static_cast<float>(share / sum) : 1.0f / static_cast<float>(end - span.first);
    }
  }
  return spans;
}

using Premultiplied = std::array<float, 4>;  // 0 to 255

Premultiplied premultiply(uint32_t pixel) {
  const float alpha = static_cast<float>(pixel >> 24);
  const auto channel = [&](int shift) {
    return static_cast<float>(pixel >> shift & 0xff) * alpha / 255;
  };
  return {channel(0), channel(8), channel(16), alpha};
}

uint32_t straight(const Premultiplied& value) {
  if (value[3] <= 0) return 0;
  const auto byte = [](float v) {
    return static_cast<uint32_t>(std::lround(std::clamp(v, 0.0f, 255.0f)));
  };
  const auto channel = [&](std::size_t c) { return byte(value[c] * 255 / value[3]); };
  return byte(value[3]) << 24 | channel(2) << 16 | channel(1) << 8 | channel(0);
}

}  // namespace

PixelBox pixels_of(const Image& image, double scale) {
  const auto begin = [&](double at) { return static_cast<int>(std::floor(at * scale)); };
  const auto end = [&](double at) { return static_cast<int>(std::ceil(at * scale)); };
  const int x = begin(image.x), y = begin(image.y);
  return {x, y, end(image.x + image.width) - x, end(image.y + image.height) - y};
}

std::vector<uint32_t> resample(const Image& image, double scale, const PixelBox& box) {
  const std::vector<Span> across =
      spans_of(box.x, box.width, image.x * scale, image.width * scale, image.columns);
  const std::vector<Span> down =
      spans_of(box.y, box.height, image.y * scale, image.height * scale, image.rows);
  std::vector<uint32_t> pixels;
  pixels.reserve(across.size() * down.size());
  for (const Span& rows : down) {
    for (const Span& columns : across) {
      const auto cell = [&](std::size_t row, std::size_t column) {
        return image.pixels[(static_cast<std::size_t>(rows.first) + row) *
                                static_cast<std::size_t>(image.columns) +
                            static_cast<std::size_t>(columns.first) + column];
      };
      if (rows.shares.size() == 1 && columns.shares.size() == 1) {
        pixels.push_back(cell(0, 0));
        continue;
      }
      Premultiplied sum{};
      for (std::size_t r = 0; r < rows.shares.size(); ++r) {
        for (std::size_t c = 0; c < columns.shares.size(); ++c) {
          const Premultiplied value = premultiply(cell(r, c));
          for (std::size_t k = 0; k < 4; ++k) {
            sum[k] += value[k] * rows.shares[r] * columns.shares[c];
          }
        }
      }
      pixels.push_back(straight(sum));
    }
  }
  return pixels;
}

Image as_blocks(const Image& image) {
  constexpr double kPixel = 1.0 / 8;  // points
  constexpr double kMostPixels = 4e6;
  const auto repeats = [](double length, int cells) {
    return std::max(1, static_cast<int>(std::ceil(length / cells / kPixel)));
  };
  int across = repeats(image.width, image.columns), down = repeats(image.height, image.rows);
  const double cells = static_cast<double>(image.columns) * image.rows;
  while (cells * across * down > kMostPixels && std::max(across, down) > 1) {
    (across > down ? across : down) -= 1;
  }
  Image blocks = image;
  blocks.columns = image.columns * across;
  blocks.rows = image.rows * down;
  blocks.pixels.clear();
  blocks.pixels.reserve(static_cast<std::size_t>(blocks.columns) *
                        static_cast<std::size_t>(blocks.rows));
  for (int row = 0; row < blocks.rows; ++row) {
    const auto cell =
        image.pixels.begin() + static_cast<std::ptrdiff_t>(row / down) * image.columns;
    for (int column = 0; column < blocks.columns; ++column) {
      blocks.pixels.push_back(cell[column / across]);
    }
  }
  return blocks;
}

}  // namespace kvreel::plot
