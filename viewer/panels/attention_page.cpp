// The attention page.
#include "viewer/panels/pages.h"

namespace kvreel::viewer {
namespace {

class Page_attention : public PagePanel {
 public:
  void draw(Frame& frame, const Rect& area) override { message(frame, area, "attention"); }
};

}  // namespace

std::unique_ptr<PagePanel> make_attention_page() {
  return std::make_unique<Page_attention>();
}

}  // namespace kvreel::viewer
