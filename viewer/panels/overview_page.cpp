// The overview page: runs above, samples below, facts of the trace at the right.
#include <algorithm>
#include <cmath>

#include "viewer/panels/overview_panes.h"
#include "viewer/panels/pages.h"

namespace kvreel::viewer {
namespace {

class OverviewPage : public PagePanel {
 public:
  void draw(Frame& frame, const Rect& area) override {
    if (frame.library.traces().empty()) {
      message(frame, area, "No trace is open", "Open or drop a trace to see its runs.");
      return;
    }
    book_.update(frame.session);
    if (book_.runs().empty()) {
      message_without_runs(frame, area);
      return;
    }
    const float gap = frame.px(8);
    Rect rest = area;
    const float facts = std::clamp(rest.w * 0.17f, frame.px(200), frame.px(320));
    facts_.draw(frame, rest.take_right(std::round(facts)), book_);
    rest.take_right(gap);
    const float wanted = GridTable::height(frame, book_.runs().size()) + frame.px(20 + 26 + 12);
    const float runs = std::clamp(wanted, frame.px(130), std::max(frame.px(130), rest.h * 0.5f));
    runs_.draw(frame, rest.take_top(std::round(runs)), book_);
    rest.take_top(gap);
    samples_.draw(frame, rest, book_);
  }

 private:
  void message_without_runs(Frame& frame, const Rect& area) {
    for (const TraceId trace : frame.library.traces()) {
      const auto overview = frame.library.overview(trace);
      if (overview.state == LoadState::failed) {
        message(frame, area, "The trace cannot be shown", overview.error);
        return;
      }
      if (overview.state == LoadState::loading) {
        message(frame, area, "Loading ...", frame.library.path(trace));
        return;
      }
    }
    message(frame, area, "No runs yet", "The trace has none; its recorder may still be starting.");
  }

  RunBook book_;
  RunsPane runs_;
  SamplesPane samples_;
  RunFactsPane facts_;
};

}  // namespace

std::unique_ptr<PagePanel> make_overview_page() {
  return std::make_unique<OverviewPage>();
}

}  // namespace kvreel::viewer
