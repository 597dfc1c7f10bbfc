// The frame around the pages: tabs, dialogs, keys, what is open and what failed.
#include "viewer/panels/window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "exports/tables/small_trace.h"
#include "viewer/null_ui.h"
#include "viewer/panels/dialogs.h"

namespace kvreel::viewer::testing {
namespace {

namespace fs = std::filesystem;

class WindowTest : public ::testing::Test {
 protected:
  WindowTest() {
    std::string pattern = ::testing::TempDir() + "kvreel-window-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    ui_.show(
        [this](Frame& frame, const Rect& area) {
          const Wishes wishes = window_.draw(frame, {area.w, area.h});
          if (!wishes.open.empty()) opened_ = wishes.open;
          if (!wishes.export_png.empty()) exported_ = wishes;
          quit_ = quit_ || wishes.quit;
          themes_ += wishes.toggle_theme;
        },
        true);
    ui_.frames(3);
  }
  ~WindowTest() override { fs::remove_all(directory_); }

  NullUi ui_;
  Window window_;
  fs::path directory_;
  std::string opened_;
  Wishes exported_;
  bool quit_ = false;
  int themes_ = 0;
};

TEST_F(WindowTest, ATabChoosesItsPageAndAKeyToo) {
  ui_.click("page.Timeline");
  EXPECT_EQ(ui_.view().page, Page::timeline);
  ui_.press({'2'});
  EXPECT_EQ(ui_.view().page, Page::replay);
  ui_.press({KeyPress::kBackspace});
  EXPECT_EQ(ui_.view().page, Page::timeline);
}

TEST_F(WindowTest, KeysReachTheShell) {
  ui_.press({'Q', false, true});
  EXPECT_TRUE(quit_);
  ui_.press({'T'});
  EXPECT_EQ(themes_, 1);
}

TEST_F(WindowTest, TheEmptyWindowOffersWhatWasOpenLast) {
  window_.set_recent({"/somewhere/a.h5", "/somewhere/b.h5"});
  ui_.frames(2);
  ui_.click("empty.recent.1");
  EXPECT_EQ(opened_, "/somewhere/b.h5");
}

TEST_F(WindowTest, ATraceIsOpenedByItsPath) {
  const std::string path = directory_ / "trace.h5";
  std::ofstream(path) << "not a trace, but there";
  ui_.press({'O', false, true});
  ASSERT_TRUE(ui_.has("open"));
  ui_.type(path);
  ui_.click("open.ok");
  EXPECT_EQ(opened_, path);
  EXPECT_FALSE(ui_.has("open"));
}

TEST_F(WindowTest, APathThatIsNotThereIsSaidAndTheDialogStays) {
  ui_.click("window.open");
  ui_.type((directory_ / "none.h5").string());
  ui_.click("open.ok");
  EXPECT_EQ(opened_, "");
  EXPECT_TRUE(ui_.has("open"));
  ui_.press({KeyPress::kEscape});
  ui_.frames(2);
  EXPECT_FALSE(ui_.has("open"));
}

TEST_F(WindowTest, KeysOfADialogDoNotReachThePages) {
  ui_.press({KeyPress::kF1});
  ASSERT_TRUE(ui_.has("keys"));
  ui_.press({'3'});
  EXPECT_EQ(ui_.view().page, Page::overview);
  ui_.press({KeyPress::kF1});
  ui_.frames(2);
  EXPECT_FALSE(ui_.has("keys"));
}

TEST_F(WindowTest, AFileThatCannotBeOpenedIsNamedAndCanBeDismissed) {
  const std::string path = directory_ / "broken.h5";
  std::ofstream(path) << "not a trace";
  const TraceId id = ui_.open(path);
  const std::string name = "failure." + std::to_string(id.value);
  EXPECT_NE(ui_.text(name).find("broken.h5"), std::string::npos) << ui_.text(name);
  ui_.click(name + ".close");
  ui_.settle();
  EXPECT_FALSE(ui_.has(name));
  EXPECT_TRUE(ui_.library().traces().empty());
}

TEST_F(WindowTest, APictureOfThePageGoesToANamedFile) {
  ui_.press({'E', false, true});
  ui_.click("export.path");
  ui_.type((directory_ / "no" / "a.png").string());
  ui_.click("export.ok");
  EXPECT_EQ(exported_.export_png, "") << "the directory is not there";
  ui_.press({KeyPress::kEscape});
  ui_.frames(2);
  ui_.press({'E', false, true});
  ui_.type((directory_ / "a.png").string());
  ui_.click("export.ok");
  EXPECT_EQ(exported_.export_png, directory_ / "a.png");
  EXPECT_GT(exported_.export_rect.w, 1000);
}

TEST_F(WindowTest, ANoticeStaysUntilTheNextClick) {
  window_.notify("Exported a.png, 10 x 10 pixels.", false);
  ui_.frames(30);
  EXPECT_EQ(ui_.text("status"), "Exported a.png, 10 x 10 pixels.");
  ui_.click("page.Overview");
  EXPECT_EQ(ui_.text("status"), "");
}

TEST_F(WindowTest, EveryPaneOfAPageCanBeExportedByItsTitle) {
  exports::testing::write_small_trace((directory_ / "trace.h5").string());
  ui_.open(directory_ / "trace.h5");
  ui_.press({'3'});
  ui_.settle();
  ui_.press({'E', false, true});
  ui_.click("export.pane");
  std::vector<std::string> offered;
  for (int i = 0; ui_.has("export.pane." + std::to_string(i)); ++i) {
    offered.push_back(ui_.text("export.pane." + std::to_string(i)));
  }
  std::sort(offered.begin(), offered.end());
  EXPECT_EQ(offered, (std::vector<std::string>{"Budget by layer", "Cache after each step",
                                               "Generated tokens by step", "Kept positions",
                                               "Samples", "Time per step", "the whole page"}));
}

TEST_F(WindowTest, AnySampleIsChosenFromTheList) {
  exports::testing::write_small_trace((directory_ / "trace.h5").string());
  ui_.open(directory_ / "trace.h5");
  EXPECT_EQ(ui_.text("sample"), "a");
  ui_.click("sample");
  ui_.click("sample.2");
  EXPECT_EQ(ui_.view().sample, "c");
  EXPECT_EQ(ui_.text("sample"), "c");
}

TEST(OpenDialog, ShowsDirectoriesFirstAndOnlyFilesThatMayBeTraces) {
  std::string pattern = ::testing::TempDir() + "kvreel-open-XXXXXX";
  const fs::path directory = ::mkdtemp(pattern.data());
  fs::create_directory(directory / "zoo");
  std::ofstream(directory / "b.h5") << "12345";
  std::ofstream(directory / "a.hdf5") << "1";
  std::ofstream(directory / "notes.txt") << "1";
  std::ofstream(directory / ".hidden.h5") << "1";
  const std::vector<OpenDialog::Entry> found = OpenDialog::entries(directory);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].name, "zoo");
  EXPECT_TRUE(found[0].directory);
  EXPECT_EQ(found[1].name, "a.hdf5");
  EXPECT_EQ(found[2].bytes, 5u);
  EXPECT_TRUE(OpenDialog::entries(directory / "none").empty());
  fs::remove_all(directory);
}

}  // namespace
}  // namespace kvreel::viewer::testing
