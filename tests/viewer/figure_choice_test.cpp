// What the figures page and the export dialog ask for, and the command that asks for the same.
#include "viewer/model/figure_choice.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "viewer/big_trace.h"
#include "viewer/model/figure_file.h"
#include "viewer/model/figure_sheet.h"

namespace kvreel::viewer::testing {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

class FigureChoice : public ::testing::Test {
 protected:
  FigureChoice() : library_([] {}), session_(library_) {
    std::string pattern = ::testing::TempDir() + "kvreel-figure-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~FigureChoice() override { fs::remove_all(directory_); }

  TraceId open(const std::string& name, int runs) {
    BigTrace shape;
    shape.runs = runs;
    shape.samples = 3;
    shape.spans = 200;
    write_big_trace(directory_ / name, shape);
    const TraceId trace = library_.open(directory_ / name);
    EXPECT_TRUE(library_.wait_idle(60'000));
    session_.settle();
    return trace;
  }
  std::string run_name(int run) { return session_.run_info({library_.traces()[0], run})->name; }
  const FigureRequest request(const std::string& name) { return figure_request(session_, name); }

  Library library_;
  Session session_;
  fs::path directory_;
};

TEST_F(FigureChoice, IsOfEverythingUnlessSomethingIsLeftOut) {
  const TraceId a = open("a.h5", 3);
  FigureRequest all = request("layer-budget");
  EXPECT_EQ(all.traces, std::vector<TraceId>{a});
  EXPECT_TRUE(all.options.filter.runs.empty()) << "also runs that a live trace begins later";
  EXPECT_TRUE(all.options.filter.samples.empty());
  EXPECT_FALSE(all.options.hash_traces);

  FigureLook& look = session_.view().figure;
  look.runs_left_out = {run_name(1)};
  EXPECT_EQ(request("layer-budget").options.filter.runs, (Names{run_name(0), run_name(2)}));

  look.by = "task";
  look.log_y = true;
  EXPECT_EQ(request("layer-budget").options.by, "task");
  EXPECT_TRUE(request("layer-budget").options.log_y);
}

TEST_F(FigureChoice, FollowsThePositionWhereItIsOfOneSampleOrPass) {
  open("a.h5", 3);
  session_.select_sample("sample-2");
  session_.select_run({library_.traces()[0], 2});
  session_.select_layer(3);
  EXPECT_TRUE(request("layer-budget").options.filter.samples.empty());
  const FigureRequest map = request("eviction-map");
  EXPECT_EQ(map.options.filter.samples, Names{"sample-2"});
  EXPECT_TRUE(map.options.filter.runs.empty());
  EXPECT_FALSE(map.options.filter.layer);
  const FigureRequest curves = request("norm-curves");
  EXPECT_EQ(curves.options.filter.samples, Names{"sample-2"});
  EXPECT_EQ(curves.options.filter.runs, Names{run_name(2)});
  const FigureRequest decision = request("decision");
  EXPECT_EQ(decision.options.filter.runs, Names{run_name(2)});
  EXPECT_EQ(decision.options.filter.layer, 3);
}

TEST_F(FigureChoice, LeavesOutTracesAndThoseWhoseRunsAreAllLeftOut) {
  const TraceId a = open("a.h5", 2);
  const TraceId b = open("b.h5", 3);
  EXPECT_EQ(request("layer-budget").traces, (std::vector<TraceId>{a, b}));
  FigureLook& look = session_.view().figure;
  look.traces_left_out = {a};
  EXPECT_EQ(request("layer-budget").traces, std::vector<TraceId>{b});
  EXPECT_EQ(figure_runs(session_).size(), 3u);
  look.traces_left_out.clear();
  const RunInfo* only_b = session_.run_info({b, 2});
  ASSERT_NE(only_b, nullptr);
  look.runs_left_out = {run_name(0), run_name(1)};
  EXPECT_EQ(request("layer-budget").traces, std::vector<TraceId>{b});
  EXPECT_EQ(request("layer-budget").options.filter.runs, Names{only_b->name});
}

TEST_F(FigureChoice, OfAPaneIsOfWhatThePaneShows) {
  open("a.h5", 3);
  session_.select_sample("sample-1");
  session_.select_run({library_.traces()[0], 1});
  session_.view().compared = {{library_.traces()[0], 2}};
  const PaneFigure* budgets = figure_of_pane("compare.budgets.pane");
  ASSERT_NE(budgets, nullptr);
  const FigureRequest budget = figure_request(session_, *budgets);
  EXPECT_EQ(budget.name, "layer-budget");
  EXPECT_EQ(budget.options.filter.samples, Names{"sample-1"});
  EXPECT_EQ(budget.options.filter.runs, (Names{run_name(0), run_name(2)}));
  const FigureRequest map = figure_request(session_, *figure_of_pane("replay.map"));
  EXPECT_EQ(map.options.filter.runs, Names{run_name(1)});
  EXPECT_EQ(figure_of_pane("replay.text"), nullptr);
}

// The table of panes names figures that there are; a figure that is renamed is noticed here.
TEST_F(FigureChoice, EveryPaneOfTheTableHasItsFigure) {
  for (const char* pane :
       {"overview.runs.pane", "replay.curves", "replay.map", "replay.facts", "compare.latency.pane",
        "compare.bytes.pane", "compare.budgets.pane", "compare.overlap.pane", "timeline.statistics",
        "attention.map", "attention.row"}) {
    EXPECT_NE(figure_of_pane(pane), nullptr) << pane;
  }
}

TEST(FigureLookNames, GiveAStyle) {
  FigureLook look;
  look.style = "print";
  look.size = "88x60mm";
  look.palette = "grey";
  look.title = true;
  const plot::Style style = style_of(look);
  EXPECT_NEAR(style.size.width, 88 / 25.4 * 72, 1e-6);
  EXPECT_NEAR(style.size.height, 60 / 25.4 * 72, 1e-6);
  EXPECT_EQ(style.palette, plot::Palette::grey);
  EXPECT_TRUE(style.title);
  EXPECT_FALSE(style.footer);
  look.size = "wide";
  EXPECT_THROW(style_of(look), UsageError);
}

TEST(FigureFiles, AreNamedByTheirEnding) {
  EXPECT_EQ(figure_format_of("a/b.c/fig.PDF"), FigureFormat::pdf);
  EXPECT_EQ(figure_format_of("fig.tar.json"), FigureFormat::json);
  EXPECT_EQ(figure_format_of("a.svg/fig"), std::nullopt);
  EXPECT_EQ(figure_format_of(".png"), std::nullopt);
  EXPECT_EQ(with_ending("out/fig.pdf", FigureFormat::svg), "out/fig.svg");
  EXPECT_EQ(with_ending("out/fig.v2", FigureFormat::csv), "out/fig.v2.csv");
}

TEST(FigureCommand, IsWhatAShellReads) {
  FigureRequest request;
  request.name = "norm-curves";
  request.options.filter.runs = {"refreekv:threshold=5%,keep-layers=none"};
  request.options.filter.samples = {"it's one"};
  request.options.filter.layer = 2;
  FigureLook look;
  look.size = "acl-column";
  look.footer = false;
  const std::vector<std::string> paths = {"/tmp/a b.h5"};
  const std::string begin =
      "kvreel export '/tmp/a b.h5' --figure norm-curves --run "
      "refreekv:threshold=5%,keep-layers=none --sample 'it'\\''s one' --layer 2 --style screen "
      "--size acl-column --no-footer";
  EXPECT_EQ(figure_command(request, paths, look, "a.pdf", FigureFormat::pdf, 300),
            begin + " -o a.pdf");
  EXPECT_EQ(figure_command(request, paths, look, "a.png", FigureFormat::png, 150),
            begin + " --dpi 150 -o a.png");
  EXPECT_EQ(figure_command(request, paths, look, "a.csv", FigureFormat::csv, 300),
            begin + " -o a.pdf --data a.csv");
}

plot::Figure small_figure() {
  plot::Figure figure;
  figure.name = "small";
  figure.title = "Small";
  plot::Panel panel;
  panel.x.label = "x";
  panel.y.label = "y";
  panel.marks.emplace_back(plot::Line{.series = "a", .x = {0, 1, 2}, .y = {3, 1, 2}});
  figure.panels.push_back(std::move(panel));
  return figure;
}

TEST(FigureSheet, IsLaidOutAnewOnlyWhereSomethingChanged) {
  FigureFonts fonts;
  FigureSheet sheet;
  const auto figure = std::make_shared<const plot::Figure>(small_figure());
  plot::Style style = plot::parse_style("screen");
  const plot::Scene* scene = sheet.lay_out(fonts, figure, style);
  ASSERT_NE(scene, nullptr) << sheet.problem();
  const uint64_t version = sheet.version();
  EXPECT_EQ(sheet.lay_out(fonts, figure, style), scene);
  EXPECT_EQ(sheet.version(), version);
  style.text_size += 1;
  EXPECT_NE(sheet.lay_out(fonts, figure, style), nullptr);
  EXPECT_NE(sheet.version(), version);
  // Too small for any axis: a sentence, and the next size is drawn again.
  plot::Style tiny = style;
  tiny.size = {20, 20};
  EXPECT_EQ(sheet.lay_out(fonts, figure, tiny), nullptr);
  EXPECT_FALSE(sheet.problem().empty());
  EXPECT_NE(sheet.lay_out(fonts, figure, style), nullptr);
}

TEST(FigureFiles, AreWholeOrNotThere) {
  std::string pattern = ::testing::TempDir() + "kvreel-figure-XXXXXX";
  const fs::path directory = ::mkdtemp(pattern.data());
  const plot::Fonts fonts;
  const plot::Style style = plot::parse_style("print");
  const auto write = [&](const std::string& name, const plot::Style& of) {
    const std::string path = directory / name;
    write_figure_file(path, *figure_format_of(path), small_figure(), of, 150, fonts);
    std::ifstream file(path, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
  };
  EXPECT_TRUE(write("a.pdf", style).starts_with("%PDF"));
  EXPECT_NE(write("a.svg", style).find("<svg"), std::string::npos);
  EXPECT_TRUE(write("a.png", style).starts_with("\x89PNG"));
  EXPECT_NE(write("a.csv", style).find("panel,series"), std::string::npos);
  EXPECT_TRUE(write("a.json", style).starts_with("{"));
  // What cannot be laid out leaves what was there.
  plot::Style tiny = style;
  tiny.size = {20, 20};
  EXPECT_THROW(write("a.pdf", tiny), Error);
  EXPECT_THROW(write("new.pdf", tiny), Error);
  EXPECT_THROW(write("none/a.pdf", style), Error);
  EXPECT_GT(fs::file_size(directory / "a.pdf"), 1000u);
  size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(directory)) ++entries;
  EXPECT_EQ(entries, 5u);
  fs::remove_all(directory);
}

}  // namespace
}  // namespace kvreel::viewer::testing
