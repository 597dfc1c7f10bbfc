// Where the window's pixels come from: a window of the desktop, or a picture off screen.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "viewer/panels/ui.h"

namespace kvreel::viewer {

struct Picture {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> rgba;  // [height][width][4], top row first
};

class Host {
 public:
  virtual ~Host() = default;
  virtual ImVec2 size() const = 0;          // pixels
  virtual float content_scale() const = 0;  // 1 at 96 dpi
  virtual bool should_close() const = 0;
  // Waits for input, at most so long; returns at once after wake().
  virtual void wait(double seconds) = 0;
  virtual void wake() = 0;  // from any thread
  // Key presses and dropped files since the last call.
  virtual std::vector<KeyPress> take_keys() = 0;
  virtual std::vector<std::string> take_dropped() = 0;
  virtual void set_title(const std::string& title) = 0;
  virtual void begin_frame() = 0;    // backends' NewFrame, then ImGui's
  virtual void end_frame() = 0;      // draws ImGui's draw data and shows it
  virtual Picture read() = 0;        // what end_frame() drew
  virtual void fonts_changed() = 0;  // uploads ImGui's atlas anew
  virtual Textures& textures() = 0;
};

// Throws Error with a sentence where there is no display or no OpenGL 3.3.
std::unique_ptr<Host> open_window(const std::string& title, int width, int height);
// EGL without a display server. `scale` is what content_scale() says.
std::unique_ptr<Host> open_offscreen(int width, int height, float scale);

// Throws Error.
void write_png(const std::string& path, const Picture& picture);
Picture crop(const Picture& picture, const Rect& rect);

}  // namespace kvreel::viewer
