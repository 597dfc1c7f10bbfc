// Widgets that tests and scripts can find by name, and what panes draw with. ImGui core only: no
// GL, no window.
#pragma once

#include <imgui.h>

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "viewer/model/session.h"
#include "viewer/panels/theme.h"

namespace kvreel::viewer {

struct Rect {
  float x = 0, y = 0, w = 0, h = 0;
  float right() const { return x + w; }
  float bottom() const { return y + h; }
  ImVec2 min() const { return {x, y}; }
  ImVec2 max() const { return {x + w, y + h}; }
  bool contains(ImVec2 p) const { return p.x >= x && p.y >= y && p.x < right() && p.y < bottom(); }
  // Pieces of it; what is left stays in *this.
  Rect take_top(float height);
  Rect take_bottom(float height);
  Rect take_left(float width);
  Rect take_right(float width);
  Rect inset(float by) const { return {x + by, y + by, w - 2 * by, h - 2 * by}; }
};

// Pictures that panes make on the CPU (heat maps). The shell uploads them; tests keep them.
class Textures {
 public:
  virtual ~Textures() = default;
  // The picture of this name, uploaded anew where `version` differs from the last call's. `fill`
  // writes [height][width] pixels 0xAABBGGRR. Drawn with nearest-neighbour sampling. At most 16384
  // wide.
  virtual ImTextureID picture(const std::string& name, uint64_t version, int width, int height,
                              const std::function<void(std::span<uint32_t>)>& fill) = 0;
};

// What was drawn in a frame, by name: where it is and what it says.
class Items {
 public:
  struct Item {
    Rect rect;
    std::string text;
    std::string pane;  // title, of a pane
  };
  // Without tests or a script to find them, only panes are kept.
  bool panes_only = false;

  void begin_frame() { items_.clear(); }
  void add(const std::string& name, const Rect& rect, std::string text = {},
           std::string pane = {}) {
    if (panes_only && pane.empty()) return;
    items_[name] = {rect, std::move(text), std::move(pane)};
  }
  const std::map<std::string, Item>& all() const { return items_; }
  const Item* find(const std::string& name) const {
    const auto found = items_.find(name);
    return found == items_.end() ? nullptr : &found->second;
  }

 private:
  std::map<std::string, Item> items_;
};

// A key press with its modifiers. ImGui 1.86 loses presses that are shorter than a frame; the shell
// queues them.
struct KeyPress {
  enum Key : int {
    kSpace = ' ',
    kSlash = '/',
    kEscape = 256,
    kEnter,
    kBackspace,
    kDelete,
    kLeft,
    kRight,
    kUp,
    kDown,
    kHome,
    kEnd,
    kPageUp,
    kPageDown,
    kF1,
  };
  int key = 0;  // of Key, or the upper-case ASCII letter or digit
  bool shift = false;
  bool control = false;
  bool operator==(const KeyPress&) const = default;
};

// What a pane gets to draw a frame with.
struct Frame {
  Session& session;
  Library& library;
  const Theme& theme;
  Textures& textures;
  Items& items;
  std::vector<KeyPress>& keys;  // of this frame; whoever uses one takes it out
  double now_s = 0;
  std::function<void(std::string_view)> log;  // one line per action, for --log-events
  bool animating = false;  // set by a pane that has more to do: another frame follows at once
  bool motion = false;     // views may glide; off for pictures and tests, which show where they end

  const Palette& palette() const { return theme.palette; }
  float px(float n) const { return theme.px(n); }
  // True once where the key was pressed; it is then gone.
  bool pressed(KeyPress key);
};

// --- Named widgets. Names are unique in the window: "replay.play". ---

// `primary`: in the accent colour. A tooltip says the key, too.
bool button(Frame& frame, const char* name, const char* label, const char* tooltip = nullptr,
            bool primary = false);
// A button that is on or off.
bool toggle(Frame& frame, const char* name, const char* label, bool& on,
            const char* tooltip = nullptr);
// One of several, side by side; true when another was chosen.
bool segmented(Frame& frame, const char* name, std::span<const char* const> labels, int& chosen);
// A box with a tick and a label, shortened to the width as fitted_label() does beside all of them.
bool check(Frame& frame, const char* name, std::string_view label, bool& on, float width,
           std::span<const std::string> all);
// A label that is wider than the field is shortened as fitted_label() does.
bool combo(Frame& frame, const char* name, std::span<const std::string> labels, int& chosen,
           float width);
// The same of any number of choices: `label` is asked for what is visible only.
bool combo(Frame& frame, const char* name, int count, const std::function<std::string(int)>& label,
           int& chosen, float width);
// Where ImGui's last item is, for items that tests find by name.
Rect last_item_rect();
// An invisible button over a drawing: gives hover, click and drag.
struct Canvas {
  bool hovered = false;
  bool clicked = false;  // released where it was pressed, without a drag
  bool double_clicked = false;
  bool dragging = false;  // left button
  bool panning = false;   // right or middle button
  ImVec2 mouse{};         // where the pointer is
  ImVec2 delta{};         // of a drag, this frame
  ImVec2 pressed_at{};    // where the drag began
  float wheel = 0;        // notches over it, this frame
};
Canvas canvas(Frame& frame, const char* name, const Rect& rect);

// --- Panes ---

// A bordered pane with a title and a quiet caption beside it; returns the rectangle left for its
// content. The caption leaves the title line's last `controls` pixels to what the caller puts
// there.
Rect pane(Frame& frame, const char* name, const Rect& rect, const char* title,
          std::string_view caption = {}, float controls = 0);
// A message in the middle of an area: what is empty and why, what is loading, what failed.
void message(Frame& frame, const Rect& rect, std::string_view title, std::string_view detail = {});
// "loading ..." or the failure of something that was asked for; true where it is there and can be
// drawn.
template <typename T>
bool ready(Frame& frame, const Rect& rect, const Loaded<T>& loaded) {
  if (loaded.value) return true;
  message(frame, rect, loaded.state == LoadState::failed ? "Cannot be shown" : "Loading ...",
          loaded.error);
  return false;
}

// --- Text and lines, snapped to whole pixels ---

// The box of a check alone, its middle at `c`.
void draw_check(Frame& frame, ImDrawList& list, ImVec2 c, bool on);
enum class Align : uint8_t { left, center, right };
float text_width(ImFont* font, std::string_view text);
void draw_text(ImDrawList& list, ImFont* font, ImVec2 at, ImU32 color, std::string_view text,
               Align align = Align::left);
// Cut with an ellipsis to `width`.
void draw_text_fitted(ImDrawList& list, ImFont* font, ImVec2 at, float width, ImU32 color,
                      std::string_view text);
// A run's label as short_label() makes it fit into `width`, beside the others that are shown.
std::string fitted_label(ImFont* font, float width, std::string_view label,
                         std::span<const std::string> all);
void horizontal_line(ImDrawList& list, float x0, float x1, float y, ImU32 color,
                     float thickness = 1);
void vertical_line(ImDrawList& list, float x, float y0, float y1, ImU32 color, float thickness = 1);
void tooltip(Frame& frame, std::string_view text);
// A polyline of any number of points, in pieces that ImGui's 16-bit indices can hold.
void draw_polyline(ImDrawList& list, std::span<const ImVec2> points, ImU32 color, float thickness);

}  // namespace kvreel::viewer
