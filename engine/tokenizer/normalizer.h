// The normalizer of a tokenizer.json: what happens to a text before it is split.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/tokenizer/json_field.h"
#include "engine/tokenizer/regex.h"
#include "engine/tokenizer/step_limits.h"

namespace kvreel::engine {

class Normalizer {
 public:
  Normalizer() = default;  // changes nothing
  // Reads the object under "normalizer": NFC, Prepend, Replace, or a Sequence of them. Throws Error
  // for others.
  explicit Normalizer(const JsonField& normalizer);

  // `text` normalized; both are well-formed UTF-8.
  std::string apply(std::string text) const;

  // Whether a step inserts or replaces text, so that a place in the result is not a place in the
  // user's text.
  bool moves_text() const;

 private:
  enum class Kind { kNfc, kPrepend, kReplace };
  struct Step {
    Kind kind;
    std::string pattern;         // kReplace: what is replaced; "" where it is a regular expression
    std::optional<Regex> regex;  // kReplace
    std::string content;         // kPrepend, kReplace
  };

  void read(const JsonField& normalizer, int depth);

  std::vector<Step> steps_;
  StepLimits limits_;
};

// Ranges of `pattern`, which is not empty, in `text`, from left to right.
std::vector<TextRange> find_literal(std::string_view text, std::string_view pattern);

}  // namespace kvreel::engine
