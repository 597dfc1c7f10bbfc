// Answers that are a number, a letter, a class or a place: found in the text, then compared.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvreel::scores {

// Every number in the text, in order: "-3", "1,024" (1024), "2.50", ".5", "6.02e23", "1/3". A
// minus directly after a letter, digit or closing bracket is no sign.
std::vector<double> numbers_in(std::string_view text);

// GSM8K (Cobbe et al. 2021, arXiv 2110.14168): 1 where the last number after the last "####", or
// where there is none the last colon, or where there is none in the whole text, equals the
// reference's, which is found in the same way.
double number_match(std::string_view prediction, std::string_view reference);

// TheoremQA (Chen et al. 2023, arXiv 2305.12524): what follows the last "answer" (the whole text
// where the word is absent) against the reference, by the reference's kind:
//   True, False   the first of true, false, yes, no
//   [1, 2.5]      the first list in brackets: as many numbers, equal one by one once sorted
//   (b)           contained
//   a number      the first number (the last one where "answer" is absent): after rounding where
//                 the reference is whole, within 4 % where it is not
//   other text    contained, whatever the case
double theorem_match(std::string_view prediction, std::string_view reference);

// The letter that a text chooses, A to J: after the last "answer is" or "answer:", else the first
// in round brackets, else the first that stands alone and is not the word A or I.
std::optional<char> chosen_letter(std::string_view text);

// 1 where the text chooses the reference's letter.
double choice_match(std::string_view prediction, std::string_view reference);

// LongBench's (Bai et al. 2023, arXiv 2308.14508) scores.
//
// 1 / (classes named in the text) where the right one is among them. A class that is part of the
// right one's name is not counted beside it; as the script removes it from the list that it is
// walking through, the entry after a removed one is not looked at, and so it is here.
double classification_score(std::string_view prediction, std::string_view reference,
                            std::span<const std::string> all_classes);
// The share of the text's numbers that are the reference.
double count_score(std::string_view prediction, std::string_view reference);
// The share of the text's numbers that are the reference's paragraph ("Paragraph 12", "段落12").
double retrieval_score(std::string_view prediction, std::string_view reference);

// RULER (Hsieh et al. 2024, arXiv 2404.06654), string_match_all: the share of the references that
// the text contains, whatever the case.
double contained_share(std::string_view prediction, std::span<const std::string> references);

}  // namespace kvreel::scores
