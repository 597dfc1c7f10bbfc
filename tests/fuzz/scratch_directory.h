// A directory in memory for readers that take paths.
#pragma once

#include <stdlib.h>  // mkdtemp is POSIX's

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "fuzz/check_error.h"

namespace kvreel::fuzz {

// Made once in a process, and removed at its end; a crash leaves it in /dev/shm or /tmp.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::error_code error;
    const bool has_shm = std::filesystem::is_directory("/dev/shm", error);
    path_ = std::string(has_shm ? "/dev/shm" : "/tmp") + "/kvreel-fuzz-XXXXXX";
    require(mkdtemp(path_.data()) != nullptr, "cannot make a directory", path_);
  }
  ~ScratchDirectory() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  std::filesystem::path path() const { return path_; }

  // Writes a file, and returns its path.
  std::filesystem::path write(const std::string& name, std::string_view bytes) const {
    std::filesystem::path file = path() / name;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::fopen(file.c_str(), "wb"),
                                                              std::fclose);
    require(out && std::fwrite(bytes.data(), 1, bytes.size(), out.get()) == bytes.size(),
            "cannot write", file.string());
    return file;
  }

  // Takes a file away, where it is there.
  void remove(const std::string& name) const {
    std::error_code error;
    std::filesystem::remove(path() / name, error);
  }

 private:
  std::string path_;
};

}  // namespace kvreel::fuzz
