// Signal handlers that only set a flag.
#include "cli/signals.h"

#include <csignal>

namespace kvreel::cli {
namespace {

// Handlers can reach nothing but what has static storage.
std::atomic<bool> stop{false};
volatile std::sig_atomic_t last_signal = 0;
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void on_signal(int number) {
  last_signal = number;
  stop.store(true);
}

}  // namespace

const std::atomic<bool>& stop_on_signals() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction current {};
    sigaction(number, nullptr, &current);
    if (current.sa_handler == SIG_IGN) continue;  // nohup: stays ignored
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags =
        static_cast<int>(SA_RESETHAND | SA_RESTART);  // the second one is the system's
    sigaction(number, &action, nullptr);
  }
  // A file size limit is to arrive as an error from write(), like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  return stop;
}

int received_signal() {
  return last_signal;
}

}  // namespace kvreel::cli
