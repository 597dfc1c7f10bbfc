// What the steps of a tokenizer.json may do to a text: it may come from a stranger, and forty steps
// that double a text would fill any memory.
#pragma once

#include <string>

#include "engine/tokenizer/json_field.h"

namespace kvreel::engine {

// Of one normalizer, pre-tokenizer or decoder.
class StepLimits {
 public:
  // Counts a step that makes a text at most `growth` times as long (in bytes; 1 where it cannot
  // grow). Throws Error for the 65th step, and where all steps together could make a text more than
  // 64 times as long: published tokenizers have six at most, which make it 12 times as long.
  void add(const JsonField& step, double growth);

 private:
  int steps_ = 0;
  double growth_ = 1;
};

// The string that a step looks for: 1 to 4096 bytes. Throws Error for others.
const std::string& read_literal(const JsonField& pattern);

// How many times as long a text becomes at most where each `pattern` in it becomes `content`.
double replacing_growth(const std::string& pattern, const std::string& content);

}  // namespace kvreel::engine
