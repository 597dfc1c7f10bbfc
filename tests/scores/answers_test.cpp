// Numbers, letters, classes and places are found where the published rules look for them.
#include "scores/answers.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "scores/metrics.h"

namespace kvreel::scores {
namespace {

using Numbers = std::vector<double>;
using Texts = std::vector<std::string>;

TEST(Answers, NumbersInAllTheirSpellings) {
  EXPECT_EQ(numbers_in("-3 and 1,024, then 2.50. 5"), (Numbers{-3, 1024, 2.5, 5}));
  EXPECT_EQ(numbers_in("$.5, 6.02e23 and 1e-3"), (Numbers{0.5, 6.02e23, 0.001}));
  EXPECT_EQ(numbers_in("10-4, x-2, (1)-1, 1/4, 7/0"), (Numbers{10, 4, 2, 1, 1, 0.25, 7}));
  EXPECT_EQ(numbers_in("1,2,3 and 1,0000"), (Numbers{1, 2, 3, 1, 0}));
  EXPECT_EQ(numbers_in("none."), Numbers{});
  EXPECT_EQ(numbers_in("1e999 is none, 5e is 5"), (Numbers{5, 5}));
}

TEST(Answers, NumberIsTheLastAfterTheLastColonOrMark) {
  EXPECT_EQ(number_match("3 + 4 = 7. The answer is: 18 dollars", "18"), 1);
  EXPECT_EQ(number_match("#### 1,800", "work 2: 3\n#### 1800"), 1);
  EXPECT_EQ(number_match("#### 5: done", "5"), 1) << "the mark comes before colons";
  EXPECT_EQ(number_match("It costs 18.00", "18"), 1);
  EXPECT_EQ(number_match("The answer is: 18. Note: checked", "18"), 0)
      << "no number after the last colon";
  EXPECT_EQ(number_match("-18", "18"), 0);
  EXPECT_EQ(number_match("eighteen", "18"), 0);
}

TEST(Answers, TheoremAnswersByKind) {
  EXPECT_EQ(theorem_match("True at first, but the answer is no.", "False"), 1);
  EXPECT_EQ(theorem_match("The answer is not known", "False"), 0) << "whole words only";
  EXPECT_EQ(theorem_match("The answer is True", "False"), 0);
  EXPECT_EQ(theorem_match("Therefore, the answer is 11760.", "11760"), 1);
  EXPECT_EQ(theorem_match("the answer is 11760.4", "11760"), 1) << "rounded";
  EXPECT_EQ(theorem_match("the answer is 11761", "11760"), 0);
  EXPECT_EQ(theorem_match("the answer is 1.04", "1.0"), 1) << "within 4 %";
  EXPECT_EQ(theorem_match("the answer is 1.05", "1.0"), 0);
  EXPECT_EQ(theorem_match("the answer is 1/3", "0.333"), 1);
  EXPECT_EQ(theorem_match("we get 4, then 5", "5"), 1) << "without 'answer', the last number";
  EXPECT_EQ(theorem_match("the answer is -0.5", "-0.5"), 1);
  EXPECT_EQ(theorem_match("the answer is (c).", "(c)"), 1);
  EXPECT_EQ(theorem_match("the answer is (b).", "(c)"), 0);
  EXPECT_EQ(theorem_match("the answer is [2, 0, 1]", "[0, 1, 2]"), 1) << "in any order";
  EXPECT_EQ(theorem_match("the answer is [0, 1]", "[0, 1, 2]"), 0);
  EXPECT_EQ(theorem_match("the answer is (0.33, 0.25)", "[0.333, 0.25]"), 1);
  EXPECT_EQ(theorem_match("the answer is [1,100]", "[1, 100]"), 1);
  EXPECT_EQ(theorem_match("the answer is 0 and 1", "[0, 1]"), 0);
  EXPECT_EQ(theorem_match("Answer: The Fourier Series", "fourier series"), 1);
}

TEST(Answers, ChosenLetters) {
  EXPECT_EQ(chosen_letter("B"), 'B');
  EXPECT_EQ(chosen_letter("(C) because A is wrong"), 'C');
  EXPECT_EQ(chosen_letter("A careful look at B"), 'B') << "an article is no choice";
  EXPECT_EQ(chosen_letter("I'd say D."), 'D');
  EXPECT_EQ(chosen_letter("The answer is A because B fails"), 'A');
  EXPECT_EQ(chosen_letter("Answer: I think B"), 'B');
  EXPECT_EQ(chosen_letter("Not (A). The answer is **(D)**"), 'D');
  EXPECT_EQ(chosen_letter("Answer: option C, the other answers are wrong"), 'C');
  EXPECT_EQ(chosen_letter("DNA is Bad"), std::nullopt);
  EXPECT_EQ(chosen_letter(""), std::nullopt);
  EXPECT_EQ(choice_match("none", "A"), 0);
  EXPECT_EQ(choice_match("A) 5", "A"), 1);
}

TEST(Answers, ClassesShareTheScoreWhereSeveralAreNamed) {
  const Texts classes = {"Group", "Group of people", "Title"};
  EXPECT_EQ(classification_score("Type: Group of people", "Group of people", classes), 1)
      << "the part of its name is not counted";
  EXPECT_EQ(classification_score("Group of people, Title", "Group of people", classes), 0.5);
  EXPECT_EQ(classification_score("Group of people", "Group", classes), 0.5);
  EXPECT_EQ(classification_score("title", "Title", classes), 0);
}

TEST(Answers, CountsAndPlaces) {
  EXPECT_EQ(count_score("7, or 8 of 7", "7"), 2.0 / 3);
  EXPECT_EQ(count_score("07", "7"), 0) << "compared as written";
  EXPECT_EQ(retrieval_score("Paragraph 3", "Paragraph 3"), 1);
  EXPECT_EQ(retrieval_score("段落3 和 4", "段落3"), 0.5);
  EXPECT_EQ(retrieval_score("3", "no place"), 0);
}

TEST(Answers, ContainedShare) {
  const Texts wanted = {"ALPHA", "beta"};
  EXPECT_EQ(contained_share("alpha, gamma", wanted), 0.5);
  EXPECT_EQ(contained_share("Beta and alpha", wanted), 1);
  EXPECT_EQ(contained_share("alpha", Texts{}), 0);
}

TEST(Metrics, TheBestReferenceCounts) {
  EXPECT_EQ(score("exact-match", "b", Texts{"a", "b"}), 1);
  EXPECT_EQ(score("contained", "b", Texts{"a", "b"}), 0.5) << "but of all that are wanted";
  EXPECT_EQ(score("classification", "x", Texts{"x"}, Texts{"x", "y"}), 1);
}

TEST(Metrics, EveryMetricGivesTheRightAnswerOneAndNoReferenceNothing) {
  // "5" is a number, a count, a class and text; letters and places need their own.
  for (const Metric& metric : known_metrics()) {
    const std::string answer = metric.name == "choice"      ? "B"
                               : metric.name == "retrieval" ? "Paragraph 5"
                                                            : "5";
    EXPECT_NEAR(score(metric.name, answer, Texts{"wrong", answer}, Texts{answer}),
                metric.name == "contained" ? 0.5 : 1, 1e-8)
        << metric.name;
    EXPECT_EQ(score(metric.name, answer, Texts{}, Texts{answer}), 0) << metric.name;
  }
}

TEST(Metrics, AnUnknownNameIsRefusedWithTheNearest) {
  try {
    require_metric("token-f2");
    FAIL() << "it was taken";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "There is no metric 'token-f2'. Did you mean 'token-f1'?");
  }
}

}  // namespace
}  // namespace kvreel::scores
