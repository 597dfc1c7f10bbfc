// Files of figures go into their stream in one piece.
#pragma once

#include <ostream>
#include <string_view>

#include "base/error.h"

namespace kvreel::plot {

// Throws Error, naming `what` ("PDF"), where the stream does not take all of it.
inline void write_all(std::ostream& out, std::string_view bytes, std::string_view what) {
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.flush();
  if (!out) {
    fail(
        "The figure's {} could not be written to its end; see whether the disk is full and repeat.",
        what);
  }
}

}  // namespace kvreel::plot
