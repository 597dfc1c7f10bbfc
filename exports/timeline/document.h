// A document in the Trace Event Format, written event by event.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

#include "exports/tables/output.h"
#include "exports/tables/trace_set.h"

namespace kvreel::exports {

// Any bytes as a JSON string, ill-formed UTF-8 as U+FFFD.
std::string json_string(std::string_view bytes);

// Nanoseconds as microseconds, exactly: 1234 -> "1.234".
std::string microseconds(int64_t ns);

// The arguments of an event: a JSON object. Keys are plain names.
class Arguments {
 public:
  Arguments& text(std::string_view key, std::string_view value) {
    return add(key, json_string(value));
  }
  Arguments& whole(std::string_view key, int64_t value) { return add(key, fmt::to_string(value)); }
  Arguments& bytes(std::string_view key, uint64_t value) { return add(key, fmt::to_string(value)); }
  // What is not finite is left out: the trace has no such value.
  template <typename Real>
  Arguments& real(std::string_view key, Real value) {
    return std::isfinite(value) ? add(key, fmt::to_string(value)) : *this;
  }
  // Left out for work outside the layers.
  Arguments& layer(int16_t value) { return value < 0 ? *this : whole("layer", value); }

  std::string json() const { return "{" + json_ + "}"; }

 private:
  Arguments& add(std::string_view key, std::string_view value) {
    json_ += fmt::format("{}\"{}\":{}", json_.empty() ? "" : ",", key, value);
    return *this;
  }
  std::string json_;
};

// Names of slices are JSON strings (json_string()); categories and names of instants and counters
// are plain. Throws Error where the stream does not take the bytes.
class Document {
 public:
  Document(std::ostream& out, const Metadata& metadata);
  void finish();

  void process(int pid, std::string_view name);
  // A new track of a process, with its place among the process's tracks. Returns its number.
  int track(int pid, std::string_view name, int order);
  void slice(std::string_view category, std::string_view name, int pid, int tid, int64_t start_ns,
             int64_t duration_ns, const Arguments& arguments);
  void instant(std::string_view name, int pid, int tid, int64_t time_ns,
               const Arguments& arguments);
  void counter(std::string_view name, int pid, int64_t time_ns, const Arguments& values);

 private:
  void event(std::string_view members);

  Output out_;
  bool first_ = true;
  int next_tid_ = 1001;  // apart from the processes' numbers: equal ones mark a main thread
};

}  // namespace kvreel::exports
