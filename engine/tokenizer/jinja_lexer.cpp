// A chat template's source as tokens, with Jinja's white-space rules for trim_blocks and
// lstrip_blocks applied.
#include "engine/tokenizer/jinja_lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "engine/tokenizer/jinja_value.h"
#include "engine/tokenizer/unicode.h"

namespace kvreel::engine::jinja {
namespace {

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_name_part(char c) {
  return is_name_start(c) || is_digit(c);
}

// Longest first, so that "//" is not read as "/" twice.
constexpr std::array<std::string_view, 25> kOperators = {
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
    "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ","};

// Line breaks as "\n", and without the last one, as Jinja reads a source.
std::string normalize_source(std::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      text += source[i];
      continue;
    }
    text += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

class Lexer {
 public:
  Lexer(std::string source, std::string_view origin)
      : source_(std::move(source)), origin_(origin) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) text_and_tag();
    add(Token::Kind::kEnd, {});
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void refuse(std::string_view sentence) const {
    Place{origin_, line_}.refuse(sentence);
  }

  char peek(size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }
  bool starts_with(std::string_view text) const {
    return std::string_view(source_).substr(at_).starts_with(text);
  }

  void advance(size_t bytes) {
    const auto begin = source_.begin() + static_cast<ptrdiff_t>(at_);
    line_ += static_cast<int>(std::count(begin, begin + static_cast<ptrdiff_t>(bytes), '\n'));
    at_ += bytes;
  }

  Token& add(Token::Kind kind, std::string text) {
    Token& token = tokens_.emplace_back();
    token.kind = kind;
    token.line = line_;
    token.text = std::move(text);
    return token;
  }

  // The text before the next tag, then that tag.
  void text_and_tag() {
    size_t tag = at_;
    while (true) {
      tag = source_.find('{', tag);
      if (tag == std::string::npos) break;
      const char c = tag + 1 < source_.size() ? source_[tag + 1] : '\0';
      if (c == '{' || c == '%' || c == '#') break;
      ++tag;
    }
    const size_t end = std::min(tag, source_.size());
    std::string_view text = std::string_view(source_).substr(at_, end - at_);
    if (tag != std::string::npos) text = strip_before_tag(text, tag);
    if (!text.empty()) add(Token::Kind::kText, std::string(text));
    advance(end - at_);
    if (tag == std::string::npos) return;

    const char kind = source_[tag + 1];
    advance(2);
    if (peek() == '-' || peek() == '+') advance(1);
    if (kind == '#') {
      comment();
    } else if (kind == '{') {
      add(Token::Kind::kOutputBegin, {});
      inside("}}", Token::Kind::kOutputEnd);
    } else {
      add(Token::Kind::kBlockBegin, {});
      inside("%}", Token::Kind::kBlockEnd);
    }
    // A tag that took a line break with it leaves the next text at the start of a line.
    line_starting_ = source_[at_ - 1] == '\n';
  }

  // {%- takes all white space before it; a plain {% or {# takes the blanks between it and the start
  // of its line.
  std::string_view strip_before_tag(std::string_view text, size_t tag) const {
    const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    if (sign == '-') return strip(text, false, true);
    if (sign == '+' || source_[tag + 1] == '{') return text;
    const size_t newline = text.rfind('\n');
    const size_t line_begin = newline == std::string_view::npos ? 0 : newline + 1;
    if (newline == std::string_view::npos && !line_starting_) return text;
    return strip(text.substr(line_begin), true, false).empty() ? text.substr(0, line_begin) : text;
  }

  void comment() {
    const size_t end = source_.find("#}", at_);
    if (end == std::string::npos)
      refuse("the comment that starts with '{#' has no '#}'; complete it");
    // A sign before #} belongs to the tag, unless it is the sign after {#.
    const char sign = end > at_ ? source_[end - 1] : '\0';
    advance(end + 2 - at_);
    after_tag(sign, /*trims_line=*/true);
  }

  // White space that a tag's end takes with it.
  void after_tag(char sign, bool trims_line) {
    if (sign == '-') {
      const std::string_view rest = std::string_view(source_).substr(at_);
      advance(rest.size() - strip(rest, true, false).size());
    } else if (sign != '+' && trims_line && peek() == '\n') {
      advance(1);
    }
  }

  // Expression tokens up to `end`, which does not count inside brackets.
  void inside(std::string_view end, Token::Kind end_kind) {
    const bool is_block = end_kind == Token::Kind::kBlockEnd;
    std::string open;
    while (true) {
      const std::string_view rest = std::string_view(source_).substr(at_);
      advance(rest.size() - strip(rest, true, false).size());
      if (at_ >= source_.size()) refuse(fmt::format("the tag has no '{}'; complete it", end));
      const char sign = peek();
      const bool has_sign = (sign == '-' || (is_block && sign == '+')) &&
                            std::string_view(source_).substr(at_ + 1).starts_with(end);
      if (open.empty() && (has_sign || starts_with(end))) {
        add(end_kind, {});
        advance(end.size() + (has_sign ? 1 : 0));
        after_tag(has_sign ? sign : '\0', is_block);
        return;
      }
      expression_token(open);
    }
  }

  void expression_token(std::string& open) {
    const char c = peek();
    if (is_digit(c)) return number();
    if (is_name_start(c)) {
      size_t length = 1;
      while (is_name_part(peek(length))) ++length;
      add(Token::Kind::kName, source_.substr(at_, length));
      return advance(length);
    }
    if (c == '\'' || c == '"') return string();
    for (const std::string_view op : kOperators) {
      if (!starts_with(op)) continue;
      if (op == "(" || op == "[" || op == "{") open += op == "(" ? ')' : op == "[" ? ']' : '}';
      if (op == ")" || op == "]" || op == "}") {
        if (open.empty() || open.back() != op[0])
          refuse(fmt::format("'{}' closes nothing; remove it", op));
        open.pop_back();
      }
      add(Token::Kind::kOperator, std::string(op));
      return advance(op.size());
    }
    refuse(fmt::format(
        "the character '{}' is not part of Jinja that kvreel knows",
        source_.substr(at_, first_code_point(std::string_view(source_).substr(at_)).length)));
  }

  void number() {
    size_t length = 0;
    const auto digits = [&] {
      while (is_digit(peek(length))) ++length;
    };
    digits();
    bool is_float = false;
    if (peek(length) == '.' && is_digit(peek(length + 1))) {
      is_float = true;
      ++length;
      digits();
    }
    if (peek(length) == 'e' || peek(length) == 'E') {
      const size_t sign = peek(length + 1) == '+' || peek(length + 1) == '-' ? 1 : 0;
      if (is_digit(peek(length + 1 + sign))) {
        is_float = true;
        length += 1 + sign;
        digits();
      }
    }
    if (is_name_part(peek(length)))
      refuse("a number with letters or '_' in it is not supported by kvreel");
    const std::string text = source_.substr(at_, length);
    if (!is_float && text.size() > 1 && text[0] == '0') {
      refuse("an integer that starts with 0 is not supported by kvreel");
    }
    Token& token = add(is_float ? Token::Kind::kFloat : Token::Kind::kInteger, text);
    const char* end = text.data() + text.size();
    const std::errc error = is_float ? std::from_chars(text.data(), end, token.number).ec
                                     : std::from_chars(text.data(), end, token.integer).ec;
    if (error != std::errc()) refuse(fmt::format("the number {} is too large", text));
    advance(length);
  }

  void string() {
    const char quote = peek();
    size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) refuse("the string has no closing quote; complete it");
    std::string text = unescape(std::string_view(source_).substr(at_ + 1, end - at_ - 1));
    add(Token::Kind::kString, std::move(text));
    advance(end + 1 - at_);
  }

  // Python's string escapes.
  std::string unescape(std::string_view raw) const {
    std::string text;
    for (size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] != '\\') {
        text += raw[i];
        continue;
      }
      const char c = raw[++i];
      constexpr std::string_view kNames = "abfnrtv\\'\"";
      constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"";
      if (const size_t known = kNames.find(c); known != std::string_view::npos) {
        text += kMeanings[known];
      } else if (c == '\n') {
        // A line break after a backslash is no part of the string.
      } else if (c == 'x' || c == 'u' || c == 'U') {
        const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        append_escaped(text, raw.substr(i + 1, digits), digits, 16);
        i += digits;
      } else if (c >= '0' && c <= '7') {
        size_t digits = 1;
        while (digits < 3 && i + digits < raw.size() && raw[i + digits] >= '0' &&
               raw[i + digits] <= '7')
          ++digits;
        append_escaped(text, raw.substr(i, digits), digits, 8);
        i += digits - 1;
      } else if (c == 'N') {
        refuse("the escape \\N in a string is not supported by kvreel");
      } else if (static_cast<unsigned char>(c) >= 0x80) {
        refuse("a backslash before a character beyond ASCII is not supported by kvreel");
      } else {
        text += '\\';
        text += c;
      }
    }
    return text;
  }

  void append_escaped(std::string& text, std::string_view digits, size_t count, int base) const {
    uint32_t code_point = 0;
    const char* end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, code_point, base);
    const bool is_scalar = code_point <= 0x10FFFF && (code_point < 0xD800 || code_point > 0xDFFF);
    if (digits.size() != count || error != std::errc() || stopped != end || !is_scalar) {
      refuse("an escape in a string names no character; mend it");
    }
    append_utf8(text, static_cast<char32_t>(code_point));
  }

  std::string source_;
  std::string_view origin_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source, std::string_view origin) {
  return Lexer(normalize_source(source), origin).run();
}

}  // namespace kvreel::engine::jinja
