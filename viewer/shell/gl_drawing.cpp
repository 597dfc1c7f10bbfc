// ImGui's context and renderer, panes' pictures, reading back. OpenGL 3.3 core through the
// system's libOpenGL, whose prototypes need no loader.
#include "viewer/shell/gl_drawing.h"

#define GL_GLEXT_PROTOTYPES
#include <GL/gl.h>
#include <GL/glext.h>
#include <backends/imgui_impl_opengl3.h>
#include <imgui.h>

#include <algorithm>
#include <stdexcept>

#include "base/error.h"

namespace kvreel::viewer {

GlTextures::~GlTextures() {
  for (const auto& [name, entry] : entries_) glDeleteTextures(1, &entry.texture);
}

ImTextureID GlTextures::picture(const std::string& name, uint64_t version, int width, int height,
                                const std::function<void(std::span<uint32_t>)>& fill) {
  constexpr int kLargest = 16384;  // what software and older hardware renderers take
  if (width < 1 || height < 1 || width > kLargest || height > kLargest) {
    throw std::invalid_argument("picture " + name + " has a size that OpenGL does not take");
  }
  const auto [found, added] = entries_.try_emplace(name);
  Entry& entry = found->second;
  entry.used = frame_;
  if (added || entry.version != version || entry.width != width || entry.height != height) {
    pixels_.assign(static_cast<size_t>(width) * static_cast<size_t>(height), 0);
    fill(pixels_);
    if (added) glGenTextures(1, &entry.texture);
    glBindTexture(GL_TEXTURE_2D, entry.texture);
    if (added) {
      glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
      glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
      glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
      glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
    }
    if (entry.width == width && entry.height == height) {
      glTexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, width, height, GL_RGBA, GL_UNSIGNED_BYTE,
                      pixels_.data());
    } else {
      glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, width, height, 0, GL_RGBA, GL_UNSIGNED_BYTE,
                   pixels_.data());
    }
    glBindTexture(GL_TEXTURE_2D, 0);
    entry.version = version;
    entry.width = width;
    entry.height = height;
  }
  return reinterpret_cast<ImTextureID>(static_cast<intptr_t>(entry.texture));
}

void GlTextures::end_frame() {
  constexpr int64_t kKeptFrames = 300;
  std::erase_if(entries_, [&](const auto& item) {
    if (frame_ - item.second.used < kKeptFrames) return false;
    glDeleteTextures(1, &item.second.texture);
    return true;
  });
  ++frame_;
}

ImGuiScope::ImGuiScope() {
  IMGUI_CHECKVERSION();
  ImGui::CreateContext();
  ImGuiIO& io = ImGui::GetIO();
  io.IniFilename = nullptr;
  io.LogFilename = nullptr;
  // A blinking cursor would wake an idle window twice a second.
  io.ConfigInputTextCursorBlink = false;
  io.ConfigWindowsMoveFromTitleBarOnly = true;
}

ImGuiScope::~ImGuiScope() {
  ImGui::DestroyContext();
}

GlRenderer::GlRenderer() {
  if (!ImGui_ImplOpenGL3_Init("#version 330 core")) {
    fail(
        "OpenGL functions cannot be loaded (libGL.so.1 is missing or unusable). Install libgl1 and "
        "libgl1-mesa-dri.");
  }
}

GlRenderer::~GlRenderer() {
  ImGui_ImplOpenGL3_Shutdown();
}

void GlRenderer::new_frame() {
  ImGui_ImplOpenGL3_NewFrame();
}

void GlRenderer::fonts_changed() {
  // The first time the shaders are made, too: the backend would otherwise upload the atlas twice.
  if (!begun_) {
    if (!ImGui_ImplOpenGL3_CreateDeviceObjects()) {
      fail("The OpenGL driver ({}) does not take the shaders.", gl_string(GL_VERSION));
    }
    begun_ = true;
    return;
  }
  ImGui_ImplOpenGL3_DestroyFontsTexture();
  ImGui_ImplOpenGL3_CreateFontsTexture();
}

void GlRenderer::draw(int width, int height) {
  glViewport(0, 0, width, height);
  const ImVec4 ground = ImGui::GetStyle().Colors[ImGuiCol_WindowBg];
  glClearColor(ground.x, ground.y, ground.z, 1);
  glClear(GL_COLOR_BUFFER_BIT);
  ImGui_ImplOpenGL3_RenderDrawData(ImGui::GetDrawData());
  textures.end_frame();
}

Picture read_pixels(int width, int height) {
  Picture picture{width, height, {}};
  const size_t row = static_cast<size_t>(width) * 4;
  picture.rgba.resize(row * static_cast<size_t>(height));
  glPixelStorei(GL_PACK_ALIGNMENT, 1);
  glReadPixels(0, 0, width, height, GL_RGBA, GL_UNSIGNED_BYTE, picture.rgba.data());
  // OpenGL begins at the bottom; what lies behind is opaque.
  for (int y = 0; y < height / 2; ++y) {
    std::swap_ranges(picture.rgba.begin() + static_cast<ptrdiff_t>(row) * y,
                     picture.rgba.begin() + static_cast<ptrdiff_t>(row) * (y + 1),
                     picture.rgba.begin() + static_cast<ptrdiff_t>(row) * (height - 1 - y));
  }
  for (size_t i = 3; i < picture.rgba.size(); i += 4) picture.rgba[i] = 255;
  return picture;
}

std::string gl_string(unsigned name) {
  const auto* text = reinterpret_cast<const char*>(glGetString(name));
  return text == nullptr ? std::string() : std::string(text);
}

}  // namespace kvreel::viewer
