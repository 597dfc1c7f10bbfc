// Text that is shown and not obeyed.
#include "base/visible_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace kvreel {
namespace {

TEST(VisibleLine, ShowsWhatATerminalWouldObey) {
  EXPECT_EQ(visible_line("a\x1b[2Jb"), "a\\x1b[2Jb");
  EXPECT_EQ(visible_line("\x1b]52;c;ZXZpbA==\x07"), "\\x1b]52;c;ZXZpbA==\\x07");
  EXPECT_EQ(visible_line("\u009b31m"), "\\x9b31m");  // CSI as one character
  EXPECT_EQ(visible_line("one\r\ntwo\tthree"), "one\\r\\ntwo\\tthree");
  EXPECT_EQ(visible_line(std::string("nul\0!", 5)), "nul\\x00!");
  EXPECT_EQ(visible_line("\x7f"), "\\x7f");
}

TEST(VisibleLine, ShowsWhatReordersHidesOrBreaksText) {
  EXPECT_EQ(visible_line("x\u202egnp.exe"), "x\\u202egnp.exe");
  EXPECT_EQ(visible_line("\u2066\u200b\ufeff\u2028"), "\\u2066\\u200b\\ufeff\\u2028");
  EXPECT_EQ(visible_line("\U000e0041"), "\\U000e0041");  // a tag
}

TEST(VisibleLines, KeepLineFeedsAndShowTheRest) {
  EXPECT_EQ(visible_lines("one\ttwo\n\nthree\x1b"), "one\\ttwo\n\nthree\\x1b\n");
  EXPECT_EQ(visible_lines(""), "");
}

TEST(VisibleLine, LeavesTextAlone) {
  const std::string text = "C:\\path, \u6f22\u5b57 \u00e9 \U0001f600 <&> $%#";
  EXPECT_EQ(visible_line(text), text);
  EXPECT_EQ(visible_line(visible_line("\x1b[0m")), "\\x1b[0m");
  EXPECT_EQ(visible_line(""), "");
}

TEST(VisibleLine, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(visible_line("a\xff\x9b"), "a\uFFFD\uFFFD");
  EXPECT_EQ(visible_line("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD");  // a surrogate
}

TEST(UnseenEscapedJson, ReadsTheSameAndHoldsNothingUnseen) {
  const std::string text = "\u009b2J \u202e \U000e0041 \x7f \u6f22 \"\\\n";
  const std::string json = nlohmann::json({text, 1}).dump(2);
  const std::string escaped = unseen_escaped_json(json);
  EXPECT_EQ(nlohmann::json::parse(escaped), nlohmann::json({text, 1}));
  EXPECT_NE(escaped.find("\\u009b2J \\u202e \\udb40\\udc41 \\u007f \u6f22"), std::string::npos)
      << escaped;
  EXPECT_NE(escaped.find('\n'), std::string::npos);  // between the values
}

}  // namespace
}  // namespace kvreel
