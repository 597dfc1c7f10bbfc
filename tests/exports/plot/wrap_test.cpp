// Breaking and shortening text.
#include "exports/plot/wrap.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "exports/plot/fonts.h"

namespace kvreel::plot {
namespace {

constexpr TextStyle kText{8, false};

using Strings = std::vector<std::string>;

TEST(Wrap, UnitsKeepMarkupWhole) {
  const auto units = markup_units("a\\_b_{ij}\u00e9^{2}_");
  EXPECT_EQ(Strings(units.begin(), units.end()),
            (Strings{"a", "\\_", "b", "_{ij}", "\u00e9", "^{2}", "_"}));
}

TEST(Wrap, ShortTextStaysOnOneLine) {
  const Fonts fonts;
  const Lines lines = wrap(fonts, "full", kText, 100, 4, Cut::middle);
  EXPECT_EQ(lines.lines, Strings{"full"});
  EXPECT_TRUE(lines.whole);
  EXPECT_DOUBLE_EQ(lines.width, fonts.width("full", 8));
}

TEST(Wrap, NamesOfRunsBreakBetweenOptions) {
  const Fonts fonts;
  const std::string name = "refreekv:threshold=5%,keep-layers=none";
  const double width = fonts.width("refreekv:threshold=5%,", 8) + 0.1;
  EXPECT_EQ(wrap(fonts, name, kText, width, 4, Cut::middle).lines,
            (Strings{"refreekv:threshold=5%,", "keep-layers=none"}));
  const double narrow = fonts.width("keep-layers=none", 8) + 0.1;
  EXPECT_EQ(wrap(fonts, name, kText, narrow, 4, Cut::middle).lines,
            (Strings{"refreekv:", "threshold=5%,", "keep-layers=none"}));
}

TEST(Wrap, LinesAreEven) {
  const Fonts fonts;
  const std::string text = "one two three four five six";
  const Lines lines =
      wrap(fonts, text, kText, fonts.width("one two three four five", 8), 2, Cut::end);
  EXPECT_EQ(lines.lines, (Strings{"one two three", "four five six"}));
}

TEST(Wrap, RunningTextFillsItsLines) {
  const Fonts fonts;
  const std::string text = "one two three four five six";
  const Lines lines = wrap(fonts, text, kText, fonts.width("one two three four five", 8), 2,
                           Cut::end, Filling::full);
  EXPECT_EQ(lines.lines, (Strings{"one two three four five", "six"}));
}

TEST(Wrap, NothingIsWiderThanTheWidth) {
  const Fonts fonts;
  const std::string text =
      "Trace longbench-qwen3-0.6b_2026.h5 (sha256 3f9a1c20) of 35 samples, of "
      "which 3 were left out: they have no answers.";
  for (double width = 12; width < 400; width += 7) {
    for (const std::size_t most : {1u, 2u, 3u, 5u}) {
      for (const Cut cut : {Cut::end, Cut::middle}) {
        const Lines lines = wrap(fonts, text, kText, width, most, cut);
        EXPECT_LE(lines.lines.size(), most);
        std::string joined;
        for (const std::string& line : lines.lines) {
          EXPECT_LE(fonts.width(line, 8), width) << line;
          joined += line;
        }
        const bool cut_off = joined.find("\u2026") != std::string::npos;
        EXPECT_EQ(lines.whole, !cut_off);
      }
    }
  }
}

TEST(Shorten, KeepsBothEndsOfNames) {
  const Fonts fonts;
  const std::string name = "refreekv:threshold=5%,keep-layers=none";
  const std::string cut = shorten(fonts, name, kText, 80, Cut::middle);
  EXPECT_TRUE(cut.starts_with("refreekv"));
  EXPECT_TRUE(cut.ends_with("none"));
  EXPECT_NE(cut.find("\u2026"), std::string::npos);
  EXPECT_TRUE(shorten(fonts, name, kText, 80, Cut::end).ends_with("\u2026"));
}

}  // namespace
}  // namespace kvreel::plot
