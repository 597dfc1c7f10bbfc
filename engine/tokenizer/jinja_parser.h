// From a chat template's source to its syntax tree.
#pragma once

#include <string_view>

#include "engine/tokenizer/jinja_ast.h"

namespace kvreel::engine::jinja {

// Parses `source` (UTF-8). Throws Error, naming `origin`, the line and the construct, for what is
// malformed or not part of the Jinja that kvreel knows; filters and tests are checked here too, so
// that none hides in a branch.
Block parse(std::string_view source, std::string_view origin);

}  // namespace kvreel::engine::jinja
