// A whole file, mapped for reading.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace kvreel::engine {

// Owns a private read-only mapping. The bytes stay where they are when the object is moved. A file
// that is shortened by somebody else while it is mapped ends the process with SIGBUS where its
// missing pages are read; it is noted in base/mapped_files.h, so that the handler can name it.
class FileMapping {
 public:
  // Throws Error where `path` is not a regular file or cannot be mapped.
  explicit FileMapping(const std::filesystem::path& path);
  ~FileMapping();
  FileMapping(FileMapping&& other) noexcept;
  FileMapping& operator=(FileMapping&& other) noexcept;
  FileMapping(const FileMapping&) = delete;
  FileMapping& operator=(const FileMapping&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace kvreel::engine
