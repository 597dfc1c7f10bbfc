// What the writers of tables have in common.
#pragma once

#include <fmt/format.h>

#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/error.h"
#include "exports/tables/table.h"

namespace kvreel::exports {

// A stream, through a buffer that makes millions of small rows cheap. Throws Error where the stream
// does not take the bytes.
class Output {
 public:
  explicit Output(std::ostream& out) : out_(out) {}

  void add(std::string_view text) {
    buffer_ += text;
    if (buffer_.size() >= kBufferBytes) flush();
  }
  void flush() {
    out_.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    buffer_.clear();
    if (!out_) fail_writing();
  }
  void finish() {
    flush();
    out_.flush();
    if (!out_) fail_writing();
  }
  // What is being written, for the error: "table 'steps'".
  void set_name(std::string name) { name_ = std::move(name); }

 private:
  static constexpr size_t kBufferBytes = 1 << 16;
  [[noreturn]] void fail_writing() const {
    fail("{} could not be written to its end; see whether the disk is full and repeat", name_);
  }

  std::ostream& out_;
  std::string buffer_;
  std::string name_;
};

// `none` for what has no value, the shortest decimals that read back the same for numbers, and what
// `text` makes of text.
template <typename Text>
std::string plain(const Cell& cell, std::string_view none, Text&& text) {
  if (is_none(cell)) return std::string(none);
  return std::visit(
      [&](const auto& value) -> std::string {
        using T = std::remove_cvref_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return std::string(none);
        } else if constexpr (std::is_same_v<T, std::string>) {
          return text(value);
        } else if constexpr (std::is_same_v<T, bool>) {
          return value ? "true" : "false";
        } else {
          return fmt::format("{}", value);
        }
      },
      cell);
}

}  // namespace kvreel::exports
