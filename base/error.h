// The one error type: a whole sentence that names file, place and remedy.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string_view>
#include <utility>

namespace kvreel {

// What a user can mend: a file, an option, a machine. The message says what was being done, with
// which file, key or value, what was expected, and what to do. The command line prints it and exits
// with 1. Names and values in it may come from a stranger's file: what() is one line of UTF-8 of at
// most a few kilobytes, in which control characters stand as escapes.
class Error : public std::runtime_error {
 public:
  explicit Error(std::string_view message);
};

// A command that was written wrongly; the command line exits with 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

// Throws Error with a formatted sentence.
template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

// Throws UsageError with a formatted sentence.
template <typename... Args>
[[noreturn]] void fail_usage(fmt::format_string<Args...> format, Args&&... args) {
  throw UsageError(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace kvreel
