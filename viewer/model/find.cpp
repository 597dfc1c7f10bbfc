// Substrings of joined tokens.
#include "viewer/model/find.h"

#include <algorithm>

namespace kvreel::viewer {
namespace {

char folded(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

JoinedText::JoinedText(const Prompt& prompt) {
  begins_.reserve(prompt.size());
  for (size_t token = 0; token < prompt.size(); ++token) {
    begins_.push_back(text_.size());
    text_ += prompt.piece(token);
  }
  folded_.resize(text_.size());
  std::transform(text_.begin(), text_.end(), folded_.begin(), folded);
}

int32_t JoinedText::token_at(size_t byte) const {
  // Empty pieces begin where the next one does: the last of them has the byte.
  const auto after = std::upper_bound(begins_.begin(), begins_.end(), byte);
  return static_cast<int32_t>(after - begins_.begin()) - 1;
}

std::vector<Match> JoinedText::find(std::string_view query) const {
  std::vector<Match> matches;
  if (query.empty()) return matches;
  const bool exact =
      std::any_of(query.begin(), query.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  const std::string& text = exact ? text_ : folded_;
  for (size_t at = text.find(query); at != std::string::npos;
       at = text.find(query, at + query.size())) {
    matches.push_back({token_at(at), token_at(at + query.size() - 1)});
  }
  return matches;
}

}  // namespace kvreel::viewer
