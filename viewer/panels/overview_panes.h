// The parts of the overview page. Each draws into a rectangle and keeps what it needs from frame to
// frame.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "viewer/model/run_book.h"
#include "viewer/panels/grid_table.h"

namespace kvreel::viewer {

// Runs of all open traces; the reference and the compared ones are chosen here.
class RunsPane {
 public:
  void draw(Frame& frame, const Rect& area, const RunBook& book);
  size_t rows() const { return grid_.rows.size(); }

 private:
  void refresh(Frame& frame, const RunBook& book);
  void draw_lead(Frame& frame, RunRef run, int row, const Rect& place);
  void act(Frame& frame, const RunBook& book, const GridEvents& events);

  GridTable table_;
  Grid grid_;
  GridOrder order_;
  std::vector<size_t> shown_;
  uint64_t version_ = 0;  // of the book
  size_t traces_ = 0;
};

// Samples of the current run beside the reference.
class SamplesPane {
 public:
  void draw(Frame& frame, const Rect& area, const RunBook& book);

 private:
  void refresh(Frame& frame, const RunBook& book);

  GridTable table_;
  Grid grid_;
  GridOrder order_;
  std::vector<size_t> shown_;
  std::array<char, 128> filter_{};
  std::string filtered_;  // what shown_ was made for
  uint64_t version_ = 0;
  uint64_t grids_ = 0;  // counts grids
  RunRef run_;
  std::string selected_;  // sample that was scrolled to last
};

// What the current trace is, and what is wrong with it.
class FactsPane {
 public:
  // Failures of the book are warnings, too.
  void draw(Frame& frame, const Rect& area, const RunBook& book);

 private:
  std::shared_ptr<const Overview> overview_;
  std::vector<Fact> trace_;
  std::vector<Fact> recording_;
};

// A pane whose caption ends `right` before its right edge, where something else stands.
Rect pane_with_room(Frame& frame, const char* name, const Rect& rect, const char* title,
                    std::string_view caption, float right);
// The colour of a run on every page: the reference is neutral, compared runs have one each.
ImU32 run_color(const Frame& frame, RunRef run);
// Goes to a run, or to a sample, and says so in the log.
void choose_run(Frame& frame, RunRef run);
void choose_sample(Frame& frame, const std::string& sample);
// Makes a run the reference; the old one is compared instead.
void choose_reference(Frame& frame, RunRef run);
void toggle_compared(Frame& frame, RunRef run);

}  // namespace kvreel::viewer
