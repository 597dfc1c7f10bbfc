// Copies column by column, in blocks of whole chunks, so that each chunk is compressed once.
#include "tracer/hdf5/final_copy.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "tracer/hdf5/trace_layout.h"

namespace kvreel::tracer {
namespace {

constexpr uint64_t kBlock =
    4 * 65536;  // elements, a multiple of every final chunk that is not the whole data set

// A file that disappears unless it is kept.
class Draft {
 public:
  explicit Draft(std::string path) : path_(std::move(path)) {
    // What is there was left by a kill while it was written.
    ::unlink(path_.c_str());
    file_ = create_file(path_, path_);
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() {
    if (kept_) return;
    if (file_) disconnect(file_.get());
    file_.reset();
    ::unlink(path_.c_str());
  }

  hid_t file() const { return file_.get(); }
  const std::string& path() const { return path_; }

  void keep_as(const std::string& path) {
    check(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), fmt::format("write {}", path_));
    file_.close(fmt::format("close {}", path_));
    sync_file(path_);
    if (std::rename(path_.c_str(), path.c_str()) != 0) {
      fail("cannot rename {} to {}: {}", path_, path, std::strerror(errno));
    }
    kept_ = true;
    sync_directory_of(path);
  }

 private:
  std::string path_;
  Hid file_;
  bool kept_ = false;
};

void copy_rows(const TraceFile& source, size_t table, size_t set, uint64_t rows, hid_t file,
               const std::string& name) {
  const DataSetSpec& spec = source.tables()[table].sets[set];
  DataSet out = create_final_set(file, name, source.tables()[table], spec, rows);
  std::vector<uint8_t> block(std::min(rows, kBlock) * element_bytes(spec.type));
  for (uint64_t begin = 0; begin < rows; begin += kBlock) {
    const uint64_t end = std::min(begin + kBlock, rows);
    source.read_rows(table, set, begin, end, block.data());
    out.write(begin, end - begin, block.data());
  }
  out.close();
}

// Values up to the last row's end; rows are checked on the way, so that a damaged list is not
// passed on.
void copy_list(const TraceFile& source, size_t table, size_t set, uint64_t rows, hid_t file,
               const std::string& name) {
  const DataSetSpec& spec = source.tables()[table].sets[set];
  uint64_t values = 0;
  for (uint64_t begin = 0; begin < rows; begin += kBlock) {
    values = source.read_list_rows(table, set, begin, std::min(begin + kBlock, rows)).values_end;
  }
  DataSet out = create_final_set(file, name, source.tables()[table], spec, values);
  std::vector<uint8_t> block(std::min(values, kBlock) * element_bytes(spec.type));
  for (uint64_t begin = 0; begin < values; begin += kBlock) {
    const uint64_t end = std::min(begin + kBlock, values);
    source.read_values(table, set, begin, end, block.data());
    out.write(begin, end - begin, block.data());
  }
  out.close();
}

void write_commit_column(hid_t file, const std::string& name, std::string_view column,
                         ElementType type, const void* value) {
  DataSet set = DataSet::create_final(file, name, commit_path(column), type, 1, 1);
  set.write(0, 1, value);
  set.close();
}

// One row that vouches for all.
void write_commit(const TraceFile& source, hid_t file, const std::string& name) {
  const Commit& commit = source.commit();
  write_commit_column(file, name, kCommitTime, ElementType::i64, &commit.time_ns);
  for (size_t i = 0; i < kTableCount; ++i) {
    write_commit_column(file, name, source.tables()[i].name, ElementType::u64, &commit.rows[i]);
  }
  check(H5Fflush(file, H5F_SCOPE_GLOBAL), fmt::format("write {}", name));
  hsize_t bytes = 0;
  check(H5Fget_filesize(file, &bytes), fmt::format("get the size of {}", name));
  const uint64_t file_bytes = bytes;
  write_commit_column(file, name, kCommitFileBytes, ElementType::u64, &file_bytes);
}

}  // namespace

void copy_final(const TraceFile& source, Status status, const std::string& path) {
  prepare_thread();
  Draft draft(path + ".finalizing");
  write_root(draft.file(), draft.path(), {source.minor(), status, source.provenance()});
  for (size_t table = 0; table < kTableCount; ++table) {
    const uint64_t rows = source.commit().rows[table];
    const std::vector<DataSetSpec>& sets = source.tables()[table].sets;
    for (size_t set = 0; set < sets.size(); ++set) {
      if (!source.has(table, set)) continue;
      if (sets[set].part == Part::values) {
        copy_list(source, table, set, rows, draft.file(), draft.path());
      } else {
        copy_rows(source, table, set, rows, draft.file(), draft.path());
      }
    }
  }
  write_commit(source, draft.file(), draft.path());
  draft.keep_as(path);
}

}  // namespace kvreel::tracer
