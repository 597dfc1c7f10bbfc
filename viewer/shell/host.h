// Where the window's pixels come from: a window of the desktop, or a picture off screen.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "viewer/panels/ui.h"
#include "viewer/shell/picture.h"

namespace kvreel::viewer {

// Owns ImGui's context and its backends, so one lives at a time, on the main thread.
class Host {
 public:
  virtual ~Host() = default;
  virtual ImVec2 size() const = 0;          // pixels
  virtual float content_scale() const = 0;  // 1 at 96 dpi
  virtual bool should_close() const = 0;
  virtual bool minimized() const = 0;
  // Waits for input, at most so long; returns at once after wake(). 0 only looks.
  virtual void wait(double seconds) = 0;
  virtual void wake() = 0;  // from any thread
  // Whether there was input, another size or scale, or wake() since the last call.
  virtual bool take_activity() = 0;
  // Key presses and dropped files since the last call.
  virtual std::vector<KeyPress> take_keys() = 0;
  virtual std::vector<std::string> take_dropped() = 0;
  virtual void set_title(const std::string& title) = 0;
  // Backends' NewFrame, then ImGui's. `show_pointer` false: as if the pointer were elsewhere, for
  // pictures.
  virtual void begin_frame(bool show_pointer = true) = 0;
  // Draws ImGui's draw data and shows it; with `copy`, what was drawn is put there.
  virtual void end_frame(Picture* copy = nullptr) = 0;
  virtual void fonts_changed() = 0;  // uploads ImGui's atlas anew; before the first frame, too
  virtual Textures& textures() = 0;
};

// Throws Error with a sentence where there is no display or no OpenGL 3.3.
std::unique_ptr<Host> open_window(const std::string& title, int width, int height);

// What a script does with pointer and keyboard; applied to the next frame.
struct Input {
  ImVec2 pointer{-1, -1};            // pixels; negative: outside
  std::array<bool, 3> down{};        // left, right, middle
  float wheel = 0;                   // notches, of one frame
  std::vector<KeyPress> keys;        // of one frame
  std::string text;                  // typed, UTF-8, of one frame
  std::vector<std::string> dropped;  // paths, of one frame
};

// Frames are 1/60 s apart, whatever the clock says: pictures are the same every time.
class OffscreenHost : public Host {
 public:
  virtual Input& input() = 0;
  virtual void resize(int width, int height) = 0;
  virtual std::string renderer() const = 0;    // "llvmpipe (LLVM 15.0.6, 256 bits)"
  virtual std::string gl_version() const = 0;  // "4.5 (Core Profile) Mesa 22.3.6"
};

// EGL without a display server. `scale` is what content_scale() says. Throws Error with a sentence
// where there is no EGL that can.
std::unique_ptr<OffscreenHost> open_offscreen(int width, int height, float scale);

inline constexpr double kOffscreenFrameSeconds = 1.0 / 60;

}  // namespace kvreel::viewer
