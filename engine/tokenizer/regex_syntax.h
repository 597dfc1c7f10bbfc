// Oniguruma's regular expressions, which tokenizer.json is written for, rewritten for PCRE2.
#pragma once

#include <string>
#include <string_view>

namespace kvreel::engine {

// `pattern` as PCRE2 must read it (options UTF, UCP and MULTILINE) to match what Oniguruma matches:
// \s and \d become Unicode properties, since PCRE2's \s has one character more (U+180E), and
// properties get what newer Unicode added to them. What the two engines read differently is refused
// with Error: `where` names the place, the message the construct.
std::string to_pcre2_syntax(std::string_view pattern, std::string_view where);

}  // namespace kvreel::engine
