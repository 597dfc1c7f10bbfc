// Progress on stderr.
#include "cli/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/text.h"

namespace kvreel::cli {
namespace {

using Clock = std::chrono::steady_clock;

size_t terminal_width() {
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

std::string remaining(double seconds) {
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  if (whole >= 3600)
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

ProgressLine::ProgressLine(bool quiet)
    : style_(quiet                   ? Style::none
             : isatty(STDERR_FILENO) ? Style::terminal
                                     : Style::lines) {}

ProgressLine::~ProgressLine() {
  clear();
}

void ProgressLine::clear() {
  if (style_ == Style::terminal && shown_) fmt::print(stderr, "\r\x1b[K");
  shown_ = false;
}

void ProgressLine::show(const std::string& text, bool important) {
  if (style_ == Style::none) return;
  const auto pause =
      style_ == Style::terminal ? std::chrono::milliseconds(100) : std::chrono::seconds(10);
  const auto now = Clock::now();
  if (!important && now - last_shown_ < pause) return;
  last_shown_ = now;
  if (style_ == Style::lines) {
    fmt::print(stderr, "{}\n", text);
    return;
  }
  // One column is left free: a full line would scroll in some terminals.
  const size_t room = std::max<size_t>(terminal_width(), 2) - 1;
  std::string line = text.substr(0, room);
  while (!is_utf8(line)) line.pop_back();  // an id may hold any characters: cut between two of them
  fmt::print(stderr, "\r\x1b[K{}", line);
  std::fflush(stderr);
  shown_ = true;
}

void ProgressLine::preparing(const std::string& what, double share) {
  show(fmt::format("{:3.0f} %  {}", share * 100, what), false);
}

void ProgressLine::update(const engine::Progress& progress) {
  if (!started_) {
    started_ = true;
    start_ = Clock::now();
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const auto done = static_cast<double>(progress.passes_done - progress.passes_skipped);
  const double share =
      static_cast<double>(progress.passes_done) / static_cast<double>(progress.passes);
  std::string text =
      fmt::format("{:3.0f} %  {}/{} passes", share * 100, progress.passes_done, progress.passes);
  if (done > 0 && seconds > 0) {
    const double left =
        seconds / done * static_cast<double>(progress.passes - progress.passes_done);
    text += fmt::format("  {:.3g}/s  {} left", done / seconds, remaining(left));
  }
  if (progress.passes_done < progress.passes) {
    text += fmt::format("  {} {}", progress.run->spec.text, progress.sample->id);
  }
  show(text, style_ == Style::lines && progress.passes_done == progress.passes);
}

}  // namespace kvreel::cli
