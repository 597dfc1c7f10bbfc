// Text for people: byte counts, durations, the nearest known name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace kvreel {

// 1536 -> "1.50 KiB". Binary units, three significant digits; below 1 KiB exact: "812 B".
std::string format_bytes(uint64_t bytes);

// 1234567 ns -> "1.23 ms". Three significant digits in ns, us, ms or s.
std::string format_duration(double nanoseconds);

// The candidate closest to `name` by edit distance, or "" when none is near enough to be a
// misspelling (more than a third of the longer name's characters would have to change).
std::string nearest_name(std::string_view name, std::span<const std::string> candidates);

// " Did you mean 'x'?" or, where nothing is near, " Known: a, b, c."
std::string suggest_name(std::string_view name, std::span<const std::string> candidates);

// Levenshtein distance in bytes.
size_t edit_distance(std::string_view a, std::string_view b);

// '0' to '9', whatever the locale.
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Text without leading and trailing white space (space, tab, newline, carriage return).
std::string_view trim(std::string_view text);

// Takes the first line off a text, less its line feed. The last line may lack one.
std::string_view take_line(std::string_view& text);

// True when `bytes` is well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF).
bool is_utf8(std::string_view bytes);

// `bytes` with every ill-formed byte replaced by U+FFFD, so that it can be stored as UTF-8.
std::string to_utf8_lossy(std::string_view bytes);

// The character in which `text`, which is not empty, begins: its code point, or U+FFFD and one byte
// where it is ill-formed.
struct Character {
  int32_t code_point = 0;
  size_t bytes = 0;
};
Character first_character(std::string_view text);

// Calls use(code point, its bytes) for each character.
template <typename Use>
void for_each_character(std::string_view text, Use&& use) {
  while (!text.empty()) {
    const Character character = first_character(text);
    use(character.code_point, text.substr(0, character.bytes));
    text.remove_prefix(character.bytes);
  }
}

}  // namespace kvreel
