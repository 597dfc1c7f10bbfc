// ROUGE-L, BLEU and the similarity of code against values worked out by hand.
#include <gtest/gtest.h>

#include <cmath>

#include "scores/bleu.h"
#include "scores/edit.h"
#include "scores/rouge.h"

namespace kvreel::scores {
namespace {

// The package adds 1e-8 to the denominator, which is at least 0.5 here: 2e-8 at most.
constexpr double kPackageEpsilon = 2e-8;

double f_of(double precision, double recall) {
  return 2 * precision * recall / (precision + recall);
}

TEST(RougeL, IsTheFScoreOfTheLongestCommonSubsequence) {
  // "police kill gunman" and "police killed the gunman" share police ... gunman: 2 of 3, 2 of 4.
  EXPECT_NEAR(rouge_l("police kill gunman", "police killed the gunman"), f_of(2.0 / 3, 0.5),
              kPackageEpsilon);
  // Lin 2004, section 3.2: reference w1..w5 against two sentences; the union of w1 w2 and w1 w3 w5
  // has 4 of 5. The candidate has 8 distinct words.
  EXPECT_NEAR(rouge_l("w1 w2 w6 w7 w8.w1 w3 w8 w9 w5", "w1 w2 w3 w4 w5"), f_of(0.5, 0.8),
              kPackageEpsilon);
}

TEST(RougeL, CountsWordsAsSetsAndKeepsCase) {
  // Repeated words count once on either side.
  EXPECT_NEAR(rouge_l("la la la land", "la land"), 1, kPackageEpsilon);
  EXPECT_EQ(rouge_l("ROME", "rome"), 0);
}

TEST(RougeL, OrderMattersInsideASentenceOnly) {
  // b a against a b: one word in common order.
  EXPECT_NEAR(rouge_l("b a", "a b"), 0.5, kPackageEpsilon);
  EXPECT_NEAR(rouge_l("b. a", "a. b"), 1, kPackageEpsilon);
}

TEST(RougeL, TextsWithoutSentencesScoreNothing) {
  EXPECT_EQ(rouge_l("", "a"), 0);
  EXPECT_EQ(rouge_l("a", "..."), 0);
  // White space is a sentence of one empty word to the package.
  EXPECT_NEAR(rouge_l(" ", "\n"), 1, kPackageEpsilon);
}

TEST(Bleu, SplitsPunctuationButNotInsideNumbers) {
  EXPECT_EQ(tokenize_13a("Hello, world! It's $3.50 (1,000)."),
            (std::vector<std::string>{"Hello", ",", "world", "!", "It's", "$", "3.50", "(", "1,000",
                                      ")", "."}));
  EXPECT_EQ(tokenize_13a("2-door well-known a-\nb &amp; c"),
            (std::vector<std::string>{"2", "-", "door", "well-known", "ab", "&", "c"}));
}

TEST(Bleu, ANewlineAtTheEndJoinsNothing) {
  EXPECT_EQ(tokenize_13a("a -\n"), (std::vector<std::string>{"a", "-"}));
}

TEST(Bleu, IsTheGeometricMeanOfPrecisionsWithTheBrevityPenalty) {
  EXPECT_DOUBLE_EQ(bleu("the cat is on the mat", "the cat is on the mat"), 1);
  // Words 5/6 (the candidate's "the" three times, the reference's twice), pairs 3/5, triples 2/4,
  // fours 1/3.
  EXPECT_NEAR(bleu("the cat is on the the", "the cat is on the mat"),
              std::pow(5.0 / 6 * 4 / 5 * 3 / 4 * 2 / 3, 0.25), 1e-12);
  // All n-grams match, but 4 tokens stand against 6: exp(1 - 6/4).
  EXPECT_NEAR(bleu("the cat is on", "the cat is on the mat"), std::exp(1 - 6.0 / 4), 1e-12);
}

TEST(Bleu, SmoothsOrdersWithoutAMatchAndForgivesShortTexts) {
  // Words 2/3; no pair, no triple: 1/(2*2) and 1/(4*1). Three tokens: fours do not count.
  EXPECT_NEAR(bleu("a x b", "a b c"), std::pow(2.0 / 3 / 4 / 4, 1.0 / 3), 1e-12);
  EXPECT_DOUBLE_EQ(bleu("yes", "yes"), 1);
  EXPECT_EQ(bleu("yes", "no"), 0);
  EXPECT_EQ(bleu("", "no"), 0);
  EXPECT_EQ(bleu("Yes", "yes"), 0) << "case counts";
}

// Values of Python's difflib.SequenceMatcher(None, a, b).ratio().
TEST(EditSimilarity, RatioEqualsDifflib) {
  EXPECT_DOUBLE_EQ(sequence_ratio("abcd", "bcde"), 0.75);
  EXPECT_DOUBLE_EQ(sequence_ratio("tide", "diet"), 0.25);
  EXPECT_DOUBLE_EQ(sequence_ratio("diet", "tide"), 0.5) << "it is not symmetric";
  EXPECT_DOUBLE_EQ(sequence_ratio("", ""), 1);
  EXPECT_DOUBLE_EQ(sequence_ratio("größe", "grösse"), 8.0 / 11) << "characters, not bytes";
}

TEST(EditSimilarity, FrequentCharactersOfLongTextsBeginNoBlock) {
  // 199 of 200 characters are an "a", which is more than 1 %; of 199 it may begin blocks.
  EXPECT_EQ(sequence_ratio("baaa", "c" + std::string(199, 'a')), 0);
  EXPECT_DOUBLE_EQ(sequence_ratio("baaa", "c" + std::string(198, 'a')), 6.0 / 203);
  // Blocks that begin elsewhere grow over them: "xaaa".
  EXPECT_DOUBLE_EQ(sequence_ratio("xaaa", "x" + std::string(199, 'a')), 8.0 / 204);
}

TEST(EditSimilarity, TakesTheFirstLineThatIsCode) {
  EXPECT_EQ(edit_similarity("\n```py\n# note\n// note\nx = 1\ny = 2", "x = 1"), 1);
  EXPECT_EQ(edit_similarity("# only a comment", "x = 1"), 0);
  // 2 * 4 / 9 = 0.888..., whole percent.
  EXPECT_DOUBLE_EQ(edit_similarity("abcd", "abcde"), 0.89);
  // 2 * 1 / 16 = 12.5 %: halves go to the even neighbour.
  EXPECT_DOUBLE_EQ(edit_similarity("a1234567", "abcdefgh"), 0.12);
  // The first line counts even where it is empty but for spaces.
  EXPECT_DOUBLE_EQ(edit_similarity("  \nx = 1", "  \n"), 0.8);
}

}  // namespace
}  // namespace kvreel::scores
