// The expressions of a chat template, from tokens to trees.
#include "engine/tokenizer/jinja_expression_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/tokenizer/jinja_builtins.h"

namespace kvreel::engine::jinja {
namespace {

// A long chain of operators is a deep tree, and a hostile one must not exhaust the stack.
constexpr int kMaxExpressionDepth = 1000;

using Kind = Expression::Kind;

// One function for each level of Jinja's grammar, from what binds least to what binds most.
class ExpressionParser {
 public:
  explicit ExpressionParser(TokenCursor& cursor) : cursor_(cursor) {}

  // Expressions with commas between them are a tuple.
  ExpressionPtr tuple_or_expression(bool with_conditional = true) {
    Expression tuple = make(Kind::kTuple);
    ExpressionPtr first = with_conditional ? expression() : disjunction();
    if (!cursor_.at_operator(",")) return first;
    tuple.operands.push_back(std::move(first));
    while (cursor_.skip_operator(",")) {
      const Token::Kind kind = cursor_.current().kind;
      if (kind == Token::Kind::kOutputEnd || kind == Token::Kind::kBlockEnd ||
          cursor_.at_operator(")"))
        break;
      tuple.operands.push_back(with_conditional ? expression() : disjunction());
    }
    return finish(std::move(tuple));
  }

  ExpressionPtr expression() {
    const TokenCursor::Level level(cursor_);
    ExpressionPtr value = disjunction();
    while (cursor_.at_name("if")) {
      Expression conditional = make(Kind::kConditional);
      cursor_.advance();
      ExpressionPtr condition = disjunction();
      ExpressionPtr other = cursor_.skip_name("else") ? expression() : nullptr;
      value =
          finish(std::move(conditional), std::move(value), std::move(condition), std::move(other));
    }
    return value;
  }

 private:
  Expression make(Kind kind) const {
    Expression expression;
    expression.kind = kind;
    expression.line = cursor_.current().line;
    return expression;
  }
  ExpressionPtr finish(Expression expression) const {
    const auto deepen = [&](const ExpressionPtr& below) {
      if (below) expression.depth = std::max(expression.depth, below->depth + 1);
    };
    for (const ExpressionPtr& operand : expression.operands) deepen(operand);
    for (const ExpressionPtr& argument : expression.arguments.positional) deepen(argument);
    for (const auto& [name, argument] : expression.arguments.named) deepen(argument);
    if (expression.depth > kMaxExpressionDepth)
      cursor_.refuse("the expression is longer or deeper than 1000 operators");
    return std::make_unique<const Expression>(std::move(expression));
  }
  template <typename... Operands>
  ExpressionPtr finish(Expression expression, Operands... operands) const {
    (expression.operands.push_back(std::move(operands)), ...);
    return finish(std::move(expression));
  }

  ExpressionPtr disjunction() {
    ExpressionPtr left = conjunction();
    while (cursor_.at_name("or")) {
      Expression either = make(Kind::kOr);
      cursor_.advance();
      left = finish(std::move(either), std::move(left), conjunction());
    }
    return left;
  }

  ExpressionPtr conjunction() {
    ExpressionPtr left = negation();
    while (cursor_.at_name("and")) {
      Expression both = make(Kind::kAnd);
      cursor_.advance();
      left = finish(std::move(both), std::move(left), negation());
    }
    return left;
  }

  ExpressionPtr negation() {
    const TokenCursor::Level level(cursor_);
    if (!cursor_.at_name("not")) return comparison();
    Expression no = make(Kind::kNot);
    cursor_.advance();
    return finish(std::move(no), negation());
  }

  ExpressionPtr comparison() {
    Expression compare = make(Kind::kCompare);
    ExpressionPtr first = sum();
    while (true) {
      constexpr std::array<std::string_view, 6> kOperators = {"==", "!=", "<", "<=", ">", ">="};
      const auto known = [&](std::string_view op) { return cursor_.at_operator(op); };
      if (std::any_of(kOperators.begin(), kOperators.end(), known)) {
        compare.operators.push_back(cursor_.current().text);
        cursor_.advance();
      } else if (cursor_.skip_name("in")) {
        compare.operators.emplace_back("in");
      } else if (cursor_.at_name("not") && cursor_.following().kind == Token::Kind::kName &&
                 cursor_.following().text == "in") {
        cursor_.advance();
        cursor_.advance();
        compare.operators.emplace_back("not in");
      } else {
        break;
      }
      if (first) compare.operands.push_back(std::move(first));
      compare.operands.push_back(sum());
    }
    return first ? std::move(first) : finish(std::move(compare));
  }

  ExpressionPtr arithmetic(Names operators, ExpressionPtr (ExpressionParser::*operand)()) {
    ExpressionPtr left = (this->*operand)();
    while (std::any_of(operators.begin(), operators.end(),
                       [&](std::string_view op) { return cursor_.at_operator(op); })) {
      Expression operation = make(Kind::kArithmetic);
      operation.name = cursor_.current().text;
      cursor_.advance();
      left = finish(std::move(operation), std::move(left), (this->*operand)());
    }
    return left;
  }

  ExpressionPtr sum() { return arithmetic({"+", "-"}, &ExpressionParser::concatenation); }

  ExpressionPtr concatenation() {
    Expression joined = make(Kind::kConcatenate);
    ExpressionPtr first = product();
    if (!cursor_.at_operator("~")) return first;
    joined.operands.push_back(std::move(first));
    while (cursor_.skip_operator("~")) joined.operands.push_back(product());
    return finish(std::move(joined));
  }

  ExpressionPtr product() { return arithmetic({"*", "/", "//", "%"}, &ExpressionParser::filtered); }

  ExpressionPtr filtered() { return unary(/*with_filters=*/true); }

  ExpressionPtr unary(bool with_filters) {
    const TokenCursor::Level level(cursor_);
    ExpressionPtr value;
    if (cursor_.at_operator("-") || cursor_.at_operator("+")) {
      Expression sign = make(cursor_.at_operator("-") ? Kind::kNegative : Kind::kPositive);
      cursor_.advance();
      value = finish(std::move(sign), unary(/*with_filters=*/false));
    } else {
      value = primary();
    }
    value = postfix(std::move(value));
    if (with_filters) value = filters_and_tests(std::move(value));
    if (cursor_.at_operator("**")) cursor_.refuse("the operator '**' is not supported by kvreel");
    return value;
  }

  ExpressionPtr primary() {
    Expression value = make(Kind::kConstant);
    const Token& token = cursor_.current();
    switch (token.kind) {
      case Token::Kind::kName:
        if (token.text == "true" || token.text == "True") {
          value.constant = Value(true);
        } else if (token.text == "false" || token.text == "False") {
          value.constant = Value(false);
        } else if (token.text == "none" || token.text == "None") {
          value.constant = Value(None{});
        } else {
          value.kind = Kind::kName;
          value.name = token.text;
        }
        cursor_.advance();
        return finish(std::move(value));
      case Token::Kind::kString: {
        std::string text;  // strings side by side are one
        for (; cursor_.current().kind == Token::Kind::kString; cursor_.advance())
          text += cursor_.current().text;
        value.constant = make_string(std::move(text));
        return finish(std::move(value));
      }
      case Token::Kind::kInteger:
        value.constant = Value(token.integer);
        cursor_.advance();
        return finish(std::move(value));
      case Token::Kind::kFloat:
        value.constant = Value(token.number);
        cursor_.advance();
        return finish(std::move(value));
      default:
        break;
    }
    if (cursor_.skip_operator("(")) return parenthesized();
    if (cursor_.skip_operator("[")) {
      value.kind = Kind::kList;
      items("]", [&] { value.operands.push_back(expression()); });
      return finish(std::move(value));
    }
    if (cursor_.skip_operator("{")) {
      value.kind = Kind::kDict;
      items("}", [&] {
        value.operands.push_back(expression());
        cursor_.expect_operator(":");
        value.operands.push_back(expression());
      });
      return finish(std::move(value));
    }
    cursor_.refuse(fmt::format("{} stands where a value belongs", cursor_.describe()));
  }

  ExpressionPtr parenthesized() {
    if (cursor_.at_operator(")")) {
      Expression empty = make(Kind::kTuple);
      cursor_.advance();
      return finish(std::move(empty));
    }
    ExpressionPtr value = tuple_or_expression();
    cursor_.expect_operator(")");
    return value;
  }

  // Items up to `close`, with commas between them and perhaps after the last.
  template <typename Item>
  void items(std::string_view close, Item item) {
    bool first = true;
    while (!cursor_.at_operator(close)) {
      if (!first) cursor_.expect_operator(",");
      if (cursor_.at_operator(close)) break;
      first = false;
      item();
    }
    cursor_.expect_operator(close);
  }

  ExpressionPtr postfix(ExpressionPtr value) {
    while (true) {
      if (cursor_.at_operator(".")) {
        value = attribute(std::move(value));
      } else if (cursor_.at_operator("[")) {
        value = subscript(std::move(value));
      } else if (cursor_.at_operator("(")) {
        value = call(std::move(value));
      } else {
        return value;
      }
    }
  }

  ExpressionPtr attribute(ExpressionPtr object) {
    Expression value = make(Kind::kAttribute);
    cursor_.advance();
    if (cursor_.current().kind == Token::Kind::kInteger) {
      value.kind = Kind::kItem;
      Expression index = make(Kind::kConstant);
      index.constant = Value(cursor_.current().integer);
      cursor_.advance();
      return finish(std::move(value), std::move(object), finish(std::move(index)));
    }
    value.name = cursor_.take_name();
    return finish(std::move(value), std::move(object));
  }

  ExpressionPtr subscript(ExpressionPtr object) {
    Expression value = make(Kind::kItem);
    cursor_.advance();
    ExpressionPtr start = cursor_.at_operator(":") ? nullptr : expression();
    if (cursor_.at_operator(":")) {
      value.kind = Kind::kSlice;
      const auto part = [&]() -> ExpressionPtr {
        if (!cursor_.skip_operator(":") || cursor_.at_operator(":") || cursor_.at_operator("]"))
          return nullptr;
        return expression();
      };
      ExpressionPtr stop = part();
      ExpressionPtr step = part();
      cursor_.expect_operator("]");
      return finish(std::move(value), std::move(object), std::move(start), std::move(stop),
                    std::move(step));
    }
    cursor_.expect_operator("]");
    return finish(std::move(value), std::move(object), std::move(start));
  }

  ExpressionPtr call(ExpressionPtr function) {
    Expression value = make(Kind::kCall);
    value.arguments = arguments();
    return finish(std::move(value), std::move(function));
  }

  Arguments arguments() {
    const TokenCursor::Level level(cursor_);
    Arguments result;
    cursor_.expect_operator("(");
    bool first = true;
    while (!cursor_.at_operator(")")) {
      if (!first) cursor_.expect_operator(",");
      if (cursor_.at_operator(")")) break;
      first = false;
      if (cursor_.at_operator("*") || cursor_.at_operator("**"))
        cursor_.refuse("calls with '*' are not supported by kvreel");
      if (cursor_.current().kind == Token::Kind::kName &&
          cursor_.following().kind == Token::Kind::kOperator && cursor_.following().text == "=") {
        std::string name = cursor_.take_name();
        cursor_.advance();
        result.named.emplace_back(std::move(name), expression());
      } else {
        if (!result.named.empty())
          cursor_.refuse("a plain argument stands after a named one; put it before");
        result.positional.push_back(expression());
      }
    }
    cursor_.expect_operator(")");
    return result;
  }

  ExpressionPtr filters_and_tests(ExpressionPtr value) {
    while (true) {
      if (cursor_.at_operator("|")) {
        cursor_.advance();
        Expression filter = make(Kind::kFilter);
        filter.name = cursor_.take_name();
        if (!is_filter(filter.name)) {
          cursor_.refuse(fmt::format("the filter '{}' is not known to kvreel", filter.name));
        }
        if (cursor_.at_operator("(")) filter.arguments = arguments();
        value = finish(std::move(filter), std::move(value));
      } else if (cursor_.at_name("is")) {
        value = test(std::move(value));
      } else if (cursor_.at_operator("(")) {
        value = call(std::move(value));
      } else {
        return value;
      }
    }
  }

  ExpressionPtr test(ExpressionPtr subject) {
    cursor_.advance();
    Expression negated = make(Kind::kNot);
    const bool negate = cursor_.skip_name("not");
    Expression result = make(Kind::kTest);
    result.name = cursor_.take_name();
    if (!is_test(result.name))
      cursor_.refuse(fmt::format("the test '{}' is not known to kvreel", result.name));
    if (cursor_.at_operator("(")) {
      result.arguments = arguments();
    } else if (starts_argument()) {
      result.arguments.positional.push_back(postfix(primary()));
    }
    ExpressionPtr value = finish(std::move(result), std::move(subject));
    return negate ? finish(std::move(negated), std::move(value)) : std::move(value);
  }

  // A test takes one argument without parentheses: `x is divisibleby 3`.
  bool starts_argument() const {
    switch (cursor_.current().kind) {
      case Token::Kind::kName:
        if (cursor_.at_name("is")) cursor_.refuse("tests cannot be chained with 'is'");
        return !cursor_.at_any_name({"else", "or", "and", "if"});
      case Token::Kind::kString:
      case Token::Kind::kInteger:
      case Token::Kind::kFloat:
        return true;
      default:
        return cursor_.at_operator("[") || cursor_.at_operator("{");
    }
  }

  TokenCursor& cursor_;
};

}  // namespace

ExpressionPtr parse_expression(TokenCursor& cursor) {
  return ExpressionParser(cursor).expression();
}

ExpressionPtr parse_tuple(TokenCursor& cursor, bool with_conditional) {
  return ExpressionParser(cursor).tuple_or_expression(with_conditional);
}

}  // namespace kvreel::engine::jinja
