// The parts of the compare page. Each draws into a rectangle and keeps what it needs from frame to
// frame.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "viewer/model/layer_compare.h"
#include "viewer/model/run_book.h"
#include "viewer/model/text_align.h"
#include "viewer/panels/grid_table.h"
#include "viewer/panels/step_plot.h"

namespace kvreel::viewer {

// One of the runs side by side, at the position's sample.
struct ComparedRun {
  RunRef run;
  std::string label;
  ImU32 color = 0;
  std::shared_ptr<const PassDetail> pass;  // null: not loaded, or there is none
  int layers = 0;
  int kv_heads = 0;
  std::string missing;            // why there is none; "" while it is loading
  bool other_prompt = false;      // its trace has another prompt under this id than the reference's
  TokenIds ids = TokenIds::same;  // beside the reference's; else texts are compared, not ids
};

// The runs that are shown, the reference first, and a number that changes with any of their passes.
class ComparedRuns {
 public:
  void update(Frame& frame);
  const std::vector<ComparedRun>& all() const { return runs_; }
  std::vector<std::string> labels() const;
  uint64_t version() const { return version_; }
  bool loading() const;
  int layers() const;

 private:
  ComparedRun look_up(Frame& frame, RunRef run);

  std::vector<ComparedRun> runs_;
  std::vector<const PassDetail*> known_;
  std::vector<RunRef> refs_;
  uint64_t version_ = 0;
};

// Generated texts above each other, one column per step.
class TextsPane {
 public:
  void draw(Frame& frame, const Rect& area, const ComparedRuns& runs);
  static float height(const Frame& frame, size_t runs);

 private:
  void refresh(Frame& frame, const ComparedRuns& runs);
  void draw_labels(Frame& frame, const Rect& area, float scroll_y, const ComparedRuns& runs);
  void draw_ruler(Frame& frame, const Rect& area, float scroll_x);
  void draw_row(Frame& frame, const Rect& place, float scroll_x, const ComparedRuns& runs,
                size_t row);
  Rect column(const Rect& area, float scroll_x, size_t step) const;

  TextAlignment alignment_;
  std::vector<std::vector<std::string>> labels_;  // of chips, by run and step
  ColumnEdges edges_;
  uint64_t version_ = 0;
  float font_size_ = 0;
  bool reveal_ = false;
  int32_t step_ = -1;  // that was scrolled to last
};

// Milliseconds and bytes over steps.
class StepsPane {
 public:
  enum class What : uint8_t { latency, bytes };
  explicit StepsPane(What what) : what_(what) {}
  void draw(Frame& frame, const Rect& area, const ComparedRuns& runs);

 private:
  void refresh(const ComparedRuns& runs);

  What what_;
  bool log_ = true;
  StepPlot plot_;
  std::vector<StepSeries> series_;
  uint64_t version_ = 0;
  ImU32 look_ = 0;
};

// Budgets by layer of all runs.
class BudgetsPane {
 public:
  void draw(Frame& frame, const Rect& area, const ComparedRuns& runs);

 private:
  std::vector<std::vector<std::optional<double>>> budgets_;  // by run and layer
  uint64_t version_ = 0;
};

// Positions kept by the reference and by one run, layer by layer.
class OverlapPane {
 public:
  void draw(Frame& frame, const Rect& area, const ComparedRuns& runs);

 private:
  void draw_bars(Frame& frame, const Rect& area, const ComparedRun& a, const ComparedRun& b);
  std::optional<RunRef> chosen_;
  std::vector<std::optional<KeptOverlap>> overlap_;
  const void* a_ = nullptr;
  const void* b_ = nullptr;
};

// Samples, most different first.
class RankPane {
 public:
  void draw(Frame& frame, const Rect& area, const RunBook& book);
  // Keys: N the next most different, Shift+N the one before.
  void handle_keys(Frame& frame);

 private:
  void refresh(Frame& frame, const RunBook& book);
  void go(Frame& frame, int row);

  std::vector<SampleDifference> ranked_;
  std::vector<RunRef> runs_;  // that were ranked, without the reference
  GridTable table_;
  Grid grid_;
  GridOrder order_;
  std::vector<size_t> shown_;
  uint64_t version_ = 0;  // of the book
  uint64_t grids_ = 0;
  std::string selected_;
};

}  // namespace kvreel::viewer
