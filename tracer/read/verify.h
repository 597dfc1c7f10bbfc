// Reads all of a trace: is all of it there, and is it what was written?
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kvreel::tracer {

struct VerifyReport {
  uint64_t tables = 0;
  uint64_t bytes = 0;               // read, as they are without compression
  uint64_t commits = 0;             // whose checksums were compared; 0: an older trace has none
  std::vector<std::string> damage;  // sentences; none: all of it is sound
};

// Reads every row of every data set, which HDF5 compares with its checksums in a finished trace,
// and compares the checksums of commits. Throws Error where the trace cannot be opened at all, or
// is being recorded.
VerifyReport verify(const std::string& path);

}  // namespace kvreel::tracer
