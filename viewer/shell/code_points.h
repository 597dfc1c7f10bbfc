// Which characters texts use, so that the font atlas holds exactly those.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace kvreel::viewer {

class CodePoints {
 public:
  // Adds the characters of UTF-8 text, skipping what is not UTF-8. True where one is new.
  bool add(std::string_view utf8);
  bool has(char32_t code) const { return (bits_[code / 64] >> (code % 64) & 1) != 0; }
  // Ascending, from U+0080; ASCII is always there.
  std::vector<char32_t> beyond_ascii() const;

 private:
  static constexpr size_t kCodes = 0x110000;
  std::vector<uint64_t> bits_ = std::vector<uint64_t>(kCodes / 64);
};

}  // namespace kvreel::viewer
