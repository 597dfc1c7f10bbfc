// Scenes as SVG.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>

#include "base/error.h"
#include "exports/plot/fonts.h"
#include "exports/plot/paint.h"
#include "exports/plot/painting.h"
#include "exports/plot/pictures.h"
#include "exports/plot/sample_scene.h"

namespace kvreel::plot::testing {
namespace {

std::string svg_of(const Scene& scene, const Fonts& fonts) {
  std::ostringstream out;
  write_svg(out, scene, fonts);
  return out.str();
}

// Machines with another zlib compress otherwise.
std::string without_pixels(const std::string& svg) {
  return std::regex_replace(svg, std::regex("base64,[A-Za-z0-9+/=]*"), "base64,...");
}

TEST(Svg, IsTheGoldenFile) {
  const Fonts fonts;
  const std::string path = KVREEL_SOURCE_DIR "/tests/exports/plot/golden/sample.svg";
  const std::string svg = without_pixels(svg_of(sample_scene(fonts), fonts));
  if (std::getenv("KVREEL_WRITE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << svg;
  EXPECT_EQ(svg, bytes_of(path))
      << "where the change is meant, run this with KVREEL_WRITE_GOLDEN=1";
}

// What an XML parser of others reads: elements' counts, then all text.
std::string parsed(const Directory& directory, const std::string& svg) {
  const std::string program =
      directory.write("parse.py",
                      "import collections, sys\n"
                      "import xml.etree.ElementTree as tree\n"
                      "root = tree.parse(sys.argv[1]).getroot()\n"
                      "names = collections.Counter()\n"
                      "for e in root.iter():\n"
                      "  names[e.tag.split('}')[1]] += 1\n"
                      "for n in sorted(names): print(n, names[n])\n"
                      "for e in root.iter():\n"
                      "  n = e.tag.split('}')[1]\n"
                      "  if n in ('text', 'title', 'item'):\n"
                      "    print(n, e.get('name'), ''.join(e.itertext()))\n");
  return output_of("PYTHONIOENCODING=utf-8 python3 " + program + " " +
                   directory.write("a.svg", svg));
}

TEST(Svg, IsXmlThatHoldsEveryLabelAsText) {
  if (!has_program("python3")) GTEST_SKIP() << "python3 is not installed";
  const Fonts fonts;
  const Directory directory;
  EXPECT_EQ(parsed(directory, svg_of(sample_scene(fonts), fonts)),
            "circle 2\n"
            "clipPath 1\n"
            "g 1\n"
            "image 3\n"
            "item 3\n"
            "metadata 1\n"
            "path 3\n"
            "polygon 1\n"
            "polyline 5\n"
            "rect 8\n"
            "svg 1\n"
            "text 7\n"
            "title 1\n"
            "tspan 8\n"
            "title None Norm \u2016A\u2016 & budget <5 %>\n"
            "item trace demo & \"more\".h5\n"
            "item recorded 2026-11-22T01:02:03Z\n"
            "item policies refreekv:threshold=5% -- <all>\n"
            "text None Budget A95 of n2, \u03bb \u2212 5\u2009%\n"
            "text None right \u2016A\u2016\n"
            "text None centred \u2264 50 \u23ce\n"
            "text None turned Ai (ms)\n"
            "text None up\n"
            "text None <&> \"quoted\"\n"
            "text None two  spaces \n");
}

TEST(Svg, SurvivesAnyTextInItsMetadata) {
  if (!has_program("python3")) GTEST_SKIP() << "python3 is not installed";
  const Fonts fonts;
  Scene scene;
  scene.width = scene.height = 10;
  scene.title = "]]> --> </title> \x01\x1b[1m \xff \uffff end";
  scene.metadata = {{"a\"b<c>\x02", "two\nlines & 'more' <!-- -->"}};
  const Directory directory;
  EXPECT_EQ(parsed(directory, svg_of(scene, fonts)),
            "item 1\n"
            "metadata 1\n"
            "rect 1\n"
            "svg 1\n"
            "title 1\n"
            "title None ]]> --> </title> [1m \ufffd  end\n"
            "item a\"b<c> two\nlines & 'more' <!-- -->\n");
}

TEST(Svg, NamesItsSizeInPoints) {
  const Fonts fonts;
  Scene scene;
  scene.width = 218.268;
  scene.height = 134.9;
  scene.ground.a = 0;
  EXPECT_EQ(svg_of(scene, fonts),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" "
            "xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"218.268pt\" height=\"134.9pt\" "
            "viewBox=\"0 0 218.268 134.9\" stroke-linecap=\"round\" stroke-linejoin=\"round\" "
            "text-rendering=\"geometricPrecision\" "
            "style=\"font-kerning:none;font-variant-ligatures:none\">\n"
            "</svg>\n");
}

TEST(Svg, WritesShortNumbers) {
  EXPECT_EQ(short_decimals(12), "12");
  EXPECT_EQ(short_decimals(100), "100");
  EXPECT_EQ(short_decimals(0.5), "0.5");
  EXPECT_EQ(short_decimals(-1.23456), "-1.235");
  EXPECT_EQ(short_decimals(-0.0001), "0");
  EXPECT_EQ(short_decimals(2.0004), "2");
}

TEST(Svg, IsTheSameEveryTime) {
  const Fonts fonts;
  const Fonts others;
  EXPECT_EQ(svg_of(sample_scene(others), others), svg_of(sample_scene(fonts), fonts));
}

TEST(Svg, FailsWhereTheStreamDoes) {
  const Fonts fonts;
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  EXPECT_THROW(write_svg(out, sample_scene(fonts), fonts), Error);
}

}  // namespace
}  // namespace kvreel::plot::testing
