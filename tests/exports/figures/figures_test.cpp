// The registry of figures: names, labels of traces, filters over several traces, metadata.
#include "exports/figures/figures.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/sha256.h"
#include "exports/figures/figure_trace.h"

namespace kvreel::exports::testing {
namespace {

using Figures = ExportTest;

TEST_F(Figures, AnUnknownNameIsAnsweredWithTheNearest) {
  const t::Trace trace = small_trace();
  const std::string error = error_of<UsageError>([&] { make_figure({&trace}, "threshold-budgt"); });
  EXPECT_EQ(error, "There is no figure 'threshold-budgt'. Did you mean 'threshold-budget'?");
  EXPECT_TRUE(contains(error_of<UsageError>([&] { make_figure({&trace}, "zzz"); }),
                       "Known: threshold, threshold-budget"));
  EXPECT_EQ(error_of<UsageError>([&] { make_figure({}, "retention"); }),
            "Figure 'retention' needs a trace.");
}

TEST_F(Figures, NamesAreUniqueAndHaveAMeaning) {
  std::set<std::string_view> names;
  for (const FigureInfo& info : known_figures()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_FALSE(info.meaning.empty()) << info.name;
  }
  for (const char* name : {"threshold", "threshold-budget", "threshold-score", "retention",
                           "layer-budget", "score-budget", "score-bytes"})
    EXPECT_TRUE(names.contains(name)) << name;
}

TEST_F(Figures, MetadataSaysWhereTheNumbersComeFrom) {
  write_figure_trace(path());
  const t::Trace trace = t::Trace::open(path());
  FigureOptions options;
  options.version = "9.9";
  options.command = "kvreel export trace.h5";
  options.by = "task";
  const plot::Figure figure = make_figure({&trace}, "threshold-budget", options);
  EXPECT_EQ(figure.name, "threshold-budget");
  EXPECT_EQ(metadata_value(figure, "trace"), "trace.h5");
  EXPECT_EQ(metadata_value(figure, "sha256"), sha256_file(path()));
  EXPECT_EQ(metadata_value(figure, "status"), "complete");
  EXPECT_EQ(metadata_value(figure, "recorded"), "2026-11-22T01:02:03Z");
  EXPECT_EQ(metadata_value(figure, "kvreel"), "1.2.3 (abcdef)");
  EXPECT_EQ(metadata_value(figure, "model"), "tiny");
  EXPECT_EQ(metadata_value(figure, "prompts"), "prompts.jsonl");
  EXPECT_EQ(metadata_value(figure, "runs"), "refreekv:threshold=1%,5%");
  EXPECT_EQ(metadata_value(figure, "by"), "task");
  EXPECT_EQ(metadata_value(figure, "drawn by"), "kvreel 9.9");
  EXPECT_EQ(metadata_value(figure, "command"), "kvreel export trace.h5");
}

TEST_F(Figures, SeveralTracesAreNumberedInTheMetadataAndNamedByTheirFiles) {
  write_figure_trace(path("one.h5"));
  write_figure_trace(path("two.h5"));
  const t::Trace one = t::Trace::open(path("one.h5"));
  const t::Trace two = t::Trace::open(path("two.h5"));
  const plot::Figure figure = make_figure({&one, &two}, "threshold-budget");
  EXPECT_EQ(metadata_value(figure, "trace 1"), "one.h5");
  EXPECT_EQ(metadata_value(figure, "trace 2"), "two.h5");
  EXPECT_EQ(metadata_value(figure, "sha256 2"), sha256_file(path("two.h5")));
  const auto lines = marks_of<plot::Line>(figure.panels[0]);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].series, "one");
  EXPECT_EQ(lines[1].series, "two");
}

TEST_F(Figures, FilesOfOneNameAreToldApartByTheirDirectories) {
  std::filesystem::create_directories(path("x"));
  std::filesystem::create_directories(path("y"));
  write_figure_trace(path("x/run.h5"));
  write_figure_trace(path("y/run.h5"));
  const t::Trace x = t::Trace::open(path("x/run.h5"));
  const t::Trace y = t::Trace::open(path("y/run.h5"));
  const auto lines = marks_of<plot::Line>(make_figure({&x, &y}, "threshold-budget").panels[0]);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].series, "x/run");
  EXPECT_EQ(lines[1].series, "y/run");
  // Nothing tells a trace from itself but its place.
  const auto same = marks_of<plot::Line>(make_figure({&x, &x}, "threshold-budget").panels[0]);
  EXPECT_EQ(same[0].series, "run (1)");
  EXPECT_EQ(same[1].series, "run (2)");
}

TEST_F(Figures, ARunThatOneOfSeveralTracesHasIsShownWhereItIs) {
  write_figure_trace(path("figure.h5"));
  const t::Trace figure_trace = t::Trace::open(path("figure.h5"));
  const t::Trace small = small_trace();  // has no run of that name
  FigureOptions options;
  options.filter.runs = {"refreekv:threshold=1%", "refreekv:threshold=0.01"};
  const plot::Figure figure = make_figure({&figure_trace, &small}, "threshold-budget", options);
  EXPECT_EQ(metadata_value(figure, "runs"),
            "figure: refreekv:threshold=1%, trace: refreekv:threshold=0.01");

  options.filter.runs = {"refreekv:threshold=1%"};
  EXPECT_TRUE(contains(error_of<UsageError>([&] {
                         make_figure({&figure_trace, &small}, "threshold-budget", options);
                       }),
                       "trace.h5 has none of the runs asked for; leave it out"));
  options.filter.runs = {"refreekv:threshold=2%"};
  const std::string error = error_of<UsageError>([&] {
    make_figure({&figure_trace, &small}, "threshold-budget", options);
  });
  EXPECT_TRUE(contains(error, "None of the 2 traces has a run 'refreekv:threshold=2%'")) << error;
  EXPECT_TRUE(contains(error, "Did you mean 'refreekv:threshold=1%'?")) << error;
  EXPECT_TRUE(
      contains(error_of<UsageError>([&] { make_figure({&small}, "threshold-budget", options); }),
               "trace.h5 has no run 'refreekv:threshold=2%'"));
}

TEST_F(Figures, WhatIsLeftOfAGridOfPanelsIsAGap) {
  plot::Figure figure{.name = "x", .rows = 1, .columns = 2};
  figure.panels.resize(2);
  figure.panels[0].marks.emplace_back(plot::Line{.series = "a", .x = {1, 2}, .y = {1, 2}});
  EXPECT_TRUE(contains(error_of([&] { plot::check(figure); }), "panel 2"));
  figure.panels[1].gap = true;
  EXPECT_EQ(error_of([&] { plot::check(figure); }), "");
  figure.panels[0] = {.gap = true};
  EXPECT_TRUE(contains(error_of([&] { plot::check(figure); }), "no panels but gaps"));
}

}  // namespace
}  // namespace kvreel::exports::testing
