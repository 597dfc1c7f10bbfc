// The figures page and the export of figures, by clicks on named items in the whole window.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "viewer/big_trace.h"
#include "viewer/null_ui.h"
#include "viewer/panels/window.h"

namespace kvreel::viewer::testing {
namespace {

namespace fs = std::filesystem;

class FiguresPage : public ::testing::Test {
 protected:
  FiguresPage() {
    std::string pattern = ::testing::TempDir() + "kvreel-figures-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    window_.set_version("1.2.3");
    ui_.show(
        [this](Frame& frame, const Rect& area) {
          const Wishes wishes = window_.draw(frame, {area.w, area.h});
          if (!wishes.export_png.empty()) picture_ = wishes.export_png;
        },
        true);
    BigTrace shape;
    shape.runs = 3;
    shape.samples = 4;
    shape.spans = 400;
    write_big_trace(directory_ / "trace.h5", shape);
    ui_.open(directory_ / "trace.h5");
  }
  ~FiguresPage() override { fs::remove_all(directory_); }

  void go(const std::string& figure) {
    ui_.press({'6'});
    ui_.settle();
    ui_.click("figures.list." + figure);
    ui_.settle();
  }
  std::string read(const std::string& name) const {
    std::ifstream file(directory_ / name, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
  }
  size_t files() const {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(directory_)) ++count;
    return count;
  }
  // Opens the dialog and types a path, which replaces the suggestion.
  void export_to(const std::string& name) {
    ui_.press({'E', false, true});
    ui_.settle();
    ui_.type((directory_ / name).string());
    ui_.settle();
  }

  NullUi ui_;
  Window window_;
  fs::path directory_;
  std::string picture_;
};

TEST_F(FiguresPage, ShowsTheFirstFigureThatTheTraceCan) {
  ui_.press({'6'});
  ui_.settle();
  EXPECT_EQ(ui_.view().page, Page::figures);
  const std::string shown = ui_.text("figures.canvas");
  EXPECT_EQ(ui_.text("figures.list." + shown), "ready");
  EXPECT_EQ(ui_.view().figure.name, "") << "nobody has chosen it";
  for (const auto& info : exports::known_figures()) {
    if (info.name == shown) break;
    EXPECT_NE(ui_.text("figures.list." + std::string(info.name)), "ready") << info.name;
  }
}

TEST_F(FiguresPage, AFigureIsChosenFromTheListAndTheChoiceCanBeTakenBack) {
  go("layer-budget");
  EXPECT_EQ(ui_.text("figures.canvas"), "layer-budget");
  EXPECT_EQ(ui_.view().figure.name, "layer-budget");
  go("eviction-map");
  EXPECT_EQ(ui_.text("figures.canvas"), "eviction-map");
  ui_.press({KeyPress::kBackspace});
  ui_.settle();
  EXPECT_EQ(ui_.text("figures.canvas"), "layer-budget");
}

TEST_F(FiguresPage, SaysWhyTheTraceCannotBeDrawnAsAFigure) {
  ui_.press({'6'});
  ui_.settle();
  const std::string why = ui_.text("figures.list.attention-norms");
  EXPECT_NE(why.find("--no-norms"), std::string::npos) << why;
  go("attention-norms");
  EXPECT_EQ(ui_.text("figures.problem"), why);
  EXPECT_FALSE(ui_.has("figures.canvas"));
  ui_.click("figures.export");
  EXPECT_FALSE(ui_.has("export")) << "there is nothing to export";
}

TEST_F(FiguresPage, AStyleChangesThePaper) {
  go("layer-budget");
  EXPECT_EQ(ui_.text("figures.style.screen"), "on");
  const std::string screen = ui_.text("figures.sheet");
  EXPECT_FALSE(ui_.has("figures.remarks")) << "the figure's footer says them";
  ui_.click("figures.style.print");
  ui_.settle();
  EXPECT_EQ(ui_.view().figure.style, "print");
  EXPECT_NE(ui_.text("figures.sheet"), screen);
  EXPECT_TRUE(ui_.text("figures.sheet").starts_with("7.7 ")) << ui_.text("figures.sheet");
  EXPECT_NE(ui_.text("figures.remarks").find("n = 4"), std::string::npos);
  EXPECT_EQ(ui_.text("figures.title"), "off");
  ui_.click("figures.title");
  ui_.settle();
  EXPECT_EQ(ui_.text("figures.title"), "on");
  // Another style decides anew.
  ui_.click("figures.style.print");
  ui_.click("figures.style.screen");
  ui_.click("figures.style.print");
  ui_.settle();
  EXPECT_EQ(ui_.text("figures.title"), "off");
}

TEST_F(FiguresPage, ASizeIsAKnownOneOrTyped) {
  go("layer-budget");
  ui_.click("figures.size");
  ui_.click("figures.size.3");  // after "the style's": neurips
  ui_.settle();
  EXPECT_EQ(ui_.view().figure.size, "neurips");
  EXPECT_TRUE(ui_.text("figures.sheet").starts_with("14.0 ")) << ui_.text("figures.sheet");
  ui_.click("figures.size.own");
  ui_.type("100x80mm");
  ui_.field_key(ImGuiKey_Enter);
  ui_.settle();
  EXPECT_EQ(ui_.text("figures.sheet"), "10.0 \u00d7 8.0 cm");
  ui_.click("figures.size.own");
  ui_.type("wide");
  ui_.field_key(ImGuiKey_Enter);
  ui_.settle();
  EXPECT_NE(ui_.text("figures.size.problem").find("no size"), std::string::npos);
  EXPECT_EQ(ui_.text("figures.sheet"), "10.0 \u00d7 8.0 cm");
}

TEST_F(FiguresPage, TrueSizeIsAsManyPixelsAsTheScreenHasDots) {
  go("layer-budget");
  ui_.click("figures.style.print");
  ui_.click("figures.zoom.100 %");
  ui_.settle();
  const float width = ui_.rect("figures.sheet").w;
  EXPECT_NEAR(width, 7.7 / 2.54 * 96, 1.5);
  ui_.click("figures.zoom.200 %");
  ui_.settle();
  EXPECT_NEAR(ui_.rect("figures.sheet").w, 2 * width, 2);
  // The wheel zooms about the pointer.
  const Rect before = ui_.rect("figures.sheet");
  ui_.wheel("figures.canvas", 2, 0.5f, 0.5f);
  ui_.settle();
  EXPECT_NEAR(ui_.rect("figures.sheet").w, before.w * 1.5625, 2);
  ui_.press({KeyPress::kHome});
  ui_.settle();
  EXPECT_EQ(ui_.text("figures.zoom.fit"), "on");
  const Rect area = ui_.rect("figures.canvas");
  EXPECT_LE(ui_.rect("figures.sheet").w, area.w);
  EXPECT_LE(ui_.rect("figures.sheet").h, area.h);
}

TEST_F(FiguresPage, RunsAreLeftOutByTheirTicks) {
  go("layer-budget");
  ui_.click("figures.run.2");
  ui_.settle();
  EXPECT_EQ(ui_.text("figures.run.2"), "off");
  ASSERT_EQ(ui_.view().figure.runs_left_out.size(), 1u);
  EXPECT_EQ(ui_.text("figures.canvas"), "layer-budget");
  ui_.click("figures.run.2");
  EXPECT_TRUE(ui_.view().figure.runs_left_out.empty());
  // All of them: a sentence.
  for (int run = 0; run < 3; ++run) ui_.click("figures.run." + std::to_string(run));
  ui_.settle();
  EXPECT_EQ(ui_.text("figures.problem"), "No run is chosen to be drawn.");
}

TEST_F(FiguresPage, AFieldMakesGroups) {
  go("layer-budget");
  ui_.click("figures.by");
  EXPECT_EQ(ui_.text("figures.by.1"), "task");
  ui_.click("figures.by.1");
  ui_.settle();
  EXPECT_EQ(ui_.view().figure.by, "task");
  EXPECT_EQ(ui_.text("figures.canvas"), "layer-budget");
}

TEST_F(FiguresPage, AFigureOfOneSampleFollowsThePosition) {
  go("eviction-map");
  const uint64_t before = ui_.draw_hash();
  EXPECT_FALSE(ui_.has("figures.by"));
  ui_.press({KeyPress::kPageDown});
  ui_.settle();
  EXPECT_EQ(ui_.view().sample, "sample-1");
  EXPECT_EQ(ui_.text("figures.canvas"), "eviction-map");
  EXPECT_NE(ui_.draw_hash(), before);
}

TEST_F(FiguresPage, SeveralTracesAreInOneFigure) {
  BigTrace shape;
  shape.runs = 2;
  shape.samples = 4;
  shape.spans = 200;
  write_big_trace(directory_ / "second.h5", shape);
  ui_.open(directory_ / "second.h5");
  for (const char* figure : {"layer-budget", "eviction-map", "memory"}) {
    go(figure);
    EXPECT_EQ(ui_.text("figures.canvas"), figure) << ui_.text("figures.problem");
  }
  ui_.click("figures.trace.1");
  ui_.settle();
  ASSERT_EQ(ui_.view().figure.traces_left_out.size(), 1u);
  EXPECT_EQ(ui_.text("figures.trace.1"), "off");
  EXPECT_EQ(ui_.text("figures.canvas"), "memory");
}

TEST_F(FiguresPage, IsTheSameInEveryFrame) {
  go("layer-budget");
  ui_.hover("status");
  const uint64_t hash = ui_.draw_hash();
  const int uploads = ui_.textures().all.at("figures.paper.text").uploads;
  ui_.frames(5);
  EXPECT_EQ(ui_.draw_hash(), hash);
  EXPECT_EQ(ui_.textures().all.at("figures.paper.text").uploads, uploads)
      << "texts are set once, not in every frame";
}

TEST_F(FiguresPage, IsExportedAsADocumentOfItsSize) {
  go("layer-budget");
  ui_.click("figures.style.print");
  export_to("fig.pdf");
  ASSERT_TRUE(ui_.has("export.preview"));
  EXPECT_EQ(ui_.text("export.preview"), "layer-budget");
  EXPECT_EQ(ui_.text("export.format.PDF"), "on");
  const auto& preview = ui_.textures().all.at("export.preview");
  // Again only where the loading thread brings the figure anew, with other metadata.
  const auto drawn = preview.uploads;
  EXPECT_LE(drawn, 2);
  ui_.frames(5);
  EXPECT_EQ(preview.uploads, drawn) << "it is drawn once";
  ui_.click("export.ok");
  EXPECT_FALSE(ui_.has("export"));
  EXPECT_NE(ui_.text("status").find("fig.pdf"), std::string::npos);
  const std::string bytes = read("fig.pdf");
  EXPECT_TRUE(bytes.starts_with("%PDF"));
  // 7.7 cm are 218.27 points.
  EXPECT_NE(bytes.find("MediaBox [ 0 0 218.2"), std::string::npos);
  EXPECT_EQ(files(), 2u) << "the trace and the figure, and no half of one";
}

TEST_F(FiguresPage, TheEndingSaysTheFormat) {
  go("layer-budget");
  export_to("fig.svg");
  EXPECT_EQ(ui_.text("export.format.SVG"), "on");
  ui_.click("export.ok");
  EXPECT_NE(read("fig.svg").find("<svg"), std::string::npos);
  export_to("fig.png");
  EXPECT_EQ(ui_.text("export.format.PNG"), "on");
  ui_.click("export.dpi.96");
  ui_.click("export.ok");
  const std::string png = read("fig.png");
  ASSERT_TRUE(png.starts_with("\x89PNG"));
  // "screen" is 480 points wide: 640 pixels at 96 dots per inch.
  EXPECT_EQ(static_cast<unsigned char>(png[18]) << 8 | static_cast<unsigned char>(png[19]), 640);
  export_to("fig.csv");
  ui_.click("export.ok");
  EXPECT_NE(read("fig.csv").find("panel,series"), std::string::npos);
  // And the format says the ending.
  export_to("other.csv");
  ui_.click("export.format.JSON");
  ui_.settle();
  EXPECT_TRUE(ui_.text("export.path").ends_with("other.json")) << ui_.text("export.path");
  ui_.click("export.ok");
  EXPECT_TRUE(read("other.json").starts_with("{"));
}

TEST_F(FiguresPage, AnExportedFigureSaysWhereItIsFrom) {
  go("eviction-map");
  export_to("fig.json");
  const std::string command = ui_.text("export.command");
  EXPECT_NE(command.find("--figure eviction-map --sample sample-0"), std::string::npos) << command;
  ui_.click("export.ok");
  const std::string data = read("fig.json");
  EXPECT_NE(data.find("sha256"), std::string::npos);
  EXPECT_NE(data.find("kvreel 1.2.3"), std::string::npos);
  EXPECT_NE(data.find("kvreel export"), std::string::npos);
}

TEST_F(FiguresPage, WhatCannotBeWrittenIsASentenceInTheDialog) {
  go("layer-budget");
  export_to("none/fig.pdf");
  ui_.click("export.ok");
  EXPECT_NE(ui_.text("export.problem").find("There is no directory"), std::string::npos);
  EXPECT_TRUE(ui_.has("export"));
  ui_.press({KeyPress::kEscape});
  ui_.frames(2);
  export_to("fig.docx");
  ui_.click("export.ok");
  EXPECT_NE(ui_.text("export.problem").find(".pdf, .svg or .png"), std::string::npos);
  EXPECT_EQ(files(), 1u);
}

TEST_F(FiguresPage, APaneOfAnotherPageIsExportedAsItsFigure) {
  ui_.press({'3'});
  ui_.settle();
  ui_.click("compare.budgets.pane", 0.5f, 0.04f);  // its title
  ui_.press({'E', false, true});
  ui_.settle();
  EXPECT_EQ(ui_.text("export.pane"), "Budget by layer");
  EXPECT_EQ(ui_.text("export.as.picture"), "on") << "a picture unless one wants the figure";
  EXPECT_FALSE(ui_.has("export.preview"));
  ui_.click("export.as.figure");
  ui_.settle();
  EXPECT_EQ(ui_.text("export.preview"), "layer-budget");
  EXPECT_NE(ui_.text("export.command").find("--sample sample-0"), std::string::npos)
      << ui_.text("export.command");
  EXPECT_TRUE(ui_.text("export.path").ends_with("layer-budget.pdf")) << ui_.text("export.path");
  ui_.click("export.as.picture");
  ui_.settle();
  EXPECT_FALSE(ui_.has("export.preview"));
  EXPECT_TRUE(ui_.text("export.path").ends_with("kvreel.png")) << ui_.text("export.path");
  ui_.click("export.path");
  ui_.type((directory_ / "a.png").string());
  ui_.click("export.ok");
  EXPECT_EQ(picture_, directory_ / "a.png");
}

TEST_F(FiguresPage, AFigureThatCannotBeDrawnCannotBeExported) {
  ui_.press({'5'});
  ui_.settle();
  ui_.click("attention.map", 0.1f, 0.04f);
  ui_.press({'E', false, true});
  ui_.settle();
  ui_.click("export.as.figure");
  ui_.settle();
  EXPECT_NE(ui_.text("export.preview").find("--no-norms"), std::string::npos)
      << ui_.text("export.preview");
  ui_.click("export.ok");
  EXPECT_TRUE(ui_.has("export"));
  EXPECT_EQ(files(), 1u);
}

}  // namespace
}  // namespace kvreel::viewer::testing
