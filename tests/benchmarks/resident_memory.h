// How much memory this process has resident, for programs that must not take more and more.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace kvreel {

inline uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t size = 0;
  uint64_t resident = 0;
  statm >> size >> resident;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace kvreel
