// Opening, creating, locking and abandoning HDF5 files.
#include "tracer/hdf5/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <span>

#include "base/error.h"

namespace kvreel::tracer {
namespace {

// A file descriptor that closes itself.
struct Descriptor {
  explicit Descriptor(int fd) : value(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
  int value;
};

uint64_t little_endian(std::span<const uint8_t> bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

int descriptor_of(hid_t file) {
  void* handle = nullptr;
  check(H5Fget_vfd_handle(file, H5P_DEFAULT, &handle), "get the descriptor of an HDF5 file");
  return *static_cast<int*>(handle);
}

Hid access_list() {
  Hid list = owned(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "make an HDF5 property list");
  check(H5Pset_libver_bounds(list.get(), H5F_LIBVER_V110, H5F_LIBVER_V110),
        "ask for version 1.10 of the file format");
  // A damaged SWMR file makes the library wait for metadata that never comes: 100 tries take more
  // than 40 s per object, 16 take 5 ms.
  check(H5Pset_metadata_read_attempts(list.get(), 16), "limit HDF5's metadata read attempts");
#if H5_VERSION_GE(1, 10, 7)
  check(H5Pset_file_locking(list.get(), true, true), "set HDF5's file locking");
#endif
  return list;
}

void sync_path(const std::string& path, int flags) {
  const Descriptor fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (fd.value < 0 || ::fsync(fd.value) != 0) {
    fail("cannot bring {} to the disk: {}", path, std::strerror(errno));
  }
}

// Open-file-description locks: HDF5 uses flock, which on a local file system is another kind.
// Shared, so that they do not stand in the way of readers where it is not.
void mark_descriptor(int descriptor) {
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  // Where locks are not supported the trace merely looks like one whose recorder was killed.
  ::fcntl(descriptor, F_OFD_SETLK, &lock);
}

}  // namespace

Superblock read_superblock(const std::string& path) {
  constexpr std::array<uint8_t, 8> kSignature = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
  // O_NONBLOCK: a FIFO must not hang the reader.
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (fd.value < 0 || ::fstat(fd.value, &status) != 0) {
    fail("cannot open {}: {}", path, std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) fail("{} is not a file; name a trace written by kvreel", path);
  std::array<uint8_t, 48> bytes{};
  const ssize_t got = ::pread(fd.value, bytes.data(), bytes.size(), 0);
  if (got < 0) fail("cannot read {}: {}", path, std::strerror(errno));
  if (got < static_cast<ssize_t>(bytes.size()) ||
      std::memcmp(bytes.data(), kSignature.data(), kSignature.size()) != 0) {
    fail("{} is not an HDF5 file; name a trace written by kvreel", path);
  }
  Superblock block;
  block.file_bytes = static_cast<uint64_t>(status.st_size);
  block.version = bytes[8];
  if (block.version >= 2) {
    // Version 3: bytes 9 and 10 sizes of offsets and lengths, 11 flags, then base, extension and
    // end addresses.
    if (bytes[9] != 8) {
      fail("{} has HDF5 offsets of {} bytes, and traces have 8; it is damaged or no trace", path,
           bytes[9]);
    }
    block.flags = block.version == 3 ? bytes[11] : uint8_t{0};
    block.end = little_endian(std::span(bytes).subspan(28, 8));
  }
  return block;
}

FileIdentity identity_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

FileIdentity identity_of(hid_t file) {
  struct stat status {};
  if (::fstat(descriptor_of(file), &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

Hid create_file(const std::string& path, const std::string& name, bool live) {
  const std::string doing = fmt::format("create {}", name);
  const Hid access = access_list();
  if (live) {
    // A kill can cut a write off at the end of a page. The parts of the file's structure that are
    // rewritten have at most some 500 bytes; where they start at multiples of 1024, none of them
    // straddles two pages. Without this, one in ten did, and replaying torn writes lost the data
    // set they belong to.
    check(H5Pset_alignment(access.get(), 1, 1024), doing);
    check(H5Pset_meta_block_size(access.get(), 0), doing);
    check(H5Pset_small_data_block_size(access.get(), 0), doing);
  }
  const Hid creation = owned(H5Pcreate(H5P_FILE_CREATE), H5Pclose, doing);
  check(H5Pset_obj_track_times(creation.get(), false), doing);
  return owned(H5Fcreate(path.c_str(), H5F_ACC_EXCL, creation.get(), access.get()), H5Fclose,
               doing);
}

void publish_file(const std::string& draft, const std::string& path) {
  if (::renameat2(AT_FDCWD, draft.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0) return;
  // NFS and others do not know the flag.
  if (errno == EINVAL || errno == ENOSYS) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0) {
      errno = EEXIST;
    } else if (::rename(draft.c_str(), path.c_str()) == 0) {
      return;
    }
  }
  fail("cannot create {}: {}; name another file", path, std::strerror(errno));
}

void replace_file(const std::string& draft, const std::string& path) {
  sync_file(draft);
  if (::rename(draft.c_str(), path.c_str()) != 0) {
    fail("cannot rename {} to {}: {}", draft, path, std::strerror(errno));
  }
  sync_directory_of(path);
}

Hid open_file(const std::string& path, bool meanwhile) {
  const unsigned flags = H5F_ACC_RDONLY | (meanwhile ? H5F_ACC_SWMR_READ : 0u);
  const Hid access = access_list();
  return owned(H5Fopen(path.c_str(), flags, access.get()), H5Fclose, fmt::format("open {}", path));
}

void disconnect(hid_t file) {
  void* handle = nullptr;
  if (H5Fget_vfd_handle(file, H5P_DEFAULT, &handle) < 0) return;
  Descriptor nowhere(::memfd_create("disconnected trace", MFD_CLOEXEC));
  if (nowhere.value < 0) nowhere.value = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nowhere.value >= 0) ::dup2(nowhere.value, *static_cast<int*>(handle));
}

void sync_file(const std::string& path) {
  sync_path(path, O_RDONLY);
}

std::string directory_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

void sync_directory_of(const std::string& path) {
  sync_path(directory_of(path), O_RDONLY | O_DIRECTORY);
}

void mark_live(hid_t file) {
  mark_descriptor(descriptor_of(file));
}

LiveMark::LiveMark(const std::string& path)
    : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (descriptor_ >= 0) mark_descriptor(descriptor_);
}

LiveMark::~LiveMark() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool is_marked_live(const std::string& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return fd.value >= 0 && ::fcntl(fd.value, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

std::string network_file_system(const std::string& path) {
  struct statfs status {};
  if (::statfs(path.c_str(), &status) != 0) return "";
  switch (static_cast<uint32_t>(status.f_type)) {
    case 0x6969:
      return "NFS";
    case 0x517b:
      return "SMB";
    case 0xff534d42:
      return "CIFS";
    case 0xfe534d42:
      return "SMB2";
    case 0x0bd00bd0:
      return "Lustre";
    case 0x00c36400:
      return "Ceph";
    case 0x01021997:
      return "9P";
    case 0x19830326:
      return "BeeGFS";
    case 0x47504653:
      return "GPFS";
    default:
      return "";
  }
}

}  // namespace kvreel::tracer
