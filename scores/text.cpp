// Python's text functions over UTF-8.
#include "scores/text.h"

#include <utf8proc.h>

#include <algorithm>

#include "base/text.h"

namespace kvreel::scores {

std::vector<int32_t> code_points(std::string_view text) {
  const std::string clean = to_utf8_lossy(text);
  std::vector<int32_t> points;
  points.reserve(clean.size());
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(clean.data());
  const auto size = static_cast<utf8proc_ssize_t>(clean.size());
  for (utf8proc_ssize_t at = 0; at < size;) {
    utf8proc_int32_t point = 0;
    const utf8proc_ssize_t read = utf8proc_iterate(bytes + at, size - at, &point);
    if (read <= 0) break;  // cannot be: the text is well-formed
    points.push_back(point);
    at += read;
  }
  return points;
}

std::string to_utf8(const std::vector<int32_t>& points) {
  std::string text;
  text.reserve(points.size());
  for (const int32_t point : points) {
    utf8proc_uint8_t bytes[4];
    const utf8proc_ssize_t written = utf8proc_encode_char(point, bytes);
    text.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(written));
  }
  return text;
}

bool is_space(int32_t point) {
  return (point >= 0x09 && point <= 0x0d) || (point >= 0x1c && point <= 0x20) || point == 0x85 ||
         point == 0xa0 || point == 0x1680 || (point >= 0x2000 && point <= 0x200a) ||
         point == 0x2028 || point == 0x2029 || point == 0x202f || point == 0x205f ||
         point == 0x3000;
}

bool is_word(int32_t point) {
  if (point == '_') return true;
  const utf8proc_category_t category = utf8proc_category(point);
  return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
         (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO);
}

std::string lower(std::string_view text) {
  std::vector<int32_t> points;
  for (const int32_t point : code_points(text)) {
    if (point == 0x130) {  // the one capital whose small form is two characters
      points.insert(points.end(), {'i', 0x307});
    } else {
      points.push_back(utf8proc_tolower(point));
    }
  }
  return to_utf8(points);
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::vector<int32_t> word;
  const auto finish = [&] {
    if (!word.empty()) words.push_back(to_utf8(word));
    word.clear();
  };
  for (const int32_t point : code_points(text)) {
    if (is_space(point)) {
      finish();
    } else {
      word.push_back(point);
    }
  }
  finish();
  return words;
}

std::vector<std::string> digit_runs(std::string_view text) {
  std::vector<std::string> runs;
  bool inside = false;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (digit && !inside) runs.emplace_back();
    if (digit) runs.back() += c;
    inside = digit;
  }
  return runs;
}

std::string_view first_line(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of('\n'), text.size()));
  return text.substr(0, text.find('\n'));
}

}  // namespace kvreel::scores
