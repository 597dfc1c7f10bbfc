// Opening a file of a trace: what it is, which rows count, whether they are sound.
#include "tracer/hdf5/part_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "tracer/hdf5/trace_layout.h"

namespace kvreel::tracer {
namespace {

constexpr uint64_t kLongestProvenance = 64u << 20;  // bytes
constexpr uint64_t kElementsAtOnce = 1u << 18;      // elements read at once
constexpr int kFirstMinorWithSums = 2;

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

PartFile PartFile::open(const std::string& path, PartKind kind, bool salvage) {
  prepare_thread();
  const Superblock block = read_superblock(path);
  if (block.truncated() && !salvage) {
    fail(
        "{} was cut short: it has {} bytes, and {} were written; copy it again, or run kvreel "
        "recover on it",
        path, block.file_bytes, block.end);
  }
  PartFile trace;
  trace.path_ = path;
  trace.kind_ = kind;
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
  trace.count_rows();
  return trace;
}

void PartFile::read_root() {
  const std::string format = has_attribute(file_.get(), kAttrFormat)
                                 ? read_text_attribute(file_.get(), path_, kAttrFormat)
                                 : std::string();
  if (kind_ == PartKind::main && format == kShardFormatName) {
    fail("{} is a shard, a part of a trace; open the trace itself, which lies beside it", path_);
  }
  if (kind_ == PartKind::shard && format != kShardFormatName) {
    fail("{} is no shard of a kvreel trace", path_);
  }
  if (kind_ == PartKind::main && format != kFormatName) {
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
  if (has_attribute(file_.get(), kAttrTraceId)) {
    trace_id_ = read_text_attribute(file_.get(), path_, kAttrTraceId);
  }
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

void PartFile::open_tables() {
  for (const TableSpec& table : tables_) {
    std::vector<DataSet>& sets = sets_.emplace_back();
    std::vector<bool>& present = present_.emplace_back();
    for (const DataSetSpec& spec : table.sets) {
      const std::string path = set_path(table, spec);
      // A later minor version may have brought this column.
      const bool absent = !part_has(kind_, table.volume) ||
                          (minor_ < kFormatMinor && !has_object(file_.get(), path));
      present.push_back(!absent);
      sets.push_back(absent ? DataSet()
                            : DataSet::open(file_.get(), path_, path, spec.type, limits_));
    }
  }
}

void PartFile::open_commits() {
  const auto open_column = [&](std::string_view name, ElementType type) {
    return DataSet::open(file_.get(), path_, commit_path(name), type, limits_);
  };
  // First, since it is written last: what it has, the others have.
  commit_bytes_ = open_column(kCommitFileBytes, ElementType::u64);
  commit_time_ = open_column(kCommitTime, ElementType::i64);
  if (minor_ >= kFirstMinorWithSums) {
    commit_sum_ = open_column(kCommitChecksum, ElementType::u64);
  }
  for (const TableSpec& table : tables_) {
    const bool absent =
        !part_has(kind_, table.volume) ||
        (minor_ < kFormatMinor && !has_object(file_.get(), commit_path(table.name)));
    counted_.push_back(!absent);
    commit_rows_.push_back(absent ? DataSet() : open_column(table.name, ElementType::u64));
  }
}

// The last row whose file_bytes says that it was written, and written within the file's length.
bool PartFile::read_last_commit() {
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
    commit_row_ = begin + static_cast<uint64_t>(bytes.rend() - found) - 1;
    const Commit last = read_commit(commit_row_);
    const bool newer = last.rows != commit_.rows;
    commit_ = last;
    return newer;
  }
  return false;
}

Commit PartFile::read_commit(uint64_t row) const {
  Commit commit;
  commit_bytes_.read(row, 1, &commit.file_bytes);
  commit_time_.read(row, 1, &commit.time_ns);
  if (!commit_sum_.path().empty()) commit_sum_.read(row, 1, &commit.checksum);
  for (size_t i = 0; i < kTableCount; ++i) {
    if (counted_[i]) commit_rows_[i].read(row, 1, &commit.rows[i]);
  }
  return commit;
}

std::vector<Commit> PartFile::commits() const {
  if (commit_.file_bytes == 0) return {};
  const uint64_t count = commit_row_ + 1;
  commit_bytes_.require(0, count);
  std::vector<Commit> commits(count);
  std::vector<uint64_t> column(count);
  const auto take = [&](const DataSet& set, auto&& put) {
    set.read(0, count, column.data());
    for (size_t i = 0; i < count; ++i) put(commits[i], column[i]);
  };
  take(commit_bytes_, [](Commit& commit, uint64_t value) { commit.file_bytes = value; });
  take(commit_time_,
       [](Commit& commit, uint64_t value) { commit.time_ns = static_cast<int64_t>(value); });
  if (!commit_sum_.path().empty()) {
    take(commit_sum_, [](Commit& commit, uint64_t value) { commit.checksum = value; });
  }
  for (size_t table = 0; table < kTableCount; ++table) {
    if (!counted_[table]) continue;
    take(commit_rows_[table],
         [table](Commit& commit, uint64_t value) { commit.rows[table] = value; });
  }
  return commits;
}

// Rows that every column of the table has; where it has no column, whatever commits say.
uint64_t PartFile::stored_rows(size_t table) const {
  uint64_t rows = UINT64_MAX;
  for (size_t set = 0; set < sets_[table].size(); ++set) {
    const bool of_rows = has(table, set) && tables_[table].sets[set].part != Part::values;
    if (of_rows) rows = std::min(rows, sets_[table][set].size());
  }
  return rows;
}

// A trace that goes on in other files has fewer rows here than its commits say.
void PartFile::count_rows() {
  for (size_t table = 0; table < kTableCount; ++table) {
    rows_[table] = std::min(commit_.rows[table], stored_rows(table));
  }
}

void PartFile::fail_short(size_t table, uint64_t rows) const {
  for (size_t set = 0; set < sets_[table].size(); ++set) {
    const DataSetSpec& spec = tables_[table].sets[set];
    if (!present_[table][set] || spec.part == Part::values) continue;
    if (sets_[table][set].size() >= rows) continue;
    fail("data set {} of {} has {} rows, and {} were committed; the file is damaged",
         set_path(tables_[table], spec), path_, sets_[table][set].size(), rows);
  }
  fail("table '{}' of {} lacks some of its {} committed rows; the file is damaged",
       tables_[table].name, path_, rows);
}

void PartFile::keep(uint64_t count) {
  if (count == 0) {
    commit_ = Commit();
  } else {
    commit_row_ = count - 1;
    commit_ = read_commit(commit_row_);
  }
  count_rows();
}

Damage PartFile::keep_sound_commits() {
  prepare_thread();
  SumCheck check(commits());
  const std::vector<Commit>& all = check.commits();
  const Commit last = commit_;
  for (size_t table = 0; table < kTableCount; ++table) {
    for (size_t set = 0; set < sets_[table].size(); ++set) {
      if (present_[table][set]) check_set(table, set, check);
    }
  }
  check.finish(counted_);
  Damage damage{check.sound(), all.size()};
  if (!damage) return damage;
  keep(check.sound());
  damage.sound_ns = commit_.time_ns;
  for (size_t table = 0; table < kTableCount; ++table) {
    const uint64_t there = std::min(last.rows[table], stored_rows(table));
    damage.rows_left_out += there - std::min(there, rows_[table]);
  }
  return damage;
}

// Where the values of a list end with each commit, whose rows end at `row_ends`. A commit whose
// last row cannot be read, or ends beyond the values, is not sound.
std::vector<uint64_t> PartFile::value_ends(size_t table, size_t set,
                                           const std::vector<uint64_t>& row_ends,
                                           SumCheck& check) const {
  // A day has half a million commits: ends are read in blocks, and one by one where a block cannot
  // be read.
  const DataSet& stored = sets_[table][set + 1];
  std::vector<uint64_t> block;
  uint64_t first = 0;  // row of the block
  const auto end_of = [&](uint64_t row) {
    if (row >= first && row - first < block.size()) return block[row - first];
    first = row;
    block.resize(std::min(kElementsAtOnce, stored.size() - row));
    try {
      stored.read(row, block.size(), block.data());
    } catch (const Error&) {
      block.clear();
      uint64_t alone = 0;
      stored.read(row, 1, &alone);
      return alone;
    }
    return block[0];
  };
  std::vector<uint64_t> ends(row_ends.size());
  for (size_t i = 0; i < check.sound(); ++i) {
    ends[i] = i == 0 ? 0 : ends[i - 1];
    if (row_ends[i] == (i == 0 ? 0 : row_ends[i - 1])) continue;
    try {
      ends[i] = row_ends[i] == 0 ? 0 : end_of(row_ends[i] - 1);
    } catch (const Error&) {
      check.lose(i);
    }
    if (ends[i] > sets_[table][set].size()) check.lose(i);
  }
  return ends;
}

// Has `check` see the data set. What cannot be read is not sound.
void PartFile::check_set(size_t table, size_t set, SumCheck& check) const {
  const DataSetSpec& spec = tables_[table].sets[set];
  const DataSet& data = sets_[table][set];
  const uint64_t stored = stored_rows(table);
  std::vector<uint64_t> ends;
  for (const Commit& commit : check.commits()) ends.push_back(std::min(commit.rows[table], stored));
  if (spec.part == Part::values) ends = value_ends(table, set, ends, check);
  const auto element = element_bytes(spec.type);
  check.begin_set(ends, element);
  std::vector<uint8_t> block;
  uint64_t at = 0;
  for (size_t commit = 0; commit < check.sound();) {
    // As many commits as a block holds, or a part of one.
    size_t last = commit;
    while (last + 1 < check.sound() && ends[last + 1] - at <= kElementsAtOnce) ++last;
    const uint64_t count = std::min(ends[last] - at, kElementsAtOnce);
    block.resize(count * element);
    try {
      data.read(at, count, block.data());
    } catch (const Error&) {
      if (last == commit) {
        check.lose(commit);
        break;
      }
      // One of them cannot be read: the others can, one by one.
      for (; commit <= last; ++commit) {
        const uint64_t part = ends[commit] - at;
        try {
          data.read(at, part, block.data());
        } catch (const Error&) {
          check.lose(commit);
          break;
        }
        check.add(block.data(), part);
        at += part;
      }
      continue;
    }
    check.add(block.data(), count);
    at += count;
    commit = at == ends[last] ? last + 1 : last;
  }
}

void PartFile::require_rows(size_t table, size_t set, uint64_t begin, uint64_t end) const {
  if (begin > end || end > rows_[table]) {
    fail("rows {} to {} of table '{}' of {} were asked for, and it has {}; ask for fewer", begin,
         end, tables_[table].name, path_, rows_[table]);
  }
  // Of a column that the file lacks, another one of the table says whether the rows are there.
  const std::vector<DataSet>& sets = sets_[table];
  for (size_t other = set; other < sets.size() + set; ++other) {
    const size_t candidate = other % sets.size();
    if (!has(table, candidate) || tables_[table].sets[candidate].part == Part::values) continue;
    sets[candidate].require(begin, end - begin);
    return;
  }
  if (begin < end) {
    fail("table '{}' of {} has {} rows and no columns; the file is damaged", tables_[table].name,
         path_, rows_[table]);
  }
}

void PartFile::read_rows(size_t table, size_t set, uint64_t begin, uint64_t end, void* out) const {
  prepare_thread();
  require_rows(table, set, begin, end);
  sets_[table][set].read(begin, end - begin, out);
}

std::vector<uint64_t> PartFile::read_ends(size_t table, size_t set, uint64_t begin, uint64_t end,
                                          uint64_t& before) const {
  prepare_thread();
  require_rows(table, set + 1, begin, end);
  std::vector<uint64_t> ends(end - begin);
  before = 0;
  read_rows(table, set + 1, begin, end, ends.data());
  if (begin > 0) read_rows(table, set + 1, begin - 1, begin, &before);
  uint64_t previous = before;
  for (const uint64_t row_end : ends) {
    if (row_end < previous) {
      fail("data set {} of {} falls from {} to {} between rows {} and {}; the file is damaged",
           set_path(tables_[table], tables_[table].sets[set + 1]), path_, previous, row_end, begin,
           end);
    }
    previous = row_end;
  }
  sets_[table][set].require(before, previous - before);
  return ends;
}

void PartFile::read_values(size_t table, size_t set, uint64_t begin, uint64_t end,
                           void* out) const {
  prepare_thread();
  sets_[table][set].read(begin, end - begin, out);
}

void PartFile::close() {
  for (std::vector<DataSet>& sets : sets_) {
    for (DataSet& set : sets) set = DataSet();
  }
  commit_time_ = DataSet();
  commit_bytes_ = DataSet();
  commit_sum_ = DataSet();
  commit_rows_.clear();
  file_.reset();
}

bool PartFile::still_written() const {
  return file_ && identity_of(path_) == identity() && read_superblock(path_).being_written() &&
         origin_ == Origin::live && is_marked_live(path_);
}

bool PartFile::refresh() {
  prepare_thread();
  limits_.bytes = read_superblock(path_).file_bytes;
  commit_bytes_.refresh(limits_);
  commit_time_.refresh(limits_);
  if (!commit_sum_.path().empty()) commit_sum_.refresh(limits_);
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
  count_rows();
  return true;
}

}  // namespace kvreel::tracer
