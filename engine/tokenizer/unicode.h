// Unicode facts the tokenizer needs: code points of UTF-8, character classes, NFC, lossy decoding
// of byte streams.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kvreel::engine {

struct CodePoint {
  char32_t value = 0;
  size_t length = 0;  // bytes in UTF-8, 1 to 4
};

// The first or last code point of `text`, which must be well-formed UTF-8 and not empty.
CodePoint first_code_point(std::string_view text);
CodePoint last_code_point(std::string_view text);

void append_utf8(std::string& text, char32_t code_point);

// Bytes of the longest well-formed UTF-8 prefix; bytes.size() when all of it is well-formed.
size_t valid_utf8_prefix(std::string_view bytes);

// Property White_Space: what \s means to Hugging Face's regular expressions.
bool is_white_space(char32_t c);

// What \w means to them: Alphabetic, marks, decimal digits, connectors and the two joiners.
bool is_word_character(char32_t c);

// True for what Python's repr() writes as itself.
bool is_printable(char32_t c);

// Bytes of white space that `text` begins or ends with.
size_t leading_white_space(std::string_view text);
size_t trailing_white_space(std::string_view text);

// Normal form C, as Hugging Face's tokenizers compute it.
std::string to_nfc(std::string_view text);

// Turns a stream of bytes into UTF-8 text: every maximal ill-formed part becomes one U+FFFD
// (Unicode standard, section 3.9, "substitution of maximal subparts"), whatever the places where
// the stream is cut.
class LossyUtf8 {
 public:
  // Appends to `text` the characters that `bytes` complete.
  void push(std::string_view bytes, std::string& text);
  // Ends the stream: an unfinished character becomes U+FFFD.
  void finish(std::string& text);

 private:
  std::string pending_;
  int missing_ = 0;  // bytes that complete pending_
  uint8_t low_ = 0x80;
  uint8_t high_ = 0xBF;
};

}  // namespace kvreel::engine
