// Whether files are what they were when their reading began.
#include "engine/model/file_watch.h"

#include <sys/stat.h>

namespace kvreel::engine {

FileWatch::FileWatch(const std::vector<std::filesystem::path>& paths) {
  for (const std::filesystem::path& path : paths) {
    File file;
    if (look(path, file)) files_.push_back(file);
  }
}

bool FileWatch::look(const std::filesystem::path& path, File& file) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return false;
  file = {.path = path,
          .device = status.st_dev,
          .inode = status.st_ino,
          .bytes = status.st_size,
          .modified_s = status.st_mtim.tv_sec,
          .modified_ns = status.st_mtim.tv_nsec};
  return true;
}

std::string FileWatch::written_to() const {
  for (const File& then : files_) {
    File now;
    if (!look(then.path, now)) continue;
    const bool same_file = now.device == then.device && now.inode == then.inode;
    if (same_file && now != then) return then.path.string();
  }
  return "";
}

}  // namespace kvreel::engine
