// Naming, finding and removing shards.
#include "tracer/hdf5/shard_files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/sha256.h"
#include "tracer/format/schema.h"
#include "tracer/hdf5/dataset.h"
#include "tracer/hdf5/file.h"

namespace kvreel::tracer {
namespace {

constexpr std::string_view kInfix = ".s";

// Whether a file name is what free_shard_name makes for this trace.
bool is_shard_name(std::string_view name, std::string_view trace) {
  if (!name.starts_with(trace) || !name.substr(trace.size()).starts_with(kInfix)) return false;
  const std::string_view digits = name.substr(trace.size() + kInfix.size());
  return digits.size() >= 4 && digits.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::string trace_id_from(std::string_view provenance) {
  return sha256(provenance).substr(0, 32);
}

std::string trace_id_of(const std::string& path) {
  prepare_thread();
  try {
    const Superblock block = read_superblock(path);
    const Hid file = open_file(path, block.being_written() || block.truncated());
    if (!has_attribute(file.get(), kAttrTraceId)) return "";
    return read_text_attribute(file.get(), path, kAttrTraceId);
  } catch (const Error&) {
    return "";
  }
}

std::string free_shard_name(const std::string& trace, unsigned& number) {
  const std::string stem = std::filesystem::path(trace).filename().string();
  for (;;) {
    std::string name = fmt::format("{}{}{:04}", stem, kInfix, number++);
    struct stat status {};
    if (::lstat((directory_of(trace) + "/" + name).c_str(), &status) != 0) return name;
  }
}

std::string shard_path(const std::string& trace, const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.size() > 255 ||
      name.find('/') != std::string::npos || name.find('\0') != std::string::npos) {
    fail("{} names a shard that is not a file in its own directory; the file is damaged", trace);
  }
  const std::filesystem::path path(trace);
  return (path.has_parent_path() ? path.parent_path() / name : std::filesystem::path(name))
      .string();
}

std::vector<std::string> shards_beside(const std::string& trace) {
  const std::string stem = std::filesystem::path(trace).filename().string();
  std::error_code ignored;
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(directory_of(trace), ignored)) {
    if (is_shard_name(entry.path().filename().string(), stem)) {
      found.push_back(entry.path().string());
    }
  }
  return found;
}

void remove_shards(const std::string& trace, std::string_view trace_id) {
  if (trace_id.empty()) return;
  for (const std::string& path : shards_beside(trace)) {
    if (is_marked_live(path) || trace_id_of(path) != trace_id) continue;
    ::unlink(path.c_str());
    ::unlink((path + ".finalizing").c_str());  // of a kill while it was compressed
  }
}

}  // namespace kvreel::tracer
