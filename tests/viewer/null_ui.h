// A window without pixels: ImGui's core, a made-up mouse and keyboard, and items found by name.
// Frames take microseconds and are the same on every machine.
#pragma once

#include <gtest/gtest.h>
#include <imgui.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "viewer/model/session.h"
#include "viewer/panels/pages.h"
#include "viewer/panels/ui.h"

namespace kvreel::viewer::testing {

class NullTextures : public Textures {
 public:
  struct Made {
    uint64_t version = 0;
    int width = 0;
    int height = 0;
    int uploads = 0;
    std::vector<uint32_t> pixels;
  };
  ImTextureID picture(const std::string& name, uint64_t version, int width, int height,
                      const std::function<void(std::span<uint32_t>)>& fill) override {
    Made& made = all[name];
    if (made.uploads == 0 || made.version != version || made.width != width ||
        made.height != height) {
      made.version = version;
      made.width = width;
      made.height = height;
      made.pixels.assign(static_cast<size_t>(width) * static_cast<size_t>(height), 0);
      fill(made.pixels);
      ++made.uploads;
    }
    return &made;
  }
  std::map<std::string, Made> all;
};

// What a frame draws: a page, or the whole window.
using Draw = std::function<void(Frame& frame, const Rect& area)>;

class NullUi {
 public:
  explicit NullUi(float width = 1600, float height = 1000, bool dark = true)
      : library_([] {}), session_(library_) {
    context_ = ImGui::CreateContext();
    ImGui::SetCurrentContext(context_);
    ImGuiIO& io = ImGui::GetIO();
    io.IniFilename = nullptr;
    io.ConfigInputTextCursorBlink = false;
    io.DisplaySize = {width, height};
    io.DeltaTime = 1.f / 60;
    io.BackendFlags |= ImGuiBackendFlags_RendererHasVtxOffset;
    theme_.palette = dark ? dark_palette() : light_palette();
    theme_.fonts.text = theme_.fonts.title = theme_.fonts.small = io.Fonts->AddFontDefault();
    unsigned char* pixels = nullptr;
    int atlas_width = 0;
    int atlas_height = 0;
    io.Fonts->GetTexDataAsRGBA32(&pixels, &atlas_width, &atlas_height);
    io.Fonts->SetTexID(reinterpret_cast<ImTextureID>(intptr_t{1}));
    apply_style(theme_);
    io.MousePos = {-1, -1};
  }
  ~NullUi() { ImGui::DestroyContext(context_); }
  NullUi(const NullUi&) = delete;
  NullUi& operator=(const NullUi&) = delete;

  Library& library() { return library_; }
  Session& session() { return session_; }
  View& view() { return session_.view(); }
  NullTextures& textures() { return textures_; }
  const Theme& theme() const { return theme_; }
  const std::vector<std::string>& log() const { return log_; }

  // What the following frames draw, into the whole display; `bare`: it opens ImGui's windows
  // itself.
  void show(Draw draw, bool bare = false) {
    draw_ = std::move(draw);
    bare_ = bare;
  }
  void show(PagePanel& page) {
    show([&page](Frame& frame, const Rect& area) { page.draw(frame, area); });
  }

  // Opens a trace and waits until everything that the frames ask for is there.
  TraceId open(const std::string& path) {
    const TraceId id = library_.open(path);
    settle();
    return id;
  }
  void settle() {
    // What comes may make a pane ask for more, and an answer may come in the frame that asks.
    constexpr int kCalmFrames = 5;
    int calm = 0;
    for (int round = 0; round < 300 && calm < kCalmFrames; ++round) {
      frame();
      ++calm;
      if (!library_.busy()) continue;
      calm = 0;
      ASSERT_TRUE(library_.wait_idle(60'000));
    }
  }

  void frames(int count = 1) {
    for (int i = 0; i < count; ++i) frame();
  }
  void frame() {
    library_.poll();
    session_.settle();
    items_.begin_frame();
    ImGui::NewFrame();
    const ImGuiIO& io = ImGui::GetIO();
    if (!bare_) {
      ImGui::SetNextWindowPos({0, 0});
      ImGui::SetNextWindowSize(io.DisplaySize);
      ImGui::Begin("root", nullptr,
                   ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove |
                       ImGuiWindowFlags_NoBringToFrontOnFocus | ImGuiWindowFlags_NoScrollWithMouse);
    }
    Frame state{
        session_, library_, theme_, textures_,
        items_,   keys_,    now_s_, [this](std::string_view line) { log_.emplace_back(line); }};
    state.motion = motion;
    if (draw_) draw_(state, {0, 0, io.DisplaySize.x, io.DisplaySize.y});
    animating_ = state.animating;
    if (!bare_) ImGui::End();
    ImGui::Render();
    session_.remember(!io.MouseDown[0] && !io.MouseDown[1] && !io.MouseDown[2]);
    session_.end_frame();
    session_.advance(now_s_);
    keys_.clear();
    now_s_ += 1. / 60;
    ImGui::GetIO().MouseWheel = 0;
    library_.poll();
  }

  // Whether the last frame asked for another at once.
  bool animating() const { return animating_; }
  bool motion = false;  // views glide

  bool has(const std::string& name) const { return items_.find(name) != nullptr; }
  std::string text(const std::string& name) const {
    const Items::Item* item = items_.find(name);
    return item == nullptr ? "(no item " + name + ")" : item->text;
  }
  Rect rect(const std::string& name) const {
    const Items::Item* item = items_.find(name);
    if (item == nullptr) {
      std::string known;
      for (const auto& [other, _] : items_.all()) known += " " + other;
      ADD_FAILURE() << "no item " << name << " among" << known;
      return {};
    }
    return item->rect;
  }
  const Items& items() const { return items_; }

  // fx, fy: where in the item, 0..1.
  void hover(const std::string& name, float fx = 0.5f, float fy = 0.5f) {
    const Rect r = rect(name);
    ImGui::GetIO().MousePos = {r.x + r.w * fx, r.y + r.h * fy};
    frames(2);
  }
  void click(const std::string& name, float fx = 0.5f, float fy = 0.5f, int button = 0) {
    hover(name, fx, fy);
    ImGui::GetIO().MouseDown[button] = true;
    frame();
    ImGui::GetIO().MouseDown[button] = false;
    frames(2);
  }
  void double_click(const std::string& name, float fx = 0.5f, float fy = 0.5f) {
    hover(name, fx, fy);
    for (int i = 0; i < 2; ++i) {
      ImGui::GetIO().MouseDown[0] = true;
      frame();
      ImGui::GetIO().MouseDown[0] = false;
      frame();
    }
    frames(2);
  }
  void drag(const std::string& name, float fx0, float fy0, float fx1, float fy1, int button = 0) {
    const Rect r = rect(name);
    ImGuiIO& io = ImGui::GetIO();
    io.MousePos = {r.x + r.w * fx0, r.y + r.h * fy0};
    frames(2);
    io.MouseDown[button] = true;
    frame();
    constexpr int kMoves = 8;
    for (int i = 1; i <= kMoves; ++i) {
      const float t = static_cast<float>(i) / kMoves;
      io.MousePos = {r.x + r.w * (fx0 + (fx1 - fx0) * t), r.y + r.h * (fy0 + (fy1 - fy0) * t)};
      frame();
    }
    io.MouseDown[button] = false;
    frames(2);
  }
  void wheel(const std::string& name, float notches, float fx = 0.5f, float fy = 0.5f) {
    hover(name, fx, fy);
    ImGui::GetIO().MouseWheel = notches;
    frame();
    frame();
  }
  void press(KeyPress key) {
    keys_.push_back(key);
    frame();
    frame();
  }
  void type(const std::string& characters) {
    ImGui::GetIO().AddInputCharactersUTF8(characters.c_str());
    frames(2);
  }
  // ImGui's own keys, for text fields: Enter, Escape, ...
  void field_key(ImGuiKey key) {
    ImGuiIO& io = ImGui::GetIO();
    io.KeyMap[key] = key;
    io.KeysDown[key] = true;
    frame();
    io.KeysDown[key] = false;
    frame();
  }

  // Of what the last frame drew: to tell whether two frames are the same.
  uint64_t draw_hash() const {
    uint64_t hash = 1469598103934665603ull;
    const auto add = [&](const void* data, size_t size) {
      const auto* bytes = static_cast<const unsigned char*>(data);
      for (size_t i = 0; i < size; ++i) hash = (hash ^ bytes[i]) * 1099511628211ull;
    };
    const ImDrawData* data = ImGui::GetDrawData();
    for (int i = 0; i < data->CmdListsCount; ++i) {
      const ImDrawList& list = *data->CmdLists[i];
      add(list.VtxBuffer.Data, static_cast<size_t>(list.VtxBuffer.size_in_bytes()));
      add(list.IdxBuffer.Data, static_cast<size_t>(list.IdxBuffer.size_in_bytes()));
    }
    return hash;
  }
  int vertices() const { return ImGui::GetDrawData()->TotalVtxCount; }

 private:
  Library library_;
  Session session_;
  Theme theme_;
  NullTextures textures_;
  Items items_;
  std::vector<KeyPress> keys_;
  std::vector<std::string> log_;
  Draw draw_;
  bool bare_ = false;
  bool animating_ = false;
  double now_s_ = 0;
  ImGuiContext* context_ = nullptr;
};

}  // namespace kvreel::viewer::testing
