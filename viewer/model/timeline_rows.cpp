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
      if (width_of(events, i) >= kBoxPixels) {
        add_box(events, {track, block, i});
        ++i;
      } else {
        i = add_short(events, i, last);
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

  // Where a column ends; what is left of a width that is no whole number belongs to the last.
  double border_of(size_t column) const {
    return column + 1 < pixels_ ? scale_.time(static_cast<double>(column + 1)) : scale_.end;
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

  // Events that are too short for boxes, from i on: those that begin in a column of pixels, or many
  // columns where events lie close together. Returns the next event.
  size_t add_short(const EventBlock& events, size_t i, size_t last) {
    const double x0 = scale_.x(static_cast<double>(events.start[i]));
    const auto column =
        static_cast<size_t>(std::clamp(std::floor(x0), 0., static_cast<double>(pixels_ - 1)));
    const size_t high =
        gallop(events.checkpoint_start, i / EventBlock::kCheckpointEvents, border_of(column));
    if (x0 >= 0 && within_pixel(events, high)) return add_dense(events, i, last, column);
    return add_fold(events, i, last, x0, column, (high - 1) * EventBlock::kCheckpointEvents);
  }

  // Whether the checkpoint and the one before lie no further than a pixel apart.
  bool within_pixel(const EventBlock& events, size_t high) const {
    const int64_t interval = events.checkpoint_start[high] - events.checkpoint_start[high - 1];
    return high + 1 < events.checkpoint_start.size() &&
           static_cast<double>(interval) <= scale_.ns_per_px();
  }

  // Columns from event i on whose borders lie between checkpoints within a pixel, without a look at
  // the events themselves: the busy time before a border is taken to grow evenly between the two
  // checkpoints. A category is busy for at most the interval, so that this is off by at most a
  // quarter of it.
  size_t add_dense(const EventBlock& events, size_t i, size_t last, size_t column) {
    const std::vector<int64_t>& starts = events.checkpoint_start;
    const double px_per_ns = 1 / scale_.ns_per_px();
    size_t low = i / EventBlock::kCheckpointEvents;
    Shares before = as_shares(known_at_ == i ? known_ : events.busy_before(i));
    for (; column < pixels_; ++column) {
      const double border = border_of(column);
      const size_t high = gallop(starts, low, border);
      if (!within_pixel(events, high)) break;
      low = high - 1;
      const auto from = static_cast<double>(starts[low]);
      const double part = (border - from) / (static_cast<double>(starts[high]) - from);
      const Busy& busy0 = events.checkpoint_busy[low];
      const Busy& busy1 = events.checkpoint_busy[high];
      Shares& shares = shares_[column];
      double sum = 0;
      for (size_t c = 0; c < shares.size(); ++c) {
        const auto at_low = static_cast<double>(busy0[c]);
        const double after = at_low + part * (static_cast<double>(busy1[c]) - at_low);
        const double share = (after - before[c]) * px_per_ns;
        shares[c] += share;
        sum += share;
        before[c] = after;
      }
      if (!(sum > 0)) mark_first(events, i, column);
    }
    if (column == pixels_) return last;
    // Goes on, event by event, behind what reaches into the next column.
    known_at_ = std::numeric_limits<size_t>::max();
    const double border = scale_.time(static_cast<double>(column));
    const size_t next = std::max(
        i + 1, events.next_starting_at(std::max(i, low * EventBlock::kCheckpointEvents), border));
    const double beyond =
        scale_.x(static_cast<double>(events.shown_end(next - 1))) - static_cast<double>(column);
    if (beyond > 0) {
      shares_[column][static_cast<size_t>(events.category(next - 1))] += std::min(1., beyond);
    }
    return next;
  }

  // Something without duration still shows.
  void mark_first(const EventBlock& events, size_t i, size_t column) {
    const size_t first = events.next_starting_at(i, scale_.time(static_cast<double>(column)));
    if (first < events.size() &&
        static_cast<double>(events.start[first]) < scale_.time(static_cast<double>(column + 1))) {
      mark(column, static_cast<size_t>(events.category(first)));
    }
  }

  static Shares as_shares(const Busy& busy) {
    Shares shares;
    for (size_t c = 0; c < busy.size(); ++c) shares[c] = static_cast<double>(busy[c]);
    return shares;
  }

  // Merges the short events that begin in one column of pixels; returns the next event, which is
  // `near` or later.
  size_t add_fold(const EventBlock& events, size_t i, size_t last, double x0, size_t column,
                  size_t near) {
    size_t end = std::min(
        last, std::max(i + 1, events.next_starting_at(std::max(i, near), border_of(column))));
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
