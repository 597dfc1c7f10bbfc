// The replay page.
#include "viewer/panels/pages.h"

namespace kvreel::viewer {
namespace {

class Page_replay : public PagePanel {
 public:
  void draw(Frame& frame, const Rect& area) override { message(frame, area, "replay"); }
};

}  // namespace

std::unique_ptr<PagePanel> make_replay_page() {
  return std::make_unique<Page_replay>();
}

}  // namespace kvreel::viewer
