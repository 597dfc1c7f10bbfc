// What painters' tests need: files in a directory of their own, other programs' views of them, and
// pictures beside each other.
#pragma once

#include <gtest/gtest.h>
#include <png.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <variant>

#include "exports/plot/paint.h"
#include "exports/plot/scene.h"

namespace kvreel::plot::testing {

// Removed with all that is in it.
class Directory {
 public:
  Directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "kvreel-plot-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed: " + pattern);
    path_ = pattern;
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(*this / name, std::ios::binary) << bytes;
    return *this / name;
  }

 private:
  std::filesystem::path path_;
};

inline std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

inline bool has_program(const std::string& name) {
  return std::system(("command -v " + name + " >/dev/null 2>&1").c_str()) == 0;
}

// Standard output of a command that must succeed.
inline std::string output_of(const std::string& command) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string text;
  char piece[4096];
  while (const size_t size = std::fread(piece, 1, sizeof piece, pipe.get())) {
    text.append(piece, size);
  }
  EXPECT_EQ(pclose(pipe.release()), 0) << command;
  return text;
}

inline Raster read_png(const std::string& path) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_file(&image, path.c_str()) == 0) {
    throw std::runtime_error("cannot read " + path + ": " + image.message);
  }
  image.format = PNG_FORMAT_RGBA;  // bytes R, G, B, A: 0xAABBGGRR on machines of today
  Raster raster;
  raster.width = static_cast<int>(image.width);
  raster.height = static_cast<int>(image.height);
  raster.pixels.resize(image.width * image.height);
  if (png_image_finish_read(&image, nullptr, raster.pixels.data(), 0, nullptr) == 0) {
    throw std::runtime_error("cannot read " + path + ": " + image.message);
  }
  return raster;
}

inline uint32_t pixel(const Raster& raster, int x, int y) {
  return raster.pixels.at(static_cast<size_t>(y) * static_cast<size_t>(raster.width) +
                          static_cast<size_t>(x));
}

inline uint32_t pixel_of(const Color& color) {
  return uint32_t{color.a} << 24 | uint32_t{color.b} << 16 | uint32_t{color.g} << 8 | color.r;
}

inline int difference(uint32_t a, uint32_t b) {
  int most = 0;
  for (int shift = 0; shift < 32; shift += 8) {
    most = std::max(
        most, std::abs(static_cast<int>(a >> shift & 0xff) - static_cast<int>(b >> shift & 0xff)));
  }
  return most;
}

// Whether text is near a pixel.
inline bool near_text(const Scene& scene, double pixels_per_point, int px, int py) {
  const double x = (px + 0.5) / pixels_per_point, y = (py + 0.5) / pixels_per_point;
  for (const Shape& shape : scene.shapes) {
    const Text* text = std::get_if<Text>(&shape);
    if (text == nullptr || text->runs.empty()) continue;
    const double em = text->runs.front().size;
    const double along = text->turned ? text->origin.y - y : x - text->origin.x;
    const double above = text->turned ? text->origin.x - x : text->origin.y - y;
    if (along > -em && along < text->width + em && above > -em && above < 1.5 * em) return true;
  }
  return false;
}

// Pixels of either picture that differ by more than `tolerance` in a channel from every one of the
// nine around their place in the other: renderers put edges up to a pixel apart. Pixels that `skip`
// names do not count.
inline int bad_pixels(const Raster& a, const Raster& b, int tolerance,
                      const std::function<bool(int, int)>& skip) {
  EXPECT_EQ(a.width, b.width);
  EXPECT_EQ(a.height, b.height);
  if (a.width != b.width || a.height != b.height) return a.width * a.height;
  int bad = 0;
  const auto found = [&](const Raster& one, const Raster& other, int x, int y) {
    for (int v = std::max(0, y - 1); v <= std::min(other.height - 1, y + 1); ++v) {
      for (int u = std::max(0, x - 1); u <= std::min(other.width - 1, x + 1); ++u) {
        if (difference(pixel(one, x, y), pixel(other, u, v)) <= tolerance) return true;
      }
    }
    return false;
  };
  for (int y = 0; y < a.height; ++y) {
    for (int x = 0; x < a.width; ++x) {
      if (difference(pixel(a, x, y), pixel(b, x, y)) <= tolerance || skip(x, y)) continue;
      if (!found(a, b, x, y) || !found(b, a, x, y)) ++bad;
    }
  }
  return bad;
}

}  // namespace kvreel::plot::testing
