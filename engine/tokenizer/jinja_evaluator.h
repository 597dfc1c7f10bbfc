// Renders the syntax tree of a chat template.
#pragma once

#include <string>
#include <string_view>

#include "engine/tokenizer/jinja_ast.h"

namespace kvreel::engine::jinja {

// The text of `body` with `variables`. Throws Error, naming `origin` and the line, where Jinja
// would throw, for what kvreel does not implement, and for templates that take more than
// `most_work` (jinja_value.h), such as those that do not come to an end.
std::string render(const Block& body, const Dict& variables, std::string_view origin,
                   int64_t most_work);

}  // namespace kvreel::engine::jinja
