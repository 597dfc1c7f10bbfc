// Cutting labels where they are alike.
#include "viewer/model/short_label.h"

#include <algorithm>
#include <cstddef>

namespace kvreel::viewer {
namespace {

constexpr std::string_view kEllipsis = "\u2026";
constexpr std::string_view kSeparators = ":, =";

bool is_separator(char c) {
  return kSeparators.find(c) != std::string_view::npos;
}

// Whether another label begins with `beginning`, all of it or up to a separator.
bool is_shared(std::string_view beginning, std::string_view label,
               std::span<const std::string> all) {
  return std::any_of(all.begin(), all.end(), [&](const std::string& other) {
    if (other == label || !other.starts_with(beginning)) return false;
    return other.size() == beginning.size() || is_separator(other[beginning.size()]);
  });
}

// Whether another label has the same rest behind a separator.
bool is_ambiguous(std::string_view rest, std::string_view label, std::span<const std::string> all) {
  return std::any_of(all.begin(), all.end(), [&](const std::string& other) {
    if (other == label || !other.ends_with(rest)) return false;
    return other.size() == rest.size() || is_separator(other[other.size() - rest.size() - 1]);
  });
}

// Not inside a UTF-8 sequence.
size_t character_begin(std::string_view text, size_t at) {
  while (at > 0 && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
  return at;
}

// As many characters as fit, `tail` of four of them from the end, the others from the beginning.
std::string cut_out(std::string_view before, std::string_view label, size_t tail,
                    const std::function<bool(std::string_view)>& fits) {
  const auto cut_to = [&](size_t kept) {
    const size_t of_end = kept * tail / 4;
    const size_t head = character_begin(label, kept - of_end);
    const size_t end = character_begin(label, label.size() - of_end);
    return std::string(before)
        .append(label.substr(0, head))
        .append(kEllipsis)
        .append(label.substr(end));
  };
  size_t low = 0;  // fits, if anything does
  size_t high = label.size();
  while (high - low > 1) {
    const size_t middle = (low + high) / 2;
    (fits(cut_to(middle)) ? low : high) = middle;
  }
  return low == 0 ? std::string() : cut_to(low);
}

}  // namespace

std::string short_label(std::string_view label, std::span<const std::string> all,
                        const std::function<bool(std::string_view)>& fits) {
  if (label.empty() || fits(label)) return std::string(label);
  std::string_view least;  // the shortest rest that is one label's alone
  for (const bool within_option : {false, true}) {
    for (size_t i = 1; i + 1 < label.size(); ++i) {
      if (!is_separator(label[i]) || (label[i] == '=') != within_option) continue;
      const std::string_view rest = label.substr(i + 1);
      if (!is_shared(label.substr(0, i), label, all) || is_ambiguous(rest, label, all)) continue;
      std::string cut(kEllipsis);
      cut += rest;
      if (fits(cut)) return cut;
      if (least.empty() || rest.size() < least.size()) least = rest;
    }
  }
  // What tells it apart stands at the beginning of the rest.
  if (!least.empty()) return cut_out(kEllipsis, least, 0, fits);
  return cut_out("", label, 2, fits);
}

}  // namespace kvreel::viewer
