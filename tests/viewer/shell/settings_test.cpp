// What is remembered, and what a damaged file does.
#include "viewer/shell/settings.h"

#include <gtest/gtest.h>

#include <fstream>

#include "viewer/shell/scene.h"

namespace kvreel::viewer {
namespace {

using testing::TempDir;

void write(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

TEST(ViewerSettings, AreReadBackAsTheyWereWritten) {
  const TempDir dir;
  const std::string path = dir.file("deeper/kvreel/viewer.json");
  Settings settings;
  settings.width = 1234;
  settings.height = 777;
  settings.dark = false;
  settings.scale = 1.25f;
  settings.replay_panes.facts = 0.25f;
  settings.replay_panes.map = 0.6180339f;
  settings.text_strike = true;
  settings.recent = {"/traces/\u00fcber.h5", "/b \"quoted\".h5"};
  save_settings(path, settings);
  std::string problem;
  EXPECT_EQ(load_settings(path, problem), settings);
  EXPECT_EQ(problem, "");
  EXPECT_FALSE(std::filesystem::exists(path + ".part"));
}

TEST(ViewerSettings, AreDefaultsWithoutAFile) {
  const TempDir dir;
  std::string problem;
  EXPECT_EQ(load_settings(dir.file("none.json"), problem), Settings());
  EXPECT_EQ(problem, "");
}

TEST(ViewerSettings, ThatAreDamagedAreIgnoredWithASentence) {
  const TempDir dir;
  const std::string path = dir.file("viewer.json");
  for (const char* text : {"", "{\"width\": 12", "[1, 2]", "\xff\xfe", "null"}) {
    write(path, text);
    std::string problem;
    EXPECT_EQ(load_settings(path, problem), Settings()) << text;
    EXPECT_NE(problem.find(path), std::string::npos) << text;
  }
}

TEST(ViewerSettings, OutOfRangeKeepTheirDefaults) {
  const TempDir dir;
  const std::string path = dir.file("viewer.json");
  write(path, R"({"width": -5, "height": 900, "scale": 1e9, "theme": 3, "recent": ["/a", 7],
                  "replay panes": {"facts": 0.5, "plots": 7, "map": "wide"}, "strike evicted": "yes"})");
  std::string problem;
  Settings expected;
  expected.height = 900;
  expected.recent = {"/a"};
  expected.replay_panes.facts = 0.5f;
  EXPECT_EQ(load_settings(path, problem), expected);
}

TEST(ViewerSettings, LieWhereTheDesktopSays) {
  setenv("HOME", "/home/someone", 1);
  setenv("XDG_CONFIG_HOME", "/etc/mine", 1);
  EXPECT_EQ(settings_path(), "/etc/mine/kvreel/viewer.json");
  setenv("XDG_CONFIG_HOME", "relative", 1);
  EXPECT_EQ(settings_path(), "/home/someone/.config/kvreel/viewer.json");
  unsetenv("HOME");
  unsetenv("XDG_CONFIG_HOME");
  EXPECT_EQ(settings_path(), "");
}

}  // namespace
}  // namespace kvreel::viewer
