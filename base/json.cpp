// JSON that people wrote or fetched: parsed within limits, and refused in words.
#include "base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "base/visible_text.h"

namespace kvreel {
namespace {

using nlohmann::json;

// Takes nothing but the place of the first error.
class ErrorFinder {
 public:
  bool null() { return true; }
  bool boolean(bool) { return true; }
  bool number_integer(json::number_integer_t) { return true; }
  bool number_unsigned(json::number_unsigned_t) { return true; }
  bool number_float(json::number_float_t, const json::string_t&) { return true; }
  bool string(json::string_t&) { return true; }
  bool binary(json::binary_t&) { return true; }
  bool start_object(size_t) { return true; }
  bool key(json::string_t&) { return true; }
  bool end_object() { return true; }
  bool start_array(size_t) { return true; }
  bool end_array() { return true; }
  bool parse_error(size_t position, const std::string& token, const json::exception& error) {
    end = position;
    last = token;
    is_number = error.id == kNumberTooLarge;
    return false;
  }

  size_t end = 0;    // bytes up to the error
  std::string last;  // what was read last
  bool is_number = false;

 private:
  static constexpr int kNumberTooLarge = 406;
};

std::string excerpt(std::string_view text) {
  constexpr size_t kMost = 30;
  std::string shown = to_utf8_lossy(text.substr(0, kMost));
  return visible_line(shown) + (text.size() > kMost ? "..." : "");
}

// The word, number or single character in which `read`, the beginning of `text`, ends.
std::string_view last_word(std::string_view read, std::string_view text) {
  const auto of_word = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '+' || c == '-' || c == '_';
  };
  size_t begin = read.size() - 1;
  size_t end = read.size();
  if (of_word(static_cast<unsigned char>(text[begin]))) {
    while (begin > 0 && of_word(static_cast<unsigned char>(text[begin - 1]))) --begin;
  } else {
    const auto continues = [&](size_t i) {
      return (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80;
    };
    while (begin > 0 && continues(begin)) --begin;
    while (end < text.size() && continues(end)) ++end;
  }
  return text.substr(begin, end - begin);
}

// What is wrong at the place that the finder found.
std::string what_is_wrong(std::string_view text, const ErrorFinder& found) {
  if (trim(text).empty()) return "there is nothing in it";
  if (found.is_number) return "the number " + excerpt(found.last) + " is too large";
  if (found.end > text.size()) return "it ends too early, in the middle of a value";
  const std::string_view read = text.substr(0, found.end);
  const std::string_view word = last_word(read, text);
  const auto word_begin = static_cast<size_t>(word.data() - text.data());
  if (!is_utf8(word) || !is_utf8(text.substr(0, word_begin))) {
    return "there are bytes that are not UTF-8";
  }
  const auto last = static_cast<unsigned char>(read.back());
  if (last < 0x20 && found.last.find('"') != std::string::npos) {
    return "a text holds a control character; write it as " +
           (last == '\n' || last == '\r' || last == '\t' ? escape_of(last)
                                                         : fmt::format("\\u{:04x}", last));
  }
  return excerpt(word) + " is not expected there";
}

// "line 3, column 14", in characters.
std::string place_of(std::string_view before, bool one_line) {
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const auto rest = before.substr(line_start);
  const auto column = std::count_if(rest.begin(), rest.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  });
  if (one_line) return fmt::format("column {}", std::max<int64_t>(column, 1));
  return fmt::format("line {}, column {}", line, std::max<int64_t>(column, 1));
}

[[noreturn]] void refuse(std::string_view text, const JsonSource& source) {
  ErrorFinder found;
  json::sax_parse(text, &found);
  const size_t end = std::min(found.end, text.size());
  // A line break that is no place for one counts to the line that it ends.
  std::string_view before = text.substr(0, end);
  if (before.ends_with('\n')) before.remove_suffix(1);
  fail("{} is not valid JSON: {}, {}; {}.", source.name, place_of(before, source.one_line),
       what_is_wrong(text, found), source.remedy);
}

}  // namespace

JsonExtent json_extent(std::string_view text) {
  JsonExtent extent{.depth = 0, .values = 1};
  size_t depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == '[' || c == '{')) {
      extent.depth = std::max(extent.depth, ++depth);
      ++extent.values;
    } else if (!in_string && (c == ']' || c == '}') && depth > 0) {
      --depth;
    } else if (!in_string && c == ',') {
      ++extent.values;
    }
  }
  return extent;
}

json parse_json_text(std::string_view text, const JsonSource& source,
                     const json::parser_callback_t& watch) {
  if (text.size() > kLongestJson) {
    fail("{} has {} of JSON, and no more than {} are read as one value; {}.", source.name,
         format_bytes(text.size()), format_bytes(kLongestJson), source.remedy);
  }
  const JsonExtent extent = json_extent(text);
  if (extent.values > kMostJsonValues) {
    fail("{} holds about {} JSON values, and no more than {} are read; {}.", source.name,
         extent.values, kMostJsonValues, source.remedy);
  }
  if (extent.depth > kDeepestJson) {
    fail("{} nests JSON deeper than {} levels; no file that kvreel reads does, so {}.", source.name,
         kDeepestJson, source.remedy);
  }
  try {
    return json::parse(text, watch);
  } catch (const json::exception&) {
    refuse(text, source);
  }
}

}  // namespace kvreel
