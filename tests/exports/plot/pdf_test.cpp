// Scenes as PDF, seen through poppler's programs.
#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "exports/plot/fonts.h"
#include "exports/plot/paint.h"
#include "exports/plot/pictures.h"
#include "exports/plot/sample_scene.h"

namespace kvreel::plot::testing {
namespace {

std::string pdf_of(const Scene& scene, const Fonts& fonts) {
  std::ostringstream out;
  write_pdf(out, scene, fonts);
  return out.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// The value of a line "Key:   value" of pdfinfo.
std::string info(const std::string& text, const std::string& key) {
  std::smatch found;
  return std::regex_search(text, found, std::regex("(?:^|\n)" + key + ": +([^\n]*)"))
             ? found[1].str()
             : std::string();
}

std::string without_spaces(std::string text) {
  for (const std::string space : {" ", "\u2009", "\n", "\f"}) {
    for (std::size_t i; (i = text.find(space)) != text.npos;) text.erase(i, space.size());
  }
  return text;
}

// The sample scene in each family whose package is installed.
class Pdf : public ::testing::TestWithParam<Family> {
 protected:
  void SetUp() override {
    if (!has_program("pdffonts")) GTEST_SKIP() << "poppler-utils is not installed";
    try {
      fonts_ = std::make_unique<Fonts>(GetParam());
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
    scene_ = sample_scene(*fonts_);
    path_ = directory_.write("a.pdf", pdf_of(scene_, *fonts_));
  }

  Directory directory_;
  std::unique_ptr<Fonts> fonts_;
  Scene scene_;
  std::string path_;
};

TEST_P(Pdf, EmbedsEveryFontAsASubsetOfOutlines) {
  const std::vector<std::string> lines = lines_of(output_of("pdffonts " + path_));
  ASSERT_GE(lines.size(), 4u);  // two of heading; regular and bold
  for (std::size_t i = 2; i < lines.size(); ++i) {
    // name, type, encoding, embedded, subset, to Unicode
    EXPECT_TRUE(std::regex_match(
        lines[i], std::regex("[A-Z]{6}\\+(DejaVuSans|LMSans10).* (TrueType|Type 1C|Type 0C) .* yes "
                             "yes yes .*")))
        << lines[i];
    EXPECT_EQ(lines[i].find("Type 3"), std::string::npos);
  }
}

TEST_P(Pdf, HoldsEveryLabelAsText) {
  const std::string text = without_spaces(output_of("pdftotext -raw " + path_ + " -"));
  std::size_t labels = 0;
  for (const Shape& shape : scene_.shapes) {
    const Text* label = std::get_if<Text>(&shape);
    if (label == nullptr) continue;
    std::string characters;
    for (const TextRun& run : label->runs) characters += run.text;
    EXPECT_NE(text.find(without_spaces(characters)), std::string::npos)
        << characters << " in " << text;
    ++labels;
  }
  EXPECT_EQ(labels, 7u);
}

TEST_P(Pdf, PutsTextWhereTheSceneHasIt) {
  struct Word {
    std::string text;
    double left, top, right, bottom;
  };
  std::vector<Word> words;
  const std::string boxes = output_of("pdftotext -bbox " + path_ + " -");
  const std::regex form(
      "<word xMin=\"(.*)\" yMin=\"(.*)\" xMax=\"(.*)\" yMax=\"(.*)\">(.*)</word>");
  for (auto i = std::sregex_iterator(boxes.begin(), boxes.end(), form); i != std::sregex_iterator();
       ++i) {
    const std::smatch& m = *i;
    words.push_back({m[5], std::stod(m[1]), std::stod(m[2]), std::stod(m[3]), std::stod(m[4])});
  }
  const auto word = [&](const std::string& text) {
    for (const Word& w : words) {
      if (w.text == text) return w;
    }
    ADD_FAILURE() << "no word " << text;
    return Word{};
  };
  // PDF has widths in thousandths of an em, rounded: over 15 characters of 9 points 0.07 at most.
  constexpr double kNear = 0.07;
  EXPECT_NEAR(word("Budget").left, 10, kNear);
  EXPECT_NEAR(word("right").left, 238 - fonts_->width("right \u2016A\u2016", 8, true), kNear);
  EXPECT_NEAR(word("centred").left, 80 - fonts_->width("centred \u2264 50 \u23ce", 8) / 2, kNear);
  EXPECT_NEAR(word("50").left, word("centred").left + fonts_->width("centred \u2264 ", 8), kNear);
  EXPECT_NEAR(word("turned").bottom, 90 + fonts_->width("turned A_{i} (ms)", 8) / 2, kNear);
  EXPECT_NEAR(word("(ms)").top, 90 - fonts_->width("turned A_{i} (ms)", 8) / 2, kNear);
  EXPECT_NEAR(word("up").bottom, 160, kNear);
}

TEST_P(Pdf, SaysWhatItIs) {
  const std::string text = output_of("pdfinfo -isodates " + path_);
  EXPECT_EQ(info(text, "Title"), "Norm \u2016A\u2016 & budget <5 %>");
  EXPECT_EQ(info(text, "Subject"),
            "trace: demo & \"more\".h5; recorded: 2026-11-22T01:02:03Z; policies: "
            "refreekv:threshold=5% -- <all>");
  EXPECT_EQ(info(text, "Creator"), "kvreel");
  EXPECT_EQ(info(text, "CreationDate"), "2026-11-22T01:02:03Z");
  EXPECT_EQ(info(text, "ModDate"), "");
  EXPECT_EQ(info(text, "Pages"), "1");
  EXPECT_EQ(info(text, "Page size"), "240 x 180 pts");
  EXPECT_EQ(info(text, "PDF version"), "1.5");
}

TEST_P(Pdf, AsksThatCellsAreNotInterpolated) {
  const std::vector<std::string> lines = lines_of(output_of("pdfimages -list " + path_));
  std::size_t images = 0;
  for (std::size_t i = 2; i < lines.size(); ++i) {
    std::istringstream words(lines[i]);
    std::string page, number, type, width, height, color, components, bits, encoding, interpolate;
    words >> page >> number >> type >> width >> height >> color >> components >> bits >> encoding >>
        interpolate;
    EXPECT_EQ(encoding, "image");
    EXPECT_EQ(interpolate, "no");
    images += type == "image";
  }
  EXPECT_EQ(images, 3u);
}

TEST_P(Pdf, IsTheSameEveryTime) {
  const Fonts others(GetParam());
  EXPECT_EQ(pdf_of(sample_scene(others), others), bytes_of(path_));
}

INSTANTIATE_TEST_SUITE_P(Families, Pdf, ::testing::Values(Family::dejavu, Family::latin_modern),
                         [](const auto& family) {
                           return family.param == Family::dejavu ? "DejaVu" : "LatinModern";
                         });

TEST(PdfPage, HasTheExactSize) {
  if (!has_program("pdfinfo")) GTEST_SKIP() << "poppler-utils is not installed";
  const Fonts fonts;
  Scene scene;
  scene.width = 218.268;  // 7.7 cm
  scene.height = 134.9;
  const Directory directory;
  const std::string path = directory.write("a.pdf", pdf_of(scene, fonts));
  const std::string text = output_of("pdfinfo -isodates " + path);
  EXPECT_EQ(info(text, "Page size"), "218.268 x 134.9 pts");
  // Not the time of drawing.
  EXPECT_EQ(info(text, "CreationDate"), "2000-01-01T00:00:00Z");
  EXPECT_EQ(info(text, "Title"), "");
}

TEST(PdfPage, HasADateOnlyFromOneThatIsADate) {
  if (!has_program("pdfinfo")) GTEST_SKIP() << "poppler-utils is not installed";
  const Fonts fonts;
  const Directory directory;
  const auto date = [&](const std::string& recorded) {
    Scene scene;
    scene.width = scene.height = 10;
    scene.metadata = {{"recorded", recorded}};
    const std::string path = directory.write("a.pdf", pdf_of(scene, fonts));
    return info(output_of("pdfinfo -isodates " + path), "CreationDate");
  };
  EXPECT_EQ(date("2026-11-22T01:02:03Z, 2026-11-23T01:02:03Z"), "2026-11-22T01:02:03Z");
  for (const char* other : {"", "yesterday", "2026-11-22", "2026-11-22 01:02:03"}) {
    EXPECT_EQ(date(other), "2000-01-01T00:00:00Z") << other;
  }
}

TEST(PdfPage, FailsWhereTheStreamDoes) {
  const Fonts fonts;
  Scene scene;
  scene.width = scene.height = 10;
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  EXPECT_THROW(write_pdf(out, scene, fonts), Error);
}

// What no font of the family has comes from another, embedded as well.
TEST(PdfPage, EmbedsFontsThatStandIn) {
  if (!has_program("pdffonts")) GTEST_SKIP() << "poppler-utils is not installed";
  const Fonts fonts;
  Scene scene;
  scene.width = scene.height = 50;
  scene.shapes = {label(fonts, {5, 20}, "a\u6f22\u5b57b", 9)};
  if (fonts.faces() == 2) GTEST_SKIP() << "no font of this machine has Chinese";
  const Directory directory;
  const std::string path = directory.write("a.pdf", pdf_of(scene, fonts));
  EXPECT_EQ(without_spaces(output_of("pdftotext -raw " + path + " -")), "a\u6f22\u5b57b");
  const std::vector<std::string> lines = lines_of(output_of("pdffonts " + path));
  EXPECT_EQ(lines.size(), 4u);
  for (std::size_t i = 2; i < lines.size(); ++i) {
    EXPECT_NE(lines[i].find(" yes yes yes "), std::string::npos) << lines[i];
    EXPECT_EQ(lines[i].find("Type 3"), std::string::npos) << lines[i];
  }
}

}  // namespace
}  // namespace kvreel::plot::testing
