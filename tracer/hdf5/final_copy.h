// Copies the committed rows of a trace into a finished one: compressed, checksummed, closed.
#pragma once

#include <string>

#include "tracer/hdf5/trace_file.h"

namespace kvreel::tracer {

// Writes `source`'s committed rows with `status` into `path` by way of "<path>.finalizing", which
// is renamed once it is whole and on the disk; an existing `path` is replaced. Throws Error, and
// leaves nothing behind, where the source cannot be read or the copy cannot be written.
void copy_final(const TraceFile& source, Status status, const std::string& path);

}  // namespace kvreel::tracer
