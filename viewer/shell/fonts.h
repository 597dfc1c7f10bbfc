// ImGui's font atlas: DejaVu Sans in three sizes, with the characters that the open texts use, from
// whatever installed fonts have them.
#pragma once

#include <memory>
#include <vector>

#include "viewer/panels/glyphs.h"
#include "viewer/panels/theme.h"
#include "viewer/shell/code_points.h"
#include "viewer/shell/font_files.h"

namespace kvreel::viewer {

class FontAtlas {
 public:
  // Throws Error where DejaVu Sans is not installed.
  FontAtlas();
  // Builds ImGui's atlas anew, between frames. Upload it afterwards (Host::fonts_changed).
  Fonts build(const CodePoints& used, float scale);
  // Characters that were drawn into slots, for set_glyph_table().
  const GlyphTable& glyphs() const { return glyphs_; }
  // Of the last build: used characters that no installed font has.
  size_t missing() const { return missing_; }

 private:
  struct Plan;
  Plan plan(const CodePoints& used);

  std::unique_ptr<FontFace> text_;
  std::vector<std::unique_ptr<FontFace>> others_;
  std::vector<char32_t> asked_;  // for which others_ were looked for
  GlyphTable glyphs_;
  size_t missing_ = 0;
};

}  // namespace kvreel::viewer
