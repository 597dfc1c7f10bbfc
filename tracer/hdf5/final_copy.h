// Copies the committed rows of a trace into a finished one: compressed, checksummed, closed.
#pragma once

#include <memory>
#include <string>

#include "tracer/hdf5/trace_file.h"

namespace kvreel::tracer {

// Writes `source`'s committed rows with `status` into `path` by way of "<path>.finalizing", which
// is renamed once it is whole and on the disk; an existing `path` is replaced. Goes in steps, so
// that who writes a live trace can do it in between. Leaves nothing behind where it is not
// finished.
class FinalCopy {
 public:
  // `source` must outlive it. Where it was not checked when it was opened, its checksums are
  // compared on the way. `threads`, this one included, compress; the file is the same for any
  // number of them.
  FinalCopy(const TraceFile& source, Status status, const std::string& path, unsigned threads);
  ~FinalCopy();
  FinalCopy(const FinalCopy&) = delete;
  FinalCopy& operator=(const FinalCopy&) = delete;

  // Copies about 2 MiB; false when all is done and in place. Throws Error where the source cannot
  // be read or is damaged, or the copy cannot be written; then only destroying is left to do.
  bool step();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// All of it at once, by all cores.
void copy_final(const TraceFile& source, Status status, const std::string& path);

}  // namespace kvreel::tracer
