// How the bytes of tokens are shown: every byte is seen, nothing is guessed.
#include "viewer/data/token_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/visible_text.h"

namespace kvreel::viewer {
namespace {

constexpr size_t kLongest = 4;  // bytes of a character

uint8_t byte_at(std::string_view bytes, size_t i) {
  return static_cast<uint8_t>(bytes[i]);
}

}  // namespace

// The well-formed byte sequences of the Unicode Standard, table 3-7: the range of the second byte
// depends on the first, and keeps out overlong forms, surrogates and what is beyond U+10FFFF.
Character decode_character(std::string_view bytes) {
  if (bytes.empty()) return {};
  const uint8_t lead = byte_at(bytes, 0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xc2 || lead > 0xf4) return {};
  const size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (bytes.size() < length) return {};
  const uint8_t least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const uint8_t most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (byte_at(bytes, 1) < least || byte_at(bytes, 1) > most) return {};
  uint32_t code_point = lead & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    const uint8_t next = byte_at(bytes, i);
    if ((next & 0xc0) != 0x80) return {};
    code_point = code_point << 6 | (next & 0x3fu);
  }
  return {code_point, length};
}

std::string display_piece(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const Character character = decode_character(bytes);
    const size_t length = std::max<size_t>(character.bytes, 1);
    if (character.bytes == 0) {
      out += fmt::format("<{:02X}>", byte_at(bytes, 0));
    } else if (character.code_point == '\n') {
      out += "\xE2\x8F\x8E";  // U+23CE
    } else if (character.code_point == '\t') {
      out += "\xE2\x87\xA5";  // U+21E5
    } else if (is_unseen(static_cast<int32_t>(character.code_point))) {
      out += fmt::format("<0x{:02X}>", character.code_point);
    } else {
      out += bytes.substr(0, length);
    }
    bytes.remove_prefix(length);
  }
  return out;
}

bool ends_line(std::string_view bytes) {
  return !bytes.empty() && bytes.back() == '\n';
}

SharedCharacters shared_characters(const tracer::Text& pieces, size_t token) {
  // Tokens lie one behind the other in `values`: places there are places in the whole text.
  const auto text_from = [&](uint64_t place) {
    const uint64_t end = std::min<uint64_t>(pieces.values.size(), place + kLongest);
    return std::string_view(reinterpret_cast<const char*>(pieces.values.data()) + place,
                            static_cast<size_t>(end - place));
  };
  const auto token_of = [&](uint64_t place) {
    return static_cast<size_t>(std::upper_bound(pieces.ends.begin(), pieces.ends.end(), place) -
                               pieces.ends.begin());
  };
  const uint64_t begin = pieces.begin_of(token);
  const uint64_t end = pieces.end_of(token);
  SharedCharacters shared;
  const auto add = [&](uint64_t place, size_t bytes) {
    if (!shared) shared.begin = token_of(place);
    shared.end = token_of(place + bytes - 1) + 1;
    shared.text += display_piece(text_from(place).substr(0, bytes));
  };
  if (begin == end) return shared;
  // UTF-8 synchronises by itself: where a well-formed character can begin, one does.
  for (uint64_t place = begin - std::min<uint64_t>(begin, kLongest - 1); place < begin; ++place) {
    const Character character = decode_character(text_from(place));
    if (place + character.bytes > begin) add(place, character.bytes);
  }
  for (uint64_t place = std::max(begin, end - std::min<uint64_t>(end, kLongest - 1)); place < end;
       ++place) {
    const Character character = decode_character(text_from(place));
    if (place + character.bytes > end) add(place, character.bytes);
  }
  return shared;
}

}  // namespace kvreel::viewer
