// Copies column by column, in blocks of whole chunks: while one block is read, the one before it is
// compressed.
#include "tracer/hdf5/final_copy.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "tracer/hdf5/chunk_packer.h"
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
    try {
      file_ = create_file(path_, path_);
    } catch (...) {
      ::unlink(path_.c_str());
      throw;
    }
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

void write_commit_column(hid_t file, const std::string& name, std::string_view column,
                         ElementType type, const void* value) {
  DataSet set = DataSet::create_final(file, name, commit_path(column), type, 1, 1);
  set.write(0, 1, value);
  set.close();
}

}  // namespace

struct FinalCopy::Parts {
  Parts(const TraceFile& source_in, Status status, const std::string& path_in, unsigned threads)
      : source(source_in), path(path_in), draft(path_in + ".finalizing"), packer(threads) {
    write_root(
        draft.file(), draft.path(),
        {source.minor(), status, source.provenance(), source.main().kind(), source.trace_id()});
    // Who opens a trace as a whole has compared them.
    const bool sums = source.main().raw() && source.main().has_sums();
    if (source.is_part() && sums) check.emplace(source.main().commits());
  }

  const TraceFile& source;
  std::string path;
  Draft draft;
  std::optional<SumCheck> check;
  Crc sum;  // of all that was written

  // Where the copy is: a data set, and its next element. Of a list's values, `counting` first reads
  // where the rows end: how many values there are, and that a damaged list is not passed on.
  size_t table = 0;
  size_t set = 0;
  bool begun = false;
  bool counting = false;
  uint64_t at = 0;
  uint64_t count = 0;                 // elements of the set
  std::vector<uint64_t> commit_ends;  // of the set, with `check`
  size_t commit = 0;                  // the next whose end is not known
  DataSet out;
  // The set's block that is being read, and the one before it, which is being packed.
  std::unique_ptr<PackedBlock> block = std::make_unique<PackedBlock>();
  std::unique_ptr<PackedBlock> packing = std::make_unique<PackedBlock>();
  uint64_t packing_at = 0;  // its first element
  bool is_packing = false;
  ChunkPacker packer;  // last: its threads use what is being packed

  // A trace that is copied as a whole has no shards any more.
  uint64_t rows() const {
    return table == table_index<Shards>() && !source.is_part() ? 0 : source.rows(table);
  }
  const DataSetSpec& spec() const { return source.tables()[table].sets[set]; }

  bool step() {
    while (!begun) {
      if (table == kTableCount) return false;
      if (set == source.tables()[table].sets.size()) {
        ++table;
        set = 0;
      } else if (!source.has(table, set)) {
        ++set;
      } else {
        begin_set();
      }
    }
    if (counting) {
      count_values();
    } else {
      copy_block();
    }
    return true;
  }

  void begin_set() {
    begun = true;
    at = 0;
    commit = 0;
    counting = spec().part == Part::values;
    count = counting ? 0 : rows();
    commit_ends.clear();
    if (check) {
      for (const Commit& each : check->commits()) {
        commit_ends.push_back(std::min(each.rows[table], source.rows(table)));
      }
    }
    if (!counting) open_set();
  }

  void open_set() {
    out = create_final_set(draft.file(), draft.path(), source.tables()[table], spec(), count);
    if (check) check->begin_set(commit_ends, element_bytes(spec().type));
  }

  void count_values() {
    const uint64_t end = std::min(at + kBlock, rows());
    const TraceFile::ListRows list = source.read_list_rows(table, set, at, end);
    count = list.values_end;
    for (; commit < commit_ends.size() && commit_ends[commit] <= end; ++commit) {
      uint64_t& value_end = commit_ends[commit];
      if (value_end <= at) {
        value_end = value_end == 0 ? 0 : list.values_begin;
      } else {
        value_end = list.values_begin + list.ends[value_end - 1 - at];
      }
    }
    at = end;
    if (at < rows()) return;
    counting = false;
    at = 0;
    open_set();
  }

  void copy_block() {
    const uint64_t end = std::min(at + kBlock, count);
    if (end > at) {
      block->element_bytes = element_bytes(spec().type);
      block->chunk = out.chunk();
      block->data.resize((end - at) * block->element_bytes);
      source.read_elements(table, set, at, end, block->data.data());
      if (check) check->add(block->data.data(), end - at);
      write_packed();
      std::swap(block, packing);
      packing_at = at;
      is_packing = true;
      packer.begin(*packing);
    }
    at = end;
    if (at < count) return;
    write_packed();
    out.close();
    begun = false;
    ++set;
  }

  // Writes the block that is being packed, if one is.
  void write_packed() {
    if (!is_packing) return;
    packer.finish();
    is_packing = false;
    for (size_t i = 0; i < packing->packed.size(); ++i) {
      out.write_packed(packing_at + i * packing->chunk, packing->packed[i]);
      sum.add(packing->sums[i]);
    }
  }

  void keep() {
    if (check) {
      check->finish(source.main().counted());
      if (check->sound() < check->commits().size()) {
        fail("commit {} of {} of {} does not match its checksum", check->sound() + 1,
             check->commits().size(), source.path());
      }
    }
    write_commit();
    draft.keep_as(path);
  }

  // One row that vouches for all.
  void write_commit() {
    const hid_t file = draft.file();
    Commit all = source.commit();
    if (!source.is_part()) all.rows[table_index<Shards>()] = 0;
    write_commit_column(file, draft.path(), kCommitTime, ElementType::i64, &all.time_ns);
    const std::vector<bool>& counted = source.main().counted();
    for (size_t i = 0; i < kTableCount; ++i) {
      if (!counted[i]) continue;
      write_commit_column(file, draft.path(), source.tables()[i].name, ElementType::u64,
                          &all.rows[i]);
    }
    check_flush();
    hsize_t bytes = 0;
    kvreel::tracer::check(H5Fget_filesize(file, &bytes),
                          fmt::format("get the size of {}", draft.path()));
    all.file_bytes = bytes;
    sum.add_row(all, counted);
    const uint64_t checksum = sum.value();
    if (source.main().has_sums()) {
      write_commit_column(file, draft.path(), kCommitChecksum, ElementType::u64, &checksum);
    }
    write_commit_column(file, draft.path(), kCommitFileBytes, ElementType::u64, &all.file_bytes);
  }

  void check_flush() {
    kvreel::tracer::check(H5Fflush(draft.file(), H5F_SCOPE_GLOBAL),
                          fmt::format("write {}", draft.path()));
  }
};

FinalCopy::FinalCopy(const TraceFile& source, Status status, const std::string& path,
                     unsigned threads) {
  prepare_thread();
  parts_ = std::make_unique<Parts>(source, status, path, threads);
}

FinalCopy::~FinalCopy() = default;

bool FinalCopy::step() {
  if (!parts_) return false;
  if (parts_->step()) return true;
  parts_->keep();
  parts_.reset();
  return false;
}

void copy_final(const TraceFile& source, Status status, const std::string& path) {
  FinalCopy copy(source, status, path, packing_threads());
  while (copy.step()) continue;
}

}  // namespace kvreel::tracer
