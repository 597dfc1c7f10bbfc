// Ctrl-C and its relatives become a flag: the pass in progress ends after its step and the trace is
// finished.
#pragma once

#include <atomic>

namespace kvreel::cli {

// Installs handlers for SIGINT, SIGTERM and SIGHUP. The first signal sets the flag; a second one of
// the same kind ends the process at once, as it would without us.
const std::atomic<bool>& stop_on_signals();

// The signal that set the flag, 0 where none did.
int received_signal();

}  // namespace kvreel::cli
