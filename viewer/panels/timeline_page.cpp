// The timeline page.
#include "viewer/panels/pages.h"

namespace kvreel::viewer {
namespace {

class Page_timeline : public PagePanel {
 public:
  void draw(Frame& frame, const Rect& area) override { message(frame, area, "timeline"); }
};

}  // namespace

std::unique_ptr<PagePanel> make_timeline_page() {
  return std::make_unique<Page_timeline>();
}

}  // namespace kvreel::viewer
