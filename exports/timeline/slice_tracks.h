// Which track of a timeline a slice goes to, so that the slices of every track nest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kvreel::exports {

// `start` + `duration`, or the last time there is: a damaged trace may hold any numbers.
inline int64_t time_after(int64_t start, int64_t duration) {
  int64_t end = 0;
  if (__builtin_add_overflow(start, duration, &end)) return duration < 0 ? INT64_MIN : INT64_MAX;
  return end;
}
inline int64_t time_between(int64_t start, int64_t end) {
  int64_t duration = 0;
  if (__builtin_sub_overflow(end, start, &duration)) return end < start ? INT64_MIN : INT64_MAX;
  return duration;
}

// Two slices nest where one contains the other, or one ends before or when the other begins. Slices
// are best placed in ascending order of their start, what contains first; one out of order goes to
// a further track.
class SliceTracks {
 public:
  // Number of the track, from 0, for [start, start + duration).
  std::size_t place(int64_t start, int64_t duration) {
    const int64_t end = time_after(start, duration);
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
      if (tracks_[i].takes(start, end) || i + 1 == kMost) {
        tracks_[i].add(start, end);
        return i;
      }
    }
    tracks_.emplace_back();
    tracks_.back().add(start, end);
    return tracks_.size() - 1;
  }

 private:
  // A damaged trace's slices may overlap in any number; the last track then takes what remains.
  static constexpr std::size_t kMost = 64;

  struct Track {
    int64_t last_start = INT64_MIN;
    std::vector<int64_t> open_ends;  // of slices around the last start, the innermost last

    bool takes(int64_t start, int64_t end) {
      if (start < last_start) return false;
      while (!open_ends.empty() && open_ends.back() <= start) open_ends.pop_back();
      return open_ends.empty() || end <= open_ends.back();
    }
    void add(int64_t start, int64_t end) {
      last_start = start;
      open_ends.push_back(end);
    }
  };
  std::vector<Track> tracks_;
};

}  // namespace kvreel::exports
