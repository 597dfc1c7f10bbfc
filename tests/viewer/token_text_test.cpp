// Tokens as text on one line, and characters that several tokens share.
#include <gtest/gtest.h>

#include <string>

#include "viewer/data/token_text.h"

namespace kvreel::viewer {
namespace {

TEST(TokenText, PlainTextAndItsSpacesStayAsTheyAre) {
  EXPECT_EQ(display_piece(" the "), " the ");
  EXPECT_EQ(display_piece("\xC3\xA9\xE4\xB8\xAD"), "\xC3\xA9\xE4\xB8\xAD");  // U+E9, U+4E2D
  EXPECT_EQ(display_piece("\xF0\x9F\x98\x80"), "\xF0\x9F\x98\x80");          // U+1F600
  EXPECT_EQ(display_piece(""), "");
}

TEST(TokenText, ControlCodesAreVisible) {
  EXPECT_EQ(display_piece("a\n\n"), "a\xE2\x8F\x8E\xE2\x8F\x8E");
  EXPECT_EQ(display_piece("\tb"),
            "\xE2\x87\xA5"
            "b");
  EXPECT_EQ(display_piece("\x1B[0m"), "<0x1B>[0m");
  EXPECT_EQ(display_piece(std::string_view("\0\r\x7F", 3)), "<0x00><0x0D><0x7F>");
  EXPECT_EQ(display_piece("\xC2\x85"), "<0x85>");        // next line
  EXPECT_EQ(display_piece("\xE2\x80\xA8"), "<0x2028>");  // line separator
  // What reorders or hides its neighbours: a direction, a zero width, a tag.
  EXPECT_EQ(display_piece("a\u202eb\u200bc\U000e0041"), "a<0x202E>b<0x200B>c<0xE0041>");
}

TEST(TokenText, BytesThatAreNoUtf8AreShownAsBytes) {
  EXPECT_EQ(display_piece("\xE4"), "<E4>");
  EXPECT_EQ(display_piece("\xE4\xB8"), "<E4><B8>");
  EXPECT_EQ(display_piece("\xAD "), "<AD> ");
  EXPECT_EQ(display_piece("a\xFF"
                          "b"),
            "a<FF>b");
}

TEST(TokenText, OverlongFormsSurrogatesAndWhatIsBeyondUnicodeAreRefused) {
  for (const char* bytes :
       {"\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xED\xBF\xBF",
        "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80"}) {
    EXPECT_EQ(decode_character(bytes).bytes, 0u) << bytes;
  }
  const auto code_point = [](const char* bytes) { return decode_character(bytes).code_point; };
  EXPECT_EQ(code_point("\xC2\x80"), 0x80u);  // the neighbours of those above
  EXPECT_EQ(code_point("\xE0\xA0\x80"), 0x800u);
  EXPECT_EQ(code_point("\xED\x9F\xBF"), 0xD7FFu);
  EXPECT_EQ(code_point("\xEE\x80\x80"), 0xE000u);
  EXPECT_EQ(code_point("\xF0\x90\x80\x80"), 0x10000u);
  EXPECT_EQ(code_point("\xF4\x8F\xBF\xBF"), 0x10FFFFu);
}

// Encodes by the definition, to be decoded again.
std::string encode(uint32_t c) {
  const auto byte = [](uint32_t value) { return static_cast<char>(value); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xC0 | c >> 6), byte(0x80 | (c & 63))};
  if (c < 0x10000) return {byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 63)), byte(0x80 | (c & 63))};
  return {byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 63)), byte(0x80 | (c >> 6 & 63)),
          byte(0x80 | (c & 63))};
}

TEST(TokenText, EveryCodePointIsDecodedAndSurrogatesAreNot) {
  for (uint32_t c = 0; c < 0x110000; ++c) {
    const Character character = decode_character(encode(c) + "x");
    if (c >= 0xD800 && c < 0xE000) {
      ASSERT_EQ(character.bytes, 0u) << c;
    } else {
      ASSERT_EQ(character.code_point, c);
      ASSERT_EQ(character.bytes, encode(c).size());
    }
  }
}

TEST(TokenText, ALineEndsWithANewline) {
  EXPECT_TRUE(ends_line("a\n"));
  EXPECT_FALSE(ends_line("\na"));
  EXPECT_FALSE(ends_line(""));
}

tracer::Text text_of(const std::vector<std::string>& pieces) {
  tracer::Text text;
  for (const std::string& piece : pieces) text.push_back(piece);
  return text;
}

TEST(SharedCharacters, JoinTheBytesOfAllTokensThatHaveAPart) {
  // U+1F600 in three tokens, one of them empty beside it.
  const auto pieces = text_of({"a", "b\xF0\x9F", "\x98", "\x80", "c"});
  for (const size_t token : {1u, 2u, 3u}) {
    const SharedCharacters shared = shared_characters(pieces, token);
    EXPECT_EQ(shared.begin, 1u);
    EXPECT_EQ(shared.end, 4u);
    EXPECT_EQ(shared.text, "\xF0\x9F\x98\x80");
  }
  EXPECT_FALSE(shared_characters(pieces, 0));
  EXPECT_FALSE(shared_characters(pieces, 4));
}

TEST(SharedCharacters, ATokenMayHavePartsOfTwo) {
  const auto pieces = text_of({"\xE4\xB8", "\xAD\xE6", "\x96\x87"});  // U+4E2D U+6587
  const SharedCharacters middle = shared_characters(pieces, 1);
  EXPECT_EQ(middle.begin, 0u);
  EXPECT_EQ(middle.end, 3u);
  EXPECT_EQ(middle.text, "\xE4\xB8\xAD\xE6\x96\x87");
  EXPECT_EQ(shared_characters(pieces, 0).text, "\xE4\xB8\xAD");
  EXPECT_EQ(shared_characters(pieces, 2).text, "\xE6\x96\x87");
}

TEST(SharedCharacters, BytesThatBelongToNoCharacterShareNone) {
  EXPECT_FALSE(shared_characters(text_of({"\xE4\xB8", "x"}), 0));
  EXPECT_FALSE(shared_characters(text_of({"x", "\xAD"}), 1));
  EXPECT_FALSE(shared_characters(text_of({"\xE4", "\xB8"}), 1));  // cut short at the end
  EXPECT_FALSE(shared_characters(text_of({"", "a"}), 0));
}

}  // namespace
}  // namespace kvreel::viewer
