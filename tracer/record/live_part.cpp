// Creating, filling, committing and abandoning one file.
#include "tracer/record/live_part.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace kvreel::tracer {
namespace {

// Of "<path>.<process><suffix>": a file that is being made.
constexpr std::string_view kDraftSuffix = ".starting";

}  // namespace

void remove_abandoned_drafts(const std::string& path) {
  const std::filesystem::path whole(path);
  const std::string prefix = whole.filename().string() + ".";
  const std::filesystem::path directory =
      whole.has_parent_path() ? whole.parent_path() : std::filesystem::path(".");
  std::error_code ignored;
  std::vector<std::string> abandoned;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix) || !name.ends_with(kDraftSuffix)) continue;
    if (name.size() <= prefix.size() + kDraftSuffix.size()) continue;
    const std::string_view process = std::string_view(name).substr(
        prefix.size(), name.size() - prefix.size() - kDraftSuffix.size());
    if (process.find_first_not_of("0123456789") != std::string_view::npos) continue;
    if (!is_marked_live(entry.path().string())) abandoned.push_back(entry.path().string());
  }
  for (const std::string& draft : abandoned) ::unlink(draft.c_str());
}

// Calls use(set) for every data set.
template <typename Use>
void LivePart::for_each_set(Use&& use) {
  for (Table& table : tables_) {
    for (DataSet& set : table.sets) use(set);
  }
  use(commit_time_);
  for (size_t table = 0; table < kTableCount; ++table) {
    if (counted_[table]) use(commit_rows_[table]);
  }
  use(commit_sum_);
  use(commit_bytes_);
}

// Until SWMR writing has started, HDF5 locks the file, and a reader that looks at it just then
// makes the start fail: nobody sees it under its name before.
LivePart::LivePart(const std::string& path, const Start& start)
    : path_(path), kind_(start.facts.kind), specs_(catalogue()) {
  prepare_thread();
  remove_abandoned_drafts(path_);
  const std::string draft = fmt::format("{}.{}{}", path_, ::getpid(), kDraftSuffix);
  try {
    file_ = create_file(draft, path_, true);
    identity_ = identity_of(file_.get());
    mark_live(file_.get());
    write_root(file_.get(), path_, start.facts);
    create_sets();
    if (start.fill) start.fill(*this);
    check(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), fmt::format("write {}", path_));
    check(H5Fstart_swmr_write(file_.get()),
          fmt::format("let readers into {} while it is written", path_));
    for_each_set([&](DataSet& set) { set.reopen(file_.get()); });
    // It may have no rows, and makes the empty trace readable.
    std::array<uint64_t, kTableCount> rows = {};
    for (size_t table = 0; table < kTableCount; ++table) rows[table] = tables_[table].rows;
    commit(start.time_ns, rows);
    start.publish(draft);
  } catch (...) {
    abandon();
    ::unlink(draft.c_str());
    throw;
  }
}

LivePart::~LivePart() {
  abandon();
}

void LivePart::create_sets() {
  for (const TableSpec& spec : specs_) {
    Table& table = tables_.emplace_back();
    counted_.push_back(part_has(kind_, spec.volume));
    if (!counted_.back()) continue;
    for (const DataSetSpec& set : spec.sets) {
      table.sets.push_back(create_growing_set(file_.get(), path_, spec, set));
    }
    table.sums.resize(table.sets.size());
  }
  // Commits come every 200 ms: a chunk is filled in a minute or two.
  constexpr uint64_t kCommitChunk = 512;
  const auto commit_column = [&](std::string_view column, ElementType type) {
    return DataSet::create_growing(file_.get(), path_, commit_path(column), type, kCommitChunk);
  };
  commit_time_ = commit_column(kCommitTime, ElementType::i64);
  for (size_t table = 0; table < kTableCount; ++table) {
    commit_rows_.push_back(counted_[table] ? commit_column(specs_[table].name, ElementType::u64)
                                           : DataSet());
  }
  commit_sum_ = commit_column(kCommitChecksum, ElementType::u64);
  commit_bytes_ = commit_column(kCommitFileBytes, ElementType::u64);
}

void LivePart::append(size_t table, size_t set, const void* data, uint64_t count) {
  tables_[table].sets[set].append(data, count);
  tables_[table].sums[set].add(data, count * element_bytes(specs_[table].sets[set].type));
}

void LivePart::add_rows(size_t table, uint64_t count) {
  if (count == 0) return;
  tables_[table].rows += count;
  tables_[table].dirty = true;
  dirty_ = true;
}

// The order matters at every step: replaying each prefix of the writes showed rows that a commit
// promised and the file lacked with H5Fflush alone, and files that could be cut back to nothing
// without it, since only H5Fflush brings the file's end into the superblock.
void LivePart::commit(int64_t time_ns, const std::array<uint64_t, kTableCount>& rows) {
  for (const bool ends : {false, true}) {
    for (size_t table = 0; table < kTableCount; ++table) {
      if (!tables_[table].dirty) continue;
      std::vector<DataSet>& sets = tables_[table].sets;
      for (size_t set = 0; set < sets.size(); ++set) {
        if ((specs_[table].sets[set].part == Part::ends) == ends) sets[set].flush();
      }
    }
  }
  hsize_t bytes = 0;
  check(H5Fget_filesize(file_.get(), &bytes), fmt::format("get the size of {}", path_));
  Commit commit{time_ns, bytes, rows};
  Crc sum;
  for (Table& table : tables_) {
    for (Crc& added : table.sums) sum.add(std::exchange(added, Crc()));
    table.dirty = false;
  }
  sum.add_row(commit, counted_);
  commit.checksum = sum.value();
  commit_time_.append(&commit.time_ns, 1);
  commit_time_.flush();
  for (size_t table = 0; table < kTableCount; ++table) {
    if (!counted_[table]) continue;
    commit_rows_[table].append(&commit.rows[table], 1);
    commit_rows_[table].flush();
  }
  commit_sum_.append(&commit.checksum, 1);
  commit_sum_.flush();
  commit_bytes_.append(&commit.file_bytes, 1);
  commit_bytes_.flush();
  check(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), fmt::format("write {}", path_));
  dirty_ = false;
}

void LivePart::require_in_place() const {
  if (identity_of(path_) != identity_) {
    fail(
        "{} was removed or replaced while it was recorded; record again, and leave the file in its "
        "place",
        path_);
  }
}

void LivePart::set_status(Status status) {
  rewrite_int_attribute(file_.get(), kAttrStatus, static_cast<int32_t>(status));
  check(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), fmt::format("write {}", path_));
}

void LivePart::close() {
  for_each_set([](DataSet& set) { set.close(); });
  check(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), fmt::format("write {}", path_));
  file_.close(fmt::format("close {}", path_));
}

// Before the data sets close, since closing writes.
void LivePart::abandon() {
  if (!file_) return;
  disconnect(file_.get());
  for (Table& table : tables_) table.sets.clear();
  commit_time_ = DataSet();
  commit_rows_.clear();
  commit_sum_ = DataSet();
  commit_bytes_ = DataSet();
  file_.reset();
}

}  // namespace kvreel::tracer
