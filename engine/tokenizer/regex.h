// A compiled regular expression over UTF-8 text: PCRE2 behind Oniguruma's meaning.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kvreel::engine {

struct TextRange {
  size_t begin = 0;  // bytes
  size_t end = 0;
};

// Immutable after construction; find_all() may be called from several threads.
class Regex {
 public:
  // `where` names the place of the pattern in errors ("tokenizer.json: key
  // 'pre_tokenizer.pattern.Regex'"). Throws Error for what is malformed, what the engines read
  // differently, and patterns that match the empty text.
  Regex(std::string_view pattern, std::string where);

  // All matches in `subject` (well-formed UTF-8) from left to right, none overlapping. Throws Error
  // where the pattern exhausts its matching limits, as hostile ones do.
  std::vector<TextRange> find_all(std::string_view subject) const;

 private:
  struct Code;  // PCRE2's compiled pattern and match context
  std::shared_ptr<const Code> code_;
  std::string where_;
};

}  // namespace kvreel::engine
