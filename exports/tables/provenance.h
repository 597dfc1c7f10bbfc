// What a trace's provenance says, wherever it says it.
//
// Read: kvreel.{version, commit}; command (text or list of arguments); created_utc; clock;
// machine.read_bandwidth.median_bytes_per_s; engine (any fields); model.{family, layers, q_heads,
// kv_heads, parameters, stored_dtype, weight_bytes, weight_bytes_per_token, files[].sha256, ...};
// prompts.{path, sha256, count}.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tracer/read/trace.h"

namespace kvreel::exports {

class Provenance {
 public:
  // Throws Error where the trace's provenance is not a JSON object.
  explicit Provenance(const tracer::Trace& trace);

  const nlohmann::json& object() const { return object_; }
  // The value at a JSON pointer such as "/model/layers", null where there is none.
  const nlohmann::json& at(const char* pointer) const;
  std::string text(const char* pointer) const;  // "" where there is no string
  // A finite number above 0.
  std::optional<double> positive(const char* pointer) const;

  // "0.1.0 (0f3a...)", "?" where it is not said.
  std::string kvreel() const;
  // The command as one line, arguments quoted where a shell needs it.
  std::string command() const;

 private:
  nlohmann::json object_;
};

// Arguments as one line that a POSIX shell reads back.
std::string command_line(const std::vector<std::string>& arguments);

// "complete", "interrupted", "recovered"; "recording" while it goes on, "killed" where the recorder
// was, "unfinished" where it stopped without saying so.
std::string status_word(const tracer::Trace& trace);

// Lower-case hexadecimal SHA-256 of the trace's file, or of it and its shards one after the other
// (which it then says), read whole for it; "" while it is being recorded: its bytes change. Throws
// Error where a file cannot be read.
std::string trace_sha256(const tracer::Trace& trace);

}  // namespace kvreel::exports
