// Signal handlers: one sets a flag, the other removes files.
#include "cli/signals.h"

#include <unistd.h>

#include <array>
#include <climits>
#include <csignal>
#include <cstring>

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

// Paths to remove; a slot is filled before it is counted.
struct Doomed {
  std::array<std::array<char, PATH_MAX>, 4> paths{};
  std::atomic<size_t> count{0};
};
Doomed doomed;
static_assert(std::atomic<size_t>::is_always_lock_free);

// unlink(), signal() and raise() may be called from a handler (POSIX, async-signal-safe functions).
extern "C" void on_last_signal(int number) {
  for (size_t i = 0; i < doomed.count.load(); ++i) unlink(doomed.paths[i].data());
  std::signal(number, SIG_DFL);
  std::raise(number);
}

// Signals that are ignored, under nohup for instance, stay so.
void handle(void (*handler)(int), int flags) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction current {};
    sigaction(number, nullptr, &current);
    if (current.sa_handler == SIG_IGN) continue;
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = flags;
    sigaction(number, &action, nullptr);
  }
}

}  // namespace

const std::atomic<bool>& stop_on_signals() {
  // The second one is the system's.
  handle(on_signal, static_cast<int>(SA_RESETHAND | SA_RESTART));
  ignore_file_size_signal();
  return stop;
}

int received_signal() {
  return last_signal;
}

void remove_on_signals(const std::string& path) {
  const size_t slot = doomed.count.load();
  if (slot == doomed.paths.size() || path.size() >= PATH_MAX) return;
  std::memcpy(doomed.paths[slot].data(), path.c_str(), path.size() + 1);
  doomed.count.store(slot + 1);
  handle(on_last_signal, 0);
}

void ignore_file_size_signal() {
  std::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace kvreel::cli
