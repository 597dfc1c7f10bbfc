// Chips in rows, and finding text in them.
#include "viewer/model/token_flow.h"

#include <gtest/gtest.h>

#include "viewer/model/find.h"

namespace kvreel::viewer::testing {
namespace {

TEST(TokenFlow, ARowIsFilledAndThenANewOneBegins) {
  const std::vector<float> widths = {30, 30, 30, 50};
  const std::vector<uint8_t> ends(4, 0);
  const TokenFlow flow = flow_tokens(widths, {}, ends, 70, 5);
  EXPECT_EQ(flow.first, (std::vector<int32_t>{0, 2, 3, 4}));
  EXPECT_EQ(flow.x, (std::vector<float>{0, 35, 0, 0}));
  EXPECT_EQ(flow.row_of(1), 0);
  EXPECT_EQ(flow.row_of(3), 2);
  EXPECT_EQ(flow.row_of(4), -1);
  EXPECT_EQ(flow.row_of(-1), -1);
}

TEST(TokenFlow, TheRoomBeforeAWordIsLeftOutWhereARowBegins) {
  const std::vector<float> widths = {30, 30, 30};
  const std::vector<float> leads = {3, 3, 3};
  const std::vector<uint8_t> ends(3, 0);
  const TokenFlow flow = flow_tokens(widths, leads, ends, 70, 5);
  EXPECT_EQ(flow.x, (std::vector<float>{0, 38, 0}));
  EXPECT_EQ(flow_tokens(widths, leads, ends, 67, 5).rows(), 3);
}

TEST(TokenFlow, ANewlineEndsItsRowAndAWideChipIsCut) {
  const std::vector<float> widths = {10, 10, 500, 10};
  const std::vector<uint8_t> ends = {1, 0, 0, 0};
  const TokenFlow flow = flow_tokens(widths, {}, ends, 100, 5);
  EXPECT_EQ(flow.first, (std::vector<int32_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(flow.width[2], 100);
}

TEST(TokenFlow, TheTokenUnderThePointerIsFound) {
  const std::vector<float> widths = {30, 30, 30};
  const std::vector<uint8_t> ends(3, 0);
  const TokenFlow flow = flow_tokens(widths, {}, ends, 70, 5);
  EXPECT_EQ(flow.token_at(0, 0, 5), 0);
  EXPECT_EQ(flow.token_at(0, 34, 5), 0);
  EXPECT_EQ(flow.token_at(0, 36, 5), 1);
  EXPECT_EQ(flow.token_at(0, 80, 5), -1);
  EXPECT_EQ(flow.token_at(1, 1, 5), 2);
  EXPECT_EQ(flow.token_at(2, 1, 5), -1);
  EXPECT_EQ(flow.token_at(0, -1, 5), -1);
  EXPECT_EQ(flow_tokens({}, {}, {}, 100, 5).rows(), 0);
}

Prompt prompt_of(const std::vector<std::string>& pieces) {
  Prompt prompt;
  for (const std::string& piece : pieces) {
    prompt.ids.push_back(0);
    prompt.pieces.push_back(piece);
  }
  return prompt;
}

TEST(Find, AWordThatIsSplitOverTokensIsFound) {
  const JoinedText text(prompt_of({"The", " cap", "ital", " of", " France", ", the capital"}));
  EXPECT_EQ(text.find("capital"), (std::vector<Match>{{1, 2}, {5, 5}}));
  EXPECT_EQ(text.find("the"), (std::vector<Match>{{0, 0}, {5, 5}}));
  EXPECT_EQ(text.find("The"), (std::vector<Match>{{0, 0}}));  // a capital means it
  EXPECT_TRUE(text.find("").empty());
  EXPECT_TRUE(text.find("xyz").empty());
}

TEST(Find, EmptyPiecesAreNoPartOfAMatch) {
  const JoinedText text(prompt_of({"a", "", "b", ""}));
  EXPECT_EQ(text.find("b"), (std::vector<Match>{{2, 2}}));
  EXPECT_EQ(text.find("ab"), (std::vector<Match>{{0, 2}}));
}

TEST(Find, BytesOfASplitCharacterAreFoundTogether) {
  const JoinedText text(prompt_of({"x \xE2\x82", "\xAC y"}));
  EXPECT_EQ(text.find("\u20AC"), (std::vector<Match>{{0, 1}}));
}

}  // namespace
}  // namespace kvreel::viewer::testing
