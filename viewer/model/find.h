// Finding text in a prompt, also where it is split over tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "viewer/data/trace_data.h"

namespace kvreel::viewer {

struct Match {
  int32_t first = 0;  // token
  int32_t last = 0;   // the last one that has a part of it
  bool operator==(const Match&) const = default;
};

// A prompt's pieces in one run of bytes.
class JoinedText {
 public:
  JoinedText() = default;
  explicit JoinedText(const Prompt& prompt);
  // Every occurrence, left to right, none overlapping the one before. ASCII letters match both
  // cases unless the query has a capital.
  std::vector<Match> find(std::string_view query) const;
  const std::string& text() const { return text_; }

 private:
  int32_t token_at(size_t byte) const;

  std::string text_;
  std::string folded_;
  std::vector<size_t> begins_;  // [tokens], byte
};

}  // namespace kvreel::viewer
