// Unicode facts the tokenizer needs: code points of UTF-8, character classes, NFC, lossy decoding
// of byte streams.
#include "engine/tokenizer/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <memory>

#include "base/error.h"

namespace kvreel::engine {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// Bytes of a character that starts with `lead`, 0 where none does, and the range of its second byte
// (Unicode standard, table 3-7).
struct Lead {
  int length = 0;
  uint8_t low = 0x80;
  uint8_t high = 0xBF;
};

Lead read_lead(uint8_t lead) {
  if (lead < 0x80) return {.length = 1};
  if (lead < 0xC2) return {};
  if (lead < 0xE0) return {.length = 2};
  if (lead == 0xE0) return {.length = 3, .low = 0xA0};
  if (lead == 0xED) return {.length = 3, .high = 0x9F};
  if (lead < 0xF0) return {.length = 3};
  if (lead == 0xF0) return {.length = 4, .low = 0x90};
  if (lead < 0xF4) return {.length = 4};
  if (lead == 0xF4) return {.length = 4, .high = 0x8F};
  return {};
}

struct Range {
  char32_t first;
  char32_t last;
};

// Marks of Unicode 10 to 15 that have a combining class, or compose, and that the older tables of
// Hugging Face's NFC do not know: there they stay where they are and nothing moves across them.
// Found by comparing every code point.
constexpr std::array<Range, 37> kFixedMarks = {
    {{0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},
     {0xC3C, 0xC3C},     {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0x1715, 0x1715},
     {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},   {0xA82C, 0xA82C},   {0x10D24, 0x10D27},
     {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF}, {0x10F46, 0x10F50}, {0x10F82, 0x10F85},
     {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E}, {0x11839, 0x1183A},
     {0x11930, 0x11930}, {0x1193D, 0x1193E}, {0x11943, 0x11943}, {0x119E0, 0x119E0},
     {0x11A34, 0x11A34}, {0x11A47, 0x11A47}, {0x11A99, 0x11A99}, {0x11D42, 0x11D42},
     {0x11D44, 0x11D45}, {0x11D97, 0x11D97}, {0x11F41, 0x11F42}, {0x16FF0, 0x16FF1},
     {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF},
     {0x1E4EC, 0x1E4EF}}};

bool is_fixed_mark(char32_t c) {
  const auto* after =
      std::upper_bound(kFixedMarks.begin(), kFixedMarks.end(), c,
                       [](char32_t value, const Range& range) { return value < range.first; });
  return after != kFixedMarks.begin() && c <= std::prev(after)->last;
}

// Normal form C as Unicode has it.
std::string compose(std::string_view text) {
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &mapped,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (length < 0) {
    fail("Normalising {} bytes of text to NFC failed: {}.", text.size(), utf8proc_errmsg(length));
  }
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  return std::string(reinterpret_cast<const char*>(mapped), static_cast<size_t>(length));
}

}  // namespace

CodePoint first_code_point(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<char32_t>(static_cast<uint8_t>(text[i])); };
  const auto tail = [&](size_t i) { return byte(i) & 0x3F; };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xE0) return {((lead & 0x1F) << 6) | tail(1), 2};
  if (lead < 0xF0) return {((lead & 0x0F) << 12) | (tail(1) << 6) | tail(2), 3};
  return {((lead & 0x07) << 18) | (tail(1) << 12) | (tail(2) << 6) | tail(3), 4};
}

CodePoint last_code_point(std::string_view text) {
  size_t start = text.size() - 1;
  while (start > 0 && (static_cast<uint8_t>(text[start]) & 0xC0) == 0x80) --start;
  return first_code_point(text.substr(start));
}

void append_utf8(std::string& text, char32_t code_point) {
  const auto put = [&](char32_t byte) { text += static_cast<char>(static_cast<uint8_t>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3F));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

size_t valid_utf8_prefix(std::string_view bytes) {
  size_t at = 0;
  while (at < bytes.size()) {
    const Lead lead = read_lead(static_cast<uint8_t>(bytes[at]));
    const auto length = static_cast<size_t>(lead.length);
    if (length == 0 || bytes.size() - at < length) return at;
    for (size_t i = 1; i < length; ++i) {
      const auto byte = static_cast<uint8_t>(bytes[at + i]);
      const uint8_t low = i == 1 ? lead.low : 0x80;
      const uint8_t high = i == 1 ? lead.high : 0xBF;
      if (byte < low || byte > high) return at;
    }
    at += length;
  }
  return at;
}

bool is_white_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= '\t' && c <= '\r');
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_word_character(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      break;
  }
  // Other_Alphabetic outside the marks (circled and squared letters), and Join_Control.
  return (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) ||
         (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189) || c == 0x200C ||
         c == 0x200D;
}

bool is_printable(char32_t c) {
  if (c == ' ') return true;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    default:
      return true;
  }
}

size_t leading_white_space(std::string_view text) {
  size_t length = 0;
  while (length < text.size()) {
    const CodePoint c = first_code_point(text.substr(length));
    if (!is_white_space(c.value)) break;
    length += c.length;
  }
  return length;
}

size_t trailing_white_space(std::string_view text) {
  size_t length = 0;
  while (length < text.size()) {
    const CodePoint c = last_code_point(text.substr(0, text.size() - length));
    if (!is_white_space(c.value)) break;
    length += c.length;
  }
  return length;
}

std::string to_nfc(std::string_view text) {
  // Below U+0300 (first byte 0xCC) nothing composes, so plain text needs no copy through the
  // library.
  const bool plain =
      std::all_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0xCC; });
  if (plain) return std::string(text);
  std::string result;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = first_code_point(text.substr(at));
    if (is_fixed_mark(c.value)) {
      result += compose(text.substr(begin, at - begin));
      result += text.substr(at, c.length);
      begin = at + c.length;
    }
    at += c.length;
  }
  return result + compose(text.substr(begin));
}

void LossyUtf8::push(std::string_view bytes, std::string& text) {
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    if (missing_ > 0) {
      if (byte >= low_ && byte <= high_) {
        pending_ += c;
        low_ = 0x80;
        high_ = 0xBF;
        if (--missing_ == 0) {
          text += pending_;
          pending_.clear();
        }
        continue;
      }
      text += kReplacement;
      pending_.clear();
      missing_ = 0;
    }
    const Lead lead = read_lead(byte);
    if (lead.length == 1) {
      text += c;
    } else if (lead.length == 0) {
      text += kReplacement;
    } else {
      pending_ = c;
      missing_ = lead.length - 1;
      low_ = lead.low;
      high_ = lead.high;
    }
  }
}

void LossyUtf8::finish(std::string& text) {
  if (missing_ > 0) text += kReplacement;
  pending_.clear();
  missing_ = 0;
}

}  // namespace kvreel::engine
