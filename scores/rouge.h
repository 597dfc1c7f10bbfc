// ROUGE-L of a text against a reference (Lin 2004, "ROUGE: A Package for Automatic Evaluation of
// Summaries"), as LongBench computes it.
#pragma once

#include <string_view>

namespace kvreel::scores {

// The F score of the summary-level longest common subsequence, with the conventions of the Python
// package `rouge` 1.0 that LongBench calls: sentences end at every full stop, words are separated
// by white space and keep their case, words and union are counted as sets, and
// F = 2pr / (p + r + 1e-8). Texts without a sentence score 0.
double rouge_l(std::string_view prediction, std::string_view reference);

}  // namespace kvreel::scores
