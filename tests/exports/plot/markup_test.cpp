// Markup of figures' text.
#include "exports/plot/markup.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "exports/plot/figure.h"

namespace kvreel::plot {
namespace {

using Pieces = std::vector<MarkupPiece>;

TEST(Markup, SetsSubscriptsAndSuperscripts) {
  EXPECT_EQ(parse_markup("A_{95} of n^{2}."), (Pieces{{"A", Level::base},
                                                      {"95", Level::sub},
                                                      {" of n", Level::base},
                                                      {"2", Level::super},
                                                      {".", Level::base}}));
  EXPECT_EQ(parse_markup("x_{a}_{b}"), (Pieces{{"x", Level::base}, {"ab", Level::sub}}));
}

TEST(Markup, LeavesWhatIsNoMarkupAsItIs) {
  for (const std::string text : {"max_new_tokens", "x_", "x^", "_", "a{b}c", "}{", "x_{open",
                                 "x^{also open\\}", "C:\\dir\\", "\\", "tab\\t"}) {
    if (text == "x^{also open\\}") {
      EXPECT_EQ(plain_text(text), "x^{also open}");  // the escape still is one
    } else {
      EXPECT_EQ(parse_markup(text), (Pieces{{text, Level::base}})) << text;
    }
  }
  EXPECT_TRUE(parse_markup("").empty());
  EXPECT_TRUE(parse_markup("_{}").empty());
}

TEST(Markup, EndsAGroupAtTheFirstBrace) {
  EXPECT_EQ(parse_markup("x_{a{b}c}"),
            (Pieces{{"x", Level::base}, {"a{b", Level::sub}, {"c}", Level::base}}));
  EXPECT_EQ(parse_markup("x_{a\\}b}"), (Pieces{{"x", Level::base}, {"a}b", Level::sub}}));
}

TEST(Markup, EscapesAnyTextSoThatItReadsBack) {
  for (const std::string text :
       {"a_{b}", "x^{2}", "\\_{", "{}", "_^{}\\", "plain", "", "\\\\n", "\\"}) {
    EXPECT_EQ(plain_text(escape_markup(text)), text);
    EXPECT_LE(parse_markup(escape_markup(text)).size(), 1u) << text;
  }
  EXPECT_EQ(escape_markup("a_{b}\\"), "a\\_\\{b\\}\\\\");
  EXPECT_EQ(plain_text(escape_markup("a\x1b[2J\n\u202e")), "a\\x1b[2J\\n\\u202e");
}

}  // namespace
}  // namespace kvreel::plot
