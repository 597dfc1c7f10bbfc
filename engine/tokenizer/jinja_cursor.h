// A walk over the tokens of a chat template, and what its parsers ask at each.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/jinja_lexer.h"

namespace kvreel::engine::jinja {

using Names = std::initializer_list<std::string_view>;

class TokenCursor {
 public:
  // `tokens` ends with kEnd, which is never passed.
  TokenCursor(std::vector<Token> tokens, std::string_view origin);

  // One level of nesting, for as long as it lives. Throws Error beyond a depth that no real
  // template has.
  class Level {
   public:
    explicit Level(TokenCursor& cursor);
    ~Level() { --cursor_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    TokenCursor& cursor_;
  };

  const Token& current() const { return tokens_[at_]; }
  const Token& following() const;
  void advance();

  bool at_operator(std::string_view text) const;
  bool at_name(std::string_view text) const;
  bool at_any_name(Names names) const;
  // Passes the token where it is this one.
  bool skip_operator(std::string_view text);
  bool skip_name(std::string_view text);
  // Passes the token, and throws Error where it is another one; `text` is how a reader writes it.
  void expect_operator(std::string_view text);
  void expect_name(std::string_view text);
  void expect(Token::Kind kind, std::string_view text);
  std::string take_name();

  std::string describe() const;                               // the current token in words
  [[noreturn]] void refuse(std::string_view sentence) const;  // at the current token's line

 private:
  std::vector<Token> tokens_;
  std::string_view origin_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace kvreel::engine::jinja
