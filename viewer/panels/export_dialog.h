// Exporting: a picture of the page or of a pane as it is on the screen, or the figure that shows
// the same, for a paper.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "viewer/model/figure_file.h"
#include "viewer/panels/dialogs.h"
#include "viewer/panels/figure_panes.h"

namespace kvreel::viewer {

class ExportDialog {
 public:
  // The desk must outlive it.
  explicit ExportDialog(FigureDesk& desk) : desk_(desk) {}

  // A picture of the screen, which the shell takes.
  struct Picture {
    std::string path;
    Rect rect;
  };

  // `pane`: item name, "": the whole page. `as_figure`: with the figure chosen, where there is one.
  void show(std::string pane, bool as_figure);
  bool is_open() const { return open_; }
  // `last`: items of the frame before, whose panes can be chosen. `page`: the whole page. Figures
  // are written here, and notice() says so.
  std::optional<Picture> draw(Frame& frame, ImVec2 window, const Items& last, const Rect& page);
  // A sentence about the file that was written, once.
  std::string take_notice();

 private:
  // The figure that the chosen pane can be drawn as; none: no figure.
  std::optional<FigureRequest> request(Session& session) const;
  void choose_pane(Frame& frame, const Items& last);
  void choose_format(Frame& frame, const std::string& figure);
  // What is wrong with the path; "": nothing.
  static std::string check_path(const std::string& path);
  void suggest(const std::string& name, const char* ending);
  void draw_figure_options(Frame& frame);
  void draw_preview(Frame& frame, const Rect& area, const Loaded<plot::Figure>& figure,
                    const FigureRequest& wanted);
  std::string command_text(Frame& frame, const std::string& path, FigureFormat format,
                           const FigureRequest& wanted) const;
  void draw_command(Frame& frame, const FigureRequest& wanted);
  // Problem, buttons; true where the file is wanted now.
  bool draw_end(Frame& frame, bool entered, bool can_export);
  void write(Frame& frame, const std::string& path, const Loaded<plot::Figure>& figure,
             const FigureRequest& wanted);

  FigureDesk& desk_;
  bool open_ = false;
  bool focus_ = false;
  bool as_figure_ = false;
  std::string pane_;  // item name, "": the page
  std::string field_;
  std::string suggested_;  // what the field said before somebody changed it
  std::string problem_;
  std::string notice_;
  FigureFormat format_ = FigureFormat::pdf;
  int dots_per_inch_ = 300;

  FigureSheet sheet_;
  uint64_t preview_version_ = 0;
  uint64_t drawn_ = 0;      // version of the sheet that the preview shows
  double drawn_scale_ = 0;  // pixels per point
};

}  // namespace kvreel::viewer
