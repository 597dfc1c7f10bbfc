// An input that is several files in one: parts with a line of percent signs between them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kvreel::fuzz {

constexpr std::string_view kBetweenParts = "\n%%%\n";

inline std::string_view as_text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// The first `n` parts; those that are not there are empty, and the last has the rest.
template <size_t n>
std::array<std::string_view, n> parts_of(std::string_view input) {
  std::array<std::string_view, n> parts;
  for (size_t i = 0; i < n; ++i) {
    const size_t end = i + 1 < n ? input.find(kBetweenParts) : std::string_view::npos;
    parts[i] = input.substr(0, end);
    input = end == std::string_view::npos ? std::string_view()
                                          : input.substr(end + kBetweenParts.size());
  }
  return parts;
}

}  // namespace kvreel::fuzz
