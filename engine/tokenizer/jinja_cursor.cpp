// A walk over the tokens of a chat template, and what its parsers ask at each.
#include "engine/tokenizer/jinja_cursor.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/tokenizer/jinja_value.h"

namespace kvreel::engine::jinja {
namespace {

// Nesting of a real template stays far below this; it keeps a hostile one from exhausting the
// stack.
constexpr int kMaxTemplateDepth = 200;

}  // namespace

TokenCursor::TokenCursor(std::vector<Token> tokens, std::string_view origin)
    : tokens_(std::move(tokens)), origin_(origin) {}

TokenCursor::Level::Level(TokenCursor& cursor) : cursor_(cursor) {
  if (++cursor_.depth_ > kMaxTemplateDepth)
    cursor_.refuse("the template nests deeper than 200 levels");
}

const Token& TokenCursor::following() const {
  return tokens_[std::min(at_ + 1, tokens_.size() - 1)];
}

void TokenCursor::advance() {
  if (at_ + 1 < tokens_.size()) ++at_;
}

void TokenCursor::refuse(std::string_view sentence) const {
  Place{origin_, current().line}.refuse(sentence);
}

std::string TokenCursor::describe() const {
  switch (current().kind) {
    case Token::Kind::kText:
      return "text";
    case Token::Kind::kOutputBegin:
      return "'{{'";
    case Token::Kind::kOutputEnd:
      return "'}}'";
    case Token::Kind::kBlockBegin:
      return "'{%'";
    case Token::Kind::kBlockEnd:
      return "'%}'";
    case Token::Kind::kString:
      return "a string";
    case Token::Kind::kEnd:
      return "the end of the template";
    default:
      return fmt::format("'{}'", current().text);
  }
}

bool TokenCursor::at_operator(std::string_view text) const {
  return current().kind == Token::Kind::kOperator && current().text == text;
}

bool TokenCursor::at_name(std::string_view text) const {
  return current().kind == Token::Kind::kName && current().text == text;
}

bool TokenCursor::at_any_name(Names names) const {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view name) { return at_name(name); });
}

bool TokenCursor::skip_operator(std::string_view text) {
  if (!at_operator(text)) return false;
  advance();
  return true;
}

bool TokenCursor::skip_name(std::string_view text) {
  if (!at_name(text)) return false;
  advance();
  return true;
}

void TokenCursor::expect_operator(std::string_view text) {
  if (!skip_operator(text)) refuse(fmt::format("{} stands where '{}' belongs", describe(), text));
}

void TokenCursor::expect_name(std::string_view text) {
  if (!skip_name(text)) refuse(fmt::format("{} stands where '{}' belongs", describe(), text));
}

void TokenCursor::expect(Token::Kind kind, std::string_view text) {
  if (current().kind != kind) refuse(fmt::format("{} stands where '{}' belongs", describe(), text));
  advance();
}

std::string TokenCursor::take_name() {
  if (current().kind != Token::Kind::kName)
    refuse(fmt::format("{} stands where a name belongs", describe()));
  std::string name = current().text;
  advance();
  return name;
}

}  // namespace kvreel::engine::jinja
