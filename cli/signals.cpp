// Signal handlers: one sets a flag, one removes files, one names the file that was shortened.
#include "cli/signals.h"

#include <unistd.h>

#include <array>
#include <climits>
#include <csignal>
#include <cstring>

#include "base/mapped_files.h"
#include "base/visible_text.h"

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

// The trace of a recording, made visible; "" before there is one. Filled before it is counted.
std::array<char, 1024> trace_name{};
std::atomic<bool> has_trace{false};

// write() may be called from a handler; what it does not take cannot be helped.
void say(const char* text) {
  const ssize_t written = write(STDERR_FILENO, text, std::strlen(text));
  static_cast<void>(written);
}

// On the thread that read the missing page, possibly several at once: the first one speaks.
extern "C" void on_bus_error(int number, siginfo_t* info, void*) {
  static std::atomic_flag spoken = ATOMIC_FLAG_INIT;
  const char* const file = info->si_code == BUS_ADRERR ? mapped_file_at(info->si_addr) : nullptr;
  if (file == nullptr) {
    std::signal(number, SIG_DFL);
    std::raise(number);
    return;
  }
  while (spoken.test_and_set()) pause();
  say("kvreel: '");
  say(file);
  say("' became shorter while it was in use, so that the model cannot go on; fetch it again");
  if (has_trace.load()) {
    say(". What was recorded is in '");
    say(trace_name.data());
    say("', which can be read; the same command resumes it once the model is whole");
  }
  say(".\n");
  _exit(1);
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

void explain_shortened_files() {
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, nullptr);
}

void explain_shortened_files_beside(const std::string& path) {
  const std::string name = visible_line(path);
  if (name.size() >= trace_name.size()) return;
  std::memcpy(trace_name.data(), name.c_str(), name.size() + 1);
  has_trace.store(true);
}

void ignore_file_size_signal() {
  std::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace kvreel::cli
