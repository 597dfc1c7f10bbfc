// HDF5 files as traces use them: created for one writer and many readers, opened with care,
// abandoned without harm.
#pragma once

#include <cstdint>
#include <string>

#include "tracer/hdf5/handle.h"

namespace kvreel::tracer {

// The first bytes of a file, read without HDF5.
struct Superblock {
  static constexpr uint8_t kWriting = 0x01;  // open for writing, or its writer was killed
  static constexpr uint8_t kSwmr = 0x04;     // its writer allows readers meanwhile

  int version = -1;
  uint8_t flags = 0;        // of version 3
  uint64_t end = 0;         // end of the allocated part of the file, of version 2 and 3
  uint64_t file_bytes = 0;  // what the file system says

  bool being_written() const { return flags & kWriting; }
  bool readable_meanwhile() const { return flags & kSwmr; }
  bool truncated() const { return version >= 2 && file_bytes < end; }
};

// Throws Error where the file cannot be read or is not HDF5.
Superblock read_superblock(const std::string& path);

// Which file a path names, to notice when it is removed or replaced.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};
// {0, 0} where there is nothing.
FileIdentity identity_of(const std::string& path);
FileIdentity identity_of(hid_t file);

// Creates a file that must not exist yet. Version 3 superblock, no times of objects. `live`: it
// will be written for a long time, and may be left at any moment. Messages call it `name`.
Hid create_file(const std::string& path, const std::string& name, bool live = false);
// Renames `draft` to `path` in the same directory. Throws Error where something is there already.
void publish_file(const std::string& draft, const std::string& path);
// Brings `draft`, which may be open, to the disk and renames it to `path`, which it replaces.
void replace_file(const std::string& draft, const std::string& path);
// Opens for reading; `meanwhile`: SWMR, for a file that has, or had, a writer.
Hid open_file(const std::string& path, bool meanwhile);

// After a failed write: what HDF5 still writes, as it does while it closes, goes nowhere, so that
// on the disk the file stays what it was at that write. A flush of half of what is cached could
// break what was readable.
void disconnect(hid_t file);

// The directory that a file lies in, "." where its path names none.
std::string directory_of(const std::string& path);

// fsync of a closed file, and of the directory that holds it.
void sync_file(const std::string& path);
void sync_directory_of(const std::string& path);

// A recorder marks its live file with a lock that ends with the process, whatever ends it.
void mark_live(hid_t file);
// Whether a recorder holds the file.
bool is_marked_live(const std::string& path);
// Marks a file that is not open for writing, for as long as the object lives: what is made of it
// will replace it.
class LiveMark {
 public:
  explicit LiveMark(const std::string& path);
  ~LiveMark();
  LiveMark(const LiveMark&) = delete;
  LiveMark& operator=(const LiveMark&) = delete;

 private:
  int descriptor_ = -1;
};

// "NFS", "Lustre", ... for a path on a network file system, where readers may see a live trace's
// parts out of order; else "".
std::string network_file_system(const std::string& path);

}  // namespace kvreel::tracer
