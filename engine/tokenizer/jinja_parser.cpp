// From a chat template's source to its syntax tree: text and tags.
#include "engine/tokenizer/jinja_parser.h"

#include <fmt/format.h>

#include "engine/tokenizer/jinja_expression_parser.h"

namespace kvreel::engine::jinja {
namespace {

class Parser {
 public:
  explicit Parser(TokenCursor cursor) : cursor_(std::move(cursor)) {}

  Block template_body() { return block({}); }

 private:
  // Statements up to {% end %}, whose name is left as the current token; with no ends up to the
  // template's end.
  Block block(Names ends) {
    const TokenCursor::Level level(cursor_);
    Block statements;
    while (true) {
      const Token& token = cursor_.current();
      if (token.kind == Token::Kind::kEnd) {
        if (ends.size() > 0)
          cursor_.refuse(
              fmt::format("the template ends where '{{% {} %}}' belongs", *ends.begin()));
        return statements;
      }
      Statement statement;
      statement.line = token.line;
      if (token.kind == Token::Kind::kText) {
        statement.text = token.text;
        cursor_.advance();
      } else if (token.kind == Token::Kind::kOutputBegin) {
        cursor_.advance();
        statement.kind = Statement::Kind::kOutput;
        statement.expression = parse_tuple(cursor_);
        cursor_.expect(Token::Kind::kOutputEnd, "}}");
      } else {
        cursor_.expect(Token::Kind::kBlockBegin, "{%");
        if (cursor_.at_any_name(ends)) return statements;
        tag(statement);
        cursor_.expect(Token::Kind::kBlockEnd, "%}");
      }
      statements.push_back(std::move(statement));
    }
  }

  // The body of a tag: from its %} to the end tag's name.
  Block body(Names ends) {
    cursor_.skip_operator(":");
    cursor_.expect(Token::Kind::kBlockEnd, "%}");
    return block(ends);
  }

  void tag(Statement& statement) {
    if (cursor_.at_name("if")) return if_tag(statement);
    if (cursor_.skip_name("for")) return for_tag(statement);
    if (cursor_.skip_name("set")) return set_tag(statement);
    if (cursor_.skip_name("generation")) {
      statement.kind = Statement::Kind::kBlock;
      statement.body = body({"endgeneration"});
      return cursor_.advance();
    }
    if (cursor_.at_name("break") || cursor_.at_name("continue")) {
      if (loops_ == 0)
        cursor_.refuse(fmt::format("{} stands outside of a loop", cursor_.describe()));
      statement.kind =
          cursor_.at_name("break") ? Statement::Kind::kBreak : Statement::Kind::kContinue;
      return cursor_.advance();
    }
    cursor_.refuse(fmt::format(
        "the tag {} is not supported by kvreel (known: if, for, set, break, continue, generation)",
        cursor_.describe()));
  }

  void if_tag(Statement& statement) {
    statement.kind = Statement::Kind::kIf;
    while (cursor_.skip_name("if") || cursor_.skip_name("elif")) {
      ExpressionPtr condition = parse_tuple(cursor_, /*with_conditional=*/false);
      statement.branches.emplace_back(std::move(condition), body({"endif", "elif", "else"}));
    }
    if (cursor_.skip_name("else")) statement.branches.emplace_back(nullptr, body({"endif"}));
    cursor_.expect_name("endif");
  }

  void for_tag(Statement& statement) {
    statement.kind = Statement::Kind::kFor;
    statement.targets = targets(/*with_namespace=*/false);
    cursor_.expect_name("in");
    statement.expression = parse_tuple(cursor_, /*with_conditional=*/false);
    if (cursor_.skip_name("if")) statement.condition = parse_expression(cursor_);
    if (cursor_.at_name("recursive"))
      cursor_.refuse("'recursive' loops are not supported by kvreel");
    ++loops_;
    statement.body = body({"endfor", "else"});
    --loops_;
    if (cursor_.skip_name("else")) statement.other = body({"endfor"});
    cursor_.expect_name("endfor");
  }

  void set_tag(Statement& statement) {
    statement.targets = targets(/*with_namespace=*/true);
    if (cursor_.skip_operator("=")) {
      statement.kind = Statement::Kind::kSet;
      statement.expression = parse_tuple(cursor_);
      return;
    }
    if (cursor_.at_operator("|")) cursor_.refuse("'set' with a filter is not supported by kvreel");
    if (statement.targets.size() != 1) cursor_.refuse("a 'set' block takes one name");
    statement.kind = Statement::Kind::kSetBlock;
    statement.body = body({"endset"});
    cursor_.expect_name("endset");
  }

  std::vector<Target> targets(bool with_namespace) {
    std::vector<Target> result;
    const bool parenthesized = cursor_.skip_operator("(");
    do {
      Target target{.name = cursor_.take_name(), .attribute = {}};
      if (with_namespace && cursor_.skip_operator(".")) target.attribute = cursor_.take_name();
      result.push_back(std::move(target));
    } while (cursor_.skip_operator(","));
    if (parenthesized) cursor_.expect_operator(")");
    return result;
  }

  TokenCursor cursor_;
  int loops_ = 0;  // that the current tag is in
};

}  // namespace

Block parse(std::string_view source, std::string_view origin) {
  return Parser(TokenCursor(tokenize(source, origin), origin)).template_body();
}

}  // namespace kvreel::engine::jinja
