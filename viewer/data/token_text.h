// How the bytes of tokens are shown: every byte is seen, nothing is guessed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tracer/format/columns.h"

namespace kvreel::viewer {

// A character at the beginning of bytes.
struct Character {
  uint32_t code_point = 0;
  size_t bytes = 0;  // that it takes; 0: there is no well-formed character here
};

// Strict UTF-8: no overlong forms, no surrogates, nothing beyond U+10FFFF, nothing cut short.
Character decode_character(std::string_view bytes);

// The bytes of a token, or of several, as UTF-8 text on one line: newline as U+23CE, tab as U+21E5,
// other control and formatting characters and bytes that are not UTF-8 as <0x1B>, <0x202E> and
// <E4>. Spaces stay, and so do code points beyond U+FFFF.
std::string display_piece(std::string_view bytes);

// Whether the last of these bytes is a newline, so that the next token begins a line.
bool ends_line(std::string_view bytes);

// What a token has in common with its neighbours: the characters of which it has a part, but not
// all bytes.
struct SharedCharacters {
  size_t begin = 0;  // tokens [begin, end) have these characters; none where both are 0
  size_t end = 0;
  std::string text;
  explicit operator bool() const { return begin != end; }
};
SharedCharacters shared_characters(const tracer::Text& pieces, size_t token);

}  // namespace kvreel::viewer
