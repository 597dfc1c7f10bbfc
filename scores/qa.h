// Answers to questions: F1 over tokens, and equality.
//
// The normalisation and F1 of SQuAD (Rajpurkar et al. 2016, arXiv 1606.05250) in the form that
// LongBench (Bai et al. 2023, arXiv 2308.14508) uses for its English sets.
#pragma once

#include <string>
#include <string_view>

namespace kvreel::scores {

// Lower case, without ASCII punctuation, without the words a, an, the, single spaces.
std::string normalize_answer(std::string_view text);

// 2pr / (p + r) over the multisets of normalised words; 0 where they share none.
double token_f1(std::string_view prediction, std::string_view reference);

// 1 where both are the same but for surrounding white space.
double exact_match(std::string_view prediction, std::string_view reference);

// 1 where both are the same once normalised.
double normalized_exact_match(std::string_view prediction, std::string_view reference);

}  // namespace kvreel::scores
