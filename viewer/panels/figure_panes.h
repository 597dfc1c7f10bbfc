// The panes of the figures page, and what the page shares with the export dialog.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "viewer/model/figure_choice.h"
#include "viewer/model/figure_sheet.h"
#include "viewer/panels/scene_painter.h"
#include "viewer/panels/ui.h"

namespace kvreel::viewer {

// What the page and the export dialog have in common. One per window.
struct FigureDesk {
  FigureFonts fonts;
  std::string version;         // of the program, into the files
  std::string shown;           // the figure that the page shows; "": none
  bool export_wanted = false;  // the page's button was pressed
};

// What a frame of the page shows.
struct FigureShown {
  const exports::FigureInfo* info = nullptr;  // null: the traces can show none
  Loaded<plot::Figure> figure;
};

// Every figure, with what it shows; those that the open traces cannot show are quiet.
class FigureListPane {
 public:
  void draw(Frame& frame, const Rect& area, const FigureShown& shown);

 private:
  void draw_row(Frame& frame, const Rect& place, const exports::FigureInfo& info, bool chosen,
                const Loaded<plot::Figure>& figure);
  std::string revealed_;  // scrolled to
};

// Size, look and content.
class FigureOptionsPane {
 public:
  void draw(Frame& frame, const Rect& area, const FigureShown& shown);

 private:
  void draw_look(Frame& frame, float width);
  void draw_content(Frame& frame, float width, const FigureShown& shown);
  void draw_runs(Frame& frame, float width);
  std::string own_size_;
  std::string problem_;  // of the size that was typed
};

// The figure on its paper, at its true size times the zoom, and its remarks.
class FigurePaperPane {
 public:
  void draw(Frame& frame, const Rect& area, const FigureShown& shown, FigureDesk& desk);

 private:
  void draw_controls(Frame& frame, const Rect& place, bool can_export, FigureDesk& desk);
  void draw_paper(Frame& frame, const Rect& area, const FigureShown& shown, FigureDesk& desk);
  float draw_remarks(Frame& frame, const Rect& area, const plot::Figure& figure, bool measure);
  // Pixels per point.
  double scale(const Frame& frame, const Rect& area, const plot::Scene& scene) const;

  FigureSheet sheet_;
  ScenePainter painter_{"figures.paper"};
  double zoom_ = 0;                            // 1: true size; 0: what fits
  double fitted_ = 1;                          // the zoom that fits, as it was drawn last
  double paper_width_ = 0, paper_height_ = 0;  // points, as laid out last
  ImVec2 offset_{};                            // of the paper's middle from the area's, pixels
};

// "7.7 x 5.6 cm".
std::string paper_size(double width, double height);
// The style's and the font's choices, which the dialog has, too.
void style_choice(Frame& frame, const char* name, float width);
void size_choice(Frame& frame, const char* name, float width);

}  // namespace kvreel::viewer
