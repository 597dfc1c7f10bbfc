// Similarity of a line of code to the line that was wanted.
#pragma once

#include <string_view>

namespace kvreel::scores {

// LongBench's code similarity (Bai et al. 2023, arXiv 2308.14508): the prediction's first line that
// has no backtick, no # and no //, and the ratio of Ratcliff and Obershelp in whole percent.
double edit_similarity(std::string_view prediction, std::string_view reference);

// 2M / T of Ratcliff and Obershelp as Python's difflib.SequenceMatcher(None, a, b) computes it: M
// characters in matching blocks, T characters in all. In a `b` of 200 characters or more, those
// that make up more than 1 % of it begin no block. 1 where both are empty.
double sequence_ratio(std::string_view a, std::string_view b);

}  // namespace kvreel::scores
