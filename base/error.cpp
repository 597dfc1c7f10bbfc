// Messages that can be shown, whatever is quoted in them.
#include "base/error.h"

#include <string>

#include "base/visible_text.h"

namespace kvreel {
namespace {

// More than one reads: beyond, the middle is left out, as names stand first and remedies last.
constexpr size_t kLongest = 4000;
constexpr size_t kBeginning = 2600;

// The part of `text` from `at` on, less the rest of a character that was cut.
std::string_view from_whole_character(std::string_view text, size_t at) {
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  return text.substr(at);
}

std::string one_line(std::string_view message) {
  if (message.size() <= kLongest) return visible_line(message);
  // A character that is cut at the end of the beginning becomes U+FFFD.
  return visible_line(message.substr(0, kBeginning)) + " ... " +
         visible_line(from_whole_character(message, message.size() - (kLongest - kBeginning)));
}

}  // namespace

Error::Error(std::string_view message) : std::runtime_error(one_line(message)) {}

}  // namespace kvreel
