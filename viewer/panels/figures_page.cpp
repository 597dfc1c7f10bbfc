// The figures page: what can be drawn of the open traces, how, and the figure on its paper.
#include "viewer/panels/figure_panes.h"
#include "viewer/panels/pages.h"

namespace kvreel::viewer {
namespace {

class FiguresPage : public PagePanel {
 public:
  explicit FiguresPage(FigureDesk& desk) : desk_(desk) {}

  void draw(Frame& frame, const Rect& area) override {
    const FigureShown shown = choose(frame);
    desk_.shown = shown.info == nullptr ? std::string() : std::string(shown.info->name);
    Rect rest = area;
    const float gap = frame.px(8);
    // Where there is room, what is chosen most stands on both sides of the figure.
    const bool wide = area.w >= frame.px(1180);
    Rect list = rest.take_left(frame.px(284));
    rest.take_left(gap);
    Rect options;
    if (wide) {
      options = rest.take_right(frame.px(284));
      rest.take_right(gap);
    } else {
      options = list.take_bottom((list.h - gap) * 0.56f);
      list.take_bottom(gap);
    }
    list_.draw(frame, list, shown);
    paper_.draw(frame, rest, shown, desk_);
    options_.draw(frame, options, shown);
  }

 private:
  // The look's figure; where it names none, the first that the traces can show.
  static FigureShown choose(Frame& frame) {
    FigureShown shown;
    const std::string& name = frame.session.view().figure.name;
    if (const exports::FigureInfo* info = find_figure(name)) {
      shown.info = info;
      shown.figure = frame.library.figure(figure_request(frame.session, name));
      return shown;
    }
    for (const exports::FigureInfo& info : exports::known_figures()) {
      const std::string candidate(info.name);
      shown.info = &info;
      shown.figure = frame.library.figure(figure_request(frame.session, candidate));
      if (shown.figure.state != LoadState::failed) return shown;
    }
    return shown;
  }

  FigureDesk& desk_;
  FigureListPane list_;
  FigureOptionsPane options_;
  FigurePaperPane paper_;
};

}  // namespace

std::unique_ptr<PagePanel> make_figures_page(FigureDesk& desk) {
  return std::make_unique<FiguresPage>(desk);
}

}  // namespace kvreel::viewer
