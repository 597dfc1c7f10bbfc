// A whole file in memory, but never more of it than was agreed.
#include "base/read_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/text.h"

namespace kvreel {
namespace {

class Descriptor {
 public:
  // Without O_NONBLOCK the opening of a named pipe would wait for a writer; reading may wait.
  explicit Descriptor(const std::filesystem::path& path)
      : value_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (value_ >= 0) ::fcntl(value_, F_SETFL, 0);
  }
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value() const { return value_; }

 private:
  int value_;
};

}  // namespace

std::string read_file(const std::filesystem::path& path, uint64_t most, std::string_view what,
                      std::string_view remedy) {
  const Descriptor file(path);
  struct stat status {};
  if (file.value() < 0 || ::fstat(file.value(), &status) != 0) {
    fail("Cannot read {} '{}': {}.", what, path.string(), std::strerror(errno));
  }
  if (S_ISDIR(status.st_mode)) {
    fail("Cannot read {} '{}': it is a directory, not a file.", what, path.string());
  }
  // What a file says of its size is believed for a refusal only: pipes and /proc say 0.
  const auto size = static_cast<uint64_t>(std::max<off_t>(status.st_size, 0));
  if (size > most) {
    fail("'{}' has {}, and no more than {} of {} are read; {}.", path.string(), format_bytes(size),
         format_bytes(most), what, remedy);
  }
  constexpr size_t kChunk = size_t{1} << 20;
  std::string bytes;
  bytes.reserve(static_cast<size_t>(size) + 1);
  while (true) {
    const size_t there = bytes.size();
    const size_t room = bytes.capacity() > there ? bytes.capacity() - there : kChunk;
    bytes.resize(there + std::min(room, kChunk));
    const ssize_t got = ::read(file.value(), bytes.data() + there, bytes.size() - there);
    const int why = errno;
    bytes.resize(there + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return bytes;
    if (got < 0 && why != EINTR) {
      fail("Cannot read {} '{}' to its end: {}.", what, path.string(), std::strerror(why));
    }
    if (bytes.size() > most) {
      fail("'{}' has more than {}, and no more of {} is read; {}.", path.string(),
           format_bytes(most), what, remedy);
    }
  }
}

}  // namespace kvreel
