// The pages of the window. Each draws into a rectangle and changes nothing but the session's view
// and its own state, which lives as long as the window.
#pragma once

#include <memory>

#include "viewer/panels/ui.h"

namespace kvreel::viewer {

struct FigureDesk;  // figure_panes.h

class PagePanel {
 public:
  virtual ~PagePanel() = default;
  virtual void draw(Frame& frame, const Rect& area) = 0;
};

std::unique_ptr<PagePanel> make_overview_page();
std::unique_ptr<PagePanel> make_replay_page();
std::unique_ptr<PagePanel> make_compare_page();
std::unique_ptr<PagePanel> make_timeline_page();
std::unique_ptr<PagePanel> make_attention_page();
// The desk must outlive the page.
std::unique_ptr<PagePanel> make_figures_page(FigureDesk& desk);

}  // namespace kvreel::viewer
