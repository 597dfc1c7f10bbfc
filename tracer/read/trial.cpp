// A child process that reads, a pipe that says how far it came, and the limits in between.
#include "tracer/read/trial.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iterator>
#include <new>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "tracer/hdf5/file.h"
#include "tracer/hdf5/shard_files.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KVREEL_SHADOW_MEMORY 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KVREEL_SHADOW_MEMORY 1
#endif

namespace kvreel::tracer {
namespace {

// Of the trace and of what lies beside it under names of its shards.
uint64_t bytes_of(const std::string& path) {
  uint64_t bytes = 0;
  std::vector<std::string> files = shards_beside(path);
  files.push_back(path);
  for (const std::string& file : files) {
    std::error_code unknown;
    const uintmax_t size = std::filesystem::file_size(file, unknown);
    if (!unknown) bytes += size;
  }
  return bytes;
}

// What the child says, in its first byte; the text of an Error follows kRefused.
constexpr char kSound = 's';
constexpr char kRefused = 'r';
constexpr char kNoMemory = 'm';

class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) ends_ = {-1, -1};
    // Apart from the standard files, which the child redirects, and which may be closed here.
    for (int& end : ends_) {
      if (end < 0 || end > 2) continue;
      const int further = ::fcntl(end, F_DUPFD_CLOEXEC, 3);
      ::close(end);
      end = further;
    }
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_end(0);
    close_end(1);
  }

  bool usable() const { return ends_[0] >= 0 && ends_[1] >= 0; }
  void close_writing() { close_end(1); }

  void write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t written = ::write(ends_[1], text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;
      text.remove_prefix(static_cast<size_t>(written));
    }
  }
  // Everything up to the end, which is where the last process that can write has gone.
  std::string read() {
    std::string text;
    std::array<char, 4096> block{};
    for (;;) {
      const ssize_t got = ::read(ends_[0], block.data(), block.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return text;
      text.append(block.data(), static_cast<size_t>(got));
    }
  }

 private:
  void close_end(size_t end) {
    if (ends_[end] >= 0) ::close(ends_[end]);
    ends_[end] = -1;
  }

  std::array<int, 2> ends_ = {-1, -1};  // to read from, to write to
};

void limit(int resource, rlim_t most) {
  rlimit now{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &now) != 0) return;
  now.rlim_cur = std::min(most, now.rlim_max);
  ::setrlimit(static_cast<__rlimit_resource>(resource), &now);
}

// Bytes of addresses in use, 0 where it cannot be told. Without stdio, which other threads may have
// locked when the process was forked.
rlim_t addresses_in_use() {
  const int fd = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  std::array<char, 64> text{};
  const ssize_t got = ::read(fd, text.data(), text.size() - 1);
  ::close(fd);
  rlim_t pages = 0;
  for (size_t i = 0; got > 0 && text[i] >= '0' && text[i] <= '9'; ++i) {
    pages = pages * 10 + static_cast<rlim_t>(text[i] - '0');
  }
  return pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

// Before the child touches the file: it dies of what it should, soon, silently, and with its
// parent.
void confine([[maybe_unused]] const TrialLimits& limits) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Sanitizers and fuzzers catch these, and print; the parent is to see the signal.
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM, SIGXCPU, SIGSYS}) {
    std::signal(number, SIG_DFL);
  }
  // These are meant for the parent, which shares the terminal.
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) {
    std::signal(number, SIG_IGN);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int standard = 0; standard < 3 && nowhere >= 0; ++standard) ::dup2(nowhere, standard);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, std::min(limits.opening_seconds, limits.processor_seconds));
#if !defined(KVREEL_SHADOW_MEMORY)
  // Sanitizers reserve terabytes of addresses.
  if (const rlim_t used = addresses_in_use(); used > 0) limit(RLIMIT_AS, used + limits.memory);
#endif
  ::alarm(limits.seconds);
}

[[noreturn]] void be_the_child(Pipe& pipe, const std::function<void()>& open,
                               const std::function<void()>& walk, const TrialLimits& limits) {
  confine(limits);
  try {
    open();
    limit(RLIMIT_CPU, limits.processor_seconds);
    try {
      walk();
    } catch (const Error&) {
      // A part of the file is damaged, and found to be.
    }
    pipe.write(std::string_view(&kSound, 1));
  } catch (const Error& error) {
    pipe.write(std::string_view(&kRefused, 1));
    pipe.write(error.what());
  } catch (const std::exception&) {
    pipe.write(std::string_view(&kNoMemory, 1));
  }
  // Neither destructors nor exit handlers: they are the parent's.
  ::_exit(0);
}

// How a child ended that did not say that it came to an end.
std::string ending(int status, bool known, const rusage& used) {
  if (!known) return "early";
  if (!WIFSIGNALED(status)) return fmt::format("with exit code {}", WEXITSTATUS(status));
  const int number = WTERMSIG(status);
  if (number == SIGALRM) return "unfinished, after too long a wait";
  if (number == SIGXCPU) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return fmt::format("unfinished, after {:.0f} seconds of work",
                       seconds(used.ru_utime) + seconds(used.ru_stime));
  }
  return fmt::format("with signal {}", number);
}

}  // namespace

void read_on_trial(const std::string& path, const std::function<void()>& open,
                   const std::function<void()>& walk, const TrialLimits& of_any_size) {
  if (is_marked_live(path)) return;
#if defined(KVREEL_SHADOW_MEMORY) && !defined(__SANITIZE_THREAD__)
  // Their allocators, unlike the C library's, stay locked in the child where another thread was
  // just using them.
  std::error_code unknown;
  const std::filesystem::directory_iterator threads("/proc/self/task", unknown);
  if (unknown || std::distance(begin(threads), end(threads)) > 1) return;
#endif
  const uint64_t bytes = bytes_of(path);
  const auto seconds_for = [&](uint64_t bytes_per_second) {
    return static_cast<unsigned>(std::min<uint64_t>(bytes / bytes_per_second, 1'000'000));
  };
  TrialLimits limits = of_any_size;
  limits.opening_seconds += seconds_for(TrialLimits().bytes_per_second);
  limits.processor_seconds += seconds_for(limits.bytes_per_second);
  limits.seconds += 12 * seconds_for(limits.bytes_per_second);
  Pipe pipe;
  if (!pipe.usable()) return;
  const pid_t child = ::fork();
  if (child < 0) return;
  if (child == 0) be_the_child(pipe, open, walk, limits);
  pipe.close_writing();
  const std::string said = pipe.read();
  int status = 0;
  pid_t waited = 0;
  rusage used{};
  // Fails where somebody has told the system to forget this process's children.
  do waited = ::wait4(child, &status, 0, &used);
  while (waited < 0 && errno == EINTR);
  if (said.starts_with(kRefused)) throw Error(said.substr(1));
  if (said.starts_with(kNoMemory)) {
    fail("{} is damaged: reading it on trial asked for more than {} MiB of memory; get it again",
         path, limits.memory >> 20);
  }
  if (said.empty()) {
    fail("{} is damaged: reading it on trial ended {}; get it again", path,
         ending(status, waited == child, used));
  }
}

}  // namespace kvreel::tracer
