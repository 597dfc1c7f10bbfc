// A chat template's source as tokens, with Jinja's white-space rules for trim_blocks and
// lstrip_blocks applied.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kvreel::engine::jinja {

struct Token {
  enum class Kind {
    kText,         // template text to print; text holds it
    kOutputBegin,  // {{
    kOutputEnd,    // }}
    kBlockBegin,   // {%
    kBlockEnd,     // %}
    kName,         // text holds it
    kString,       // text holds what it means, escapes resolved
    kInteger,
    kFloat,
    kOperator,  // text holds it: "+", "//", "==", ...
    kEnd,
  };
  Kind kind = Kind::kEnd;
  int line = 1;
  std::string text;
  int64_t integer = 0;
  double number = 0;
};

// The tokens of `source`, which is UTF-8; comments are left out, the last token is kEnd. Throws
// Error, naming `origin` and the line, for what is no Jinja and for raw blocks.
std::vector<Token> tokenize(std::string_view source, std::string_view origin);

}  // namespace kvreel::engine::jinja
