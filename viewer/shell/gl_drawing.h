// What both hosts do with OpenGL: ImGui's context and renderer, panes' pictures, reading back.
#pragma once

#include <map>
#include <string>

#include "viewer/shell/host.h"

namespace kvreel::viewer {

// Textures of panes, in the OpenGL context that is current. Those that no frame asked for in a
// while are dropped.
class GlTextures : public Textures {
 public:
  ~GlTextures() override;
  ImTextureID picture(const std::string& name, uint64_t version, int width, int height,
                      const std::function<void(std::span<uint32_t>)>& fill) override;
  void end_frame();
  size_t count() const { return entries_.size(); }

 private:
  struct Entry {
    unsigned texture = 0;
    uint64_t version = 0;
    int width = 0;
    int height = 0;
    int64_t used = 0;  // frame
  };
  std::map<std::string, Entry> entries_;
  std::vector<uint32_t> pixels_;
  int64_t frame_ = 0;
};

// ImGui's context, set up alike for both hosts.
class ImGuiScope {
 public:
  ImGuiScope();
  ~ImGuiScope();
  ImGuiScope(const ImGuiScope&) = delete;
  ImGuiScope& operator=(const ImGuiScope&) = delete;
};

// ImGui's OpenGL renderer, in the context that is current.
class GlRenderer {
 public:
  GlRenderer();
  ~GlRenderer();
  GlRenderer(const GlRenderer&) = delete;
  GlRenderer& operator=(const GlRenderer&) = delete;
  void new_frame();
  void fonts_changed();
  // Clears the bound frame buffer and draws ImGui's draw data into it.
  void draw(int width, int height);
  GlTextures textures;

 private:
  bool begun_ = false;
};

// The bound frame buffer's pixels.
Picture read_pixels(int width, int height);
std::string gl_string(unsigned name);

}  // namespace kvreel::viewer
