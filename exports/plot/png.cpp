// Pixels as PNG.
#include "exports/plot/png.h"

#include <png.h>

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "exports/plot/painting.h"

namespace kvreel::plot {
namespace {

constexpr double kMetresPerInch = 0.0254;
constexpr std::size_t kLongestKeyword = 79;

struct Job {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::string bytes;               // written so far
  std::string message;             // libpng's, where it gave up
  std::string pixels;              // RGB, RGBA or places in the palette
  std::vector<png_color> palette;  // empty: pixels are colours
  std::vector<png_bytep> rows;
  std::vector<png_text> texts;
};

void keep_bytes(png_structp png, png_bytep data, std::size_t size) {
  static_cast<Job*>(png_get_io_ptr(png))->bytes.append(reinterpret_cast<const char*>(data), size);
}

void keep_message(png_structp png, png_const_charp message) {
  static_cast<Job*>(png_get_error_ptr(png))->message = message;
  png_longjmp(png, 1);
}

void ignore_warning(png_structp, png_const_charp) {}

// libpng reports errors by longjmp: this frame holds nothing that needs a destructor.
bool write_all(Job& job, int width, int height, int color_type, png_uint_32 dots_per_metre) {
  if (setjmp(png_jmpbuf(job.png)) != 0) return false;
  png_set_write_fn(job.png, &job, keep_bytes, nullptr);
  png_set_IHDR(job.png, job.info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height),
               8, color_type, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  if (!job.palette.empty()) {
    png_set_PLTE(job.png, job.info, job.palette.data(), static_cast<int>(job.palette.size()));
  }
  if (dots_per_metre > 0) {
    png_set_pHYs(job.png, job.info, dots_per_metre, dots_per_metre, PNG_RESOLUTION_METER);
  }
  if (!job.texts.empty()) {
    png_set_text(job.png, job.info, job.texts.data(), static_cast<int>(job.texts.size()));
  }
  png_set_rows(job.png, job.info, job.rows.data());
  png_write_png(job.png, job.info, PNG_TRANSFORM_IDENTITY, nullptr);
  return true;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Keywords must be printable and without spaces at their ends or side by side.
bool is_keyword(std::string_view text) {
  return !text.empty() && text.size() <= kLongestKeyword && trim(text) == text &&
         text.find("  ") == text.npos &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f; });
}

// Opaque pixels of few colours, such as a map's, as places in a palette: a third of the bytes.
// False, with nothing changed, where there are more than 256.
bool use_palette(Job& job, const std::vector<uint32_t>& pixels) {
  std::vector<uint32_t> colors;  // ascending
  for (const uint32_t pixel : pixels) {
    const auto at = std::lower_bound(colors.begin(), colors.end(), pixel);
    if (at != colors.end() && *at == pixel) continue;
    if (colors.size() == PNG_MAX_PALETTE_LENGTH) return false;
    colors.insert(at, pixel);
  }
  for (const uint32_t color : colors) {
    const auto channel = [&](int shift) { return static_cast<png_byte>(color >> shift & 0xff); };
    job.palette.push_back({channel(0), channel(8), channel(16)});
  }
  job.pixels.reserve(pixels.size());
  for (const uint32_t pixel : pixels) {
    const auto at = std::lower_bound(colors.begin(), colors.end(), pixel) - colors.begin();
    job.pixels.push_back(static_cast<char>(at));
  }
  return true;
}

void drop_alpha(std::string& pixels) {
  for (std::size_t i = 0; 4 * i < pixels.size(); ++i) {
    for (std::size_t c = 0; c < 3; ++c) pixels[3 * i + c] = pixels[4 * i + c];
  }
  pixels.resize(pixels.size() / 4 * 3);
}

}  // namespace

std::string encode_png(const Raster& raster, double dots_per_inch,
                       const std::vector<PngText>& texts) {
  const bool opaque = std::all_of(raster.pixels.begin(), raster.pixels.end(),
                                  [](uint32_t pixel) { return pixel >> 24 == 0xff; });
  Job job;
  int color_type = PNG_COLOR_TYPE_PALETTE;
  std::size_t pixel_bytes = 1;
  if (!opaque || !use_palette(job, raster.pixels)) {
    color_type = opaque ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_RGB_ALPHA;
    pixel_bytes = opaque ? 3 : 4;
    job.pixels = rgba_bytes(raster.pixels);
    if (opaque) drop_alpha(job.pixels);
  }
  const std::size_t stride = static_cast<std::size_t>(raster.width) * pixel_bytes;
  for (int y = 0; y < raster.height; ++y) {
    job.rows.push_back(reinterpret_cast<png_bytep>(job.pixels.data()) +
                       static_cast<std::size_t>(y) * stride);
  }
  std::vector<PngText> kept;
  for (const PngText& text : texts) {
    // PNG ends a text at its first NUL.
    std::string value = to_utf8_lossy(text.text);
    std::replace(value.begin(), value.end(), '\0', ' ');
    if (is_keyword(text.keyword)) kept.push_back({text.keyword, std::move(value)});
  }
  for (PngText& text : kept) {
    png_text chunk{};
    chunk.compression = is_ascii(text.text) ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
    chunk.key = text.keyword.data();
    chunk.text = text.text.data();
    if (is_ascii(text.text)) {
      chunk.text_length = text.text.size();
    } else {
      chunk.itxt_length = text.text.size();
    }
    job.texts.push_back(chunk);
  }
  job.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &job, keep_message, ignore_warning);
  job.info = job.png == nullptr ? nullptr : png_create_info_struct(job.png);
  const auto dots = static_cast<png_uint_32>(std::lround(dots_per_inch / kMetresPerInch));
  const bool written =
      job.info != nullptr && write_all(job, raster.width, raster.height, color_type, dots);
  png_destroy_write_struct(&job.png, &job.info);
  if (!written) {
    fail("A picture of {} x {} pixels cannot be made into a PNG ({}); choose another size.",
         raster.width, raster.height, job.message.empty() ? "memory" : job.message);
  }
  return std::move(job.bytes);
}

}  // namespace kvreel::plot
