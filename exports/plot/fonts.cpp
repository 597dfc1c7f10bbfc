// Text of figures as runs of faces, with FreeType's unhinted advances.
#include "exports/plot/fonts.h"

#include <ft2build.h>
#include FT_FREETYPE_H

#include <deque>
#include <initializer_list>
#include <map>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "exports/plot/font_search.h"
#include "exports/plot/markup.h"
#include "exports/plot/utf8.h"

namespace kvreel::plot {
namespace {

constexpr double kScriptSize = 0.7;  // of the text's, as in TeX
constexpr double kSubscriptRise = -0.16;
constexpr double kSuperscriptRise = 0.36;
constexpr char32_t kReplacement = 0xfffd;

struct FamilyFiles {
  const char* name;     // for people
  const char* asked;    // of fontconfig: Latin Modern has an optical size in each face's name
  const char* package;  // Debian's
};

FamilyFiles files_of(Family family) {
  if (family == Family::latin_modern) return {"Latin Modern Sans", "LM Sans 10", "fonts-lmodern"};
  return {"DejaVu Sans", "DejaVu Sans", "fonts-dejavu-core"};
}

FontFile find_face(const FontSearch& search, Family family, bool bold) {
  const FamilyFiles files = files_of(family);
  std::optional<FontFile> file = search.family(files.asked, bold);
  if (!file) {
    fail(
        "The font {}{} is not installed, which figures are set in; install the package {} of "
        "Debian or Ubuntu.",
        files.name, bold ? " Bold" : "", files.package);
  }
  file->name = files.name;
  return *file;
}

bool is_control(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029;
}

// What shows nothing of itself: joiners, marks of direction, which would reorder a label in some
// painters and not in others, and selectors of a variant that figures' fonts do not have.
bool is_invisible(char32_t code) {
  return code == 0xad || (code >= 0x200b && code <= 0x200f) || (code >= 0x202a && code <= 0x202e) ||
         (code >= 0x2060 && code <= 0x206f) || (code >= 0xfe00 && code <= 0xfe0f) ||
         code == 0xfeff || (code >= 0xe0000 && code <= 0xe0fff);
}

}  // namespace

struct Fonts::Parts {
  struct Loaded {
    Face face;
    FT_Face handle = nullptr;
  };
  struct Choice {
    std::size_t face = 0;
    char32_t code = 0;
    double advance = 0;  // of an em
  };

  ~Parts() {
    for (const Loaded& loaded : faces) FT_Done_Face(loaded.handle);
    if (library != nullptr) FT_Done_FreeType(library);
  }

  std::size_t load(const FontFile& file, bool bold);
  Choice find(char32_t code, bool bold);
  std::size_t stand_in(char32_t code, bool bold);
  Fonts::Glyph shape(std::size_t face, char32_t code) const;
  bool has(std::size_t face, char32_t code) const {
    return FT_Get_Char_Index(faces[face].handle, code) != 0;
  }

  FontSearch search;
  FT_Library library = nullptr;
  std::deque<Loaded> faces;        // grows; those that are there stay where they are
  bool has_dejavu_behind = false;  // as faces 2 and 3
  std::map<std::pair<char32_t, bool>, Choice> choices;
  double cap_height = 0;  // of an em
};

std::size_t Fonts::Parts::load(const FontFile& file, bool bold) {
  for (std::size_t i = 0; i < faces.size(); ++i) {
    if (faces[i].face.path == file.path && faces[i].face.index == file.index) return i;
  }
  Loaded loaded;
  if (FT_New_Face(library, file.path.c_str(), file.index, &loaded.handle) != 0) {
    fail("{} is not a font that FreeType can read; install its package again.", file.path);
  }
  const double em = loaded.handle->units_per_EM;
  loaded.face = {file.path,
                 file.index,
                 file.name,
                 bold,
                 loaded.handle->ascender / em,
                 -loaded.handle->descender / em};
  faces.push_back(std::move(loaded));
  return faces.size() - 1;
}

std::size_t Fonts::Parts::stand_in(char32_t code, bool bold) {
  // The other weight last: a bold face lacks more than its regular one.
  const std::initializer_list<std::size_t> own = {bold ? 1u : 0u, bold ? 3u : 2u, 2u, 0u};
  for (const std::size_t face : own) {
    if (face >= 2 && !has_dejavu_behind) continue;
    if (has(face, code)) return face;
  }
  if (const std::optional<FontFile> file = search.with_character(code, bold)) {
    const std::size_t face = load(*file, bold);
    if (has(face, code)) return face;
  }
  return faces.size();
}

Fonts::Glyph Fonts::Parts::shape(std::size_t face, char32_t code) const {
  const FT_Face handle = faces[face].handle;
  const FT_UInt index = FT_Get_Char_Index(handle, code);
  if (FT_Load_Glyph(handle, index, FT_LOAD_NO_SCALE) != 0) {
    fail("{} has no outline for U+{:04X} that FreeType can read; install its package again.",
         faces[face].face.path, static_cast<uint32_t>(code));
  }
  return {code, index,
          static_cast<double>(handle->glyph->metrics.horiAdvance) / handle->units_per_EM};
}

Fonts::Parts::Choice Fonts::Parts::find(char32_t code, bool bold) {
  const auto known = choices.find({code, bold});
  if (known != choices.end()) return known->second;
  Choice glyph;
  glyph.code = code;
  glyph.face = stand_in(code, bold);
  if (glyph.face == faces.size()) {
    if (code == kReplacement)
      fail("No font of this machine has U+FFFD; install fonts-dejavu-core.");
    glyph = find(kReplacement, bold);
  } else {
    glyph.advance = shape(glyph.face, code).advance;
  }
  choices.emplace(std::pair(code, bold), glyph);
  return glyph;
}

Fonts::Fonts(Family family) : parts_(std::make_unique<Parts>()) {
  if (FT_Init_FreeType(&parts_->library) != 0) fail("FreeType cannot be started.");
  for (const bool bold : {false, true}) parts_->load(find_face(parts_->search, family, bold), bold);
  if (family != Family::dejavu) {
    for (const bool bold : {false, true}) {
      parts_->load(find_face(parts_->search, Family::dejavu, bold), bold);
    }
    parts_->has_dejavu_behind = true;
  }
  const FT_Face regular = parts_->faces[0].handle;
  if (FT_Load_Char(regular, 'H', FT_LOAD_NO_SCALE) != 0) {
    fail("{} has no 'H'; install its package again.", parts_->faces[0].face.path);
  }
  parts_->cap_height =
      static_cast<double>(regular->glyph->metrics.horiBearingY) / regular->units_per_EM;
}

Fonts::~Fonts() = default;

std::size_t Fonts::faces() const {
  return parts_->faces.size();
}

const Fonts::Face& Fonts::face(std::size_t i) const {
  return parts_->faces.at(i).face;
}

void* Fonts::freetype_face(std::size_t i) const {
  return parts_->faces.at(i).handle;
}

std::vector<TextRun> Fonts::set(std::string_view markup, double size, bool bold) const {
  std::vector<TextRun> runs;
  double x = 0;
  for (const MarkupPiece& piece : parse_markup(to_utf8_lossy(markup))) {
    const double em = piece.level == Level::base ? size : size * kScriptSize;
    const double rise = piece.level == Level::base  ? 0
                        : piece.level == Level::sub ? size * kSubscriptRise
                                                    : size * kSuperscriptRise;
    bool begins = true;
    std::string_view rest = piece.text;
    while (!rest.empty()) {
      char32_t code = take_character(rest);
      if (is_invisible(code)) continue;
      if (is_control(code)) code = ' ';
      const Parts::Choice glyph = parts_->find(code, bold);
      if (begins || runs.back().face != glyph.face) {
        runs.push_back({.text = {}, .face = glyph.face, .size = em, .dx = x, .rise = rise});
        begins = false;
      }
      append_utf8(runs.back().text, glyph.code);
      runs.back().width += glyph.advance * em;
      x = runs.back().dx + runs.back().width;
    }
  }
  return runs;
}

std::vector<Fonts::Glyph> Fonts::glyphs(const TextRun& run) const {
  std::vector<Glyph> glyphs;
  std::string_view rest = run.text;
  while (!rest.empty()) {
    Glyph glyph = parts_->shape(run.face, take_character(rest));
    glyph.advance *= run.size;
    glyphs.push_back(glyph);
  }
  return glyphs;
}

double Fonts::width(std::string_view markup, double size, bool bold) const {
  const std::vector<TextRun> runs = set(markup, size, bold);
  return runs.empty() ? 0 : runs.back().dx + runs.back().width;
}

double Fonts::ascent(double size) const {
  return parts_->faces[0].face.ascent * size;
}

double Fonts::descent(double size) const {
  return parts_->faces[0].face.descent * size;
}

double Fonts::cap_height(double size) const {
  return parts_->cap_height * size;
}

}  // namespace kvreel::plot
