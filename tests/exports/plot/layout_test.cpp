// Where things of a figure lie: whole scenes kept as text, and what holds for any figure.
#include "exports/plot/layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "exports/plot/area.h"
#include "exports/plot/clutter.h"
#include "exports/plot/example_figures.h"
#include "exports/plot/markup.h"
#include "exports/plot/metrics.h"
#include "exports/plot/paint.h"
#include "exports/plot/random_figure.h"
#include "exports/plot/sheet.h"

namespace kvreel::plot {
namespace {

using testing::Dice;
using testing::example_map;
using testing::RandomFigure;

const Fonts& fonts() {
  static const Fonts dejavu;
  return dejavu;
}

Style styled(std::string_view style, std::string_view size) {
  Style result = parse_style(style);
  if (!size.empty()) result.size = parse_size(size);
  return result;
}

Area area_of(const Text& text) {
  const double size = text.runs.empty() ? 0 : text.runs.front().size;
  return text.turned ? turned_area(text.origin, text.width, size)
                     : text_area(text.origin, text.width, size);
}

std::string string_of(const Text& text) {
  std::string result;
  for (const TextRun& run : text.runs) result += run.text;
  return result;
}

template <typename T>
std::vector<T> all(const Scene& scene) {
  std::vector<T> found;
  for (const Shape& shape : scene.shapes) {
    if (const auto* one = std::get_if<T>(&shape)) found.push_back(*one);
  }
  return found;
}

std::vector<std::string> strings(const Scene& scene) {
  std::vector<std::string> result;
  for (const Text& text : all<Text>(scene)) result.push_back(string_of(text));
  return result;
}

bool has_text(const Scene& scene, std::string_view wanted) {
  const std::vector<std::string> texts = strings(scene);
  return std::find(texts.begin(), texts.end(), wanted) != texts.end();
}

// --- Whole scenes ---

struct Golden {
  const char* name;
  const char* style;
  const char* size;
  const char* palette;
  std::function<Figure()> make;
};

// Cases are named in the list of tests by their names alone.
void PrintTo(const Golden& golden, std::ostream* out) {
  *out << golden.name;
}

class GoldenScene : public ::testing::TestWithParam<Golden> {};

// To write them anew after a change that is meant, and to look at what changed with git diff:
//   KVREEL_WRITE_GOLDEN=1 exports_test --gtest_filter='*GoldenScene*'
TEST_P(GoldenScene, IsAsItWas) {
  const Golden& golden = GetParam();
  Style style = styled(golden.style, golden.size);
  style.palette = parse_palette(golden.palette);
  const std::string text = to_text(layout(golden.make(), style, fonts()));
  const std::filesystem::path path = std::filesystem::path(KVREEL_SOURCE_DIR) /
                                     "tests/exports/plot/golden" /
                                     (std::string(golden.name) + ".txt");
  if (std::getenv("KVREEL_WRITE_GOLDEN")) {
    std::ofstream(path, std::ios::binary) << text;
  }
  std::ifstream file(path, std::ios::binary);
  ASSERT_TRUE(file) << path << " is missing; KVREEL_WRITE_GOLDEN=1 writes it";
  std::stringstream kept;
  kept << file.rdbuf();
  // The first line that differs says more than two files.
  std::istringstream now(text), before(kept.str());
  std::string a, b;
  for (int line = 1; std::getline(before, b); ++line) {
    ASSERT_TRUE(std::getline(now, a)) << path << " has more lines than the scene";
    ASSERT_EQ(a, b) << path << ":" << line;
  }
  EXPECT_FALSE(std::getline(now, a)) << "the scene has more lines than " << path;
}

INSTANTIATE_TEST_SUITE_P(
    Scenes, GoldenScene,
    ::testing::Values(
        Golden{"threshold-column", "print", "acl-column", "okabe-ito",
               [] { return testing::threshold_figure(); }},
        Golden{"boxes-page", "print", "acl-page", "grey",
               [] { return testing::layer_boxes_figure(4); }},
        Golden{"kept-column", "print", "acl-column", "okabe-ito", testing::kept_figure},
        Golden{"scatter-slide", "slide", "", "tol-bright", testing::scatter_figure},
        Golden{"map-dark", "dark", "", "okabe-ito", [] { return testing::map_figure(28, 4096); }},
        Golden{"two-panels-screen", "screen", "", "okabe-ito", testing::two_panel_figure}),
    [](const ::testing::TestParamInfo<Golden>& one) {
      std::string name = one.param.name;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

// --- Any figure ---

// Nothing is written outside the page, and no text on another one.
void expect_readable(const Scene& scene, const std::string& what) {
  const std::vector<Text> texts = all<Text>(scene);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const Area area = area_of(texts[i]);
    EXPECT_TRUE(area.left >= -0.01 && area.top >= -0.01 && area.right <= scene.width + 0.01 &&
                area.bottom <= scene.height + 0.01)
        << what << ": '" << string_of(texts[i]) << "' leaves the page";
    for (std::size_t j = 0; j < i; ++j) {
      EXPECT_FALSE(area.grown(-0.01).overlaps(area_of(texts[j])))
          << what << ": '" << string_of(texts[i]) << "' lies on '" << string_of(texts[j]) << "'";
    }
  }
}

TEST(Layout, OfEveryExampleInEveryStyleIsReadable) {
  constexpr std::string_view kSizes[] = {"acl-column", "acl-page", "neurips", "icml-column",
                                         "slide",      "screen",   "9x6cm"};
  for (const testing::Example& example : testing::examples()) {
    const Figure figure = example.make();
    for (const std::string_view name : known_styles()) {
      if (name == "slide") continue;  // of its own size
      for (const std::string_view size : kSizes) {
        const std::string what =
            std::string(example.name) + " " + std::string(name) + " " + std::string(size);
        try {
          expect_readable(layout(figure, styled(name, size), fonts()), what);
        } catch (const Error& error) {
          // Grids do not fit everywhere.
          EXPECT_TRUE(size == "9x6cm") << what << ": " << error.what();
        }
      }
    }
    expect_readable(layout(figure, parse_style("slide"), fonts()), std::string(example.name));
  }
}

TEST(Layout, OfRandomFiguresIsReadable) {
  constexpr std::string_view kSizes[] = {"acl-column", "acl-page", "slide", "12x8cm", "300x120pt"};
  int drawn = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    const Figure figure = RandomFigure(seed).make();
    const std::string_view size = kSizes[seed % 5];
    const Style style = styled(size == "slide" ? "slide" : seed % 2 ? "print" : "screen", size);
    try {
      expect_readable(layout(figure, style, fonts()), "seed " + std::to_string(seed));
      ++drawn;
    } catch (const Error& error) {
      // Some do not fit, or drew nothing on a logarithmic axis: with a sentence.
      EXPECT_TRUE(std::string(error.what()).starts_with("figure 'random'")) << error.what();
    }
  }
  EXPECT_GT(drawn, 250);
}

// Every number of a scene, for a look at whether it can be drawn.
struct Numbers {
  std::vector<double> all;
  void add(const Point& p) { all.insert(all.end(), {p.x, p.y}); }
  void operator()(const Rectangle& r) { all.insert(all.end(), {r.x, r.y, r.width, r.height}); }
  void operator()(const Polyline& line) {
    for (const Point& p : line.points) add(p);
  }
  void operator()(const Polygon& polygon) {
    for (const Point& p : polygon.points) add(p);
  }
  void operator()(const Disc& disc) { add(disc.center); }
  void operator()(const Text& text) { add(text.origin); }
  void operator()(const Image& image) {
    all.insert(all.end(), {image.x, image.y, image.width, image.height});
    EXPECT_GT(image.width, 0);
    EXPECT_GT(image.height, 0);
    EXPECT_EQ(image.pixels.size(),
              static_cast<std::size_t>(image.rows) * static_cast<std::size_t>(image.columns));
  }
  void operator()(const Clip& clip) { all.insert(all.end(), {clip.x, clip.y}); }
  void operator()(const Unclip&) {}
};

// Puts numbers that break things in place of some of a mark's.
struct Spoil {
  Dice& dice;
  void spoil(std::vector<double>& values) const {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    constexpr double kBad[] = {kNone,  kInfinity, -kInfinity, 1e300, -1e300,
                               1e-300, 0,         -1,         1e18,  5e-324};
    for (double& value : values) {
      if (dice.next() < 0.05) value = kBad[dice.upto(10)];
    }
  }
  void operator()(Line& line) const {
    for (auto* v : {&line.x, &line.y, &line.low, &line.high}) spoil(*v);
  }
  void operator()(Points& points) const {
    for (auto* v : {&points.x, &points.y, &points.y_low, &points.y_high}) spoil(*v);
  }
  void operator()(Bars& bars) const {
    for (auto* v : {&bars.at, &bars.base, &bars.top}) spoil(*v);
  }
  void operator()(Boxes& boxes) const {
    spoil(boxes.at);
    for (Box& box : boxes.boxes) spoil(box.points);
  }
  void operator()(HeatMap& map) const {
    if (!map.kinds.empty()) return;
    for (float& value : map.values) {
      if (dice.next() < 0.01) value = dice.next() < 0.5 ? INFINITY : -1e38f;
    }
  }
  void operator()(Rule& rule) const {
    if (dice.next() < 0.2) rule.at = 1e250;
  }
  void operator()(Range& range) const {
    if (dice.next() < 0.5) range.to = std::numeric_limits<double>::infinity();
  }
  void operator()(Note& note) const {
    if (dice.next() < 0.2) note.x = -1e250;
  }
};

TEST(Layout, OfExtremeNumbersCanBeDrawnOrIsRefused) {
  int drawn = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Figure figure = RandomFigure(seed).make();
    Dice dice(seed + 77);
    for (Panel& panel : figure.panels) {
      for (Mark& mark : panel.marks) std::visit(Spoil{dice}, mark);
      if (dice.next() < 0.2) panel.y.high = 1e5;
      if (dice.next() < 0.2) panel.x.low = 1e-9;
    }
    try {
      const Scene scene = layout(figure, styled("print", "acl-page"), fonts());
      for (const Shape& shape : scene.shapes) {
        Numbers numbers;
        std::visit(numbers, shape);
        for (const double number : numbers.all) {
          // A hundred thousand points are 35 m.
          ASSERT_TRUE(std::abs(number) < 1e5)
              << "seed " << seed << ", kind " << shape.index() << ": " << number;
        }
      }
      expect_readable(scene, "seed " + std::to_string(seed));
      ++drawn;
    } catch (const Error& error) {
      EXPECT_TRUE(std::string(error.what()).starts_with("figure 'random'")) << error.what();
    }
  }
  EXPECT_GT(drawn, 150);
}

TEST(Layout, IsTheSameForTheSameFigure) {
  const Fonts others;
  for (uint64_t seed = 1000; seed < 1060; ++seed) {
    const Style style = styled("print", "acl-page");
    std::string first, second;
    try {
      first = to_text(layout(RandomFigure(seed).make(), style, fonts()));
      second = to_text(layout(RandomFigure(seed).make(), style, others));
    } catch (const Error&) {
      continue;
    }
    EXPECT_EQ(first, second);
  }
}

// --- Legends ---

TEST(Legend, InsideAPanelKeepsClearOfData) {
  int inside = 0;
  for (uint64_t seed = 0; seed < 120; ++seed) {
    Dice dice(seed);
    Figure figure;
    figure.name = "cloud";
    Panel panel;
    const double from_x = dice.between(0, 0.6), from_y = dice.between(0, 0.6);
    for (const std::string name : {"one", "two", "three"}) {
      Points points;
      points.series = name;
      for (int i = 0; i < 40; ++i) {
        points.x.push_back(dice.between(from_x, 1));
        points.y.push_back(dice.between(from_y, 1));
      }
      panel.marks.push_back(points);
    }
    panel.x.low = panel.y.low = 0;
    panel.x.high = panel.y.high = 1;
    figure.panels = {panel};
    const Scene scene = layout(figure, styled("print", "neurips"), fonts());
    // A legend inside stands on a plate without grid lines, drawn before it and after the data.
    const Color ground = colors_of(styled("print", "")).ground;
    for (const Rectangle& plate : all<Rectangle>(scene)) {
      if (plate.fill != ground || plate.stroke.a > 0) continue;
      ++inside;
      const Area area{plate.x, plate.y, plate.x + plate.width, plate.y + plate.height};
      // All that is in it: three keys, a disc, a square (a rectangle) and a triangle.
      std::size_t discs = 0, triangles = 0;
      for (const Disc& disc : all<Disc>(scene)) {
        const Area shape = Area{disc.center.x, disc.center.y, disc.center.x, disc.center.y};
        if (area.overlaps(shape.grown(disc.radius))) ++discs;
      }
      for (const Polygon& polygon : all<Polygon>(scene)) {
        if (area.holds(polygon.points.front())) ++triangles;
      }
      EXPECT_EQ(discs, 1u) << seed;
      EXPECT_EQ(triangles, 1u) << seed;
    }
  }
  EXPECT_GT(inside, 20);
  EXPECT_LT(inside, 120);  // in others there is no room, and it stands above
}

TEST(Legend, IsLeftOutForOneSeriesAndKeptForKindsOfCells) {
  EXPECT_FALSE(
      has_text(layout(testing::threshold_figure(1), styled("print", ""), fonts()), "gsm8k"));
  EXPECT_TRUE(
      has_text(layout(testing::threshold_figure(2), styled("print", ""), fonts()), "gsm8k"));
  const Scene kinds = layout(testing::kinds_figure(), styled("print", ""), fonts());
  for (const std::string_view name : {"kept", "evicted", "sink"}) {
    EXPECT_TRUE(has_text(kinds, name)) << name;
  }
}

TEST(Legend, StandsAboveWhereItDoesNotFitBeside) {
  Figure figure = testing::many_series_figure();
  Style style = styled("print", "150x90pt");
  EXPECT_THROW(layout(figure, style, fonts()), Error);  // nor above, in so small a figure
  style.size = parse_size("300x160pt");
  const Scene scene = layout(figure, style, fonts());
  expect_readable(scene, "above");
  EXPECT_TRUE(has_text(scene, "model 12"));
}

// --- Axes ---

TEST(Axes, SayTheirUnitOnce) {
  const Scene scene = layout(testing::two_panel_figure(), styled("print", "acl-page"), fonts());
  EXPECT_TRUE(has_text(scene, "time per token (ms)"));
  // Both panels have it: written once, in the middle.
  const std::vector<std::string> texts = strings(scene);
  EXPECT_EQ(std::count(texts.begin(), texts.end(), "budget (%)"), 1);
}

TEST(Axes, OfSharesOnALogarithmicScaleHave1And2And5) {
  const Scene scene = layout(testing::threshold_figure(), styled("print", "acl-column"), fonts());
  for (const std::string_view label : {"0.1", "0.2", "0.5", "1", "2", "5", "10"}) {
    EXPECT_TRUE(has_text(scene, label)) << label;
  }
}

TEST(Axes, ThatAreSharedHaveOneRangeAndLabelsAtTheEdge) {
  Figure figure = testing::grid_figure();
  const Scene scene = layout(figure, styled("print", "acl-page"), fonts());
  const std::vector<std::string> texts = strings(scene);
  EXPECT_EQ(std::count(texts.begin(), texts.end(), "1024"), 3);  // three columns
  EXPECT_EQ(std::count(texts.begin(), texts.end(), "0.50"), 2);  // two rows
  figure.share_x = figure.share_y = false;
  const Scene apart = layout(figure, styled("print", "acl-page"), fonts());
  const std::vector<std::string> more = strings(apart);
  EXPECT_EQ(std::count(more.begin(), more.end(), "1024"), 5);  // all but the empty one
}

TEST(Axes, LongNamesAreShownInFullWhereTheyFit) {
  const Scene page = layout(testing::stacked_figure(false), styled("print", "acl-page"), fonts());
  EXPECT_TRUE(has_text(page, "refreekv:threshold=5%,"));
  EXPECT_TRUE(has_text(page, "keep-layers=none"));
  for (const std::string& text : strings(page)) {
    EXPECT_EQ(text.find("\u2026"), std::string::npos) << text;
  }
}

TEST(Axes, StartWhereBarsStand) {
  const Scene scene = layout(testing::grouped_bars_figure(), styled("print", "acl-page"), fonts());
  double bottom = 0;
  for (const Clip& clip : all<Clip>(scene)) bottom = std::max(bottom, clip.y + clip.height);
  int bars = 0;
  for (const Rectangle& bar : all<Rectangle>(scene)) {
    if (bar.height < 20) continue;
    ++bars;
    // The clip is half a line wider than the plot.
    EXPECT_NEAR(bar.y + bar.height, bottom - styled("print", "").line_width / 2, 1e-6);
  }
  EXPECT_EQ(bars, 12);
}

// --- Data ---

TEST(Data, MarkersAreNotCutAtTheEdge) {
  Figure figure;
  figure.name = "corners";
  Panel panel;
  Points points;
  points.series = "p";
  points.x = {0, 1, 0.5, 2};
  points.y = {0, 1, 0.5, 0.5};
  panel.x.low = panel.y.low = 0;
  panel.x.high = panel.y.high = 1;
  panel.marks = {points};
  figure.panels = {panel};
  const Scene scene = layout(figure, styled("print", ""), fonts());
  bool clipped = false;
  int markers = 0;
  for (const Shape& shape : scene.shapes) {
    if (std::holds_alternative<Clip>(shape)) clipped = true;
    if (std::holds_alternative<Unclip>(shape)) clipped = false;
    if (std::holds_alternative<Disc>(shape)) {
      ++markers;
      EXPECT_FALSE(clipped);
    }
  }
  EXPECT_EQ(markers, 3);  // what lies outside the axis is not drawn
}

TEST(Data, LinesAreReducedToFourPointsADotAndKeepTheirExtremes) {
  const Figure figure = testing::long_lines_figure(1, 50000);
  const Style style = styled("print", "acl-column");
  const Scene scene = layout(figure, style, fonts());
  const auto clips = all<Clip>(scene);
  ASSERT_EQ(clips.size(), 1u);
  const double dots = (clips[0].width + 1) * style.dots_per_inch / 72 + 2;
  double least = 1e9, most = -1e9;
  std::size_t n = 0;
  for (const Polyline& line : all<Polyline>(scene)) {
    if (line.points.size() < 100) continue;
    n = line.points.size();
    for (const Point& p : line.points) {
      least = std::min(least, p.y);
      most = std::max(most, p.y);
    }
  }
  ASSERT_GT(n, 1000u);
  EXPECT_LE(static_cast<double>(n), 4 * dots);
  const auto& y = std::get<Line>(figure.panels[0].marks[0]).y;
  const double low = *std::min_element(y.begin(), y.end());
  const double high = *std::max_element(y.begin(), y.end());
  // The line fills what its axis leaves: 5 % at each end.
  EXPECT_NEAR((most - least) / (clips[0].height - style.line_width), 0.9, 1e-6) << low << high;
}

TEST(Data, MapsHaveAtMostACellADotAndSayHowManyWereJoined) {
  Figure figure = testing::map_figure(64, 32768);
  const Style style = styled("print", "acl-column");
  const Scene scene = layout(figure, style, fonts());
  const std::vector<Image> images = all<Image>(scene);
  ASSERT_EQ(images.size(), 2u);  // the map and its bar
  const double dot = 72 / style.dots_per_inch;
  EXPECT_LE(images[0].columns * dot, images[0].width + 1e-6);
  EXPECT_EQ(images[0].rows, 64);
  const int joined = static_cast<int>(std::ceil(32768. / images[0].columns));
  const std::vector<std::string> texts = strings(scene);
  EXPECT_TRUE(std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
    return text.find("max over " + std::to_string(joined) + " tokens") != std::string::npos;
  })) << joined;
  // It is said in full on a small bar too, whose label is shortened elsewhere.
  Figure narrow = testing::two_maps_figure();
  for (Panel& panel : narrow.panels) {
    std::get<HeatMap>(panel.marks[0]).value_label = "sum of attention norms that a head drops";
  }
  std::string bar;
  for (const std::string& text : strings(layout(narrow, style, fonts()))) bar += text + " ";
  EXPECT_NE(bar.find("sum of"), std::string::npos) << bar;
  EXPECT_NE(bar.find("max over"), std::string::npos) << bar;
  EXPECT_NE(bar.find("tokens"), std::string::npos) << bar;
  // A map with fewer cells than dots has each of them.
  const Scene small = layout(testing::map_figure(8, 100), style, fonts());
  EXPECT_EQ(all<Image>(small)[0].columns, 100);
  for (const std::string& text : strings(small)) {
    EXPECT_EQ(text.find("over"), std::string::npos) << text;
  }
}

TEST(Data, MapsWithTheSameColoursShareABar) {
  Figure figure = testing::two_maps_figure();
  const Style style = styled("print", "acl-page");
  EXPECT_EQ(all<Image>(layout(figure, style, fonts())).size(), 3u);
  std::get<HeatMap>(figure.panels[1].marks[0]).high = 2;
  EXPECT_EQ(all<Image>(layout(figure, style, fonts())).size(), 4u);
}

TEST(Data, AnEmptyPanelSaysWhy) {
  const Scene scene = layout(testing::grid_figure(), styled("print", "acl-page"), fonts());
  std::string all_text;
  for (const std::string& text : strings(scene)) all_text += text + " ";
  EXPECT_NE(all_text.find("Layer 16 keeps everything: nothing was ranked."), std::string::npos);
}

TEST(Data, MapsOfKindsSayInTheLegendHowCellsWereJoined) {
  Figure figure = testing::kinds_figure();
  const Style style = styled("print", "acl-column");
  EXPECT_FALSE(has_text(layout(figure, style, fonts()), "most frequent of 2 tokens"));
  auto& map = std::get<HeatMap>(figure.panels[0].marks[0]);
  map.rows = 14;
  map.columns = 1000;
  map.values.assign(14000, 1.f);
  map.x1 = 1000;
  EXPECT_TRUE(has_text(layout(figure, style, fonts()), "most frequent of 2 tokens"));
  map.aggregate = Aggregate::max;
  EXPECT_TRUE(has_text(layout(figure, style, fonts()), "max over 2 tokens"));
}

TEST(Data, EveryOutlierOfAMapSurvives) {
  Figure figure = testing::map_figure(4, 30000);
  auto& map = std::get<HeatMap>(figure.panels[0].marks[0]);
  std::fill(map.values.begin(), map.values.end(), 0.f);
  map.values[2 * 30000 + 17321] = 1;
  const Scene scene = layout(figure, styled("print", "acl-column"), fonts());
  const Image image = all<Image>(scene)[0];
  const std::span<const Color> colors = colors_of(Colormap::viridis, false);
  int bright = 0;
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    if ((image.pixels[i] & 0xff) != colors[255].r) continue;
    ++bright;
    EXPECT_EQ(i / static_cast<std::size_t>(image.columns), 2u);  // layers run downwards
    const double share =
        (static_cast<double>(i % static_cast<std::size_t>(image.columns)) + 0.5) / image.columns;
    EXPECT_NEAR(share, 17321. / 30000, 2. / image.columns);
  }
  EXPECT_EQ(bright, 1);
}

TEST(Data, GapsInALineAreGaps) {
  Figure figure = testing::threshold_figure(1);
  auto& line = std::get<Line>(figure.panels[0].marks[0]);
  line.y[10] = kNone;
  figure.panels[0].marks.resize(1);
  const Scene scene = layout(figure, styled("print", ""), fonts());
  std::vector<std::size_t> lengths;
  for (const Polyline& part : all<Polyline>(scene)) {
    if (part.points.size() > 2) lengths.push_back(part.points.size());
  }
  EXPECT_EQ(lengths, (std::vector<std::size_t>{10, 14}));
}

// --- Labels ---

TEST(Notes, StayInsideAndApart) {
  Figure figure;
  figure.name = "notes";
  Panel panel;
  Line line;
  line.x = {0, 1};
  line.y = {0, 1};
  panel.marks.push_back(line);
  for (int i = 0; i < 6; ++i) {
    panel.marks.push_back(Note{0.95, 0.95, "note " + std::to_string(i) + " at the corner", 2, -2,
                               i % 2 == 0, Ink::kept});
  }
  figure.panels = {panel};
  const Scene scene = layout(figure, styled("print", "acl-column"), fonts());
  expect_readable(scene, "notes");
  int notes = 0;
  const Clip clip = all<Clip>(scene)[0];
  const Area plot{clip.x, clip.y, clip.x + clip.width, clip.y + clip.height};
  for (const Text& text : all<Text>(scene)) {
    if (string_of(text).find("at the corner") == std::string::npos) continue;
    ++notes;
    EXPECT_TRUE(plot.holds(area_of(text)));
  }
  EXPECT_EQ(notes, 6);
}

// --- Size ---

TEST(Size, HeightFollowsPanelsAspectOrTheStyle) {
  Figure figure = testing::threshold_figure();
  Style style = styled("print", "acl-column");
  const double natural = layout(figure, style, fonts()).height;
  EXPECT_GT(natural, 0.5 * style.size.width);
  EXPECT_LT(natural, 1.0 * style.size.width);
  figure.aspect = 0.9;
  EXPECT_NEAR(layout(figure, style, fonts()).height, 0.9 * style.size.width, 1e-9);
  style.size = parse_size("300x222pt");
  const Scene scene = layout(figure, style, fonts());
  EXPECT_EQ(scene.width, 300);
  EXPECT_EQ(scene.height, 222);
}

TEST(Size, ThatIsTooSmallIsRefusedWithOneThatWouldDo) {
  const Figure figure = testing::grid_figure();
  Style style = styled("screen", "120x80pt");
  std::string text;
  try {
    layout(figure, style, fonts());
  } catch (const Error& error) {
    text = error.what();
  }
  double width = 0, height = 0;
  const std::size_t at = text.find("It needs about ");
  ASSERT_NE(at, std::string::npos) << text;
  ASSERT_EQ(std::sscanf(text.c_str() + at, "It needs about %lf x %lf points", &width, &height), 2);
  style.size = {width * 1.1, height * 1.1};
  EXPECT_NO_THROW(layout(figure, style, fonts())) << text;
}

TEST(Layout, OfLargeFiguresTakesLittleTime) {
  const Figure lines = testing::long_lines_figure(4, 32768);
  const Figure map = testing::map_figure(64, 32768);
  const Style style = styled("print", "acl-page");
  const auto start = std::chrono::steady_clock::now();
  layout(lines, style, fonts());
  layout(map, style, fonts());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  // Measured 0.03 s optimised on a 2 GHz core; with sanitizers and other work beside it, far more.
  // What this guards against is work that grows with the square of the data: minutes.
  EXPECT_LT(took.count(), 5);
}

TEST(Layout, KeepsMetadataAndRemarks) {
  const Figure figure = testing::threshold_figure();
  const Scene scene = layout(figure, styled("print", ""), fonts());
  EXPECT_EQ(scene.title, figure.title);
  ASSERT_GE(scene.metadata.size(), 2u);
  EXPECT_EQ(scene.metadata[0].first, "trace");
  EXPECT_EQ(scene.metadata.back().second, "Medians over samples.");
  // On screen they stand under the figure.
  EXPECT_TRUE(has_text(layout(figure, styled("screen", ""), fonts()), "Medians over samples."));
  EXPECT_FALSE(has_text(scene, "Medians over samples."));
}

// --- Pictures ---

// For eyes: KVREEL_PLOT_GALLERY=folder writes every example in every style. Without it this makes
// sure that a picture of each can be made at all.
TEST(Gallery, EveryExampleCanBePainted) {
  const char* folder = std::getenv("KVREEL_PLOT_GALLERY");
  struct Setting {
    const char *name, *style, *size, *palette;
    double dpi;
  };
  constexpr Setting kSettings[] = {{"column", "print", "acl-column", "okabe-ito", 288},
                                   {"column-1x", "print", "acl-column", "okabe-ito", 96},
                                   {"page", "print", "acl-page", "okabe-ito", 192},
                                   {"grey", "print", "acl-column", "grey", 288},
                                   {"tol", "print", "acl-column", "tol-bright", 288},
                                   {"screen", "screen", "screen", "okabe-ito", 192},
                                   {"dark", "dark", "screen", "okabe-ito", 192},
                                   {"slide", "slide", "slide", "okabe-ito", 96}};
  for (const Setting& setting : kSettings) {
    for (const testing::Example& example : testing::examples()) {
      Style style = styled(setting.style, setting.size);
      style.palette = parse_palette(setting.palette);
      const Scene scene = layout(example.make(), style, fonts());
      if (!folder) {
        if (std::string_view(setting.name) != "column-1x") continue;
        EXPECT_GT(rasterize(scene, fonts(), 0.5).pixels.size(), 1000u);
        continue;
      }
      const std::filesystem::path directory = std::filesystem::path(folder) / setting.name;
      std::filesystem::create_directories(directory);
      std::ofstream file(directory / (std::string(example.name) + ".png"), std::ios::binary);
      write_png(file, scene, fonts(), setting.dpi);
      EXPECT_TRUE(file.good());
    }
  }
}

}  // namespace
}  // namespace kvreel::plot
