// Looking up events, their passes and their steps.
#include "viewer/data/timeline_data.h"

#include <algorithm>

namespace kvreel::viewer {

const char* category_name(Category category) {
  constexpr const char* kNames[kCategories] = {"embed",    "qkv", "attend", "decide", "keep",
                                               "attn_out", "ffn", "logits", "other"};
  return kNames[static_cast<size_t>(category)];
}

bool TimelineData::has(EventRef ref) const {
  return ref.track < tracks.size() && ref.block < tracks[ref.track].blocks.size() &&
         ref.index < tracks[ref.track].blocks[ref.block]->size();
}

std::optional<EventRef> TimelineData::find_at(size_t track, double time) const {
  const Track& in = tracks[track];
  for (size_t b = 0; b < in.blocks.size(); ++b) {
    const EventBlock& all = *in.blocks[b];
    if (time < static_cast<double>(all.begin_ns()) || time > static_cast<double>(all.end_ns())) {
      continue;
    }
    const size_t i = all.first_ending_after(time);
    if (i < all.size() && static_cast<double>(all.start[i]) <= time) {
      return EventRef{track, b, i};
    }
  }
  return std::nullopt;
}

int32_t TimelineData::pass_of(EventRef ref) const {
  const TrackKind kind = tracks[ref.track].kind;
  const uint64_t row = block(ref).row_of(ref.index);
  if (kind == TrackKind::passes) return static_cast<int32_t>(row);
  const auto range = [&](const TimelinePass& pass) {
    if (kind == TrackKind::steps) return pass.steps;
    return kind == TrackKind::operations ? pass.spans : pass.kernels;
  };
  // Ranges follow one another.
  const auto found =
      std::partition_point(passes->begin(), passes->end(),
                           [&](const TimelinePass& pass) { return range(pass).end <= row; });
  if (found == passes->end() || range(*found).begin > row) return -1;
  return static_cast<int32_t>(found - passes->begin());
}

TimelineData::Step TimelineData::step_at(int32_t pass, int64_t time) const {
  if (pass < 0) return {};
  const tracer::RowRange rows = (*passes)[static_cast<size_t>(pass)].steps;
  for (size_t t = 0; t < tracks.size(); ++t) {
    if (tracks[t].kind != TrackKind::steps) continue;
    for (const auto& in : tracks[t].blocks) {
      if (in->first_row >= rows.end || time < in->begin_ns()) continue;
      // The last step that starts at `time` or before.
      const size_t after = in->first_starting_at(static_cast<double>(time) + 0.5);
      if (after == 0) continue;
      const uint64_t row = in->row_of(after - 1);
      if (row < rows.begin || row >= rows.end) continue;
      if (time > in->start[after - 1] + in->duration[after - 1]) continue;
      return {static_cast<int32_t>(row - rows.begin), in->start[after - 1],
              in->duration[after - 1]};
    }
  }
  return {};
}

}  // namespace kvreel::viewer
