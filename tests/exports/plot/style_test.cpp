// Sizes, names and colours.
#include "exports/plot/style.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "exports/plot/color_math.h"
#include "exports/plot/example_figures.h"
#include "exports/plot/looks.h"

namespace kvreel::plot {
namespace {

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(Style, KnowsTheWidthsOfStyleFiles) {
  EXPECT_NEAR(parse_size("acl-column").width, 77 / 25.4 * 72, 1e-9);
  EXPECT_NEAR(parse_size("acl-page").width, 160 / 25.4 * 72, 1e-9);
  EXPECT_EQ(parse_size("neurips").width, 396);
  EXPECT_EQ(parse_size("icml-column").width, 234);
  EXPECT_EQ(parse_size("ieee-column").width, 252);
  EXPECT_EQ(parse_size("acl-column").height, 0);
  const Size slide = parse_size("slide");
  EXPECT_NEAR(slide.width / slide.height, 16. / 9, 1e-9);
}

TEST(Style, ReadsSizesWithUnits) {
  EXPECT_NEAR(parse_size("8cm").width, 80 / 25.4 * 72, 1e-9);
  EXPECT_EQ(parse_size("8cm").height, 0);
  EXPECT_EQ(parse_size("3.25in").width, 234);
  EXPECT_EQ(parse_size("400x300pt").width, 400);
  EXPECT_EQ(parse_size("400x300pt").height, 300);
  EXPECT_NEAR(parse_size("88x60mm").height, 60 / 25.4 * 72, 1e-9);
  EXPECT_NEAR(parse_size(" 88mm x 6cm ").width, 88 / 25.4 * 72, 1e-9);
  EXPECT_NEAR(parse_size("88mm x 6cm").height, 60 / 25.4 * 72, 1e-9);
}

TEST(Style, RefusesSizesThatAreNone) {
  for (const std::string text :
       {"", "wide", "8", "8x6", "nanpt", "infcm", "-80mm", "0pt", "71pt", "2001pt", "400x0pt",
        "400x5000pt", "x60mm", "88x", "88x60", "88x60mmx", "1e300in", "88 60mm", "acl"}) {
    EXPECT_THROW(parse_size(text), UsageError) << text;
  }
  EXPECT_NE(message_of([] { parse_size("acl-colum"); }).find("'acl-column'"), std::string::npos);
}

TEST(Style, NamesAreOfferedWhereOneIsMisspelled) {
  EXPECT_NE(message_of([] { parse_style("prnt"); }).find("'print'"), std::string::npos);
  EXPECT_NE(message_of([] { parse_palette("okabe-itoo"); }).find("'okabe-ito'"), std::string::npos);
  EXPECT_NE(message_of([] { parse_family("dejavuu"); }).find("'dejavu'"), std::string::npos);
  EXPECT_EQ(parse_palette("grey"), Palette::grey);
  EXPECT_EQ(parse_family("latin-modern"), Family::latin_modern);
  for (const std::string_view name : known_styles()) EXPECT_GT(parse_style(name).size.width, 0);
  EXPECT_FALSE(parse_style("print").title);
  EXPECT_FALSE(parse_style("print").footer);
  EXPECT_TRUE(parse_style("dark").dark);
}

Style style_of(Palette palette, bool dark) {
  Style style = parse_style("screen");
  style.palette = palette;
  style.dark = dark;
  return style;
}

constexpr Palette kPalettes[] = {Palette::okabe_ito, Palette::tol_bright, Palette::grey};

double distance(Color a, Color b) {
  const Lab x = to_lab(a), y = to_lab(b);
  return std::hypot(x.l - y.l, x.a - y.a, x.b - y.b);
}

// What colour a person without M cones (deuteranopia), or without L cones (protanopia), sees:
// Machado, Oliveira, Fernandes 2009, table 1 of the supplement, severity 1; for linear RGB.
enum class Sight { deuteranopia, protanopia };

Color as_seen(Color color, Sight sight) {
  constexpr double kDeuteranopia[] = {0.367322, 0.860646,  -0.227968, 0.280085, 0.672501,
                                      0.047413, -0.011820, 0.042940,  0.968881};
  constexpr double kProtanopia[] = {0.152286, 1.052583,  -0.204868, 0.114503, 0.786281,
                                    0.099216, -0.003882, -0.048116, 1.051998};
  const double* m = sight == Sight::deuteranopia ? kDeuteranopia : kProtanopia;
  const auto linear = [](uint8_t channel) {
    const double c = channel / 255.;
    return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
  };
  const double r = linear(color.r), g = linear(color.g), b = linear(color.b);
  const auto row = [&](int i) {
    const double c = std::clamp(m[i] * r + m[i + 1] * g + m[i + 2] * b, 0., 1.);
    const double s = c <= 0.0031308 ? c * 12.92 : 1.055 * std::pow(c, 1 / 2.4) - 0.055;
    return static_cast<uint8_t>(std::lround(s * 255));
  };
  return {row(0), row(3), row(6), color.a};
}

TEST(Colors, CielabAgreesWithPublishedValues) {
  // Bruce Lindbloom's calculator, sRGB, D65.
  const Lab red = to_lab({255, 0, 0, 255});
  EXPECT_NEAR(red.l, 53.24, 0.02);
  EXPECT_NEAR(red.a, 80.09, 0.05);
  EXPECT_NEAR(red.b, 67.20, 0.05);
  EXPECT_NEAR(to_lab({255, 255, 255, 255}).l, 100, 1e-3);
  for (const Color color :
       {Color{12, 200, 97, 255}, Color{0, 0, 0, 255}, Color{250, 3, 180, 255}}) {
    EXPECT_EQ(to_color(to_lab(color)), color);
  }
  EXPECT_NEAR(contrast({0, 0, 0, 255}, {255, 255, 255, 255}), 21, 1e-9);
}

TEST(Colors, ASimulatedEyeConfusesRedWithGreen) {
  // A pure red and a pure green are 170 apart; deuteranopes see two yellows, told apart by
  // lightness alone. Machado 2009 takes hue away: a* of both has the same sign and is small.
  const Lab red = to_lab(as_seen({255, 0, 0, 255}, Sight::deuteranopia));
  const Lab green = to_lab(as_seen({0, 255, 0, 255}, Sight::deuteranopia));
  EXPECT_GT(red.b, 40);
  EXPECT_GT(green.b, 40);
  EXPECT_LT(std::abs(red.a - green.a), 40);
  // Greys stay grey: rows of the matrices add up to 1.
  const Color grey = as_seen({120, 120, 120, 255}, Sight::protanopia);
  EXPECT_NEAR(grey.r, 120, 1);
  EXPECT_NEAR(grey.g, 120, 1);
  EXPECT_NEAR(grey.b, 120, 1);
}

TEST(Colors, NeighbouringSeriesDifferForEveryEye) {
  // 2.3 is a just noticeable difference; thin lines need many times that. Any two of the first
  // four, of which most figures have no more, and neighbours further on.
  for (const Palette palette : {Palette::okabe_ito, Palette::tol_bright}) {
    for (const bool dark : {false, true}) {
      const std::vector<Color> series = colors_of(style_of(palette, dark)).series;
      for (std::size_t i = 0; i < series.size(); ++i) {
        for (std::size_t j = i + 1; j < series.size(); ++j) {
          const double plain = distance(series[i], series[j]);
          const double deutan = distance(as_seen(series[i], Sight::deuteranopia),
                                         as_seen(series[j], Sight::deuteranopia));
          const double protan = distance(as_seen(series[i], Sight::protanopia),
                                         as_seen(series[j], Sight::protanopia));
          const double least = std::min({plain, deutan, protan});
          const bool close = j == i + 1 || j < 4;
          EXPECT_GT(least, close ? 15 : 8)
              << "palette " << static_cast<int>(palette) << (dark ? " dark" : " light") << ": " << i
              << " and " << j;
        }
      }
    }
  }
}

TEST(Colors, StandOutFromTheGround) {
  for (const Palette palette : kPalettes) {
    for (const bool dark : {false, true}) {
      const Colors colors = colors_of(style_of(palette, dark));
      EXPECT_GT(contrast(colors.text, colors.ground), 12);
      EXPECT_GT(contrast(colors.quiet, colors.ground), 4.5);  // WCAG 2 for small text
      EXPECT_GT(contrast(colors.threshold, colors.ground), 4.5);
      EXPECT_GT(contrast(colors.kept, colors.ground), 3);  // WCAG 2 for graphics
      EXPECT_GT(contrast(colors.evicted, colors.ground), 3);
      EXPECT_GT(contrast(colors.sink, colors.ground), 3);
      // Tol's bright scheme is as its author has it; its last three are for fills.
      const double least = palette == Palette::tol_bright && !dark ? 1.8 : 2.7;
      for (const Color color : colors.series) {
        EXPECT_GT(contrast(color, colors.ground), least) << static_cast<int>(palette) << dark;
      }
    }
  }
}

Figure figure_with(int series) {
  Figure figure;
  Panel panel;
  for (int s = 0; s < series; ++s) {
    Line line;
    line.series = "series " + std::to_string(s);
    line.x = {0, 1};
    line.y = {0, 1};
    panel.marks.push_back(line);
  }
  figure.panels = {panel};
  return figure;
}

TEST(Looks, TellSeriesApartWithoutColour) {
  const Fonts fonts;
  for (const Palette palette : kPalettes) {
    const Style style = style_of(palette, false);
    const Colors colors = colors_of(style);
    const Metrics metrics = metrics_of(style);
    const Looks looks(figure_with(8), {style, fonts, colors, metrics});
    std::set<Marker> markers;
    std::set<std::vector<double>> dashes;
    std::set<std::tuple<Hatch, uint8_t, uint8_t, uint8_t>> fills;
    for (int s = 0; s < 6; ++s) {
      const Look look = looks.of(Ink::series, "series " + std::to_string(s));
      markers.insert(look.marker);
      dashes.insert(look.dashes);
      fills.insert({look.hatch, look.fill.r, look.fill.g, look.fill.b});
    }
    EXPECT_EQ(markers.size(), 6u);
    EXPECT_EQ(fills.size(), 6u);
    if (palette == Palette::grey) {
      EXPECT_EQ(dashes.size(), 6u);
    } else {
      EXPECT_EQ(dashes.size(), 1u);  // solid, as colours tell them apart
    }
  }
}

TEST(Looks, MoreSeriesThanColoursAreDashed) {
  const Fonts fonts;
  const Style style = style_of(Palette::okabe_ito, false);
  const Colors colors = colors_of(style);
  const Metrics metrics = metrics_of(style);
  const int n = static_cast<int>(colors.series.size());
  const Looks looks(figure_with(2 * n), {style, fonts, colors, metrics});
  for (int s = 0; s < n; ++s) {
    const Look first = looks.of(Ink::series, "series " + std::to_string(s));
    const Look second = looks.of(Ink::series, "series " + std::to_string(s + n));
    EXPECT_EQ(first.color, second.color);
    EXPECT_NE(first.dashes, second.dashes);
    EXPECT_NE(first.hatch, second.hatch);
  }
}

TEST(Looks, KeptAndEvictedAndSinksDifferInLightness) {
  const Fonts fonts;
  for (const Palette palette : kPalettes) {
    for (const bool dark : {false, true}) {
      const Style style = style_of(palette, dark);
      const Colors colors = colors_of(style);
      const Metrics metrics = metrics_of(style);
      const Looks looks(figure_with(1), {style, fonts, colors, metrics});
      const auto lightness = [&](Ink ink) { return to_lab(looks.of(ink).fill).l; };
      // Cells of maps have no stripes: lightness is what is left without hue.
      EXPECT_GT(std::abs(lightness(Ink::kept) - lightness(Ink::evicted)), 20);
      EXPECT_GT(std::abs(lightness(Ink::kept) - lightness(Ink::sink)), 8);
      EXPECT_GT(std::abs(lightness(Ink::evicted) - lightness(Ink::sink)), 12);
      EXPECT_NE(looks.of(Ink::evicted).hatch, looks.of(Ink::kept).hatch);
    }
  }
}

TEST(Colormaps, AreMatplotlibs) {
  // matplotlib.colormaps['viridis'].colors and ['cividis'].colors, times 255, rounded.
  const auto viridis = colors_of(Colormap::viridis, false);
  EXPECT_EQ(viridis[0], (Color{68, 1, 84, 255}));
  EXPECT_EQ(viridis[128], (Color{33, 145, 140, 255}));
  EXPECT_EQ(viridis[255], (Color{253, 231, 37, 255}));
  const auto cividis = colors_of(Colormap::cividis, false);
  EXPECT_EQ(cividis[0], (Color{0, 34, 78, 255}));
  EXPECT_EQ(cividis[128], (Color{125, 124, 120, 255}));
  EXPECT_EQ(cividis[255], (Color{254, 232, 56, 255}));
}

TEST(Colormaps, GrowLighterOrDarkerAllTheWay) {
  for (const Colormap map :
       {Colormap::viridis, Colormap::cividis, Colormap::grey, Colormap::kept}) {
    for (const bool dark : {false, true}) {
      const auto colors = colors_of(map, dark);
      const bool rises = to_lab(colors[255]).l > to_lab(colors[0]).l;
      for (std::size_t i = 16; i < colors.size(); i += 16) {
        const double step = to_lab(colors[i]).l - to_lab(colors[i - 16]).l;
        EXPECT_GT(rises ? step : -step, 0.5) << static_cast<int>(map) << dark << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace kvreel::plot
