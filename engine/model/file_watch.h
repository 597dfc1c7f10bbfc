// Whether files are what they were when their reading began.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace kvreel::engine {

// Weights are mapped: whoever writes into such a file changes the model under the recording. A file
// that is replaced by another of its name is no matter, since the mapping keeps the old one.
class FileWatch {
 public:
  // Files that are not there are not watched.
  explicit FileWatch(const std::vector<std::filesystem::path>& paths);

  // The first file that was written to since, by its size and time of change, or "".
  std::string written_to() const;

 private:
  struct File {
    std::filesystem::path path;
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t bytes = 0;
    int64_t modified_s = 0;
    int64_t modified_ns = 0;
    bool operator==(const File&) const = default;
  };
  static bool look(const std::filesystem::path& path, File& file);

  std::vector<File> files_;
};

}  // namespace kvreel::engine
