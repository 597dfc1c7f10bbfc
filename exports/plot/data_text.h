// What figures' numbers as CSV and as JSON have in common.
#pragma once

#include <string_view>

#include "exports/plot/figure.h"

namespace kvreel::plot {

// What numbers of an axis are in; nothing where they are only numbers.
inline std::string_view unit_of(Format format) {
  switch (format) {
    case Format::percent:
      return "share";
    case Format::bytes:
      return "bytes";
    case Format::duration:
      return "ns";
    case Format::tokens:
      return "tokens";
    case Format::number:
    case Format::count:
      break;
  }
  return {};
}

}  // namespace kvreel::plot
