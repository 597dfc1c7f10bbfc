// Ctrl-C and its relatives: while a trace is recorded they become a flag, so that the pass in
// progress ends after its step and the trace is finished; while a file is written they remove its
// beginning.
#pragma once

#include <atomic>
#include <string>

namespace kvreel::cli {

// Installs handlers for SIGINT, SIGTERM and SIGHUP. The first signal sets the flag; a second one of
// the same kind ends the process at once, as it would without us.
const std::atomic<bool>& stop_on_signals();

// The signal that set the flag, 0 where none did.
int received_signal();

// SIGINT, SIGTERM and SIGHUP end the process as they would without us, but first remove the file.
// For a few files at most; a program uses either this or stop_on_signals().
void remove_on_signals(const std::string& path);

// SIGBUS, which is how a mapped file says that it was shortened, ends the process with exit code 1
// and one sentence that names the file (base/mapped_files.h). Any other SIGBUS ends it as without
// us.
void explain_shortened_files();

// What that sentence says of the trace, once there is one: that `path` can be read, and resumed.
void explain_shortened_files_beside(const std::string& path);

// A limit on file sizes arrives as an error from write(), like a full disk.
void ignore_file_size_signal();

}  // namespace kvreel::cli
