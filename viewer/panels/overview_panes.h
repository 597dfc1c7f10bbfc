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
class RunFactsPane {
 public:
  // Failures of the book are warnings, too.
  void draw(Frame& frame, const Rect& area, const RunBook& book);

 private:
  std::shared_ptr<const Overview> overview_;
  std::vector<Fact> trace_;
  std::vector<Fact> recording_;
};

}  // namespace kvreel::viewer
