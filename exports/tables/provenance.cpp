// What a trace's provenance says, wherever it says it.
#include "exports/tables/provenance.h"

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"

namespace kvreel::exports {
namespace {

// An argument as a POSIX shell reads it back.
std::string shell_word(const std::string& argument) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./,:@%";
  if (!argument.empty() && argument.find_first_not_of(kPlain) == std::string::npos) return argument;
  std::string out = "'";
  for (const char c : argument) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

}  // namespace

Provenance::Provenance(const tracer::Trace& trace)
    : object_(parse_json_or_discard(trace.provenance())) {
  if (!object_.is_object()) {
    fail("the provenance of {} is not a JSON object; the file is damaged", trace.path());
  }
}

const nlohmann::json& Provenance::at(const char* pointer) const {
  static const nlohmann::json kNull;
  const nlohmann::json::json_pointer where(pointer);
  return object_.contains(where) ? object_.at(where) : kNull;
}

std::string Provenance::text(const char* pointer) const {
  const nlohmann::json& value = at(pointer);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::optional<double> Provenance::positive(const char* pointer) const {
  const nlohmann::json& value = at(pointer);
  if (!value.is_number()) return std::nullopt;
  const double number = value.get<double>();
  if (!std::isfinite(number) || number <= 0) return std::nullopt;
  return number;
}

std::string Provenance::kvreel() const {
  const std::string version = text("/kvreel/version");
  const std::string commit = text("/kvreel/commit");
  if (version.empty()) return "?";
  return commit.empty() ? version : fmt::format("{} ({})", version, commit);
}

std::string Provenance::command() const {
  const nlohmann::json& command = at("/command");
  if (command.is_string()) return command.get<std::string>();
  std::vector<std::string> arguments;
  if (!command.is_array()) return "";
  for (const nlohmann::json& argument : command) {
    if (argument.is_string()) arguments.push_back(argument.get<std::string>());
  }
  return command_line(arguments);
}

std::string command_line(const std::vector<std::string>& arguments) {
  std::string line;
  for (const std::string& argument : arguments) {
    line += (line.empty() ? "" : " ") + shell_word(argument);
  }
  return line;
}

std::string status_word(const tracer::Trace& trace) {
  if (trace.was_killed()) return "killed";
  if (trace.is_live()) return "recording";
  if (trace.status() == tracer::Status::recording) return "unfinished";
  const auto status = static_cast<size_t>(trace.status());
  return status < std::size(tracer::kStatusNames) ? std::string(tracer::kStatusNames[status]) : "?";
}

std::string trace_sha256(const tracer::Trace& trace) {
  if (trace.is_live()) return "";
  const std::vector<std::string> files = trace.files();
  const std::string hash = sha256_files(files);
  if (files.size() == 1) return hash;
  return fmt::format("{} (of the trace and its {} shards, one after the other)", hash,
                     files.size() - 1);
}

}  // namespace kvreel::exports
