// Fonts of the system, found with fontconfig and read with FreeType.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace kvreel::viewer {

// A picture of one character at some size.
struct GlyphPicture {
  int width = 0;
  int height = 0;
  float left = 0;     // from the pen to the picture's left edge, pixels
  float top = 0;      // from the baseline up to its upper edge, pixels
  float advance = 0;  // pixels
  bool colored = false;
  std::vector<uint32_t> pixels;  // 0xAABBGGRR, not premultiplied; white where not coloured
};

// One face of a font file, in memory.
class FontFace {
 public:
  // Throws Error where it cannot be read.
  FontFace(const std::string& path, int index);
  ~FontFace();
  FontFace(const FontFace&) = delete;
  FontFace& operator=(const FontFace&) = delete;

  const std::string& path() const;
  int index() const;                      // in a collection
  std::span<const uint8_t> data() const;  // of the whole file
  bool has(char32_t code) const;
  bool scalable() const;  // has outlines
  // (ascender - descender) / em. ImGui's sizes are ascender to descender, a font's em is not.
  float height_per_em() const;
  // Empty where the face has no such character.
  GlyphPicture picture(char32_t code, float em_pixels);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// The face of DejaVu Sans. Throws Error, naming the package, where it is not installed.
std::unique_ptr<FontFace> find_text_font();
// Other faces that have some of these characters, the best first; none where nothing is installed
// that has them.
std::vector<std::unique_ptr<FontFace>> find_fonts_with(std::span<const char32_t> codes);

}  // namespace kvreel::viewer
