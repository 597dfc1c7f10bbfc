// A Grid on the screen: a header that sorts, rows that scroll, cells with bars and marks. Only
// visible rows are drawn.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "viewer/model/grid.h"
#include "viewer/panels/ui.h"

namespace kvreel::viewer {

// What happened to a table in a frame; rows are those of the grid, -1: none.
struct GridEvents {
  int hovered = -1;
  int clicked = -1;
  int double_clicked = -1;
  bool in_lead = false;  // the pointer is over the lead
  float lead_x = 0;      // where in it
  bool sorted = false;   // the order was changed
};

struct GridOptions {
  int selected = -1;     // row
  int highlighted = -1;  // row that another pane points at
  // Drawn left of the first column, of this width.
  float lead_width = 0;
  std::function<void(int row, const Rect& place)> draw_lead;
  ImU32 bar = 0;  // colour of bars; 0: of the text
};

class GridTable {
 public:
  // `version` changes where the grid has other contents. `shown`: rows in the order of the screen.
  // Items: <name>.sort.<column key>, <name>.row.<place on the screen>, whose text is the row's
  // cells with " | " between.
  GridEvents draw(Frame& frame, const char* name, const Rect& area, const Grid& grid,
                  uint64_t version, const std::vector<size_t>& shown, GridOrder& order,
                  const GridOptions& options);
  // The next frame scrolls so that the row is visible.
  void reveal(size_t row) { reveal_ = static_cast<int>(row); }
  // Of a table with so many rows, header included.
  static float height(const Frame& frame, size_t rows);
  static float row_height(const Frame& frame) { return frame.px(30); }

 private:
  struct Column {
    float x = 0;      // from the left edge of the first
    float width = 0;  // with the gap
    float text = 0;   // widest text
    float detail = 0;
  };
  void measure(Frame& frame, const Grid& grid, uint64_t version, float room);
  // pad_, columns_ and total_, names cut to `most_name`.
  void set_widths(Frame& frame, const Grid& grid, float pad, float most_name);
  void draw_header(Frame& frame, const char* name, const Rect& area, const Grid& grid,
                   GridOrder& order, GridEvents& events);
  void draw_row(Frame& frame, const Grid& grid, size_t row, const Rect& place,
                const GridOptions& options);
  // `text`: of the cell, or shortened.
  void draw_cell(Frame& frame, const GridColumn& column, const Column& at, const GridCell& cell,
                 const std::string& text, const Rect& place, ImU32 bar);
  void draw_tip(Frame& frame, const Grid& grid, size_t row, float x);

  void shorten_names(const Grid& grid);

  std::vector<Column> columns_;
  std::vector<std::string> names_;  // of the first column, as far as there is room; may be empty
  float total_ = 0;
  float lead_ = 0;
  float pad_ = 0;  // left and right of a cell
  float scroll_x_ = 0;
  int reveal_ = -1;
  // What columns_ depends on.
  const Grid* measured_ = nullptr;
  uint64_t version_ = 0;
  float room_ = 0;
  ImFont* font_ = nullptr;
  float font_size_ = 0;
};

// A tick or a cross of about the size of a letter, its middle at `at`.
void draw_mark(Frame& frame, ImDrawList& list, ImVec2 at, bool good);

}  // namespace kvreel::viewer
