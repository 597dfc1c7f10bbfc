// Search by name, block by block.
#include "viewer/model/timeline_search.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace kvreel::viewer {
namespace {

std::string lower(std::string_view text) {
  std::string low(text);
  for (char& c : low) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return low;
}

bool get(const std::vector<bool>& set, int64_t i) {
  return i >= 0 && static_cast<size_t>(i) < set.size() && set[static_cast<size_t>(i)];
}

bool any(const std::vector<bool>& set) {
  return std::find(set.begin(), set.end(), true) != set.end();
}

}  // namespace

TimelineSearch::TimelineSearch(std::shared_ptr<const Overview> overview, std::string_view text)
    : overview_(std::move(overview)) {
  // A last word "L3" is a layer.
  std::string_view words = trim(text);
  const size_t space = words.rfind(' ');
  const std::string_view last = space == words.npos ? words : words.substr(space + 1);
  const bool digits =
      last.size() > 1 && last.size() < 6 && std::all_of(last.begin() + 1, last.end(), [](char c) {
        return std::isdigit(static_cast<unsigned char>(c)) != 0;
      });
  if (digits && (last[0] == 'L' || last[0] == 'l')) {
    layer_ = std::stoi(std::string(last.substr(1)));
    words = space == words.npos ? std::string_view() : trim(words.substr(0, space));
  }
  text_ = lower(words);
  const auto has = [&](std::string_view name) {
    return lower(name).find(text_) != std::string::npos;
  };
  if (empty() || overview_ == nullptr) return;
  for (const std::string& name : overview_->names) names_.push_back(has(name));
  if (layer_ >= 0) return;  // passes have none
  for (const RunInfo& run : overview_->runs) runs_.push_back(has(run.name));
  for (const SampleInfo& sample : overview_->samples) samples_.push_back(has(sample.id));
}

bool TimelineSearch::known() const {
  return any(names_) || any(runs_) || any(samples_);
}

bool TimelineSearch::can_match(const Track& track) const {
  switch (track.kind) {
    case TrackKind::passes:
      return any(runs_) || any(samples_);
    case TrackKind::operations:
    case TrackKind::stream:
      return any(names_);
    case TrackKind::steps:
      return false;
  }
  return false;
}

bool TimelineSearch::matches_at(const Track& track, const EventBlock& block, size_t i,
                                const std::vector<TimelinePass>& passes) const {
  if (track.kind == TrackKind::passes) {
    const TimelinePass& pass = passes[block.row_of(i)];
    return get(runs_, pass.run) || get(samples_, pass.sample);
  }
  if (layer_ >= 0 && block.layer[i] != layer_) return false;
  if (track.kind == TrackKind::stream) return get(names_, block.name[i]);
  return get(names_, static_cast<int8_t>(block.kind[i]));
}

bool TimelineSearch::matches(const TimelineData& data, EventRef event) const {
  const Track& track = data.tracks[event.track];
  return can_match(track) && matches_at(track, data.block(event), event.index, *data.passes);
}

std::optional<EventRef> TimelineSearch::next(const TimelineData& data, double after) const {
  std::optional<EventRef> best;
  int64_t best_start = 0;
  for (size_t t = 0; t < data.tracks.size(); ++t) {
    const Track& track = data.tracks[t];
    if (!can_match(track)) continue;
    for (size_t b = 0; b < track.blocks.size(); ++b) {
      const EventBlock& block = *track.blocks[b];
      if (static_cast<double>(block.start.back()) <= after) continue;
      if (best && block.begin_ns() >= best_start) continue;
      for (size_t i = block.first_starting_at(after); i < block.size(); ++i) {
        if (static_cast<double>(block.start[i]) <= after) continue;
        if (best && block.start[i] >= best_start) break;
        if (!matches_at(track, block, i, *data.passes)) continue;
        best = EventRef{t, b, i};
        best_start = block.start[i];
        break;
      }
    }
  }
  return best;
}

std::optional<EventRef> TimelineSearch::previous(const TimelineData& data, double before) const {
  std::optional<EventRef> best;
  int64_t best_start = 0;
  for (size_t t = 0; t < data.tracks.size(); ++t) {
    const Track& track = data.tracks[t];
    if (!can_match(track)) continue;
    for (size_t b = track.blocks.size(); b-- > 0;) {
      const EventBlock& block = *track.blocks[b];
      if (static_cast<double>(block.begin_ns()) >= before) continue;
      if (best && block.start.back() <= best_start) continue;
      for (size_t i = block.first_starting_at(before); i-- > 0;) {
        if (best && block.start[i] <= best_start) break;
        if (!matches_at(track, block, i, *data.passes)) continue;
        best = EventRef{t, b, i};
        best_start = block.start[i];
        break;
      }
    }
  }
  return best;
}

}  // namespace kvreel::viewer
