// Characters in use, their glyphs, and key names.
#include <gtest/gtest.h>

#include "viewer/panels/glyphs.h"
#include "viewer/shell/code_points.h"
#include "viewer/shell/keys.h"
#include "viewer/shell/scene.h"

namespace kvreel::viewer {
namespace {

using testing::Scene;

std::string utf8(char32_t code) {
  std::string text;
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xc0 | code >> 6);
    text += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    text += static_cast<char>(0xe0 | code >> 12);
    text += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    text += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    text += static_cast<char>(0xf0 | code >> 18);
    text += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    text += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    text += static_cast<char>(0x80 | (code & 0x3f));
  }
  return text;
}

TEST(CodePoints, AreThoseOfTheText) {
  for (char32_t code = 0x80; code < 0x110000; code += code < 0x3000 ? 1 : 61) {
    if (code >= 0xd800 && code < 0xe000) continue;
    CodePoints used;
    EXPECT_TRUE(used.add("a" + utf8(code) + "b"));
    EXPECT_FALSE(used.add(utf8(code)));
    ASSERT_EQ(used.beyond_ascii(), std::vector<char32_t>{code});
  }
}

TEST(CodePoints, SkipWhatIsNotUtf8) {
  CodePoints used;
  for (const char* bad : {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff"}) {
    EXPECT_FALSE(used.add(bad));
  }
  // A character after a broken one is still found.
  EXPECT_TRUE(used.add("\xe2\x82\xc3\xa4"));
  EXPECT_EQ(used.beyond_ascii(), std::vector<char32_t>{0xe4});
}

TEST(KeyNames, AreReadAndWritten) {
  const KeyPress expected[] = {
      {KeyPress::kSpace}, {KeyPress::kRight, true}, {'E', false, true},     {KeyPress::kF1},
      {KeyPress::kSlash}, {'+', false, true},       {KeyPress::kBackspace}, {'3'},
      {'Q', true, true}};
  const char* const names[] = {"space",  "shift+right", "ctrl+e", "f1",          "/",
                               "ctrl++", "backspace",   "3",      "ctrl+shift+q"};
  for (size_t i = 0; i < std::size(names); ++i) {
    ASSERT_TRUE(parse_key(names[i])) << names[i];
    EXPECT_EQ(*parse_key(names[i]), expected[i]) << names[i];
    EXPECT_EQ(key_name(expected[i]), names[i]);
  }
  for (const char* bad : {"", "ctrl+", "spaces", "alt+x", "\xc3\xa4"}) {
    EXPECT_FALSE(parse_key(bad)) << bad;
  }
}

TEST(GlyphText, ReplacesWhatSixteenBitsCannotHold) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 64, 64);
  const GlyphTable table{{{0x1f600, 0xe000}, {0x20000, 0xe123}}};
  set_glyph_table(&table);
  EXPECT_EQ(glyph_text("a\U0001f600b\U00020000"), "a\ue000b\ue123");
  EXPECT_EQ(glyph_text("\U0001f601"), "\u25a1");
  EXPECT_EQ(glyph_text("\xf0\x9f"), "\ufffd\x9f");
  EXPECT_FALSE(needs_glyph_text(glyph_text("\xff\xf0\x9f\x98\x80\xf0")));
  set_glyph_table(nullptr);
  EXPECT_EQ(glyph_text("\U0001f600"), "\u25a1");
}

// Pixels of text that are not ground.
int inked(Scene& scene, const std::string& text) {
  const Picture picture = scene.draw([&](Frame& frame, const Rect& area) {
    draw_text(*ImGui::GetWindowDrawList(), frame.theme.fonts.title, {area.x + 4, area.y + 4},
              frame.palette().text, text);
  });
  int count = 0;
  for (size_t i = 4; i < picture.rgba.size(); i += 4) {
    count += std::abs(picture.rgba[i] - picture.rgba[0]) > 24;
  }
  return count;
}

TEST(Fonts, HaveTheWindowsOwnCharacters) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 200, 40);
  Scene scene(*host, true);
  for (const char32_t code : {U'A', U'\u00e4', U'\u03bb', U'\u2212', U'\u2192', U'\u2264',
                              U'\u2082', U'\u23ce', U'\u2026', U'\u2713', U'\u25a1'}) {
    for (ImFont* font :
         {scene.theme().fonts.text, scene.theme().fonts.title, scene.theme().fonts.small}) {
      EXPECT_NE(font->FindGlyphNoFallback(static_cast<ImWchar>(code)), nullptr)
          << std::hex << static_cast<uint32_t>(code);
    }
  }
}

TEST(Fonts, GrowWithTheTextsThatUseThem) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 200, 40);
  Scene scene(*host, true);
  constexpr ImWchar kCyrillic = 0x0416;
  EXPECT_EQ(scene.theme().fonts.text->FindGlyphNoFallback(kCyrillic), nullptr);
  EXPECT_TRUE(scene.used.add("\u0416"));
  scene.build_fonts();
  EXPECT_NE(scene.theme().fonts.text->FindGlyphNoFallback(kCyrillic), nullptr);
  EXPECT_GT(inked(scene, "\u0416"), 10);
}

TEST(Fonts, ShowABoxForWhatNoFontHas) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 200, 40);
  Scene scene(*host, true);
  // Private use beyond 16 bits: no font has it.
  scene.used.add("\U000f1234");
  scene.build_fonts();
  EXPECT_EQ(scene.atlas().missing(), 1u);
  EXPECT_EQ(inked(scene, "\U000f1234"), inked(scene, "\u25a1"));
  EXPECT_GT(inked(scene, "\u25a1"), 10);
}

// Mathematical letters are in DejaVu Sans, beyond 16 bits: this works on every machine.
TEST(Fonts, DrawCharactersBeyondSixteenBits) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 200, 40);
  Scene scene(*host, true);
  scene.used.add("\U0001d538\U0001d53b \ue000");
  scene.build_fonts();
  ASSERT_EQ(scene.atlas().glyphs().slots.size(), 2u);
  for (const auto& [code, slot] : scene.atlas().glyphs().slots) {
    EXPECT_NE(slot, 0xe000) << "the text's own private-use character was taken";
  }
  EXPECT_GT(inked(scene, "\U0001d538"), 20);
  EXPECT_NE(inked(scene, "\U0001d538"), inked(scene, "\u25a1"));
  EXPECT_GT(text_width(scene.theme().fonts.title, "\U0001d538\U0001d53b"),
            text_width(scene.theme().fonts.title, "\U0001d538"));
}

TEST(Fonts, DrawEmojiInColour) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 200, 40);
  Scene scene(*host, true);
  scene.used.add("\U0001f600");
  scene.build_fonts();
  ASSERT_EQ(scene.atlas().missing(), 0u) << "DejaVu Sans has this one, without colour";
  const ImWchar slot = scene.atlas().glyphs().slots.at(0x1f600);
  if (scene.theme().fonts.text->FindGlyphNoFallback(slot)->Colored == 0) {
    GTEST_SKIP() << "no installed font has emoji in colour";
  }
  const Picture picture = scene.draw([&](Frame& frame, const Rect& area) {
    draw_text(*ImGui::GetWindowDrawList(), frame.theme.fonts.title, {area.x + 4, area.y + 4},
              frame.palette().text, "\U0001f600");
  });
  int yellow = 0;
  for (size_t i = 0; i < picture.rgba.size(); i += 4) {
    yellow += picture.rgba[i] > 200 && picture.rgba[i + 1] > 150 && picture.rgba[i + 2] < 120;
  }
  EXPECT_GT(yellow, 40);
}

TEST(Fonts, DrawChineseAsLargeAsLatin) {
  KVREEL_OFFSCREEN_OR_SKIP(host, 200, 40);
  Scene scene(*host, true);
  scene.used.add("\u4e2d");
  scene.build_fonts();
  if (scene.atlas().missing() > 0) GTEST_SKIP() << "no installed font has Chinese characters";
  const ImFontGlyph* glyph = scene.theme().fonts.title->FindGlyphNoFallback(0x4e2d);
  ASSERT_NE(glyph, nullptr);
  // A Chinese character is one em wide: 20 / 1.164 pixels.
  EXPECT_NEAR(glyph->AdvanceX, 20 / 1.164, 1);
  EXPECT_GT(inked(scene, "\u4e2d"), 20);
}

}  // namespace
}  // namespace kvreel::viewer
