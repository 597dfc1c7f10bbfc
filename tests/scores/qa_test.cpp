// F1 over words, equality, and Python's text functions beneath them.
#include "scores/qa.h"

#include <gtest/gtest.h>

#include "scores/text.h"

namespace kvreel::scores {
namespace {

TEST(Qa, NormalisingDropsCasePunctuationAndArticles) {
  EXPECT_EQ(normalize_answer("  The  Theatre, an Anthem; a(b)!"), "theatre anthem ab");
  EXPECT_EQ(normalize_answer("ÉCOLE\u00a0the\u3000end"), "école end");
  // An underscore is punctuation, and goes before articles are looked for.
  EXPECT_EQ(normalize_answer("the_end"), "theend");
  // No ASCII punctuation: it stays, and parts words.
  EXPECT_EQ(normalize_answer("a–b"), "–b");
}

TEST(Qa, F1CountsRepeatedWordsAsOftenAsBothHaveThem) {
  // 2 of 3 predicted words and 2 of 2 wanted: 2 * (2/3) * 1 / (5/3).
  EXPECT_DOUBLE_EQ(token_f1("blue blue red", "blue red"), 0.8);
  // 2 of 4 and 2 of 3: 2 * (1/2) * (2/3) / (7/6) = 4/7.
  EXPECT_DOUBLE_EQ(token_f1("one two three four", "two four five"), 4.0 / 7);
  EXPECT_EQ(token_f1("red", "blue"), 0);
  EXPECT_EQ(token_f1("", ""), 0);
  EXPECT_EQ(token_f1("the", "the"), 0) << "only articles: nothing is left to share";
}

TEST(Qa, ExactMatchesDifferInWhatTheyForgive) {
  EXPECT_EQ(exact_match(" Rome\n", "Rome"), 1);
  EXPECT_EQ(exact_match("Rome.", "Rome"), 0);
  EXPECT_EQ(normalized_exact_match("The rome.", "Rome"), 1);
  EXPECT_EQ(normalized_exact_match("Rome, Italy", "Rome"), 0);
}

TEST(ScoresText, FirstLineSkipsLeadingNewlinesOnly) {
  EXPECT_EQ(first_line("\n\n A\nB"), " A");
  EXPECT_EQ(first_line("A"), "A");
  EXPECT_EQ(first_line("\n\n"), "");
  EXPECT_EQ(first_line(""), "");
}

TEST(ScoresText, WordsAreSplitAtUnicodeWhiteSpaceAndIllFormedBytesDoNoHarm) {
  EXPECT_EQ(split_words("a\x1c"
                        "b\u2003c\u200bd"),
            (std::vector<std::string>{"a", "b", "c\u200bd"}));
  EXPECT_EQ(split_words("x\xff y"), (std::vector<std::string>{"x\ufffd", "y"}));
}

}  // namespace
}  // namespace kvreel::scores
