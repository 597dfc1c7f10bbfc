// The events of a whole trace, track by track, in blocks that never change once they are there,
// each with what is needed to draw any part of it at once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "viewer/data/timeline_blocks.h"
#include "viewer/data/timeline_memory.h"
#include "viewer/data/trace_data.h"

namespace kvreel::viewer {

// In the order of the engine's operations, so that an operation's number is its category.
enum class Category : uint8_t { embed, qkv, attend, decide, keep, attn_out, ffn, logits, other };
const char* category_name(Category category);

enum class TrackKind : uint8_t { passes, steps, operations, stream };

// What the `kind` of an event means: passes have their run's number, steps 0 for prefill and 1 for
// decode, operations and kernels the operation.
struct Track {
  TrackKind kind = TrackKind::operations;
  int32_t stream = 0;                                     // of kernels; kOtherStreams: several
  int lane = 0;                                           // > 0: overlaps lane 0
  std::vector<std::shared_ptr<const EventBlock>> blocks;  // in the order of the table's rows
  uint64_t events = 0;
};

// Streams that have a track each; the rest share one.
inline constexpr size_t kStreams = 32;
inline constexpr int32_t kOtherStreams = INT32_MAX;

// A pass, and in the end one that is being recorded or was never finished.
struct TimelinePass {
  int32_t run = -1;
  int32_t sample = -1;
  int64_t start_ns = 0;
  int64_t end_ns = 0;  // where it is unfinished: of its last step
  bool finished = true;
  uint64_t full_asked = 0;  // bytes that the unpruned prompt needs; 0: not known
  tracer::RowRange steps;
  tracer::RowRange spans;
  tracer::RowRange memory;
  tracer::RowRange kernels;
};

// An event's place in a snapshot.
struct EventRef {
  size_t track = 0;
  size_t block = 0;
  size_t index = 0;
  bool operator==(const EventRef&) const = default;
};

struct TimelineData {
  std::vector<Track> tracks;  // passes, steps, operations, kernels by stream
  std::vector<std::shared_ptr<const MemoryBlock>> memory;
  std::shared_ptr<const std::vector<TimelinePass>> passes;  // by row; never null
  std::vector<std::string> notes;  // sentences: what is wrong with the file's times
  uint64_t events = 0;             // of operations and kernels
  int64_t end_ns = 0;              // of the last event; everything is in [0, end_ns]

  const EventBlock& block(EventRef ref) const { return *tracks[ref.track].blocks[ref.block]; }
  bool has(EventRef ref) const;
  // The event of a track that is shown at a time.
  std::optional<EventRef> find_at(size_t track, double time) const;
  // Row of `passes` that an event belongs to; -1: none.
  int32_t pass_of(EventRef ref) const;
  // The step of a pass at a time: its number and its event.
  struct Step {
    int32_t number = -1;  // -1: none
    int64_t start_ns = 0;
    int64_t duration_ns = 0;
  };
  Step step_at(int32_t pass, int64_t time) const;
};

// Reads a trace's events block by block, so that a long trace is seen while it loads.
class TimelineLoader {
 public:
  static constexpr uint64_t kBlockRows = 1u << 18;

  explicit TimelineLoader(std::shared_ptr<const Overview> overview);
  ~TimelineLoader();
  // Reads the next block of rows; false where there is nothing more at the moment. Of a live trace,
  // call again after it was refreshed. Throws Error where the trace is damaged.
  bool read_some(const tracer::Trace& trace);
  // Everything read so far. Blocks are shared between snapshots.
  std::shared_ptr<const TimelineData> snapshot() const;
  double progress() const;  // 0..1

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace kvreel::viewer
