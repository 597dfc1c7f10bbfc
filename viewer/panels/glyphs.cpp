// Characters beyond U+FFFF as slots of the font.
#include "viewer/panels/glyphs.h"

namespace kvreel::viewer {

void set_glyph_table(const GlyphTable* table) {
  // ImGui only hands this pointer out again.
  ImGui::GetIO().UserData = const_cast<GlyphTable*>(table);
}

std::string glyph_text(std::string_view utf8) {
  const auto* table = static_cast<const GlyphTable*>(ImGui::GetIO().UserData);
  constexpr char32_t kBox = 0x25a1;
  std::string text;
  text.reserve(utf8.size());
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(utf8[i]); };
  const auto continues = [&](size_t i) { return i < utf8.size() && (byte(i) & 0xc0) == 0x80; };
  for (size_t i = 0; i < utf8.size(); ++i) {
    const bool four = byte(i) >= 0xf0 && continues(i + 1) && continues(i + 2) && continues(i + 3);
    if (!four) {
      // A first byte without its rest is no character: what comes back never has such bytes.
      if (byte(i) < 0xf0) {
        text += utf8[i];
      } else {
        text += "\ufffd";
      }
      continue;
    }
    const char32_t code = (byte(i) & 0x07u) << 18 | (byte(i + 1) & 0x3fu) << 12 |
                          (byte(i + 2) & 0x3fu) << 6 | (byte(i + 3) & 0x3fu);
    i += 3;
    char32_t slot = kBox;
    if (table != nullptr) {
      const auto found = table->slots.find(code);
      if (found != table->slots.end()) slot = found->second;
    }
    text += static_cast<char>(0xe0 | (slot >> 12));
    text += static_cast<char>(0x80 | ((slot >> 6) & 0x3f));
    text += static_cast<char>(0x80 | (slot & 0x3f));
  }
  return text;
}

}  // namespace kvreel::viewer
