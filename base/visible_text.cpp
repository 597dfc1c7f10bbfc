// Text from elsewhere on one line, so that whoever shows it shows it, and does not obey it.
#include "base/visible_text.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>

#include "base/text.h"

namespace kvreel {
namespace {

// Most text, and much cheaper than asking for every character.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

bool is_unseen(int32_t code_point) {
  switch (utf8proc_category(code_point)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return true;
    default:
      return false;
  }
}

std::string escape_of(int32_t code_point) {
  switch (code_point) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      if (code_point < 0x100) return fmt::format("\\x{:02x}", code_point);
      if (code_point < 0x10000) return fmt::format("\\u{:04x}", code_point);
      return fmt::format("\\U{:08x}", code_point);
  }
}

std::string visible_line(std::string_view bytes) {
  if (is_plain(bytes)) return std::string(bytes);
  const std::string text = to_utf8_lossy(bytes);
  std::string out;
  for_each_character(text, [&](int32_t code, std::string_view character) {
    if (is_unseen(code)) {
      out += escape_of(code);
    } else {
      out += character;
    }
  });
  return out;
}

std::string visible_lines(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) out += visible_line(take_line(bytes)) + '\n';
  return out;
}

std::string unseen_escaped_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for_each_character(json, [&](int32_t code, std::string_view character) {
    // Below DEL the JSON itself has escapes in its texts, and line breaks between its values.
    if (code < 0x7f || !is_unseen(code)) {
      out += character;
    } else if (code < 0x10000) {
      out += fmt::format("\\u{:04x}", code);
    } else {
      const int32_t offset = code - 0x10000;  // a surrogate pair (RFC 8259, section 7)
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + (offset >> 10), 0xdc00 + (offset & 0x3ff));
    }
  });
  return out;
}

}  // namespace kvreel
