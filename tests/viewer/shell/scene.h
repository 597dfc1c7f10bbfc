// Off-screen drawing for tests: a host, fonts and what a pane needs, without a window's content.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "viewer/shell/fonts.h"
#include "viewer/shell/host.h"

namespace kvreel::viewer::testing {

// A directory that goes with the test.
class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "kvreel-shell-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) fail("Cannot make a temporary directory.");
    path_ = name;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// Null, with the reason in `why`, where this machine cannot draw off screen.
inline std::unique_ptr<OffscreenHost> try_offscreen(int width, int height, std::string& why) {
  try {
    return open_offscreen(width, height, 1);
  } catch (const Error& error) {
    why = error.what();
    return nullptr;
  }
}

// Declares `host`, or skips the test and says why.
#define KVREEL_OFFSCREEN_OR_SKIP(host, width, height)                                      \
  std::string host##_missing;                                                              \
  const auto host = kvreel::viewer::testing::try_offscreen(width, height, host##_missing); \
  if (host == nullptr) GTEST_SKIP() << host##_missing

// Draws single panes.
class Scene {
 public:
  Scene(OffscreenHost& host, bool dark, float scale = 1)
      : host_(host), library_([] {}), session_(library_) {
    theme_.palette = dark ? dark_palette() : light_palette();
    theme_.scale = scale;
    apply_style(theme_);
    build_fonts();
  }
  ~Scene() { set_glyph_table(nullptr); }
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  CodePoints used;
  void build_fonts() {
    theme_.fonts = atlas_.build(used, theme_.scale);
    host_.fonts_changed();
  }
  const Theme& theme() const { return theme_; }
  const FontAtlas& atlas() const { return atlas_; }
  const Items& items() const { return items_; }

  Picture draw(const std::function<void(Frame&, const Rect&)>& content) {
    Picture picture;
    host_.begin_frame();
    std::vector<KeyPress> keys = host_.take_keys();
    items_.begin_frame();
    Frame frame{session_, library_, theme_, host_.textures(), items_, keys, 0, {}};
    const ImVec2 size = host_.size();
    ImGui::SetNextWindowPos({0, 0});
    ImGui::SetNextWindowSize(size);
    ImGui::Begin("scene", nullptr, ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove);
    content(frame, {0, 0, size.x, size.y});
    ImGui::End();
    ImGui::Render();
    host_.end_frame(&picture);
    return picture;
  }

 private:
  OffscreenHost& host_;
  Library library_;
  Session session_;
  FontAtlas atlas_;
  Theme theme_;
  Items items_;
};

}  // namespace kvreel::viewer::testing
