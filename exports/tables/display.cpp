// How values look on a terminal.
#include "exports/tables/display.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "base/visible_text.h"

namespace kvreel::exports {
namespace {

size_t width_of(utf8proc_int32_t code) {
  return static_cast<size_t>(std::max(utf8proc_charwidth(code), 0));
}

template <typename T>
std::string human_real(T value, Kind kind) {
  const auto number = static_cast<double>(value);
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  switch (kind) {
    case Kind::bytes:
      // 2^63: what a byte count cannot reach
      if (number < 0 || number >= 9.2e18) return fmt::format("{:.4g} B", number);
      return format_bytes(static_cast<uint64_t>(std::llround(number)));
    case Kind::duration:
      return format_duration(number);
    case Kind::share:
      return percent(number);
    default:
      return fmt::format("{:.4g}", number);
  }
}

}  // namespace

size_t display_width(std::string_view text) {
  // Most cells, and much cheaper than asking for every character.
  const auto plain = [](char c) { return c >= ' ' && c <= '~'; };
  if (std::all_of(text.begin(), text.end(), plain)) return text.size();
  size_t width = 0;
  for_each_character(text,
                     [&](utf8proc_int32_t code, std::string_view) { width += width_of(code); });
  return width;
}

std::string visible(std::string_view bytes) {
  constexpr std::string_view kSpace = "\u2423";
  const std::string text = to_utf8_lossy(bytes);
  const size_t first = text.find_first_not_of(' ');
  const size_t last = text.find_last_not_of(' ');
  std::string out;
  size_t at = 0;
  for_each_character(text, [&](utf8proc_int32_t code, std::string_view character) {
    const bool at_an_end = first == std::string::npos || at < first || at > last;
    if (code == ' ' && at_an_end) {
      out += kSpace;
    } else if (code == '\\') {
      out += "\\\\";
    } else if (is_unseen(code)) {
      out += escape_of(code);
    } else {
      out += character;
    }
    at += character.size();
  });
  return out;
}

std::string shorten(std::string_view text, size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::string out;
  size_t used = 0;
  bool full = false;
  for_each_character(text, [&](utf8proc_int32_t code, std::string_view character) {
    full = full || used + width_of(code) > width - 1;
    if (full) return;
    used += width_of(code);
    out += character;
  });
  return out + "\u2026";
}

std::string pad(std::string_view text, size_t width, bool right_aligned) {
  const size_t used = display_width(text);
  const std::string space(width > used ? width - used : 0, ' ');
  return right_aligned ? space + std::string(text) : std::string(text) + space;
}

std::string percent(double share) {
  return fmt::format("{:.1f} %", 100 * share);
}

std::string human(const Cell& cell, Kind kind) {
  if (is_none(cell)) return "-";
  if (const auto* value = std::get_if<bool>(&cell)) return *value ? "yes" : "no";
  if (const auto* value = std::get_if<std::string>(&cell)) return visible(*value);
  if (const auto* value = std::get_if<float>(&cell)) return human_real(*value, kind);
  if (const auto* value = std::get_if<double>(&cell)) return human_real(*value, kind);
  if (const auto* value = std::get_if<int64_t>(&cell)) {
    return kind == Kind::number || kind == Kind::text ? fmt::format("{}", *value)
                                                      : human_real(*value, kind);
  }
  const uint64_t value = std::get<uint64_t>(cell);
  if (kind == Kind::bytes) return format_bytes(value);
  return kind == Kind::number || kind == Kind::text ? fmt::format("{}", value)
                                                    : human_real(value, kind);
}

}  // namespace kvreel::exports
