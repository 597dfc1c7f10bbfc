// A file that appears under its name when it is whole, or not at all.
#pragma once

#include <filesystem>
#include <fstream>
#include <ostream>

namespace kvreel {

// Bytes go to `<path>.<process>.part` beside the file; commit() gives it its name. What is not
// committed is removed: by an error that is thrown past it, for instance. A path that names a
// device or a pipe, such as /dev/null, is written to directly.
class AtomicFile {
 public:
  // Throws Error where the path is a directory, where it exists and is not to be replaced, and
  // where its directory is missing or cannot be written.
  AtomicFile(std::filesystem::path path, bool replace);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  std::ostream& stream() { return stream_; }
  // What is to be removed where the process is ended from outside; empty for devices and pipes.
  const std::filesystem::path& part() const { return part_; }

  // After the last byte. Throws Error where the disk did not take all of them. Files that belong
  // together are all closed before the first is committed.
  void close();
  // Closes and renames. Throws Error where that fails, and where a file that was not to be replaced
  // has come into being meanwhile.
  void commit();

 private:
  std::filesystem::path path_;  // behind symbolic links
  std::filesystem::path part_;
  bool replace_;
  bool committed_ = false;
  std::ofstream stream_;
};

}  // namespace kvreel
