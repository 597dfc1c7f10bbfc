// Progress on stderr.
#include "cli/progress.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "base/text.h"
#include "base/visible_text.h"

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

void ProgressLine::show(const std::vector<std::string>& parts, const std::string& name,
                        bool important) {
  if (style_ == Style::none) return;
  const auto pause =
      style_ == Style::terminal ? std::chrono::milliseconds(100) : std::chrono::seconds(10);
  const auto now = Clock::now();
  if (!important && now - last_shown_ < pause) return;
  last_shown_ = now;
  constexpr std::string_view kGap = "  ";
  if (style_ == Style::lines) {
    fmt::print(stderr, "{}{}{}\n", fmt::join(parts, kGap), name.empty() ? "" : kGap, name);
    return;
  }
  // One column is left free: a full line would scroll in some terminals.
  const size_t room = std::max<size_t>(terminal_width(), 2) - 1;
  std::string line;
  size_t shown = 0;
  for (; shown < parts.size(); ++shown) {
    const std::string_view gap = shown == 0 ? "" : kGap;
    if (line.size() + gap.size() + parts[shown].size() > room) break;
    line += gap;
    line += parts[shown];
  }
  if (shown == parts.size() && line.size() + kGap.size() < room) {
    line += kGap;
    line += name.substr(0, room - line.size());
  }
  while (!is_utf8(line)) line.pop_back();  // an id may hold any characters: cut between two of them
  fmt::print(stderr, "\r\x1b[K{}", line);
  std::fflush(stderr);
  shown_ = true;
}

void ProgressLine::preparing(const std::string& what, double share) {
  show({fmt::format("{:3.0f} %", share * 100)}, what, false);
}

void ProgressLine::update(const engine::Progress& progress) {
  const bool finished = progress.passes_done == progress.passes;
  const double share =
      static_cast<double>(progress.passes_done) / static_cast<double>(progress.passes);
  std::vector<std::string> parts = {fmt::format("{:3.0f} %", share * 100)};
  if (!finished && progress.seconds_left) {
    parts.push_back(fmt::format("{} left", remaining(*progress.seconds_left)));
  }
  if (!finished) {
    parts.push_back(fmt::format("sample {}/{}", progress.sample_index + 1, progress.samples));
  }
  parts.push_back(fmt::format("{}/{} passes", progress.passes_done, progress.passes));
  const std::string name =
      finished ? ""
               : visible_line(fmt::format("{} {}", progress.run->spec.text, progress.sample->id));
  show(parts, name, style_ == Style::lines && finished);
}

}  // namespace kvreel::cli
