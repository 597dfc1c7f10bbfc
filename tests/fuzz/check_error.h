// What a fuzz target asks of every refusal: kvreel's own error, with a sentence that can be shown.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "base/text.h"

namespace kvreel::fuzz {

// Ends the process, so that the fuzzer keeps the input. `what` and `detail` say why.
[[noreturn]] inline void give_up(std::string_view what, std::string_view detail = {}) {
  std::fprintf(stderr, "%.*s%s%.*s\n", static_cast<int>(what.size()), what.data(),
               detail.empty() ? "" : ": ", static_cast<int>(detail.size()), detail.data());
  std::abort();
}

inline void require(bool holds, std::string_view what, std::string_view detail = {}) {
  if (!holds) give_up(what, detail);
}

// A message is one whole sentence (or more) of UTF-8 on one line, and no longer than one reads.
inline void check_message(std::string_view message) {
  constexpr size_t kLongest = 16384;  // 4000 bytes, of which each may be an escape
  require(!message.empty(), "an error without a message");
  require(message.size() <= kLongest, "an error's message is too long", message.substr(0, 200));
  require(is_utf8(message), "an error's message is not UTF-8", message);
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    require(byte >= 0x20 && byte != 0x7F, "an error's message has a control character", message);
  }
  require(std::string_view(".?)").find(message.back()) != std::string_view::npos,
          "an error's message does not end as a sentence does", message);
}

// Runs `read`; whether it took the input. An exception that is not kvreel::Error goes on, and ends
// the fuzzer.
template <typename Read>
bool accepts(Read&& read) {
  try {
    read();
    return true;
  } catch (const Error& error) {
    check_message(error.what());
    return false;
  }
}

}  // namespace kvreel::fuzz
