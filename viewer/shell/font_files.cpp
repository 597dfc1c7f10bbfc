// Fonts of the system, found with fontconfig and read with FreeType.
#include "viewer/shell/font_files.h"

#include <fontconfig/fontconfig.h>
#include <ft2build.h>
#include FT_FREETYPE_H

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <optional>

#include "base/error.h"

namespace kvreel::viewer {
namespace {

template <typename T, void (*destroy)(T*)>
struct Destroy {
  void operator()(T* value) const { destroy(value); }
};
using Config = std::unique_ptr<FcConfig, Destroy<FcConfig, FcConfigDestroy>>;
using Pattern = std::unique_ptr<FcPattern, Destroy<FcPattern, FcPatternDestroy>>;
using CharSet = std::unique_ptr<FcCharSet, Destroy<FcCharSet, FcCharSetDestroy>>;
using FontSet = std::unique_ptr<FcFontSet, Destroy<FcFontSet, FcFontSetDestroy>>;

const FcChar8* fc_text(const char* text) {
  return reinterpret_cast<const FcChar8*>(text);
}

std::vector<uint8_t> read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file ? static_cast<std::streamoff>(file.tellg()) : 0;
  std::vector<uint8_t> bytes(static_cast<size_t>(std::max<std::streamoff>(size, 0)));
  file.seekg(0);
  if (!file.read(reinterpret_cast<char*>(bytes.data()), size)) fail("Cannot read font {}.", path);
  return bytes;
}

// The average of the source's pixels under each of the target's.
std::vector<uint32_t> shrink_bgra(const FT_Bitmap& bitmap, int width, int height) {
  std::vector<uint32_t> pixels(static_cast<size_t>(width) * static_cast<size_t>(height));
  const auto columns = static_cast<int>(bitmap.width);
  const auto rows = static_cast<int>(bitmap.rows);
  for (int y = 0; y < height; ++y) {
    const int y0 = y * rows / height;
    const int y1 = std::max(y0 + 1, (y + 1) * rows / height);
    for (int x = 0; x < width; ++x) {
      const int x0 = x * columns / width;
      const int x1 = std::max(x0 + 1, (x + 1) * columns / width);
      uint32_t sum[4] = {};  // blue, green, red (premultiplied), alpha
      for (int v = y0; v < y1; ++v) {
        for (int u = x0; u < x1; ++u) {
          const uint8_t* source = bitmap.buffer + v * bitmap.pitch + u * 4;
          for (int c = 0; c < 4; ++c) sum[c] += source[c];
        }
      }
      const auto count = static_cast<uint32_t>((y1 - y0) * (x1 - x0));
      const uint32_t alpha = sum[3] / count;
      const auto channel = [&](int c) {
        return sum[3] == 0 ? 0 : std::min(255u, sum[c] * 255 / sum[3]);
      };
      pixels[static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)] =
          alpha << 24 | channel(0) << 16 | channel(1) << 8 | channel(2);
    }
  }
  return pixels;
}

}  // namespace

struct FontFace::Parts {
  ~Parts() {
    if (face != nullptr) FT_Done_Face(face);
    if (library != nullptr) FT_Done_FreeType(library);
  }
  std::string path;
  int index = 0;
  std::vector<uint8_t> data;
  FT_Library library = nullptr;
  FT_Face face = nullptr;
};

FontFace::FontFace(const std::string& path, int index) : parts_(std::make_unique<Parts>()) {
  parts_->path = path;
  parts_->index = index;
  parts_->data = read_bytes(path);
  if (FT_Init_FreeType(&parts_->library) != 0 ||
      FT_New_Memory_Face(parts_->library, parts_->data.data(),
                         static_cast<FT_Long>(parts_->data.size()), index, &parts_->face) != 0) {
    fail("{} is not a font that FreeType can read.", path);
  }
}

FontFace::~FontFace() = default;

const std::string& FontFace::path() const {
  return parts_->path;
}

int FontFace::index() const {
  return parts_->index;
}

std::span<const uint8_t> FontFace::data() const {
  return parts_->data;
}

bool FontFace::has(char32_t code) const {
  return FT_Get_Char_Index(parts_->face, code) != 0;
}

bool FontFace::scalable() const {
  return FT_IS_SCALABLE(parts_->face) != 0;
}

float FontFace::height_per_em() const {
  const FT_Face face = parts_->face;
  if (!scalable() || face->units_per_EM == 0) return 1;
  return static_cast<float>(face->ascender - face->descender) /
         static_cast<float>(face->units_per_EM);
}

GlyphPicture FontFace::picture(char32_t code, float em_pixels) {
  GlyphPicture picture;
  const FT_Face face = parts_->face;
  const FT_UInt glyph = FT_Get_Char_Index(face, code);
  if (glyph == 0) return picture;
  // Colour bitmaps come in one size, and are shrunk here.
  float shrink = 1;
  if (scalable()) {
    if (FT_Set_Char_Size(face, 0, static_cast<FT_F26Dot6>(std::lround(em_pixels * 64)), 72, 72) !=
        0)
      return picture;
  } else {
    if (face->num_fixed_sizes < 1 || FT_Select_Size(face, 0) != 0) return picture;
    shrink = em_pixels / static_cast<float>(std::max<int>(1, face->size->metrics.y_ppem));
  }
  if (FT_Load_Glyph(face, glyph, FT_LOAD_RENDER | FT_LOAD_COLOR | FT_LOAD_TARGET_LIGHT) != 0)
    return picture;
  const FT_GlyphSlot slot = face->glyph;
  const FT_Bitmap& bitmap = slot->bitmap;
  picture.advance = std::round(static_cast<float>(slot->advance.x) / 64 * shrink);
  picture.left = static_cast<float>(slot->bitmap_left) * shrink;
  picture.top = static_cast<float>(slot->bitmap_top) * shrink;
  if (bitmap.width == 0 || bitmap.rows == 0) return picture;
  if (bitmap.pixel_mode == FT_PIXEL_MODE_BGRA) {
    picture.colored = true;
    picture.width =
        std::max(1, static_cast<int>(std::lround(static_cast<float>(bitmap.width) * shrink)));
    picture.height =
        std::max(1, static_cast<int>(std::lround(static_cast<float>(bitmap.rows) * shrink)));
    picture.pixels = shrink_bgra(bitmap, picture.width, picture.height);
  } else if (bitmap.pixel_mode == FT_PIXEL_MODE_GRAY) {
    picture.width = static_cast<int>(bitmap.width);
    picture.height = static_cast<int>(bitmap.rows);
    for (int y = 0; y < picture.height; ++y) {
      const uint8_t* row = bitmap.buffer + y * bitmap.pitch;
      for (int x = 0; x < picture.width; ++x) {
        picture.pixels.push_back(uint32_t{row[x]} << 24 | 0xffffffu);
      }
    }
  }
  return picture;
}

std::unique_ptr<FontFace> find_text_font() {
  constexpr const char* kFamily = "DejaVu Sans";
  const Config config(FcInitLoadConfigAndFonts());
  const Pattern wanted(FcPatternBuild(
      nullptr, FC_FAMILY, FcTypeString, fc_text(kFamily), FC_WEIGHT, FcTypeInteger, FC_WEIGHT_BOOK,
      FC_SLANT, FcTypeInteger, FC_SLANT_ROMAN, FC_WIDTH, FcTypeInteger, FC_WIDTH_NORMAL, nullptr));
  if (config && wanted) {
    FcConfigSubstitute(config.get(), wanted.get(), FcMatchPattern);
    FcDefaultSubstitute(wanted.get());
    FcResult result = FcResultNoMatch;
    const Pattern match(FcFontMatch(config.get(), wanted.get(), &result));
    FcChar8* family = nullptr;
    FcChar8* path = nullptr;
    // fontconfig always finds something; it must be this family.
    if (match && FcPatternGetString(match.get(), FC_FAMILY, 0, &family) == FcResultMatch &&
        FcPatternGetString(match.get(), FC_FILE, 0, &path) == FcResultMatch &&
        FcStrCmp(family, fc_text(kFamily)) == 0) {
      return std::make_unique<FontFace>(reinterpret_cast<const char*>(path), 0);
    }
  }
  fail("The font DejaVu Sans is not installed. Install the package fonts-dejavu-core.");
}

std::vector<std::unique_ptr<FontFace>> find_fonts_with(std::span<const char32_t> codes) {
  constexpr size_t kMostFonts = 8;
  std::vector<std::unique_ptr<FontFace>> faces;
  const Config config(FcInitLoadConfigAndFonts());
  const CharSet missing(FcCharSetCreate());
  // Sans faces; the first names decide between faces that draw the same characters differently.
  const Pattern wanted(FcPatternBuild(nullptr, FC_FAMILY, FcTypeString, fc_text("Noto Sans CJK SC"),
                                      FC_FAMILY, FcTypeString, fc_text("Noto Color Emoji"),
                                      FC_FAMILY, FcTypeString, fc_text("sans-serif"), nullptr));
  if (!config || !missing || !wanted) return faces;
  for (const char32_t code : codes) FcCharSetAddChar(missing.get(), code);
  FcPatternAddCharSet(wanted.get(), FC_CHARSET, missing.get());
  FcConfigSubstitute(config.get(), wanted.get(), FcMatchPattern);
  FcDefaultSubstitute(wanted.get());
  FcResult result = FcResultNoMatch;
  const FontSet sorted(FcFontSort(config.get(), wanted.get(), FcTrue, nullptr, &result));
  if (!sorted) return faces;
  CharSet left(FcCharSetCopy(missing.get()));
  for (int i = 0; i < sorted->nfont && faces.size() < kMostFonts; ++i) {
    FcPattern* const font = sorted->fonts[i];
    FcCharSet* has = nullptr;
    FcChar8* path = nullptr;
    int index = 0;
    if (FcPatternGetCharSet(font, FC_CHARSET, 0, &has) != FcResultMatch ||
        FcPatternGetString(font, FC_FILE, 0, &path) != FcResultMatch) {
      continue;
    }
    FcPatternGetInteger(font, FC_INDEX, 0, &index);
    if (FcCharSetIntersectCount(left.get(), has) == 0) continue;
    try {
      // The upper half of an index names an instance of a variable font.
      faces.push_back(
          std::make_unique<FontFace>(reinterpret_cast<const char*>(path), index & 0xffff));
    } catch (const Error&) {
      continue;  // another font may do
    }
    left.reset(FcCharSetSubtract(left.get(), has));
  }
  return faces;
}

}  // namespace kvreel::viewer
