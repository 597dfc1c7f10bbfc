// Renders the syntax tree of a chat template.
#include "engine/tokenizer/jinja_evaluator.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "engine/tokenizer/jinja_builtins.h"
#include "engine/tokenizer/jinja_operators.h"

namespace kvreel::engine::jinja {
namespace {

using Kind = Expression::Kind;

enum class Flow { kNormal, kBreak, kContinue };

class Renderer {
 public:
  Renderer(const Dict& variables, std::string_view origin, int64_t most_work)
      : origin_(origin), work_{most_work} {
    scopes_.push_back(variables);
  }

  std::string run(const Block& body) {
    execute(body);
    return std::move(out_);
  }

 private:
  Place at(int line) { return {origin_, line, &work_}; }

  void step(int line) { at(line).spend(kStepWork); }

  void print(std::string_view text, int line) {
    at(line).spend(text.size());
    if (text.size() > kMaxText - out_.size())
      at(line).refuse("the template makes more than 64 MiB of text");
    out_ += text;
  }

  // ---- variables ----

  Value lookup(const std::string& name, int line) {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      at(line).spend(1 + scope->entries.size());
      if (const Value* found = scope->find(name)) return *found;
    }
    if (is_function(name)) return Value(Function{name});
    return Value(Undefined{name});
  }

  void assign(const std::vector<Target>& targets, const Value& value, int line) {
    if (targets.size() == 1) return assign_one(targets[0], value, line);
    const std::vector<Value> parts = iterate(value, at(line));
    if (parts.size() != targets.size()) {
      at(line).refuse(
          fmt::format("{} values are assigned to {} names", parts.size(), targets.size()));
    }
    for (size_t i = 0; i < targets.size(); ++i) assign_one(targets[i], parts[i], line);
  }

  void assign_one(const Target& target, const Value& value, int line) {
    at(line).spend(copy_work(value));
    if (target.attribute.empty()) {
      at(line).spend(scopes_.back().entries.size());
      return scopes_.back().set(target.name, value);
    }
    const Value object = lookup(target.name, line);
    const auto* space = object.as<std::shared_ptr<Namespace>>();
    if (space == nullptr) {
      at(line).refuse(fmt::format("'{}.{}' is assigned to, but '{}' is no namespace", target.name,
                                  target.attribute, target.name));
    }
    if (nesting_of(value).has_namespace) refuse_namespace_inside(at(line));
    at(line).spend((*space)->attributes.entries.size());
    (*space)->attributes.set(target.attribute, value);
  }

  // ---- statements ----

  Flow execute(const Block& body) {
    for (const Statement& statement : body) {
      const Flow flow = execute(statement);
      if (flow != Flow::kNormal) return flow;
    }
    return Flow::kNormal;
  }

  Flow execute(const Statement& statement) {
    step(statement.line);
    switch (statement.kind) {
      case Statement::Kind::kText:
        print(statement.text, statement.line);
        return Flow::kNormal;
      case Statement::Kind::kOutput:
        print(to_text(evaluate(*statement.expression), at(statement.line)), statement.line);
        return Flow::kNormal;
      case Statement::Kind::kIf:
        for (const auto& [condition, body] : statement.branches) {
          if (!condition || is_true(evaluate(*condition))) return execute(body);
        }
        return Flow::kNormal;
      case Statement::Kind::kFor:
        loop(statement);
        return Flow::kNormal;
      case Statement::Kind::kSet:
        assign(statement.targets, evaluate(*statement.expression), statement.line);
        return Flow::kNormal;
      case Statement::Kind::kSetBlock: {
        std::string outer = std::exchange(out_, {});
        const Flow flow = scoped(statement.body);
        std::string text = std::exchange(out_, std::move(outer));
        assign(statement.targets, make_string(std::move(text)), statement.line);
        return flow;
      }
      case Statement::Kind::kBlock:
        return scoped(statement.body);
      case Statement::Kind::kBreak:
        return Flow::kBreak;
      case Statement::Kind::kContinue:
        return Flow::kContinue;
    }
    return Flow::kNormal;
  }

  // What is set inside is not seen outside.
  Flow scoped(const Block& body) {
    scopes_.emplace_back();
    const Flow flow = execute(body);
    scopes_.pop_back();
    return flow;
  }

  void loop(const Statement& statement) {
    std::vector<Value> visited = iterate(evaluate(*statement.expression), at(statement.line));
    if (statement.condition) {
      std::vector<Value> kept;
      for (Value& item : visited) {
        scopes_.emplace_back();
        assign(statement.targets, item, statement.line);
        step(statement.line);
        if (is_true(evaluate(*statement.condition))) kept.push_back(std::move(item));
        scopes_.pop_back();
      }
      visited = std::move(kept);
    }
    if (visited.empty()) {
      scoped(statement.other);
      return;
    }
    const Value list = make_list(std::move(visited));
    const auto& items = *list.as<std::shared_ptr<const List>>();
    for (size_t i = 0; i < items->items.size(); ++i) {
      step(statement.line);
      scopes_.emplace_back();
      scopes_.back().set("loop", Value(std::shared_ptr<const Loop>(std::make_shared<Loop>(
                                     Loop{items, static_cast<int64_t>(i)}))));
      assign(statement.targets, items->items[i], statement.line);
      const Flow flow = execute(statement.body);
      scopes_.pop_back();
      if (flow == Flow::kBreak) break;
    }
  }

  // ---- expressions ----

  // Bounds what every value costs, whatever made it.
  Value evaluate(const Expression& e) {
    step(e.line);
    Value value = compute(e);
    const Place place = at(e.line);
    place.spend(copy_work(value));
    const Nesting nesting = nesting_of(value);
    if (nesting.depth > kMaxNesting) place.refuse("a value nests deeper than 100 levels");
    if (nesting.depth > 0 && nesting.has_namespace) refuse_namespace_inside(place);
    return value;
  }

  Value compute(const Expression& e) {
    switch (e.kind) {
      case Kind::kConstant:
        return e.constant;
      case Kind::kName:
        return lookup(e.name, e.line);
      case Kind::kList:
      case Kind::kTuple: {
        std::vector<Value> items;
        for (const ExpressionPtr& operand : e.operands) items.push_back(evaluate(*operand));
        return make_list(std::move(items), e.kind == Kind::kTuple);
      }
      case Kind::kDict:
        return dict(e);
      case Kind::kAttribute:
        return attribute(e);
      case Kind::kItem:
        return item(e);
      case Kind::kSlice:
        return slice(e);
      case Kind::kCall:
        return call(e);
      case Kind::kFilter: {
        const Value subject = evaluate(*e.operands[0]);
        return apply_filter(e.name, subject, evaluate(e.arguments), at(e.line));
      }
      case Kind::kTest: {
        const Value subject = evaluate(*e.operands[0]);
        return Value(apply_test(e.name, subject, evaluate(e.arguments), at(e.line)));
      }
      case Kind::kNot:
        return Value(!is_true(evaluate(*e.operands[0])));
      case Kind::kNegative:
      case Kind::kPositive:
        return with_sign(e.kind == Kind::kNegative, evaluate(*e.operands[0]), at(e.line));
      case Kind::kArithmetic: {
        const Value left = evaluate(*e.operands[0]);
        return apply_arithmetic(e.name, left, evaluate(*e.operands[1]), at(e.line));
      }
      case Kind::kConcatenate: {
        std::string text;
        for (const ExpressionPtr& operand : e.operands) {
          text += to_text(evaluate(*operand), at(operand->line));
          if (text.size() > kMaxText) break;
        }
        return bounded_text(std::move(text), at(e.line));
      }
      case Kind::kCompare:
        return compare(e);
      case Kind::kAnd: {
        Value left = evaluate(*e.operands[0]);
        return is_true(left) ? evaluate(*e.operands[1]) : left;
      }
      case Kind::kOr: {
        Value left = evaluate(*e.operands[0]);
        return is_true(left) ? left : evaluate(*e.operands[1]);
      }
      case Kind::kConditional:
        if (is_true(evaluate(*e.operands[1]))) return evaluate(*e.operands[0]);
        return e.operands[2] ? evaluate(*e.operands[2])
                             : Value(Undefined{"the result of an 'if' without 'else'"});
    }
    return Value();
  }

  CallArguments evaluate(const Arguments& arguments) {
    CallArguments result;
    for (const ExpressionPtr& argument : arguments.positional)
      result.positional.push_back(evaluate(*argument));
    for (const auto& [name, argument] : arguments.named)
      result.named.emplace_back(name, evaluate(*argument));
    return result;
  }

  Value dict(const Expression& e) {
    Dict result;
    for (size_t i = 0; i < e.operands.size(); i += 2) {
      const Value key = evaluate(*e.operands[i]);
      if (key.string() == nullptr)
        at(e.line).refuse("a dict's key that is no string is not supported by kvreel");
      at(e.line).spend(result.entries.size());
      result.set(*key.string(), evaluate(*e.operands[i + 1]));
    }
    return make_dict(std::move(result));
  }

  // Jinja throws only where something is read from an undefined value, not where it is made.
  Value existing(const Expression& e, std::string_view what, std::string_view name = {}) {
    Value object = evaluate(e);
    if (const auto* undefined = object.as<Undefined>()) {
      const std::string quoted = name.empty() ? std::string() : fmt::format(" '{}'", name);
      at(e.line).refuse(fmt::format("'{}' is undefined, but {}{} is read from it", undefined->name,
                                    what, quoted));
    }
    return object;
  }

  Value attribute(const Expression& e) {
    const Value object = existing(*e.operands[0], "the attribute", e.name);
    if (const auto* loop = object.as<std::shared_ptr<const Loop>>())
      return loop_attribute(**loop, e);
    if (has_method(object, e.name)) {
      at(e.line).refuse(
          fmt::format("the method '{}' without a call is not supported by kvreel", e.name));
    }
    return attribute_of(object, e.name);
  }

  Value loop_attribute(const Loop& loop, const Expression& e) {
    const auto size = static_cast<int64_t>(loop.items->items.size());
    const auto neighbour = [&](int64_t index) {
      return index < 0 || index >= size ? Value(Undefined{e.name})
                                        : loop.items->items[static_cast<size_t>(index)];
    };
    if (e.name == "index") return Value(loop.index0 + 1);
    if (e.name == "index0") return Value(loop.index0);
    if (e.name == "revindex") return Value(size - loop.index0);
    if (e.name == "revindex0") return Value(size - loop.index0 - 1);
    if (e.name == "first") return Value(loop.index0 == 0);
    if (e.name == "last") return Value(loop.index0 == size - 1);
    if (e.name == "length") return Value(size);
    if (e.name == "depth") return Value(int64_t{1});  // loops are never recursive
    if (e.name == "depth0") return Value(int64_t{0});
    if (e.name == "previtem") return neighbour(loop.index0 - 1);
    if (e.name == "nextitem") return neighbour(loop.index0 + 1);
    at(e.line).refuse(fmt::format("'loop.{}' is not supported by kvreel", e.name));
  }

  Value item(const Expression& e) {
    const Value object = existing(*e.operands[0], "an item");
    const Value index = evaluate(*e.operands[1]);
    if (const std::string* key = index.string()) {
      if (const auto* loop = object.as<std::shared_ptr<const Loop>>(); loop != nullptr) {
        at(e.line).refuse("an item of 'loop' is not supported by kvreel; use loop.name");
      }
      return attribute_of(object, *key);
    }
    return item_of(object, index, at(e.line));
  }

  // Python's slices: a part that is left out or none takes the end that the step's direction asks
  // for.
  Value slice(const Expression& e) {
    const Value object = existing(*e.operands[0], "a slice");
    const auto part = [&](size_t operand) -> std::optional<int64_t> {
      if (!e.operands[operand]) return std::nullopt;
      const Value value = evaluate(*e.operands[operand]);
      if (value.is_none()) return std::nullopt;
      int64_t storage = 0;
      const int64_t* integer = as_integer(value, storage);
      if (integer == nullptr) at(e.line).refuse("a slice takes integers");
      return *integer;
    };
    const std::optional<int64_t> start = part(1);
    const std::optional<int64_t> stop = part(2);
    const int64_t step_size = part(3).value_or(1);
    return slice_of(object, start, stop, step_size, at(e.line));
  }

  Value call(const Expression& e) {
    const Expression& callee = *e.operands[0];
    if (callee.kind == Kind::kAttribute) {
      const Value object = existing(*callee.operands[0], "the method", callee.name);
      if (!has_method(object, callee.name)) {
        at(e.line).refuse(
            fmt::format("the method '{}' of a value of type '{}' is not supported by kvreel",
                        callee.name, type_name(object)));
      }
      return call_method(object, callee.name, evaluate(e.arguments), at(e.line));
    }
    const Value function = evaluate(callee);
    if (const auto* known = function.as<Function>())
      return call_function(known->name, evaluate(e.arguments), at(e.line));
    if (const auto* undefined = function.as<Undefined>()) {
      at(e.line).refuse(fmt::format("the function '{}' is not known to kvreel", undefined->name));
    }
    at(e.line).refuse(fmt::format("a value of type '{}' cannot be called", type_name(function)));
  }

  // a < b < c holds where a < b and b < c.
  Value compare(const Expression& e) {
    Value left = evaluate(*e.operands[0]);
    for (size_t i = 0; i < e.operators.size(); ++i) {
      Value right = evaluate(*e.operands[i + 1]);
      if (!holds(e.operators[i], left, right, at(e.line))) return Value(false);
      left = std::move(right);
    }
    return Value(true);
  }

  std::string_view origin_;
  std::vector<Dict> scopes_;  // innermost last
  std::string out_;
  Work work_;
};

}  // namespace

std::string render(const Block& body, const Dict& variables, std::string_view origin,
                   int64_t most_work) {
  return Renderer(variables, origin, most_work).run(body);
}

}  // namespace kvreel::engine::jinja
