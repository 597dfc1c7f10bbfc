// The compare page.
#include "viewer/panels/pages.h"

namespace kvreel::viewer {
namespace {

class Page_compare : public PagePanel {
 public:
  void draw(Frame& frame, const Rect& area) override { message(frame, area, "compare"); }
};

}  // namespace

std::unique_ptr<PagePanel> make_compare_page() {
  return std::make_unique<Page_compare>();
}

}  // namespace kvreel::viewer
