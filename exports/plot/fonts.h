// Fonts of figures: found with fontconfig, measured with FreeType, unhinted, so that every painter
// sets text of the same width.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exports/plot/scene.h"

namespace kvreel::plot {

enum class Family : uint8_t { dejavu, latin_modern };

// Not copied; shared by reference. Used by one thread at a time.
class Fonts {
 public:
  // Throws Error, naming the package, where the family is not installed.
  explicit Fonts(Family family = Family::dejavu);
  ~Fonts();
  Fonts(const Fonts&) = delete;
  Fonts& operator=(const Fonts&) = delete;

  struct Face {
    std::string path;
    int index = 0;     // in a collection
    std::string name;  // "DejaVu Sans"
    bool bold = false;
    double ascent = 0;   // of an em, above the baseline
    double descent = 0;  // of an em, below it, positive
  };
  // Face 0 is the family's regular one, 1 its bold; then those that stand in for characters they
  // lack, in the order in which set() needed them. References stay valid.
  std::size_t faces() const;
  const Face& face(std::size_t i) const;
  void* freetype_face(std::size_t i) const;  // FT_Face, owned by this

  // Markup (figure.h) as runs of one face each, at their places; characters that the family lacks
  // come from DejaVu Sans, those that it lacks from any other font of the machine (which adds a
  // face), else as U+FFFD. Control characters become spaces; joiners and marks of direction are
  // left out, for nothing is shaped. Sub- and superscripts have 0.7 of the size; they may go below
  // the descent and above the ascent, by less than a tenth of the size each.
  std::vector<TextRun> set(std::string_view markup, double size, bool bold = false) const;
  double width(std::string_view markup, double size, bool bold = false) const;

  // What a run, as set() made it, is drawn with: one glyph a character.
  struct Glyph {
    char32_t character = 0;
    uint32_t index = 0;  // in the run's face
    double advance = 0;  // points
  };
  std::vector<Glyph> glyphs(const TextRun& run) const;

  double ascent(double size) const;   // of the regular face, points
  double descent(double size) const;  // positive
  double cap_height(double size) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace kvreel::plot
