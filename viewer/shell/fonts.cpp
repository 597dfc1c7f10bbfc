// ImGui's font atlas.
#include "viewer/shell/fonts.h"

#include <imgui_freetype.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "base/error.h"

namespace kvreel::viewer {
namespace {

// What the window itself writes with: Latin, Greek, punctuation, super- and subscripts, arrows,
// mathematics, key symbols, blocks and shapes.
constexpr std::array<ImWchar, 19> kBase = {0x0020, 0x017f, 0x0370, 0x03ff, 0x2000, 0x206f, 0x2070,
                                           0x209f, 0x2190, 0x21ff, 0x2200, 0x22ff, 0x2300, 0x23ff,
                                           0x25a0, 0x25ff, 0x2713, 0x2718, 0};
constexpr ImWchar kMissing = 0x25a1;    // a box
constexpr ImWchar kFirstSlot = 0xe000;  // private use
constexpr ImWchar kLastSlot = 0xefff;

bool in_base(char32_t code) {
  for (size_t i = 0; i + 1 < kBase.size(); i += 2) {
    if (code >= kBase[i] && code <= kBase[i + 1]) return true;
  }
  return false;
}

// Where emoji are. DejaVu Sans has some of them, without colour: a second choice.
bool is_pictograph(char32_t code) {
  return code >= 0x1f000 && code < 0x20000;
}

// Ascending codes as ImGui's pairs, with its end mark.
std::vector<ImWchar> as_ranges(const std::vector<char32_t>& codes) {
  std::vector<ImWchar> ranges;
  for (const char32_t code : codes) {
    const auto c = static_cast<ImWchar>(code);
    if (!ranges.empty() && ranges.back() + 1 == c) {
      ranges.back() = c;
    } else {
      ranges.push_back(c);
      ranges.push_back(c);
    }
  }
  ranges.push_back(0);
  return ranges;
}

}  // namespace

// Which face draws which characters.
struct FontAtlas::Plan {
  struct Slot {
    char32_t code;
    FontFace* face;
    ImWchar slot;
  };
  std::vector<ImWchar> text;                                       // ranges of DejaVu Sans
  std::vector<std::pair<FontFace*, std::vector<ImWchar>>> merged;  // ranges of other fonts
  std::vector<Slot> slots;  // beyond 16 bits, or in colour: drawn here
};

FontAtlas::FontAtlas() : text_(find_text_font()) {}

FontAtlas::Plan FontAtlas::plan(const CodePoints& used) {
  Plan plan;
  std::vector<char32_t> extra;
  std::vector<char32_t> elsewhere;
  std::vector<std::pair<char32_t, FontFace*>> drawn;
  for (const char32_t code : used.beyond_ascii()) {
    if (in_base(code)) continue;
    if (!text_->has(code) || is_pictograph(code)) {
      elsewhere.push_back(code);
    } else if (code > 0xffff) {
      drawn.emplace_back(code, text_.get());
    } else {
      extra.push_back(code);
    }
  }
  if (elsewhere != asked_) {
    others_ = elsewhere.empty() ? decltype(others_)() : find_fonts_with(elsewhere);
    asked_ = elsewhere;
  }
  missing_ = 0;
  std::map<FontFace*, std::vector<char32_t>> merged;
  for (const char32_t code : elsewhere) {
    const auto found = std::find_if(others_.begin(), others_.end(),
                                    [&](const auto& face) { return face->has(code); });
    if (found == others_.end() && text_->has(code)) {
      drawn.emplace_back(code, text_.get());
    } else if (found == others_.end()) {
      ++missing_;
    } else if (code > 0xffff) {
      drawn.emplace_back(code, found->get());
    } else if ((*found)->scalable()) {
      merged[found->get()].push_back(code);
    } else {
      // A colour bitmap below U+FFFF keeps its own code.
      plan.slots.push_back({code, found->get(), static_cast<ImWchar>(code)});
    }
  }
  plan.text.assign(kBase.begin(), kBase.end() - 1);
  const std::vector<ImWchar> ranges = as_ranges(extra);
  plan.text.insert(plan.text.end(), ranges.begin(), ranges.end());
  for (const auto& face : others_) {
    const auto found = merged.find(face.get());
    if (found != merged.end()) plan.merged.emplace_back(face.get(), as_ranges(found->second));
  }
  // Slots that the texts use themselves are left alone.
  ImWchar slot = kFirstSlot;
  for (const auto& [code, face] : drawn) {
    while (slot <= kLastSlot && used.has(slot)) ++slot;
    if (slot > kLastSlot) {
      ++missing_;
      continue;
    }
    plan.slots.push_back({code, face, slot++});
  }
  return plan;
}

Fonts FontAtlas::build(const CodePoints& used, float scale) {
  Plan wanted = plan(used);
  ImFontAtlas& atlas = *ImGui::GetIO().Fonts;
  atlas.Clear();
  atlas.FontBuilderIO = ImGuiFreeType::GetBuilderForFreeType();
  atlas.FontBuilderFlags = ImGuiFreeTypeBuilderFlags_LightHinting;
  atlas.Flags |= ImFontAtlasFlags_NoMouseCursors;

  struct Drawn {
    int rect;
    size_t picture;
  };
  std::vector<GlyphPicture> pictures;
  std::vector<Drawn> drawn;
  const auto add = [&](FontFace& face, const std::vector<ImWchar>& ranges, float size, bool merge) {
    ImFontConfig config;
    config.FontDataOwnedByAtlas = false;
    config.FontNo = face.index();
    config.MergeMode = merge;
    const std::span<const uint8_t> data = face.data();
    // ImGui takes a pointer to what it could free; it copies what it does not own.
    return atlas.AddFontFromMemoryTTF(const_cast<uint8_t*>(data.data()),
                                      static_cast<int>(data.size()), size, &config, ranges.data());
  };
  const auto add_size = [&](float at_scale_1) {
    const float size = std::round(at_scale_1 * scale);
    // Sizes are ascender to descender: the same em is another size in another font.
    const float em = size / text_->height_per_em();
    ImFont* font = add(*text_, wanted.text, size, false);
    font->FallbackChar = kMissing;
    for (auto& [face, ranges] : wanted.merged) {
      add(*face, ranges, std::round(em * face->height_per_em()), true);
    }
    for (const Plan::Slot& slot : wanted.slots) {
      GlyphPicture picture = slot.face->picture(slot.code, em);
      if (picture.width == 0 || picture.height == 0) continue;
      // The pen stands at the line's top here; the baseline is known after the build.
      const int rect = atlas.AddCustomRectFontGlyph(
          font, slot.slot, picture.width, picture.height, picture.advance,
          {std::round(picture.left), -std::round(picture.top)});
      drawn.push_back({rect, pictures.size()});
      pictures.push_back(std::move(picture));
    }
    return font;
  };
  Fonts fonts;
  fonts.text = add_size(16);
  fonts.title = add_size(20);
  fonts.small = add_size(13);
  if (!atlas.Build()) fail("The font atlas cannot be built at scale {}.", scale);

  unsigned char* bytes = nullptr;
  int width = 0;
  int height = 0;
  atlas.GetTexDataAsRGBA32(&bytes, &width, &height);
  auto* const pixels = reinterpret_cast<uint32_t*>(bytes);
  for (const Drawn& glyph : drawn) {
    const ImFontAtlasCustomRect& rect = *atlas.GetCustomRectByIndex(glyph.rect);
    const GlyphPicture& picture = pictures[glyph.picture];
    for (int y = 0; y < picture.height; ++y) {
      std::copy_n(picture.pixels.data() + static_cast<ptrdiff_t>(y) * picture.width, picture.width,
                  pixels + static_cast<ptrdiff_t>(rect.Y + y) * width + rect.X);
    }
    auto* const entry = const_cast<ImFontGlyph*>(
        rect.Font->FindGlyphNoFallback(static_cast<ImWchar>(rect.GlyphID)));
    if (entry == nullptr) continue;
    entry->Colored = picture.colored;
    const float baseline = std::round(rect.Font->Ascent);
    entry->Y0 += baseline;
    entry->Y1 += baseline;
  }
  atlas.ClearInputData();
  glyphs_.slots.clear();
  for (const Plan::Slot& slot : wanted.slots) {
    if (slot.code > 0xffff) glyphs_.slots[slot.code] = slot.slot;
  }
  set_glyph_table(&glyphs_);
  ImGui::GetIO().FontDefault = fonts.text;
  return fonts;
}

}  // namespace kvreel::viewer
