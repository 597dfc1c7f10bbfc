// A file that appears under its name when it is whole, or not at all.
#include "base/atomic_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace kvreel {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_existing(const fs::path& path) {
  fail("'{}' exists already; choose another name, or replace it with --force.", path.string());
}

// Renames, but not over a file. 0, or the error's number.
int rename_new(const fs::path& from, const fs::path& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  // Some file systems cannot do that: look first there.
  if (errno != EINVAL && errno != ENOSYS) return errno;
  std::error_code error;
  if (fs::exists(to, error)) return EEXIST;
  return std::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

}  // namespace

AtomicFile::AtomicFile(fs::path path, bool replace) : path_(std::move(path)), replace_(replace) {
  std::error_code error;
  if (fs::is_directory(path_, error)) {
    fail("'{}' is a directory; name a file in it.", path_.string());
  }
  const bool exists = fs::exists(path_, error);
  const bool is_file = !exists || fs::is_regular_file(path_, error);
  if (exists && is_file) {
    if (!replace_) fail_existing(path_);
    path_ = fs::canonical(path_, error);  // a link stays one
  }
  const fs::path parent = path_.has_parent_path() ? path_.parent_path() : fs::path(".");
  if (!fs::is_directory(parent, error)) {
    fail("Cannot write '{}': there is no directory '{}'; create it first.", path_.string(),
         parent.string());
  }
  if (is_file) part_ = path_.string() + "." + std::to_string(getpid()) + ".part";
  errno = 0;
  stream_.open(is_file ? part_ : path_, std::ios::binary | std::ios::trunc);
  if (!stream_) {
    const std::string why = errno != 0 ? std::strerror(errno) : "it cannot be opened";
    part_.clear();
    fail("Cannot write '{}': {}; see the directory's permissions, or choose another.",
         path_.string(), why);
  }
}

AtomicFile::~AtomicFile() {
  if (committed_ || part_.empty()) return;
  stream_.close();
  std::error_code ignored;
  fs::remove(part_, ignored);
}

void AtomicFile::close() {
  if (!stream_.is_open()) return;
  stream_.close();
  if (!stream_) fail("Cannot write '{}' to its end: the disk may be full.", path_.string());
}

void AtomicFile::commit() {
  close();
  if (committed_) return;
  if (!part_.empty()) {
    std::error_code error;
    int why = 0;
    if (replace_) {
      if (fs::exists(path_, error))
        fs::permissions(part_, fs::status(path_, error).permissions(), error);
      if (std::rename(part_.c_str(), path_.c_str()) != 0) why = errno;
    } else {
      why = rename_new(part_, path_);
    }
    if (why == EEXIST) fail_existing(path_);
    if (why != 0) fail("Cannot write '{}': {}.", path_.string(), std::strerror(why));
  }
  committed_ = true;
}

}  // namespace kvreel
