// The table of shards: further files in which the tables with many rows go on.
#pragma once

#include <cstdint>
#include <string_view>

#include "tracer/format/columns.h"

namespace kvreel::tracer {

// One row per shard, in the order of their rows; written by the recorder's file alone. Its columns
// of numbers have the names of the tables of Volume::many.
struct Shards {
  static constexpr std::string_view kName = "shards";
  static constexpr std::string_view kMeaning =
      "one row per further file in which the tables with many rows go on";
  static constexpr Volume kVolume = Volume::few;
  Text name;
  Column<uint64_t> spans;
  Column<uint64_t> memory;
  Column<uint64_t> attention;
  Column<uint64_t> attention_rows;
  Column<uint64_t> kernels;
  template <typename Self, typename Visit>
  static void columns(Self& self, Visit&& visit) {
    visit("name", self.name, "", "file name, in the trace's own directory");
    visit("spans", self.spans, "row of spans", "the first row that is in the shard");
    visit("memory", self.memory, "row of memory", "the first row that is in the shard");
    visit("attention", self.attention, "row of attention", "the first row that is in the shard");
    visit("attention_rows", self.attention_rows, "row of attention_rows",
          "the first row that is in the shard");
    visit("kernels", self.kernels, "row of kernels", "the first row that is in the shard");
  }
};

}  // namespace kvreel::tracer
