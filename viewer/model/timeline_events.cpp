// What there is to say about an event, and finding it.
#include <algorithm>
#include <cmath>
#include <limits>

#include "viewer/model/timeline_view.h"

namespace kvreel::viewer {
namespace {

std::string name_at(const std::vector<std::string>& names, int64_t row) {
  return row >= 0 && static_cast<size_t>(row) < names.size() ? names[static_cast<size_t>(row)]
                                                             : "-";
}

std::string run_name(const Overview& overview, int32_t run) {
  const bool known = run >= 0 && static_cast<size_t>(run) < overview.runs.size();
  return known ? overview.runs[static_cast<size_t>(run)].name : "-";
}

std::string sample_id(const Overview& overview, int32_t sample) {
  const bool known = sample >= 0 && static_cast<size_t>(sample) < overview.samples.size();
  return known ? overview.samples[static_cast<size_t>(sample)].id : "-";
}

}  // namespace

std::string event_name(const TimelineData& data, const Overview& overview, EventRef event) {
  const EventBlock& block = data.block(event);
  const size_t i = event.index;
  switch (data.tracks[event.track].kind) {
    case TrackKind::passes: {
      const TimelinePass& pass = (*data.passes)[block.row_of(i)];
      return run_name(overview, pass.run) + " · " + sample_id(overview, pass.sample);
    }
    case TrackKind::steps:
      if (block.kind[i] == 0) return "prefill";
      return "decode " + std::to_string(data.step_at(data.pass_of(event), block.start[i]).number);
    case TrackKind::operations:
      return name_at(overview.names, static_cast<int8_t>(block.kind[i]));
    case TrackKind::stream:
      return name_at(overview.names, block.name[i]);
  }
  return "-";
}

EventFacts event_facts(const TimelineData& data, const Overview& overview, EventRef event) {
  EventFacts facts;
  const EventBlock& block = data.block(event);
  const Track& track = data.tracks[event.track];
  const size_t i = event.index;
  facts.kind = track.kind;
  facts.name = event_name(data, overview, event);
  facts.start_ns = block.start[i];
  facts.duration_ns = block.duration[i];
  if (!block.layer.empty()) facts.layer = block.layer[i];
  if (!block.bytes.empty()) facts.bytes = block.bytes[i];
  if (track.kind == TrackKind::stream) facts.stream = track.stream;
  const int32_t pass = data.pass_of(event);
  if (pass < 0) return facts;
  facts.run = (*data.passes)[static_cast<size_t>(pass)].run;
  facts.sample = (*data.passes)[static_cast<size_t>(pass)].sample;
  facts.finished = (*data.passes)[static_cast<size_t>(pass)].finished;
  if (track.kind == TrackKind::passes) return facts;
  const TimelineData::Step step = data.step_at(pass, block.start[i]);
  facts.step = step.number;
  if (step.number >= 0) facts.step_ns = step.duration_ns;
  return facts;
}

TimeRange event_range(const TimelineData& data, EventRef event) {
  const EventBlock& block = data.block(event);
  const auto start = static_cast<double>(block.start[event.index]);
  return {start, start + static_cast<double>(block.duration[event.index])};
}

std::optional<EventRef> pick_event(const TimelineData& data, size_t track, const TimeScale& scale,
                                   double px) {
  const double time = scale.time(px);
  if (const auto hit = data.find_at(track, time)) return hit;
  double nearest = scale.ns_per_px() / 2;
  std::optional<EventRef> found;
  const Track& in = data.tracks[track];
  for (size_t b = 0; b < in.blocks.size(); ++b) {
    const EventBlock& events = *in.blocks[b];
    if (static_cast<double>(events.end_ns()) < time - nearest ||
        static_cast<double>(events.begin_ns()) > time + nearest) {
      continue;
    }
    const size_t after = events.first_starting_at(time);
    for (const size_t i : {after, after - 1}) {
      if (i >= events.size()) continue;  // also after - 1 of none
      const double gap = std::max(static_cast<double>(events.start[i]) - time,
                                  time - static_cast<double>(events.shown_end(i)));
      if (gap <= nearest) {
        nearest = gap;
        found = EventRef{track, b, i};
      }
    }
  }
  return found;
}

uint64_t count_events(const TimelineData& data, size_t track, double begin, double end) {
  uint64_t count = 0;
  for (const auto& events : data.tracks[track].blocks) {
    if (static_cast<double>(events->begin_ns()) >= end ||
        static_cast<double>(events->end_ns()) < begin) {
      continue;
    }
    count += events->first_starting_at(end) - events->first_starting_at(begin);
  }
  return count;
}

std::optional<TimeRange> step_range(const TimelineData& data, int32_t run, int32_t sample,
                                    int32_t step) {
  const auto pass =
      std::find_if(data.passes->begin(), data.passes->end(),
                   [&](const TimelinePass& p) { return p.run == run && p.sample == sample; });
  if (pass == data.passes->end() || step < 0) return std::nullopt;
  const uint64_t wanted = pass->steps.begin + static_cast<uint64_t>(step);
  if (wanted >= pass->steps.end) return std::nullopt;
  for (size_t t = 0; t < data.tracks.size(); ++t) {
    if (data.tracks[t].kind != TrackKind::steps) continue;
    for (size_t b = 0; b < data.tracks[t].blocks.size(); ++b) {
      const EventBlock& block = *data.tracks[t].blocks[b];
      if (block.first_row > wanted) continue;
      const uint64_t offset = wanted - block.first_row;
      size_t i = static_cast<size_t>(offset);
      if (!block.row.empty()) {
        const auto found = std::find(block.row.begin(), block.row.end(), offset);
        i = static_cast<size_t>(found - block.row.begin());
      }
      if (i < block.size()) return event_range(data, {t, b, i});
    }
  }
  return std::nullopt;
}

std::optional<TimeRange> decision_range(const TimelineData& data, int32_t run, int32_t sample,
                                        int32_t layer) {
  const auto pass =
      std::find_if(data.passes->begin(), data.passes->end(),
                   [&](const TimelinePass& p) { return p.run == run && p.sample == sample; });
  if (pass == data.passes->end()) return std::nullopt;
  // The first step in which the layer decided, and its spans alone.
  double begin = std::numeric_limits<double>::infinity();
  double end = -begin;
  int32_t step = -1;
  const auto number = static_cast<int32_t>(pass - data.passes->begin());
  for (size_t t = 0; t < data.tracks.size(); ++t) {
    if (data.tracks[t].kind != TrackKind::operations) continue;
    for (const auto& block : data.tracks[t].blocks) {
      if (block->first_row >= pass->spans.end) continue;
      size_t i = block->first_starting_at(static_cast<double>(pass->start_ns));
      const size_t last = block->first_starting_at(static_cast<double>(pass->end_ns) + 1);
      for (; i < last; ++i) {
        constexpr auto kDecide = static_cast<uint8_t>(Category::decide);
        constexpr auto kKeep = static_cast<uint8_t>(Category::keep);
        if (block->kind[i] != kDecide && block->kind[i] != kKeep) continue;
        const uint64_t row = block->row_of(i);
        if (block->layer[i] != layer || row < pass->spans.begin || row >= pass->spans.end) {
          continue;
        }
        const int32_t at = data.step_at(number, block->start[i]).number;
        if (step < 0) step = at;
        if (at != step) continue;
        begin = std::min(begin, static_cast<double>(block->start[i]));
        end = std::max(end, static_cast<double>(block->start[i] + block->duration[i]));
      }
    }
  }
  if (!(begin <= end)) return std::nullopt;
  return TimeRange{begin, end};
}

}  // namespace kvreel::viewer
