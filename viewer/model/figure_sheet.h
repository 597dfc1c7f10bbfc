// A figure on its paper: laid out anew only where figure, style or resolution changed.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "exports/plot/figure.h"
#include "exports/plot/fonts.h"
#include "exports/plot/scene.h"
#include "exports/plot/style.h"

namespace kvreel::viewer {

// The families' fonts, each made when it is first needed. Of one thread.
class FigureFonts {
 public:
  // Null where the family is not installed; `problem` is then the sentence that says so.
  const plot::Fonts* find(plot::Family family, std::string& problem);

 private:
  struct Entry {
    std::unique_ptr<plot::Fonts> fonts;
    std::string problem;
    bool tried = false;
  };
  std::array<Entry, 2> entries_;  // by plot::Family
};

class FigureSheet {
 public:
  // `style.dots_per_inch` is what lines and maps are reduced for: on the screen the screen's, so
  // that a map has a cell for each pixel there as it has one for each dot on paper. Null where the
  // figure cannot be laid out; problem() is then the sentence that says why.
  const plot::Scene* lay_out(FigureFonts& fonts, std::shared_ptr<const plot::Figure> figure,
                             const plot::Style& style);
  const std::string& problem() const { return problem_; }
  uint64_t version() const { return version_; }        // of the scene
  const plot::Fonts* fonts() const { return fonts_; }  // that it was set with

 private:
  std::shared_ptr<const plot::Figure> figure_;
  plot::Style style_;
  std::optional<plot::Scene> scene_;
  const plot::Fonts* fonts_ = nullptr;
  std::string problem_;
  uint64_t version_ = 0;
};

}  // namespace kvreel::viewer
