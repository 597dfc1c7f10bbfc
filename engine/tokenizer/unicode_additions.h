// The letters, marks, digits, punctuation and symbols that Unicode 15.0, 15.1 and 16.0 added.
//
// Hugging Face's regular expressions follow Unicode 16; the PCRE2 of Debian 12 and Ubuntu 24.04
// (10.42) follows 14. With these ranges beside a property both agree, and a newer PCRE2 has them
// twice, which changes nothing.
#pragma once

#include <string>
#include <string_view>

namespace kvreel::engine {

// Ranges for a character class of PCRE2, as "\x{1C89}-\x{1C8A}...", of a general category ("L",
// "Lu"); "" where none were added.
std::string added_to_category(std::string_view category);

// The same of a script ("Han").
std::string added_to_script(std::string_view script);

}  // namespace kvreel::engine
