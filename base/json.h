// JSON that people wrote or fetched: parsed within limits, and refused in words.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace kvreel {

// Levels of arrays and objects beyond which JSON is refused: no file that kvreel reads is near, and
// what walks over values recurses.
inline constexpr size_t kDeepestJson = 64;
// Bytes of a text beyond which it is refused: values take up to eight times as much memory.
inline constexpr size_t kLongestJson = size_t{256} << 20;

// Values in one text beyond which it is refused. A parser that runs out of memory half way cannot
// even give back what it took (its destructor allocates), so it must not come to that.
inline constexpr size_t kMostJsonValues = size_t{1} << 24;

// What a text that is JSON will become, told without parsing it.
struct JsonExtent {
  size_t depth = 0;   // levels of arrays and objects
  size_t values = 0;  // at least as many as there are, keys not counted
  bool is_readable() const { return depth <= kDeepestJson && values <= kMostJsonValues; }
};
JsonExtent json_extent(std::string_view text);

// Where a JSON text stands, and what can be done if it is none.
struct JsonSource {
  std::string name;       // "'model/config.json'", "prompts.jsonl, line 3"
  bool one_line = false;  // the name says the line already
  std::string_view remedy = "correct it or fetch it again";
};

// Of a line of a .jsonl file; `name` says which.
inline JsonSource json_line(std::string name) {
  return {.name = std::move(name),
          .one_line = true,
          .remedy = "every line of a .jsonl file must be one JSON object"};
}

// The value. Throws Error where the text is not JSON, which names line and column (in characters,
// from 1), what is wrong there, and the remedy; where it is beyond one of the limits
// above; and whatever `watch`, which sees the parser's events, throws.
nlohmann::json parse_json_text(std::string_view text, const JsonSource& source,
                               const nlohmann::json::parser_callback_t& watch = nullptr);

// The same without a reason: discarded (is_discarded()) where the text is not JSON, is too long or
// nests too deeply. For what stands in a trace, which may come from a stranger.
template <typename Json = nlohmann::json>
Json parse_json_or_discard(std::string_view text) {
  if (text.size() > kLongestJson || !json_extent(text).is_readable()) {
    return Json(nlohmann::detail::value_t::discarded);
  }
  return Json::parse(text, nullptr, false);
}

}  // namespace kvreel
