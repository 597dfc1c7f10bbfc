// The events of a whole trace, lane by lane, in blocks that never change once they are there, each
// with what is needed to draw any part of it at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "viewer/data/trace_data.h"

namespace kvreel::viewer {

// What an event is coloured by: few, so that a far view shows phases.
enum class Category : uint8_t { embed, qkv, attend, decide, keep, attn_out, ffn, logits, other };
inline constexpr int kCategories = 9;
const char* category_name(Category category);

struct TimelineData {
  // (to be designed with the timeline)
};

// Reads a trace's events block by block, so that a long trace is seen while it loads.
class TimelineLoader {
 public:
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
