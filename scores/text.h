// Text as the published scoring scripts see it: Python's words, lower case, lines and characters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kvreel::scores {

// Code points; ill-formed bytes become U+FFFD.
std::vector<int32_t> code_points(std::string_view text);
std::string to_utf8(const std::vector<int32_t>& points);

// White space as Python's str.split() and str.strip() understand it.
bool is_space(int32_t point);

// A letter, a digit or an underscore: \w of Python's regular expressions.
bool is_word(int32_t point);

// Each character in lower case. Unlike str.lower() a capital sigma becomes the medial one at the
// end of a word too.
std::string lower(std::string_view text);

// str.split(): the parts between white space, none of them empty.
std::vector<std::string> split_words(std::string_view text);

// Every run of ASCII digits, in order.
std::vector<std::string> digit_runs(std::string_view text);

// The first line that follows any leading newlines: what counts of an answer to few-shot prompts,
// after which models invent further examples (LongBench, eval.py).
std::string_view first_line(std::string_view text);

}  // namespace kvreel::scores
