// Reads the tables of events a block at a time.
#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "viewer/data/timeline_data.h"

namespace kvreel::viewer {
namespace {

namespace t = kvreel::tracer;

// Rows of one table, in blocks. The last block is read anew when rows have come.
struct Table {
  struct Chunk {
    uint64_t begin = 0;
    uint64_t end = 0;
    Lanes lanes;
    std::shared_ptr<const MemoryBlock> memory;
    LaneEnds before;  // lanes' ends before it
  };
  std::vector<Chunk> chunks;
  LaneEnds ends;
  size_t passes = 0;  // that were known when the last chunk was read
  uint64_t rows() const { return chunks.empty() ? 0 : chunks.back().end; }

  // The rows to read next: none where there is nothing new.
  t::RowRange next(uint64_t rows_now, size_t passes_now) {
    if (rows_now == 0) return {};
    const bool open =
        !chunks.empty() && chunks.back().end - chunks.back().begin < TimelineLoader::kBlockRows;
    if (rows_now <= rows() && !(open && passes_now != passes)) return {};
    if (open) {
      ends = std::move(chunks.back().before);
      const uint64_t begin = chunks.back().begin;
      chunks.pop_back();
      return {begin, std::min(rows_now, begin + TimelineLoader::kBlockRows)};
    }
    return {rows(), std::min(rows_now, rows() + TimelineLoader::kBlockRows)};
  }
};

std::vector<uint8_t> as_kinds(const std::vector<int8_t>& ops) {
  std::vector<uint8_t> kinds(ops.size());
  for (size_t i = 0; i < ops.size(); ++i) kinds[i] = static_cast<uint8_t>(ops[i]);
  return kinds;
}

std::string counted(uint64_t count, const char* one, const char* many) {
  return std::to_string(count) + (count == 1 ? one : many);
}

}  // namespace

struct TimelineLoader::Parts {
  std::shared_ptr<const Overview> overview;
  std::shared_ptr<const std::vector<TimelinePass>> passes =
      std::make_shared<const std::vector<TimelinePass>>();
  size_t finished = 0;  // passes
  uint64_t pass_rows_seen = std::numeric_limits<uint64_t>::max();
  Lanes pass_lanes;
  Table steps;
  Table spans;
  Table memory;
  Table kernels;
  uint64_t rows_total = 0;
  std::set<int32_t> own_streams;

  bool read_passes(const t::Trace& trace);
  bool read_steps(const t::Trace& trace);
  bool read_spans(const t::Trace& trace);
  bool read_kernels(const t::Trace& trace);
  bool read_memory(const t::Trace& trace);
  int64_t pass_end(uint64_t memory_row) const;
  void add(Table& table, t::RowRange rows, RawEvents events);
};

TimelineLoader::TimelineLoader(std::shared_ptr<const Overview> overview)
    : parts_(std::make_unique<Parts>()) {
  parts_->overview = std::move(overview);
}
TimelineLoader::~TimelineLoader() = default;

void TimelineLoader::Parts::add(Table& table, t::RowRange rows, RawEvents events) {
  Table::Chunk chunk;
  chunk.begin = rows.begin;
  chunk.end = rows.end;
  chunk.before = table.ends;
  events.first_row = rows.begin;
  chunk.lanes = split_lanes(std::move(events), table.ends);
  table.chunks.push_back(std::move(chunk));
  table.passes = finished;
}

// All of them each time: they are few.
bool TimelineLoader::Parts::read_passes(const t::Trace& trace) {
  const uint64_t n = trace.rows<t::Passes>();
  // Rows of a pass that is not finished: it changes with them.
  const uint64_t signature = n + trace.rows<t::Steps>() + trace.rows<t::Spans>() +
                             trace.rows<t::Memory>() + trace.rows<t::Kernels>();
  if (signature == pass_rows_seen) return false;
  pass_rows_seen = signature;
  const auto column = [&](auto member) { return trace.read_column(member, 0, n); };
  const auto run = column(&t::Passes::run);
  const auto sample = column(&t::Passes::sample);
  const auto start = column(&t::Passes::start_ns);
  const auto prefill = column(&t::Passes::prefill_ns);
  const auto decode = column(&t::Passes::decode_ns);
  const auto full = column(&t::Passes::full_asked);
  const auto steps_end = column(&t::Passes::steps_end);
  const auto spans_end = column(&t::Passes::spans_end);
  const auto memory_end = column(&t::Passes::memory_end);
  const auto kernels_end = column(&t::Passes::kernels_end);
  std::vector<TimelinePass> made(n);
  TimelinePass before;
  // Of damaged files, ends that fall or lie beyond the table.
  const auto range = [](t::RowRange last, uint64_t end, uint64_t rows) {
    return t::RowRange{last.end, std::max(last.end, std::min(end, rows))};
  };
  const auto ranges = [&](TimelinePass& pass, uint64_t steps_to, uint64_t spans_to,
                          uint64_t memory_to, uint64_t kernels_to) {
    pass.steps = range(before.steps, steps_to, trace.rows<t::Steps>());
    pass.spans = range(before.spans, spans_to, trace.rows<t::Spans>());
    pass.memory = range(before.memory, memory_to, trace.rows<t::Memory>());
    pass.kernels = range(before.kernels, kernels_to, trace.rows<t::Kernels>());
    before = pass;
  };
  for (size_t i = 0; i < n; ++i) {
    TimelinePass& pass = made[i];
    pass.run = run[i];
    pass.sample = sample[i];
    pass.start_ns = std::clamp<int64_t>(start[i], 0, kLatestNs);
    const auto part = [](int64_t ns) { return std::clamp<int64_t>(ns, 0, kLatestNs); };
    pass.end_ns = std::min(pass.start_ns + part(prefill[i]) + part(decode[i]), kLatestNs);
    pass.full_asked = full[i];
    ranges(pass, steps_end[i], spans_end[i], memory_end[i], kernels_end[i]);
  }
  constexpr uint64_t kAll = std::numeric_limits<uint64_t>::max();
  TimelinePass open;
  ranges(open, kAll, kAll, kAll, kAll);
  if (open.steps.count() + open.spans.count() + open.memory.count() > 0) {
    open.finished = false;
    open.start_ns = kLatestNs;
    const auto cover = [&](int64_t begin, int64_t length) {
      begin = std::clamp<int64_t>(begin, 0, kLatestNs);
      open.start_ns = std::min(open.start_ns, begin);
      open.end_ns =
          std::max(open.end_ns, begin + std::clamp<int64_t>(length, 0, kLatestNs - begin));
    };
    const auto ends_of = [&](t::RowRange rows, auto start_column, auto length_column,
                             auto run_column, auto sample_column) {
      if (rows.count() == 0) return;
      for (const uint64_t row : {rows.begin, rows.end - 1}) {
        cover(trace.read_column(start_column, row, row + 1)[0],
              trace.read_column(length_column, row, row + 1)[0]);
      }
      open.run = trace.read_column(run_column, rows.begin, rows.begin + 1)[0];
      open.sample = trace.read_column(sample_column, rows.begin, rows.begin + 1)[0];
    };
    ends_of(open.steps, &t::Steps::start_ns, &t::Steps::duration_ns, &t::Steps::run,
            &t::Steps::sample);
    ends_of(open.spans, &t::Spans::start_ns, &t::Spans::duration_ns, &t::Spans::run,
            &t::Spans::sample);
    if (open.memory.count() > 0) {
      for (const uint64_t row : {open.memory.begin, open.memory.end - 1}) {
        cover(trace.read_column(&t::Memory::time_ns, row, row + 1)[0], 0);
      }
    }
    made.push_back(open);
  }
  finished = n;

  RawEvents events;
  for (const TimelinePass& pass : made) {
    events.start.push_back(pass.start_ns);
    events.duration.push_back(pass.end_ns - pass.start_ns);
    events.kind.push_back(pass.run >= 0 ? static_cast<uint8_t>(pass.run % 8) : 8);
  }
  passes = std::make_shared<const std::vector<TimelinePass>>(std::move(made));
  LaneEnds ends;
  pass_lanes = split_lanes(std::move(events), ends);
  return true;
}

bool TimelineLoader::Parts::read_steps(const t::Trace& trace) {
  const t::RowRange rows = steps.next(trace.rows<t::Steps>(), steps.passes);
  if (rows.count() == 0) return false;
  RawEvents events;
  events.start = trace.read_column(&t::Steps::start_ns, rows.begin, rows.end);
  events.duration = trace.read_column(&t::Steps::duration_ns, rows.begin, rows.end);
  const auto number = trace.read_column(&t::Steps::step, rows.begin, rows.end);
  for (const int32_t step : number) events.kind.push_back(step == 0 ? 0 : 1);
  add(steps, rows, std::move(events));
  return true;
}

bool TimelineLoader::Parts::read_spans(const t::Trace& trace) {
  const t::RowRange rows = spans.next(trace.rows<t::Spans>(), spans.passes);
  if (rows.count() == 0) return false;
  RawEvents events;
  events.start = trace.read_column(&t::Spans::start_ns, rows.begin, rows.end);
  events.duration = trace.read_column(&t::Spans::duration_ns, rows.begin, rows.end);
  events.kind = as_kinds(trace.read_column(&t::Spans::op, rows.begin, rows.end));
  events.layer = trace.read_column(&t::Spans::layer, rows.begin, rows.end);
  add(spans, rows, std::move(events));
  return true;
}

bool TimelineLoader::Parts::read_kernels(const t::Trace& trace) {
  const t::RowRange rows = kernels.next(trace.rows<t::Kernels>(), kernels.passes);
  if (rows.count() == 0) return false;
  RawEvents events;
  events.start = trace.read_column(&t::Kernels::start_ns, rows.begin, rows.end);
  events.duration = trace.read_column(&t::Kernels::duration_ns, rows.begin, rows.end);
  events.kind = as_kinds(trace.read_column(&t::Kernels::op, rows.begin, rows.end));
  events.layer = trace.read_column(&t::Kernels::layer, rows.begin, rows.end);
  events.name = trace.read_column(&t::Kernels::name, rows.begin, rows.end);
  events.bytes = trace.read_column(&t::Kernels::bytes, rows.begin, rows.end);
  events.stream = trace.read_column(&t::Kernels::stream, rows.begin, rows.end);
  for (int32_t& stream : events.stream) {
    if (own_streams.contains(stream)) continue;
    if (own_streams.size() < kStreams) {
      own_streams.insert(stream);
    } else {
      stream = kOtherStreams;
    }
  }
  add(kernels, rows, std::move(events));
  return true;
}

int64_t TimelineLoader::Parts::pass_end(uint64_t memory_row) const {
  const auto found =
      std::partition_point(passes->begin(), passes->end(),
                           [&](const TimelinePass& pass) { return pass.memory.end <= memory_row; });
  return found == passes->end() ? 0 : found->end_ns;
}

bool TimelineLoader::Parts::read_memory(const t::Trace& trace) {
  const t::RowRange rows = memory.next(trace.rows<t::Memory>(), finished);
  if (rows.count() == 0) return false;
  auto block = std::make_shared<MemoryBlock>();
  block->first_row = rows.begin;
  block->time = trace.read_column(&t::Memory::time_ns, rows.begin, rows.end);
  block->asked = trace.read_column(&t::Memory::asked, rows.begin, rows.end);
  block->held = trace.read_column(&t::Memory::held, rows.begin, rows.end);
  block->until.resize(block->size());
  Table::Chunk chunk;
  chunk.begin = rows.begin;
  chunk.end = rows.end;
  for (int64_t& time : block->time) {
    const int64_t possible = std::clamp<int64_t>(time, 0, kLatestNs);
    chunk.lanes.clamped += possible != time;
    time = possible;
  }
  // Each value holds to the end of its pass at most; a block's last to the next block's first.
  for (size_t i = 0; i < block->size(); ++i) block->until[i] = pass_end(rows.begin + i);
  if (rows.end < trace.rows<t::Memory>()) {
    block->until.back() = std::min(
        block->until.back(), trace.read_column(&t::Memory::time_ns, rows.end, rows.end + 1)[0]);
  }
  finish_memory_block(*block);
  chunk.memory = std::move(block);
  memory.chunks.push_back(std::move(chunk));
  memory.passes = finished;
  return true;
}

bool TimelineLoader::read_some(const tracer::Trace& trace) {
  Parts& p = *parts_;
  p.rows_total = trace.rows<t::Steps>() + trace.rows<t::Memory>() + trace.rows<t::Spans>() +
                 trace.rows<t::Kernels>();
  const bool passes = p.read_passes(trace);
  return p.read_steps(trace) || p.read_memory(trace) || p.read_spans(trace) ||
         p.read_kernels(trace) || passes;
}

std::shared_ptr<const TimelineData> TimelineLoader::snapshot() const {
  const Parts& p = *parts_;
  auto data = std::make_shared<TimelineData>();
  data->passes = p.passes;
  uint64_t clamped = p.pass_lanes.clamped;
  uint64_t cut_short = 0;
  const auto add_lanes = [&](TrackKind kind, std::map<LaneKey, Track>& tracks, const Lanes& lanes) {
    clamped += lanes.clamped;
    cut_short += lanes.cut_short;
    for (const auto& [key, block] : lanes.blocks) {
      Track& track = tracks[key];
      track.kind = kind;
      track.stream = key.stream;
      track.lane = key.lane;
      track.events += block->size();
      track.blocks.push_back(block);
      data->end_ns = std::max(data->end_ns, block->end_ns());
    }
  };
  const auto finish = [&](std::map<LaneKey, Track>& tracks) {
    for (auto& [_, track] : tracks) data->tracks.push_back(std::move(track));
  };
  std::map<LaneKey, Track> passes;
  add_lanes(TrackKind::passes, passes, p.pass_lanes);
  finish(passes);
  const auto add_table = [&](TrackKind kind, const Table& table) {
    std::map<LaneKey, Track> tracks;
    for (const Table::Chunk& chunk : table.chunks) add_lanes(kind, tracks, chunk.lanes);
    finish(tracks);
  };
  add_table(TrackKind::steps, p.steps);
  add_table(TrackKind::operations, p.spans);
  add_table(TrackKind::stream, p.kernels);
  for (const Track& track : data->tracks) {
    const bool counts = track.kind == TrackKind::operations || track.kind == TrackKind::stream;
    if (counts) data->events += track.events;
  }
  for (const Table::Chunk& chunk : p.memory.chunks) {
    clamped += chunk.lanes.clamped;
    data->memory.push_back(chunk.memory);
    data->end_ns = std::max(data->end_ns, chunk.memory->until.back());
  }
  if (clamped > 0) {
    data->notes.push_back(
        counted(clamped, " event has a time", " events have times") +
        " that cannot be (before the recording's start, or over 104 days after): shown at the "
        "nearest possible time.");
  }
  if (cut_short > 0) {
    data->notes.push_back(counted(cut_short, " event overlaps", " events overlap") +
                          " more others than there are lanes: shown cut short.");
  }
  return data;
}

double TimelineLoader::progress() const {
  const Parts& p = *parts_;
  if (p.rows_total == 0) return 1;
  const uint64_t read = p.steps.rows() + p.memory.rows() + p.spans.rows() + p.kernels.rows();
  return std::min(1., static_cast<double>(read) / static_cast<double>(p.rows_total));
}

}  // namespace kvreel::viewer
