// JSON out of a trace, which may hold anything.
#pragma once

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

namespace kvreel::exports {

// Levels of arrays and objects, of text that is JSON.
inline size_t nesting_of(std::string_view text) {
  size_t depth = 0;
  size_t deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == '[' || c == '{')) {
      deepest = std::max(deepest, ++depth);
    } else if (!in_string && (c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

// Discarded (is_discarded()) where the text is not JSON, or nested so deeply that writing it again,
// which recurses, could exhaust the stack.
template <typename Json = nlohmann::json>
Json parse_json(std::string_view text) {
  constexpr size_t kDeepest = 100;
  if (nesting_of(text) > kDeepest) return Json(nlohmann::detail::value_t::discarded);
  return Json::parse(text, nullptr, false);
}

}  // namespace kvreel::exports
