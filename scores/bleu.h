// BLEU of one sentence (Papineni et al. 2002, "BLEU: a Method for Automatic Evaluation of Machine
// Translation").
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kvreel::scores {

// BLEU-4 from 0 to 1 as sacreBLEU's sentence_bleu defines it (Post 2018, arXiv 1804.08771):
// signature nrefs:1|case:mixed|eff:yes|tok:13a|smooth:exp. Case counts; the order of n-grams is
// lowered to what a short prediction has; an n-gram order without a match counts as 1 / (2^k total)
// where it is the k-th such; 0 where not a single word matches.
double bleu(std::string_view prediction, std::string_view reference);

// The tokens of mteval-v13a: punctuation apart, but full stops, commas and hyphens inside numbers.
std::vector<std::string> tokenize_13a(std::string_view text);

}  // namespace kvreel::scores
