// Standard output.
#include "cli/output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "base/error.h"

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

}  // namespace kvreel::cli
