// A visible range that glides to where it is wanted: a zoom that can be followed with the eye.
#pragma once

#include "viewer/model/session.h"

namespace kvreel::viewer {

// Only what is drawn glides. The view itself is the target from the first moment on, so that
// further input builds on it, and undo knows nothing of what is in between.
class Glide {
 public:
  static constexpr double kSeconds = 0.18;

  // The range to draw at a time, of one that is to be `target`. A target that is new begins a glide
  // from what was drawn last; with `motion` false, and the first time, it is drawn at once.
  TimeRange at(TimeRange target, double now_s, bool motion);
  bool moving() const { return moving_; }

 private:
  bool any_ = false;
  bool moving_ = false;
  TimeRange from_;
  TimeRange target_;
  TimeRange drawn_;
  double started_s_ = 0;
};

}  // namespace kvreel::viewer
