// Texts aligned by step, labels of chips, columns.
#include <gtest/gtest.h>

#include "viewer/model/text_align.h"

namespace kvreel::viewer {
namespace {

PassDetail pass(const std::vector<int32_t>& tokens) {
  PassDetail made;
  for (const int32_t token : tokens) {
    made.steps.push_back({});
    made.steps.back().token = token;
  }
  return made;
}

using States = std::vector<AlignedState>;
constexpr AlignedState kNone = AlignedState::none;
constexpr AlignedState kEqual = AlignedState::equal;
constexpr AlignedState kDiffers = AlignedState::differs;

TEST(TextAlign, TheFirstDifferenceMayBeAnEnd) {
  const std::vector<int32_t> abc = {1, 2, 3};
  const std::vector<int32_t> abd = {1, 2, 4};
  const std::vector<int32_t> ab = {1, 2};
  EXPECT_EQ(first_difference(abc, abc), std::nullopt);
  EXPECT_EQ(first_difference(abc, abd), 2u);
  EXPECT_EQ(first_difference(abc, ab), 2u);
  EXPECT_EQ(first_difference(ab, abc), 2u);
  EXPECT_EQ(first_difference({}, ab), 0u);
  EXPECT_EQ(first_difference({}, {}), std::nullopt);
}

TEST(TextAlign, TokensAreComparedStepByStep) {
  const PassDetail reference = pass({1, 2, 3});
  const PassDetail other = pass({1, 9, 3, 4});
  const PassDetail shorter = pass({1, 2});
  const std::vector<const PassDetail*> passes = {&reference, &other, &shorter, nullptr};
  const TextAlignment made = align_texts(passes);
  EXPECT_EQ(made.steps, 4u);
  ASSERT_EQ(made.rows.size(), 4u);
  EXPECT_EQ(made.rows[0].states, (States{kEqual, kEqual, kEqual, kNone}));
  EXPECT_EQ(made.rows[0].first_differing, std::nullopt);
  // A token after the first difference may be the same again.
  EXPECT_EQ(made.rows[1].states, (States{kEqual, kDiffers, kEqual, kDiffers}));
  EXPECT_EQ(made.rows[1].first_differing, 1u);
  EXPECT_EQ(made.rows[2].states, (States{kEqual, kEqual, kNone, kNone}));
  EXPECT_EQ(made.rows[2].first_differing, 2u);
  EXPECT_EQ(made.rows[3].states, (States{kNone, kNone, kNone, kNone}));
  EXPECT_EQ(made.rows[3].first_differing, std::nullopt);
  EXPECT_EQ(made.rows[3].tokens, 0u);
}

// Tokens are numbered apart; `stopped`: the last one is a stop token.
PassDetail said(const std::vector<std::string>& pieces, bool stopped, int32_t first_id) {
  PassDetail made;
  made.info.finish = stopped ? 0 : 1;
  for (const std::string& piece : pieces) {
    made.steps.push_back({});
    made.steps.back().token = first_id++;
    made.pieces.push_back(piece);
  }
  return made;
}

TEST(TextAlign, OfAnotherTokenizerTheTextIsCompared) {
  const PassDetail reference = said({"The", " gold", " box", "</s>"}, true, 10);
  const PassDetail same = said({"Th", "e gold box", "<|end|>"}, true, 500);
  const PassDetail longer = said({"The gold", " box", " is"}, false, 700);
  const PassDetail shorter = said({"The", " go", "<|end|>"}, true, 10);
  const PassDetail other = said({"The", " old", " box"}, false, 10);
  const std::vector<const PassDetail*> passes = {&reference, &same, &longer, &shorter, &other};
  const TextAlignment made = align_texts(passes, std::vector<uint8_t>{0, 1, 1, 1, 1});
  EXPECT_FALSE(made.rows[0].by_text);
  EXPECT_EQ(made.rows[1].states, (States{kEqual, kEqual, kEqual, kNone}));
  EXPECT_EQ(made.rows[1].first_differing, std::nullopt) << "stop tokens are no text";
  EXPECT_EQ(made.rows[2].states, (States{kEqual, kEqual, kDiffers, kNone}));
  EXPECT_EQ(made.rows[2].first_differing, 2u);
  EXPECT_EQ(made.rows[3].states, (States{kEqual, kEqual, kDiffers, kNone}));
  EXPECT_EQ(made.rows[3].first_differing, 2u) << "it stopped there";
  // " old" for " gold": one byte less, so that what follows stands elsewhere.
  EXPECT_EQ(made.rows[4].states, (States{kEqual, kDiffers, kDiffers, kNone}));
  EXPECT_EQ(made.rows[4].first_differing, 1u);
  // By their numbers nothing would be the same, or too much.
  const TextAlignment by_ids = align_texts(passes);
  EXPECT_EQ(by_ids.rows[1].first_differing, 0u);
  EXPECT_EQ(by_ids.rows[3].first_differing, 3u);
}

TEST(TextAlign, TextsWithoutBytesAreEqual) {
  const PassDetail nothing = said({"</s>"}, true, 1);
  const PassDetail empty = said({"", ""}, false, 5);
  const PassDetail damaged = [] {
    PassDetail made = said({}, false, 0);
    made.steps.resize(2);
    return made;
  }();
  const std::vector<const PassDetail*> passes = {&nothing, &empty, &damaged};
  const TextAlignment made = align_texts(passes, std::vector<uint8_t>{0, 1, 1});
  EXPECT_EQ(made.rows[1].first_differing, std::nullopt);
  EXPECT_EQ(made.rows[2].states, (States{kEqual, kEqual}));
}

TEST(TextAlign, WithoutAReferenceNothingDiffers) {
  const PassDetail other = pass({1, 9});
  const std::vector<const PassDetail*> passes = {nullptr, &other};
  const TextAlignment made = align_texts(passes);
  EXPECT_EQ(made.rows[1].states, (States{kEqual, kEqual}));
  EXPECT_EQ(made.rows[1].first_differing, std::nullopt);
}

TEST(TextAlign, ChipsShowWhatCannotBeSeen) {
  EXPECT_EQ(chip_label("word"), "word");
  EXPECT_EQ(chip_label("\n"), "\u23ce");
  EXPECT_EQ(chip_label("a\tb"), "a\u21e5b");
  EXPECT_EQ(chip_label("  "), "\u2423\u2423");
  EXPECT_EQ(chip_label(" the"), " the");
  EXPECT_EQ(chip_label(""), "\u2205");
  EXPECT_EQ(chip_label("\xe4\xbd\xa0"), "\u4f60");
  EXPECT_EQ(chip_label("\xe4\xbd"), "<E4><BD>");  // a character's beginning
  EXPECT_EQ(chip_label(std::string_view("\0\x7f", 2)), "<0x00><0x7F>");
}

TEST(TextAlign, ColumnsAreFoundByTheirPlace) {
  const std::vector<float> widths = {10, 20, 5};
  const ColumnEdges edges{widths};
  EXPECT_EQ(edges.count(), 3u);
  EXPECT_EQ(edges.total(), 35);
  EXPECT_EQ(edges.left(1), 10);
  EXPECT_EQ(edges.width(1), 20);
  EXPECT_EQ(edges.at(-5), 0u);
  EXPECT_EQ(edges.at(0), 0u);
  EXPECT_EQ(edges.at(9.5f), 0u);
  EXPECT_EQ(edges.at(10), 1u);
  EXPECT_EQ(edges.at(30), 2u);
  EXPECT_EQ(edges.at(99), 2u);
  EXPECT_EQ(ColumnEdges().count(), 0u);
  EXPECT_EQ(ColumnEdges().at(3), 0u);
}

}  // namespace
}  // namespace kvreel::viewer
