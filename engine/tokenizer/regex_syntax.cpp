// Oniguruma's regular expressions, which tokenizer.json is written for, rewritten for PCRE2.
#include "engine/tokenizer/regex_syntax.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "engine/tokenizer/unicode_additions.h"

namespace kvreel::engine {
namespace {

// General categories mean the same in both engines, but for what newer Unicode added. Cn, what
// nothing was added to yet, is not here.
constexpr std::array<std::string_view, 33> kKnownCategories = {
    "Cc", "Cf", "Co", "L",  "Ll", "Lm", "Lo", "Lt", "Lu", "M",  "Mc",
    "Me", "Mn", "N",  "Nd", "Nl", "No", "P",  "Pc", "Pd", "Pe", "Pf",
    "Pi", "Po", "Ps", "S",  "Sc", "Sk", "Sm", "So", "Z",  "Zl", "Zs"};

// Scripts need "sc:", as PCRE2's bare name means the wider Script_Extensions.
constexpr std::array<std::string_view, 11> kKnownScripts = {
    "Arabic", "Cyrillic", "Devanagari", "Greek", "Han", "Hangul",
    "Hebrew", "Hiragana", "Katakana",   "Latin", "Thai"};

// Letter pairs that Oniguruma also matches as one ligature or sharp s where case is ignored.
constexpr std::array<std::string_view, 7> kFoldingPairs = {"ss", "ff", "fi", "fl",
                                                           "st", "ij", "nj"};

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

class Translator {
 public:
  Translator(std::string_view pattern, std::string_view where) : pattern_(pattern), where_(where) {}

  std::string run() {
    while (at_ < pattern_.size()) {
      const char c = pattern_[at_];
      if (c == '\\') {
        escape(/*in_class=*/false);
      } else if (c == '[') {
        character_class();
      } else if (c == '(') {
        open_group();
      } else if (c == ')') {
        if (caseless_.empty()) refuse(")");
        caseless_.pop_back();
        copy(1);
      } else if (c == '*' || c == '+' || c == '?' || c == '{') {
        quantifier();
      } else {
        literal();
      }
    }
    if (!caseless_.empty()) refuse("( without )");
    return std::move(out_);
  }

 private:
  [[noreturn]] void refuse(std::string_view construct) const {
    fail(
        "{}: the pattern has '{}' at byte {}, which kvreel does not support in a tokenizer's "
        "regular "
        "expression; use another tokenizer.json.",
        where_, construct, at_);
  }

  char peek(size_t ahead) const {
    return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : '\0';
  }

  void copy(size_t bytes) {
    out_ += pattern_.substr(at_, bytes);
    at_ += bytes;
  }

  bool ignores_case() const { return !caseless_.empty() && caseless_.back(); }

  void literal() {
    const char c = pattern_[at_];
    if (ignores_case()) {
      if (static_cast<unsigned char>(c) >= 0x80) refuse("a character beyond ASCII in (?i:");
      const std::array<char, 2> pair = {lower(c), lower(peek(1))};
      const std::string_view folded(pair.data(), pair.size());
      if (std::find(kFoldingPairs.begin(), kFoldingPairs.end(), folded) != kFoldingPairs.end()) {
        refuse(fmt::format("{} in (?i:", folded));
      }
    }
    copy(1);
  }

  void open_group() {
    bool ignore = ignores_case();
    if (peek(1) != '?') {
      copy(1);
    } else {
      const std::string_view rest = pattern_.substr(at_);
      constexpr std::array<std::string_view, 7> kOpenings = {"(?:",  "(?i:", "(?=", "(?!",
                                                             "(?<=", "(?<!", "(?>"};
      const auto* opening = std::find_if(kOpenings.begin(), kOpenings.end(),
                                         [&](std::string_view o) { return rest.starts_with(o); });
      if (opening == kOpenings.end()) refuse(rest.substr(0, 4));
      ignore = ignore || *opening == "(?i:";
      copy(opening->size());
    }
    constexpr size_t kMaxDepth = 50;
    if (caseless_.size() >= kMaxDepth) refuse("groups nested deeper than 50");
    caseless_.push_back(ignore);
  }

  void quantifier() {
    if (peek(0) != '{') {
      copy(1);
      if (peek(0) == '?' || peek(0) == '+') copy(1);
      return;
    }
    size_t length = 1;
    while (is_digit(peek(length))) ++length;
    if (length == 1) refuse("{");
    const bool fixed = peek(length) == '}';
    if (!fixed) {
      if (peek(length) != ',') refuse("{");
      ++length;
      while (is_digit(peek(length))) ++length;
      if (peek(length) != '}') refuse("{");
    }
    copy(length + 1);
    // Ruby reads {n}? and {n}+ as a second quantifier, Perl as lazy and possessive.
    if (peek(0) == '+' || (fixed && peek(0) == '?')) refuse("} followed by a quantifier");
    if (peek(0) == '?') copy(1);
  }

  void property(bool in_class) {
    const char letter = peek(1);
    if (peek(2) != '{') refuse("\\p without {");
    size_t begin = at_ + 3;
    const size_t end = pattern_.find('}', begin);
    if (end == std::string_view::npos) refuse("\\p{");
    const bool negated = begin < end && pattern_[begin] == '^';
    if (negated) ++begin;
    const std::string_view name = pattern_.substr(begin, end - begin);
    const bool category =
        std::find(kKnownCategories.begin(), kKnownCategories.end(), name) != kKnownCategories.end();
    const bool script =
        std::find(kKnownScripts.begin(), kKnownScripts.end(), name) != kKnownScripts.end();
    if (!category && !script) refuse(pattern_.substr(at_, end + 1 - at_));
    // Where case is ignored, PCRE2 lets Lu, Ll and Lt match each other.
    if (ignores_case() && name.size() == 2 && name[0] == 'L')
      refuse(fmt::format("\\p{{{}}} in (?i:", name));
    emit_property(script ? fmt::format("sc:{}", name) : std::string(name),
                  script ? added_to_script(name) : added_to_category(name),
                  (letter == 'P') != negated, in_class);
    at_ = end + 1;
  }

  // A property together with the ranges that newer Unicode added to it.
  void emit_property(std::string_view name, const std::string& added, bool negated, bool in_class) {
    if (added.empty()) {
      out_ += fmt::format("\\{}{{{}}}", negated ? 'P' : 'p', name);
    } else if (!in_class) {
      out_ += fmt::format("[{}\\p{{{}}}{}]", negated ? "^" : "", name, added);
    } else if (!negated) {
      out_ += fmt::format("\\p{{{}}}{}", name, added);
    } else {
      refuse("a negated property in a class");
    }
  }

  void hexadecimal() {
    const bool braced = peek(1) == 'x';
    if (braced && peek(2) != '{') refuse("\\x without {");
    size_t begin = at_ + (braced ? 3 : 2);
    size_t end = begin;
    while (end < pattern_.size() && is_hex(pattern_[end]) && (braced || end - begin < 4)) ++end;
    if (end == begin || end - begin > 6 || (!braced && end - begin != 4)) refuse("\\x or \\u");
    if (braced && (end >= pattern_.size() || pattern_[end] != '}')) refuse("\\x{");
    out_ += fmt::format("\\x{{{}}}", pattern_.substr(begin, end - begin));
    at_ = end + (braced ? 1 : 0);
  }

  void escape(bool in_class) {
    const char c = peek(1);
    switch (c) {
      case 's':
      case 'S':
        emit_property("White_Space", "", c == 'S', in_class);
        break;
      case 'd':
      case 'D':
        emit_property("Nd", added_to_category("Nd"), c == 'D', in_class);
        break;
      case 'w':
      case 'W':
        refuse("\\w, which versions of Hugging Face's engine read differently");
      case 'p':
      case 'P':
        return property(in_class);
      case 'x':
      case 'u':
        return hexadecimal();
      case 'r':
      case 'n':
      case 't':
      case 'f':
        return copy(2);
      default:
        // A printable character that is no letter or digit stands for itself in both.
        if (c <= ' ' || c == '\x7F' || is_letter(c) || is_digit(c)) refuse(pattern_.substr(at_, 2));
        return copy(2);
    }
    at_ += 2;
  }

  void character_class() {
    copy(1);
    if (peek(0) == '^') copy(1);
    if (peek(0) == ']') refuse("[]");
    while (true) {
      const char c = peek(0);
      if (at_ >= pattern_.size()) refuse("[ without ]");
      if (c == ']') break;
      if (c == '[') refuse("[ in a class");
      if (c == '&' && peek(1) == '&') refuse("&& in a class");
      if (c == '\\') {
        escape(/*in_class=*/true);
      } else {
        if (ignores_case() && static_cast<unsigned char>(c) >= 0x80) {
          refuse("a character beyond ASCII in (?i:");
        }
        copy(1);
      }
    }
    copy(1);
  }

  std::string_view pattern_;
  std::string_view where_;
  size_t at_ = 0;
  std::string out_;
  std::vector<bool> caseless_;  // one entry for each open group: does it ignore case
};

}  // namespace

std::string to_pcre2_syntax(std::string_view pattern, std::string_view where) {
  return Translator(pattern, where).run();
}

}  // namespace kvreel::engine
