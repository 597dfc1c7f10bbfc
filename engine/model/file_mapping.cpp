// A whole file, mapped for reading.
#include "engine/model/file_mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/mapped_files.h"

namespace kvreel::engine {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(const std::filesystem::path& path)
      // Without O_NONBLOCK a named pipe would wait for a writer before it can be refused.
      : value_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~FileDescriptor() {
    if (value_ >= 0) ::close(value_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int value() const { return value_; }

 private:
  int value_;
};

}  // namespace

FileMapping::FileMapping(const std::filesystem::path& path) {
  const FileDescriptor file(path);
  struct stat status {};
  if (file.value() < 0 || ::fstat(file.value(), &status) != 0) {
    fail("Cannot read '{}': {}.", path.string(), std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    fail("Cannot read '{}': it is {}, not a file.", path.string(),
         S_ISDIR(status.st_mode) ? "a directory" : "a device or pipe");
  }
  const size_t size = size_t(status.st_size);
  if (size == 0) return;  // mmap refuses a length of 0
  void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.value(), 0);
  if (address == MAP_FAILED) {
    fail("Cannot map '{}' ({} bytes) into memory: {}.", path.string(), size, std::strerror(errno));
  }
  // All of it is needed for every token, so the reading may begin now. Advice only: failure is no
  // matter.
  ::madvise(address, size, MADV_WILLNEED);
  bytes_ = {static_cast<const std::byte*>(address), size};
  note_mapped_file(bytes_, path.string());
}

FileMapping::~FileMapping() {
  if (bytes_.empty()) return;
  forget_mapped_file(bytes_);
  ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

FileMapping::FileMapping(FileMapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

FileMapping& FileMapping::operator=(FileMapping&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

}  // namespace kvreel::engine
