// Which characters texts use.
#include "viewer/shell/code_points.h"

#include <bit>

namespace kvreel::viewer {

bool CodePoints::add(std::string_view utf8) {
  bool news = false;
  const auto* at = reinterpret_cast<const unsigned char*>(utf8.data());
  const auto* const end = at + utf8.size();
  while (at < end) {
    const unsigned char lead = *at++;
    if (lead < 0x80) continue;
    const int more = lead >= 0xf0 && lead < 0xf5   ? 3
                     : lead >= 0xe0 && lead < 0xf0 ? 2
                     : lead >= 0xc2 && lead < 0xe0 ? 1
                                                   : 0;
    if (more == 0 || end - at < more) continue;
    char32_t code = lead & (0x3fu >> more);
    bool good = true;
    for (int i = 0; i < more; ++i) {
      good = good && (at[i] & 0xc0) == 0x80;
      code = code << 6 | (at[i] & 0x3fu);
    }
    // Overlong forms, surrogates and what lies beyond Unicode are not characters.
    constexpr char32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
    good = good && code >= kLeast[more] && code < kCodes && (code < 0xd800 || code > 0xdfff);
    if (!good) continue;
    at += more;
    uint64_t& word = bits_[code / 64];
    const uint64_t bit = uint64_t{1} << (code % 64);
    news |= (word & bit) == 0;
    word |= bit;
  }
  return news;
}

std::vector<char32_t> CodePoints::beyond_ascii() const {
  std::vector<char32_t> codes;
  for (size_t i = 2; i < bits_.size(); ++i) {
    for (uint64_t word = bits_[i]; word != 0; word &= word - 1) {
      codes.push_back(static_cast<char32_t>(i * 64) +
                      static_cast<char32_t>(std::countr_zero(word)));
    }
  }
  return codes;
}

}  // namespace kvreel::viewer
