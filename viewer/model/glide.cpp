// Ranges between one view and the next.
#include "viewer/model/glide.h"

#include <algorithm>
#include <cmath>

namespace kvreel::viewer {

TimeRange Glide::at(TimeRange target, double now_s, bool motion) {
  const bool possible = motion && any_ && target.length() > 0 && drawn_.length() > 0;
  if (!any_ || target != target_) {
    from_ = drawn_;
    target_ = target;
    started_s_ = now_s;
    moving_ = possible;
  }
  any_ = true;
  const double t = (now_s - started_s_) / kSeconds;
  moving_ = moving_ && possible && t < 1;
  if (!moving_) return drawn_ = target;
  const double ease = 1 - std::pow(1 - std::max(t, 0.), 3);
  // The length changes by equal factors in equal parts of the way, as a zoom is felt; both ends
  // move in proportion, so that the one point that stays where it is, the pointer's, always does.
  const double ratio = target.length() / from_.length();
  const double part = std::abs(ratio - 1) < 1e-6 ? ease : (std::pow(ratio, ease) - 1) / (ratio - 1);
  drawn_ = {from_.begin + (target.begin - from_.begin) * part,
            from_.end + (target.end - from_.end) * part};
  return drawn_;
}

}  // namespace kvreel::viewer
