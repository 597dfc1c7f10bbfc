// Large data on small paper: time and bytes stay bounded by the paper, not by the data.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cmath>
#include <random>
#include <sstream>
#include <string>

#include "exports/plot/layout.h"
#include "exports/plot/paint.h"

namespace kvreel::plot {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr double kSlowdown = 15;  // of instrumented code
#else
constexpr double kSlowdown = 1;
#endif

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Four curves over 32768 tokens, above a map of 64 layers. As wild as can be: every value by itself
// at random. Else as recordings are: curves and rows that wander.
Figure big_figure(bool wild) {
  constexpr std::size_t kTokens = 32768;
  constexpr std::size_t kLayers = 64;
  std::mt19937 random(7);
  std::normal_distribution<double> noise(0, 1);
  const auto values = [&] {
    std::vector<double> row(kTokens);
    double level = 0;
    for (double& value : row) {
      level = wild ? noise(random) : level + noise(random) / 100;
      value = level;
    }
    return row;
  };
  Figure figure;
  figure.name = "big";
  figure.title = "Four curves of 32768 points, 64 x 32768 cells";
  figure.rows = 2;
  figure.share_x = true;
  Panel curves;
  curves.x = {.label = "position", .format = Format::tokens};
  curves.y = {.label = "value"};
  for (int series = 0; series < 4; ++series) {
    Line line{.series = "layer " + std::to_string(series), .y = values()};
    for (std::size_t i = 0; i < kTokens; ++i) line.x.push_back(static_cast<double>(i));
    curves.marks.emplace_back(std::move(line));
  }
  Panel map;
  map.x = {.label = "position", .format = Format::tokens};
  map.y = {.label = "layer", .format = Format::count, .reversed = true};
  HeatMap cells{.rows = kLayers, .columns = kTokens, .x1 = kTokens, .y0 = -0.5, .y1 = 63.5};
  for (std::size_t layer = 0; layer < kLayers; ++layer) {
    for (const double value : values()) cells.values.push_back(static_cast<float>(value));
  }
  cells.value_label = "attention";
  map.marks.emplace_back(std::move(cells));
  figure.panels = {std::move(curves), std::move(map)};
  return figure;
}

void expect_small(const Figure& figure, const char* size) {
  const Fonts fonts;
  Style style = parse_style("print");
  style.size = parse_size(size);
  for (const auto& [name, write] : {std::pair{"pdf", &write_pdf}, std::pair{"svg", &write_svg}}) {
    const double begin = cpu_seconds();
    std::ostringstream out;
    write(out, layout(figure, style, fonts), fonts);
    const double took = cpu_seconds() - begin;
    ::testing::Test::RecordProperty(std::string(size) + "." + name + ".bytes",
                                    std::to_string(out.str().size()));
    EXPECT_LT(took, 2 * kSlowdown) << size << ' ' << name;
    EXPECT_LT(out.str().size(), 300'000u) << size << ' ' << name;
    EXPECT_GT(out.str().size(), 20'000u) << size << ' ' << name << ": something is missing";
  }
}

TEST(BigFigure, TakesLittleTimeAndFewBytesOnAWholePage) {
  expect_small(big_figure(false), "acl-page");
}

TEST(BigFigure, TakesLittleTimeAndFewBytesInAColumnHoweverWildTheData) {
  expect_small(big_figure(true), "acl-column");
}

}  // namespace
}  // namespace kvreel::plot
