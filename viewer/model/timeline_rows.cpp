// Rows as boxes and strips: what is drawn depends on pixels, never on the number of events.
#include <algorithm>
#include <cmath>
#include <limits>

#include "viewer/data/gallop.h"
#include "viewer/model/timeline_view.h"

namespace kvreel::viewer {
namespace {

using Shares = std::array<double, kCategories>;  // of a pixel's time

class RowLayout {
 public:
  RowLayout(const TimeScale& scale, int height)
      : scale_(scale),
        pixels_(static_cast<size_t>(std::max(1., std::floor(scale.width)))),
        height_(std::clamp(height, 1, 255)),
        shares_(pixels_) {}

  void add(const EventBlock& events, size_t track, size_t block) {
    if (static_cast<double>(events.end_ns()) < scale_.begin ||
        static_cast<double>(events.begin_ns()) > scale_.end) {
      return;
    }
    known_at_ = std::numeric_limits<size_t>::max();
    size_t i = events.first_ending_after(scale_.begin);
    const size_t last = events.first_starting_at(scale_.end);
    while (i < last) {
      if (const size_t next = add_checkpoints(events, i, last); next > i) {
        i = next;
        continue;
      }
      if (width_of(events, i) >= kBoxPixels) {
        add_box(events, {track, block, i});
        ++i;
      } else {
        i = add_fold(events, i, last);
      }
    }
  }

  RowPicture finish() {
    for (size_t x = 0; x < pixels_; ++x) {
      const TimeStrip strip = strip_of(static_cast<int>(x));
      if (strip.top.back() == 0) continue;
      if (!picture_.strips.empty() && picture_.strips.back().x1 == strip.x0 &&
          picture_.strips.back().top == strip.top) {
        picture_.strips.back().x1 = strip.x1;
      } else {
        picture_.strips.push_back(strip);
      }
    }
    return std::move(picture_);
  }

 private:
  double width_of(const EventBlock& events, size_t i) const {
    return static_cast<double>(events.shown_end(i) - events.start[i]) / scale_.ns_per_px();
  }

  void add_box(const EventBlock& events, EventRef event) {
    if (picture_.boxes.size() >= 2 * pixels_) {
      picture_.cut = true;
      return;
    }
    const double width = static_cast<double>(pixels_);
    const double x0 = scale_.x(static_cast<double>(events.start[event.index]));
    const double x1 = scale_.x(static_cast<double>(events.shown_end(event.index)));
    picture_.boxes.push_back({static_cast<float>(std::clamp(x0, 0., width)),
                              static_cast<float>(std::clamp(x1, 0., width)), event});
  }

  // Of a column with many events, whole checkpoints, without a look at the events themselves: all
  // of them lie in the column, but for the last ones, which end a quarter pixel later at most.
  // Returns the next event; `i` where it does not apply.
  size_t add_checkpoints(const EventBlock& events, size_t i, size_t last) {
    if (i % EventBlock::kCheckpointEvents != 0) return i;
    const size_t from = i / EventBlock::kCheckpointEvents;
    const double x0 = scale_.x(static_cast<double>(events.checkpoint_start[from]));
    if (x0 < 0) return i;
    const size_t column = std::min(static_cast<size_t>(x0), pixels_ - 1);
    const double border = scale_.time(static_cast<double>(column + 1));
    const size_t to = gallop(events.checkpoint_start, from, border);
    if (to + 1 >= events.checkpoint_start.size()) return i;
    const int64_t interval = events.checkpoint_start[to] - events.checkpoint_start[to - 1];
    const size_t end = to * EventBlock::kCheckpointEvents;
    if (static_cast<double>(interval) > scale_.ns_per_px() / 4 || end > last) return i;
    const double px_per_ns = 1 / scale_.ns_per_px();
    Shares& shares = shares_[column];
    double sum = 0;
    for (size_t c = 0; c < shares.size(); ++c) {
      const double share =
          static_cast<double>(events.checkpoint_busy[to][c] - events.checkpoint_busy[from][c]) *
          px_per_ns;
      shares[c] += share;
      sum += share;
    }
    if (!(sum > 0)) mark(column, static_cast<size_t>(events.category(i)));
    return end;
  }

  // Merges the short events that begin in one column of pixels; returns the next event.
  size_t add_fold(const EventBlock& events, size_t i, size_t last) {
    const double x0 = scale_.x(static_cast<double>(events.start[i]));
    const auto column =
        static_cast<size_t>(std::clamp(std::floor(x0), 0., static_cast<double>(pixels_ - 1)));
    const double border = scale_.time(static_cast<double>(column + 1));
    size_t end =
        std::min(last, std::max(i + 1, events.next_starting_at(i, border, scale_.ns_per_px() / 4)));
    // A long event in the column is its last: it reaches beyond.
    if (end - 1 > i && width_of(events, end - 1) >= kBoxPixels) --end;
    // Usually where the fold before ended.
    const Busy before = known_at_ == i ? known_ : events.busy_before(i);
    known_ = events.busy_before(end);
    known_at_ = end;
    const Busy& after = known_;
    Shares& shares = shares_[column];
    for (size_t c = 0; c < shares.size(); ++c) {
      shares[c] += static_cast<double>(after[c] - before[c]) / scale_.ns_per_px();
    }
    // The first may begin before the view, the last may reach into the next columns.
    const auto first_c = static_cast<size_t>(events.category(i));
    if (x0 < 0) shares[first_c] -= std::min(-x0, width_of(events, i));
    const auto last_c = static_cast<size_t>(events.category(end - 1));
    const double x1 = scale_.x(static_cast<double>(events.shown_end(end - 1)));
    double beyond = x1 - static_cast<double>(column + 1);
    if (beyond > 0) shares[last_c] -= beyond;
    for (size_t next = column + 1; beyond > 0 && next < pixels_; ++next, beyond -= 1) {
      shares_[next][last_c] += std::min(1., beyond);
    }
    // Something without duration still shows.
    mark(column, last_c);
    return end;
  }

  void mark(size_t column, size_t category) {
    shares_[column][category] = std::max(shares_[column][category], 1e-9);
  }

  TimeStrip strip_of(int x) const {
    TimeStrip strip{x, x + 1, {}};
    const Shares& shares = shares_[static_cast<size_t>(x)];
    double sum = 0;
    for (size_t c = 0; c < shares.size(); ++c) {
      sum += std::max(0., shares[c]);
      strip.top[c] = static_cast<uint8_t>(std::min(1., sum) * height_ + 0.5);
    }
    // What is there is seen, however short: two pixels at least.
    const auto least = static_cast<uint8_t>(std::min(2, height_));
    if (sum > 0 && strip.top.back() < least) {
      const auto most =
          static_cast<size_t>(std::max_element(shares.begin(), shares.end()) - shares.begin());
      for (size_t c = 0; c < shares.size(); ++c) strip.top[c] = c >= most ? least : uint8_t{0};
    }
    return strip;
  }

  const TimeScale& scale_;
  size_t pixels_;
  int height_;
  std::vector<Shares> shares_;  // by column of pixels
  // Of the block that is being added: busy time before an event.
  size_t known_at_ = 0;
  Busy known_{};
  RowPicture picture_;
};

}  // namespace

RowPicture layout_row(const TimelineData& data, size_t track, const TimeScale& scale, int height) {
  RowLayout layout(scale, height);
  const Track& in = data.tracks[track];
  for (size_t b = 0; b < in.blocks.size(); ++b) layout.add(*in.blocks[b], track, b);
  return layout.finish();
}

MemoryPicture layout_memory(const TimelineData& data, const TimeScale& scale) {
  MemoryPicture picture;
  const auto pixels = static_cast<size_t>(std::max(1., std::floor(scale.width)));
  picture.columns.resize(pixels);
  for (const auto& block : data.memory) {
    const auto first_time = static_cast<double>(block->time.front());
    const auto last_time = static_cast<double>(block->until.back());
    if (last_time < scale.begin || first_time > scale.end) continue;
    const double x0 = std::clamp(std::floor(scale.x(first_time)), 0., scale.width);
    const double x1 = std::clamp(std::ceil(scale.x(last_time)), 0., scale.width);
    const size_t end = std::min(pixels, static_cast<size_t>(x1) + 1);
    for (auto column = static_cast<size_t>(x0); column < end; ++column) {
      // Every value that holds at any time in the column.
      const size_t from = block->first_until_after(scale.time(static_cast<double>(column)));
      const size_t to = block->first_at(scale.time(static_cast<double>(column + 1)));
      const MemoryExtremes found = block->extremes(from, to);
      if (!found.any) continue;
      MemoryPicture::Column& all = picture.columns[column];
      all.held_least = all.any ? std::min(all.held_least, found.held_least) : found.held_least;
      all.held_most = std::max(all.held_most, found.held_most);
      all.asked_most = std::max(all.asked_most, found.asked_most);
      all.any = true;
      picture.most = std::max({picture.most, all.held_most, all.asked_most});
    }
  }
  // Passes follow one another: only the visible ones, and of those only the wide ones.
  for (size_t track = 0; track < data.tracks.size(); ++track) {
    if (data.tracks[track].kind != TrackKind::passes) continue;
    for (const TimeBox& box : layout_row(data, track, scale, 1).boxes) {
      const EventBlock& block = data.block(box.event);
      const TimelinePass& pass = (*data.passes)[block.row_of(box.event.index)];
      if (pass.full_asked == 0) continue;
      picture.references.push_back({box.x0, box.x1, pass.full_asked});
      picture.most = std::max(picture.most, pass.full_asked);
    }
  }
  return picture;
}

}  // namespace kvreel::viewer
