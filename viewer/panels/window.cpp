// The frame around the pages.
#include "viewer/panels/window.h"

namespace kvreel::viewer {

struct Window::Parts {};
Window::Window() : parts_(std::make_unique<Parts>()) {}
Window::~Window() = default;
Wishes Window::draw(Frame&, ImVec2) {
  return {};
}
Rect Window::page_rect() const {
  return {};
}
void Window::set_recent(std::vector<std::string>) {}
bool Window::animating() const {
  return false;
}

}  // namespace kvreel::viewer
