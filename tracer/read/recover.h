// Makes a finished trace of one whose recorder was killed, or that was cut short.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tracer/format/schema.h"

namespace kvreel::tracer {

struct RecoverReport {
  std::vector<std::pair<std::string, uint64_t>> rows;  // of each table, in the order of Tables
  uint64_t complete_passes = 0;
  bool incomplete_pass = false;  // rows of a pass that never finished are there as well
  Status found = Status::recording;
  std::string warning;  // a sentence about rows that were left out because they are damaged, or ""
  uint64_t output_bytes = 0;
};

// Copies the rows of `input`'s last commit that the file still holds whole, and before which every
// commit is sound, into `output`, with status `recovered`; a trace that is replaced goes with its
// shards. Reads `input` only. Throws Error where it is no trace, is still being recorded, or holds
// no whole commit; where `output` exists (and `overwrite` is off) or is `input`; and where it
// cannot be written.
RecoverReport recover(const std::string& input, const std::string& output, bool overwrite);

}  // namespace kvreel::tracer
