// What of an unfinished trace a recording that resumes it goes on with: found by reading
// (tracer/read/resume.h), copied by recording (tracer/record/recorder.h).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tracer/format/schema.h"

namespace kvreel::tracer {

struct KeptTrace {
  std::string path;
  // Which file was looked at, as the file system numbers it: the path may name another by now.
  uint64_t device = 0;
  uint64_t inode = 0;
  std::string provenance;  // of the first recording, JSON

  // The first rows of every table, in the order of Tables, that stay: those of passes that ended by
  // themselves, and everything about samples and runs.
  std::array<uint64_t, kTableCount> rows = {};
  std::vector<int32_t> prompt_tokens;                     // by sample
  std::map<std::pair<int32_t, int32_t>, int64_t> passes;  // (run, sample) -> row of passes
  uint64_t dropped_passes = 0;  // finished passes that do not stay: interrupted, or after such

  int64_t end_ns = 0;  // no time in the trace is later

  // What recording has cost so far: of the kept passes, and where the last recording ended by
  // itself, of its writer.
  int64_t callback_ns = 0;
  int64_t inference_ns = 0;
  int64_t writer_cpu_ns = 0;
  uint64_t queue_high_water = 0;  // bytes
  uint64_t peak_rss = 0;          // bytes
  std::map<std::string, uint64_t> drops;
  std::string continued;  // the note of that name, a JSON array; "" where there is none
};

}  // namespace kvreel::tracer
