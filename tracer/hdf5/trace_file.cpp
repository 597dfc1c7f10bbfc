// Opening a trace: what it is, which rows count, and where they lie.
#include "tracer/hdf5/trace_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "tracer/hdf5/trace_layout.h"

namespace kvreel::tracer {
namespace {

constexpr uint64_t kLongestProvenance = 64u << 20;  // bytes

std::string root_path(std::string_view name) {
  return fmt::format("/{}", name);
}

Origin origin_of(const std::string& path, const Superblock& block) {
  if (!block.being_written()) return Origin::closed;
  if (is_marked_live(path)) return Origin::live;
  if (!block.readable_meanwhile()) {
    fail(
        "{} was not closed by the program that wrote it, and holds nothing that kvreel could "
        "trust; record it again",
        path);
  }
  return Origin::killed;
}

}  // namespace

std::string set_path(const TableSpec& table, const DataSetSpec& set) {
  return fmt::format("/{}/{}", table.name, set.name);
}

TraceFile TraceFile::open(const std::string& path, bool salvage) {
  prepare_thread();
  const Superblock block = read_superblock(path);
  if (block.truncated() && !salvage) {
    fail(
        "{} was cut short: it has {} bytes, and {} were written; copy it again, or run kvreel "
        "recover on it",
        path, block.file_bytes, block.end);
  }
  TraceFile trace;
  trace.path_ = path;
  trace.origin_ = origin_of(path, block);
  trace.limits_ = {block.file_bytes, block.truncated()};
  // A plain open refuses a file that is not closed or not whole; one for reading meanwhile does
  // not.
  trace.file_ = open_file(path, trace.origin_ != Origin::closed || block.truncated());
  trace.tables_ = catalogue();
  trace.read_root();
  // Commits first: a table opened after the commit that was read has all of its rows.
  trace.open_commits();
  trace.open_tables();
  trace.read_last_commit();
  trace.check_extents();
  return trace;
}

void TraceFile::read_root() {
  if (!has_attribute(file_.get(), kAttrFormat) ||
      read_text_attribute(file_.get(), path_, kAttrFormat) != kFormatName) {
    fail(
        "{} is an HDF5 file but no kvreel trace: its attribute '{}' is not '{}'; name a trace "
        "written by kvreel",
        path_, kAttrFormat, kFormatName);
  }
  major_ = read_int_attribute(file_.get(), path_, kAttrMajor);
  minor_ = read_int_attribute(file_.get(), path_, kAttrMinor);
  if (major_ != kFormatMajor) {
    fail("{} has trace format {}.{}, and this kvreel reads {}.x; open it with {} kvreel", path_,
         major_, minor_, kFormatMajor, major_ > kFormatMajor ? "a newer" : "an older");
  }
  const int32_t status = read_int_attribute(file_.get(), path_, kAttrStatus);
  if (status < 0 || status > static_cast<int32_t>(Status::recovered)) {
    fail("{} has status {}, which format {}.{} does not know; the file is damaged", path_, status,
         major_, minor_);
  }
  status_ = static_cast<Status>(status);
  const DataSet set =
      DataSet::open(file_.get(), path_, root_path(kAttrProvenance), ElementType::u8, limits_);
  if (set.size() > kLongestProvenance) {
    fail("{} has {} bytes of provenance, more than any kvreel writes; the file is damaged", path_,
         set.size());
  }
  set.require(0, set.size());
  provenance_.resize(set.size());
  set.read(0, set.size(), provenance_.data());
}

void TraceFile::open_tables() {
  for (const TableSpec& table : tables_) {
    std::vector<DataSet>& sets = sets_.emplace_back();
    std::vector<bool>& present = present_.emplace_back();
    for (const DataSetSpec& spec : table.sets) {
      const std::string path = set_path(table, spec);
      // A later minor version may have brought this column.
      const bool absent = minor_ < kFormatMinor && !has_object(file_.get(), path);
      present.push_back(!absent);
      sets.push_back(absent ? DataSet()
                            : DataSet::open(file_.get(), path_, path, spec.type, limits_));
    }
  }
}

void TraceFile::open_commits() {
  const auto open_column = [&](std::string_view name, ElementType type) {
    return DataSet::open(file_.get(), path_, commit_path(name), type, limits_);
  };
  // First, since it is written last: what it has, the others have.
  commit_bytes_ = open_column(kCommitFileBytes, ElementType::u64);
  commit_time_ = open_column(kCommitTime, ElementType::i64);
  for (const TableSpec& table : tables_) {
    const bool absent = minor_ < kFormatMinor && !has_object(file_.get(), commit_path(table.name));
    commit_rows_.push_back(absent ? DataSet() : open_column(table.name, ElementType::u64));
  }
}

// The last row whose file_bytes says that it was written, and written within the file's length.
bool TraceFile::read_last_commit() {
  // HDF5 has checked the length of a closed file, which may have given back what was allocated
  // ahead.
  const uint64_t whole =
      origin_ == Origin::closed && !limits_.cut_short ? UINT64_MAX : limits_.bytes;
  uint64_t end = commit_bytes_.size();
  while (end > 0) {
    const uint64_t begin = end > 1024 ? end - 1024 : 0;
    std::vector<uint64_t> bytes(end - begin);
    commit_bytes_.read(begin, end - begin, bytes.data());
    const auto found = std::find_if(bytes.rbegin(), bytes.rend(),
                                    [&](uint64_t size) { return size != 0 && size <= whole; });
    end = begin;
    if (found == bytes.rend()) continue;
    const uint64_t row = begin + static_cast<uint64_t>(bytes.rend() - found) - 1;
    Commit last;
    last.file_bytes = *found;
    commit_time_.read(row, 1, &last.time_ns);
    for (size_t i = 0; i < kTableCount; ++i) {
      if (!commit_rows_[i].path().empty()) commit_rows_[i].read(row, 1, &last.rows[i]);
    }
    const bool newer = last.rows != commit_.rows;
    commit_ = last;
    return newer;
  }
  return false;
}

void TraceFile::check_extents() const {
  for (size_t table = 0; table < kTableCount; ++table) {
    for (size_t set = 0; set < sets_[table].size(); ++set) {
      const DataSetSpec& spec = tables_[table].sets[set];
      if (!present_[table][set] || spec.part == Part::values) continue;
      if (commit_.rows[table] > sets_[table][set].size()) {
        fail("data set {} of {} has {} rows, and {} were committed; the file is damaged",
             set_path(tables_[table], spec), path_, sets_[table][set].size(), commit_.rows[table]);
      }
    }
  }
}

const DataSet& TraceFile::set_of(size_t table, size_t set) const {
  return sets_[table][set];
}

void TraceFile::require_rows(size_t table, size_t set, uint64_t begin, uint64_t end) const {
  if (begin > end || end > commit_.rows[table]) {
    fail("rows {} to {} of table '{}' of {} were asked for, and it has {}; ask for fewer", begin,
         end, tables_[table].name, path_, commit_.rows[table]);
  }
  set_of(table, set).require(begin, end - begin);
}

void TraceFile::read_rows(size_t table, size_t set, uint64_t begin, uint64_t end, void* out) const {
  prepare_thread();
  require_rows(table, set, begin, end);
  set_of(table, set).read(begin, end - begin, out);
}

TraceFile::ListRows TraceFile::read_list_rows(size_t table, size_t set, uint64_t begin,
                                              uint64_t end) const {
  prepare_thread();
  require_rows(table, set + 1, begin, end);
  ListRows rows;
  rows.ends.resize(end - begin);
  read_rows(table, set + 1, begin, end, rows.ends.data());
  if (begin > 0) read_rows(table, set + 1, begin - 1, begin, &rows.values_begin);
  rows.values_end = rows.ends.empty() ? rows.values_begin : rows.ends.back();
  uint64_t previous = rows.values_begin;
  for (uint64_t& row_end : rows.ends) {
    if (row_end < previous) {
      fail("data set {} of {} falls from {} to {} between rows {} and {}; the file is damaged",
           set_path(tables_[table], tables_[table].sets[set + 1]), path_, previous, row_end, begin,
           end);
    }
    previous = row_end;
    row_end -= rows.values_begin;
  }
  set_of(table, set).require(rows.values_begin, rows.values_end - rows.values_begin);
  return rows;
}

void TraceFile::read_values(size_t table, size_t set, uint64_t begin, uint64_t end,
                            void* out) const {
  prepare_thread();
  set_of(table, set).read(begin, end - begin, out);
}

// HDF5 must let go of the old file first: a second open of the same file shares what the first has
// cached.
bool TraceFile::reopen() {
  const Commit before = std::exchange(commit_, {});
  for (std::vector<DataSet>& sets : sets_) {
    for (DataSet& set : sets) set = DataSet();
  }
  commit_time_ = DataSet();
  commit_bytes_ = DataSet();
  commit_rows_.clear();
  file_.reset();
  *this = open(path_);
  return commit_.rows != before.rows;
}

bool TraceFile::refresh() {
  if (origin_ == Origin::closed) return false;
  prepare_thread();
  const Superblock block = read_superblock(path_);
  if (!file_ || identity_of(path_) != identity() || !block.being_written()) {
    return reopen();
  }
  origin_ = origin_of(path_, block);
  limits_.bytes = block.file_bytes;
  commit_bytes_.refresh(limits_);
  commit_time_.refresh(limits_);
  for (DataSet& set : commit_rows_) {
    if (!set.path().empty()) set.refresh(limits_);
  }
  const Commit before = commit_;
  if (!read_last_commit()) return false;
  for (size_t table = 0; table < kTableCount; ++table) {
    if (commit_.rows[table] == before.rows[table]) continue;
    for (size_t set = 0; set < sets_[table].size(); ++set) {
      if (present_[table][set]) sets_[table][set].refresh(limits_);
    }
  }
  check_extents();
  return true;
}

}  // namespace kvreel::tracer
