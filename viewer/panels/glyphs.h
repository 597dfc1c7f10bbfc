// Characters beyond U+FFFF, which this ImGui cannot store (its ImWchar has 16 bits). The shell puts
// their pictures into private-use slots of the font; text is written with the slots before it is
// drawn.
#pragma once

#include <imgui.h>

#include <string>
#include <string_view>
#include <unordered_map>

namespace kvreel::viewer {

struct GlyphTable {
  std::unordered_map<char32_t, ImWchar> slots;  // code point -> private-use code point of the font
};

// The table of the current ImGui context (in ImGuiIO::UserData); null: none. It must outlive its
// use.
void set_glyph_table(const GlyphTable* table);

// Whether text has characters beyond U+FFFF.
inline bool needs_glyph_text(std::string_view utf8) {
  for (const char c : utf8) {
    if (static_cast<unsigned char>(c) >= 0xf0) return true;
  }
  return false;
}

// The same text with those characters replaced by their slots, and by U+25A1 (a box) where there is
// no glyph. draw_text and text_width do this by themselves; text for ImGui's own widgets needs it.
std::string glyph_text(std::string_view utf8);

}  // namespace kvreel::viewer
