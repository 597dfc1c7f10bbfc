// Fonts of figures: widths, faces that stand in, what is said where one is missing.
#include "exports/plot/fonts.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace kvreel::plot {
namespace {

// Sums of a handful of doubles of size 10: rounding alone.
constexpr double kRounding = 1e-12;

// Fonts of the family, or nothing, with the reason, where its package is not installed.
std::unique_ptr<Fonts> fonts_of(Family family, std::string& why) {
  try {
    return std::make_unique<Fonts>(family);
  } catch (const Error& error) {
    why = error.what();
    return nullptr;
  }
}

std::string joined(const std::vector<TextRun>& runs) {
  return std::accumulate(runs.begin(), runs.end(), std::string(),
                         [](std::string all, const TextRun& run) { return all + run.text; });
}

// Advances in units of 1/2048 em from the hmtx table of DejaVu Sans 2.37, the version that its
// project released last (2016).
TEST(Fonts, MeasuresWithTheAdvancesOfTheFile) {
  const Fonts fonts;
  EXPECT_NEAR(fonts.width("a", 10), 10 * 1255 / 2048.0, kRounding);
  EXPECT_NEAR(fonts.width("0123456789", 10), 10 * 10 * 1303 / 2048.0, kRounding);
  EXPECT_NEAR(fonts.width("a", 10, true), 10 * 1382 / 2048.0, kRounding);
  EXPECT_NEAR(fonts.width("\u2212", 10), 10 * 1716 / 2048.0, kRounding);
  EXPECT_NEAR(fonts.width("\u2009", 10), 10 * 409 / 2048.0, kRounding);
  EXPECT_NEAR(fonts.width("AVAVA", 10), 10 * (3 + 2) * 1401 / 2048.0, kRounding);  // no kerning
  EXPECT_EQ(fonts.width("", 10), 0);
  EXPECT_NEAR(fonts.ascent(10), 10 * 1901 / 2048.0, kRounding);
  EXPECT_NEAR(fonts.descent(10), 10 * 483 / 2048.0, kRounding);
  EXPECT_NEAR(fonts.cap_height(10), 10 * 1493 / 2048.0, kRounding);
}

TEST(Fonts, SetsMarkupAsRunsThatFollowEachOther) {
  const Fonts fonts;
  const std::vector<TextRun> runs = fonts.set("A_{95}^{2} x", 10);
  ASSERT_EQ(runs.size(), 4u);
  EXPECT_EQ(runs[0].text, "A");
  EXPECT_EQ(runs[1].text, "95");
  EXPECT_EQ(runs[2].text, "2");
  EXPECT_EQ(runs[3].text, " x");
  EXPECT_EQ(runs[0].size, 10);
  EXPECT_EQ(runs[1].size, 7);
  EXPECT_LT(runs[1].rise, 0);
  EXPECT_GT(runs[2].rise, 0);
  EXPECT_EQ(runs[3].rise, 0);
  double x = 0;
  for (const TextRun& run : runs) {
    EXPECT_NEAR(run.dx, x, kRounding);
    EXPECT_NEAR(run.width, fonts.width(run.text, run.size), kRounding);
    x += run.width;
  }
  EXPECT_NEAR(fonts.width("A_{95}^{2} x", 10), x, kRounding);
}

TEST(Fonts, HasWhatFiguresWriteInItsOwnFace) {
  const Fonts fonts;
  // Minus, thin space, Greek, double bar, subscripts, return symbol, less-equal, arrow, times.
  const std::string text = "\u2212\u2009\u03bb\u0394\u2016\u2080\u2089\u23ce\u2264\u2192\u00d7";
  const std::vector<TextRun> runs = fonts.set(text, 8);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].text, text);
  EXPECT_EQ(runs[0].face, 0u);
}

TEST(Fonts, LatinModernTakesWhatItLacksFromDejaVu) {
  std::string why;
  const auto fonts = fonts_of(Family::latin_modern, why);
  if (!fonts) GTEST_SKIP() << why;
  EXPECT_EQ(fonts->face(0).name, "Latin Modern Sans");
  EXPECT_TRUE(fonts->face(0).path.ends_with("lmsans10-regular.otf")) << fonts->face(0).path;
  EXPECT_TRUE(fonts->face(1).path.ends_with("lmsans10-bold.otf")) << fonts->face(1).path;
  // From the hmtx table of lmsans10-regular.otf 2.005.
  EXPECT_NEAR(fonts->width("a", 10), 10 * 481 / 1000.0, kRounding);

  const std::vector<TextRun> runs = fonts->set("a\u03bbb", 10);
  ASSERT_EQ(runs.size(), 3u);
  EXPECT_EQ(runs[0].face, 0u);
  EXPECT_EQ(fonts->face(runs[1].face).name, "DejaVu Sans");
  EXPECT_FALSE(fonts->face(runs[1].face).bold);
  EXPECT_NEAR(runs[1].width, Fonts().width("\u03bb", 10), kRounding);
  EXPECT_EQ(runs[2].face, 0u);
  EXPECT_TRUE(fonts->face(fonts->set("\u03bb", 10, true)[0].face).bold);

  // Every character that figures write arrives.
  const std::string text = "\u2212\u2009\u03bb\u0394\u2016\u2080\u2089\u23ce\u2264\u2192\u00d7";
  EXPECT_EQ(joined(fonts->set(text, 10)), text);
  EXPECT_EQ(joined(fonts->set(text, 10, true)), text);
}

TEST(Fonts, ShowsWhatNoFontHasAsTheReplacementCharacter) {
  const Fonts fonts;
  EXPECT_EQ(joined(fonts.set("a\U0010fffd", 10)), "a\ufffd");  // private use
  EXPECT_EQ(joined(fonts.set("a\xff"
                             "b\xe4\xb8",
                             10)),
            "a\ufffd"
            "b\ufffd\ufffd");
  EXPECT_GT(fonts.width("\xff", 10), 0);
}

TEST(Fonts, TurnsControlCharactersIntoSpacesAndDropsInvisibleOnes) {
  const Fonts fonts;
  EXPECT_EQ(joined(fonts.set(std::string("a\nb\tc\0d\x7f", 8), 10)), "a b c d ");
  EXPECT_EQ(joined(fonts.set("a\u200b\u202eb\ufeff\ufe0f", 10)), "ab");
}

TEST(Fonts, StandsInWithAnyFontThatHasTheCharacter) {
  const Fonts fonts;
  const std::vector<TextRun> runs = fonts.set("\u6f22\u5b57", 10);
  if (joined(runs) == "\ufffd\ufffd") GTEST_SKIP() << "no font of this machine has Chinese";
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].text, "\u6f22\u5b57");
  EXPECT_GE(runs[0].face, 2u);
  EXPECT_EQ(fonts.faces(), runs[0].face + 1);
  EXPECT_NE(fonts.face(runs[0].face).name, "DejaVu Sans");
  EXPECT_NEAR(runs[0].width, 20, 2);  // full width
}

class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  ~Environment() { before_ ? setenv(name_, before_->c_str(), 1) : unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

std::string error_of(Family family) {
  try {
    const Fonts fonts(family);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(Fonts, SaysWhichPackageHasAFamilyThatIsNotInstalled) {
  const std::string dejavu = std::filesystem::path(Fonts().face(0).path).parent_path();
  const std::filesystem::path directory =
      std::filesystem::path(::testing::TempDir()) / "kvreel-fonts-test";
  std::filesystem::create_directories(directory / "cache");
  const auto configure = [&](const std::string& fonts) {
    const std::filesystem::path path = directory / "fonts.conf";
    std::ofstream(path) << "<fontconfig>" << fonts << "<cachedir>" << (directory / "cache").string()
                        << "</cachedir></fontconfig>";
    return path.string();
  };
  {
    const Environment none("FONTCONFIG_FILE", configure(""));
    EXPECT_EQ(error_of(Family::dejavu),
              "The font DejaVu Sans is not installed, which figures are set in; install the "
              "package fonts-dejavu-core of Debian or Ubuntu.");
  }
  {
    // fontconfig would hand out DejaVu Sans for the family that it does not have.
    const Environment some("FONTCONFIG_FILE", configure("<dir>" + dejavu + "</dir>"));
    EXPECT_EQ(error_of(Family::dejavu), "");
    EXPECT_EQ(error_of(Family::latin_modern),
              "The font Latin Modern Sans is not installed, which figures are set in; install the "
              "package fonts-lmodern of Debian or Ubuntu.");
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace kvreel::plot
