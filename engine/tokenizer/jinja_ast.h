// The syntax tree of a chat template.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/tokenizer/jinja_value.h"

namespace kvreel::engine::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<const Expression>;

struct Arguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
};

struct Expression {
  enum class Kind {
    kConstant,     // constant
    kName,         // name
    kList,         // operands
    kTuple,        // operands
    kDict,         // operands: key, value, key, value, ...
    kAttribute,    // operands[0].name
    kItem,         // operands[0][operands[1]]
    kSlice,        // operands[0][operands[1]:operands[2]:operands[3]], nullptr where left out
    kCall,         // operands[0](arguments)
    kFilter,       // operands[0] | name(arguments)
    kTest,         // operands[0] is name(arguments)
    kNot,          // not operands[0]
    kNegative,     // -operands[0]
    kPositive,     // +operands[0]
    kArithmetic,   // operands[0] <name> operands[1]: + - * / // %
    kConcatenate,  // operands joined by ~
    kCompare,      // operands[0] <operators[0]> operands[1] <operators[1]> ...
    kAnd,          // operands[0] and operands[1]
    kOr,           // operands[0] or operands[1]
    kConditional,  // operands[0] if operands[1] else operands[2], nullptr where left out
  };
  Kind kind = Kind::kConstant;
  int line = 1;
  int depth = 1;  // of the tree below and with this node
  Value constant;
  std::string name;
  std::vector<ExpressionPtr> operands;
  std::vector<std::string> operators;
  Arguments arguments;
};

struct Statement;
using Block = std::vector<Statement>;

// What an assignment writes to: `name`, or the attribute of a namespace.
struct Target {
  std::string name;
  std::string attribute;  // "" for a plain name
};

struct Statement {
  enum class Kind {
    kText,      // text
    kOutput,    // {{ expression }}
    kIf,        // branches, the last with no condition where there is an else
    kFor,       // for targets in expression if condition: body, else other
    kSet,       // set targets = expression
    kSetBlock,  // set targets[0]: body's output
    kBlock,     // body, as {% generation %} has it
    kBreak,
    kContinue,
  };
  Kind kind = Kind::kText;
  int line = 1;
  std::string text;
  ExpressionPtr expression;
  ExpressionPtr condition;
  std::vector<Target> targets;  // several: what is assigned is taken apart
  std::vector<std::pair<ExpressionPtr, Block>> branches;
  Block body;
  Block other;
};

}  // namespace kvreel::engine::jinja
