// The expressions of a chat template, from tokens to trees.
#pragma once

#include "engine/tokenizer/jinja_ast.h"
#include "engine/tokenizer/jinja_cursor.h"

namespace kvreel::engine::jinja {

// Parses the expression that starts at `cursor` and leaves the token after it as the current one.
// Throws Error for what is malformed or unknown to kvreel.
ExpressionPtr parse_expression(TokenCursor& cursor);

// The same where expressions with commas between them are a tuple. Without `with_conditional`, an
// `if` ends it, as in `for x in y if z`.
ExpressionPtr parse_tuple(TokenCursor& cursor, bool with_conditional = true);

}  // namespace kvreel::engine::jinja
