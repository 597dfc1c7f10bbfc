// Standard output and standard error.
#include "cli/output.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "base/error.h"
#include "base/visible_text.h"

namespace kvreel::cli {

std::size_t output_width() {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? std::max<std::size_t>(size.ws_col, 40) : 100;
}

void flush_output() {
  if (std::fflush(stdout) != 0 || !std::cout.flush()) {
    fail("Cannot write the output: the pipe or the disk did not take it.");
  }
}

void print_message(std::string_view message) {
  fmt::print(stderr, "kvreel: {}\n", visible_line(message));
}

void print_json(const nlohmann::ordered_json& value) {
  fmt::print("{}\n", unseen_escaped_json(value.dump(
                         2, ' ', false, nlohmann::ordered_json::error_handler_t::replace)));
}

}  // namespace kvreel::cli
