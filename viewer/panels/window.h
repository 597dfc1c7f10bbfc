// The window's content: top bar, pages, replay bar, status line, overlays.
#pragma once

#include <memory>
#include <string>

#include "viewer/panels/pages.h"

namespace kvreel::viewer {

// What the content asks of the shell.
struct Wishes {
  bool quit = false;
  bool toggle_theme = false;
  float scale_steps = 0;   // + larger, - smaller
  std::string open;        // path of a trace
  std::string export_png;  // path of a picture of a pane, or of the whole page
  Rect export_rect;        // what it shows, in pixels
};

class Window {
 public:
  Window();
  ~Window();
  // One frame, between ImGui::NewFrame() and ImGui::Render(). `size` of the display in pixels.
  Wishes draw(Frame& frame, ImVec2 size);
  // Of the page that was drawn, in pixels: what export_png shows.
  Rect page_rect() const;
  // Recent files for the empty window, newest first.
  void set_recent(std::vector<std::string> paths);
  // Of the program, into the metadata of figures.
  void set_version(std::string version);
  // A sentence for the status line, until the next click: what was exported, what failed.
  void notify(std::string sentence, bool warning);
  // Whether something moves by itself, so that frames must go on.
  bool animating() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace kvreel::viewer
