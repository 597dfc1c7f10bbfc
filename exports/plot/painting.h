// What painters and the scene's text have in common: forms of numbers, pixels and dashes.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace kvreel::plot {

// Three decimals, and no "-0.000".
inline std::string three_decimals(double value) {
  std::string text = fmt::format("{:.3f}", value);
  return text == "-0.000" ? "0.000" : text;
}

// At most three decimals, without zeros at the end: "12", "0.5".
inline std::string short_decimals(double value) {
  std::string text = three_decimals(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

// 0xAABBGGRR as bytes R, G, B, A.
inline std::string rgba_bytes(std::span<const uint32_t> pixels) {
  std::string bytes(pixels.size() * 4, '\0');
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    for (std::size_t c = 0; c < 4; ++c) {
      bytes[4 * i + c] = static_cast<char>(pixels[i] >> (8 * c) & 0xff);
    }
  }
  return bytes;
}

// Dashes of no length are dots, by their round ends; Cairo 1.16 leaves them out of patterns of more
// than one dash, on pixels and in PDF (librsvg, which draws with it, too).
inline std::vector<double> shown_dashes(std::vector<double> dashes) {
  for (double& length : dashes) length = std::max(length, 0.01);
  return dashes;
}

}  // namespace kvreel::plot
