// The overview page.
#include "viewer/panels/pages.h"

namespace kvreel::viewer {
namespace {

class Page_overview : public PagePanel {
 public:
  void draw(Frame& frame, const Rect& area) override { message(frame, area, "overview"); }
};

}  // namespace

std::unique_ptr<PagePanel> make_overview_page() {
  return std::make_unique<Page_overview>();
}

}  // namespace kvreel::viewer
