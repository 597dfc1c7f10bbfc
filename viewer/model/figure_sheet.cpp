// A figure on its paper.
#include "viewer/model/figure_sheet.h"

#include <utility>

#include "base/error.h"
#include "exports/plot/layout.h"

namespace kvreel::viewer {

const plot::Fonts* FigureFonts::find(plot::Family family, std::string& problem) {
  Entry& entry = entries_.at(static_cast<size_t>(family));
  if (!entry.tried) {
    entry.tried = true;
    try {
      entry.fonts = std::make_unique<plot::Fonts>(family);
    } catch (const Error& error) {
      entry.problem = error.what();
    }
  }
  problem = entry.problem;
  return entry.fonts.get();
}

const plot::Scene* FigureSheet::lay_out(FigureFonts& fonts,
                                        std::shared_ptr<const plot::Figure> figure,
                                        const plot::Style& style) {
  if (figure != figure_ || !(style == style_) || version_ == 0) {
    ++version_;
    figure_ = std::move(figure);
    style_ = style;
    scene_.reset();
    fonts_ = fonts.find(style.family, problem_);
    if (fonts_ != nullptr && figure_ != nullptr) {
      try {
        scene_ = plot::layout(*figure_, style_, *fonts_);
      } catch (const Error& error) {
        problem_ = error.what();
      }
    }
  }
  return scene_ ? &*scene_ : nullptr;
}

}  // namespace kvreel::viewer
