// The byte-level alphabet: every byte as one printable character, as GPT-2's tokenizer introduced
// it.
#include "engine/tokenizer/byte_level.h"

#include <array>
#include <cstdint>

#include "engine/tokenizer/unicode.h"

namespace kvreel::engine {
namespace {

constexpr bool stands_for_itself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

// Printable bytes keep their Latin-1 code point; the others take U+0100, U+0101, ... in order.
constexpr std::array<char32_t, 256> make_alphabet() {
  std::array<char32_t, 256> alphabet{};
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    alphabet[static_cast<size_t>(byte)] =
        stands_for_itself(byte) ? static_cast<char32_t>(byte) : next++;
  }
  return alphabet;
}

constexpr std::array<char32_t, 256> kAlphabet = make_alphabet();
constexpr size_t kCharacters = 0x144;  // 188 bytes stand for themselves, 68 take U+0100 to U+0143
static_assert(make_alphabet()[0xAD] == kCharacters - 1);

// Byte of each character, -1 outside the alphabet.
constexpr std::array<int16_t, kCharacters> make_inverse() {
  std::array<int16_t, kCharacters> inverse{};
  inverse.fill(-1);
  for (size_t byte = 0; byte < 256; ++byte) inverse[kAlphabet[byte]] = static_cast<int16_t>(byte);
  return inverse;
}

constexpr std::array<int16_t, kCharacters> kInverse = make_inverse();

}  // namespace

void append_byte_level(std::string& text, std::string_view bytes) {
  for (const char c : bytes) append_utf8(text, kAlphabet[static_cast<uint8_t>(c)]);
}

std::string from_byte_level(std::string_view token) {
  std::string bytes;
  bytes.reserve(token.size());
  for (size_t at = 0; at < token.size();) {
    const CodePoint c = first_code_point(token.substr(at));
    if (c.value >= kCharacters || kInverse[c.value] < 0) return std::string(token);
    bytes += static_cast<char>(static_cast<uint8_t>(kInverse[c.value]));
    at += c.length;
  }
  return bytes;
}

}  // namespace kvreel::engine
