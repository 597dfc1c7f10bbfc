// Writes a live trace: data sets grow, commits follow a fixed order; a resumed one begins with a
// copy of the rows that stay.
#include "tracer/record/live_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "tracer/hdf5/commit.h"
#include "tracer/hdf5/dataset.h"
#include "tracer/hdf5/file.h"
#include "tracer/hdf5/trace_file.h"
#include "tracer/hdf5/trace_layout.h"

namespace kvreel::tracer {
namespace {

// Of "<path>.<process><suffix>": a file that is being made.
constexpr std::string_view kDraftSuffix = ".starting";

[[noreturn]] void fail_changed(const std::string& path) {
  fail("{} was replaced or changed while it was looked at; try again", path);
}

// The trace that `kept` was found in.
TraceFile open_kept(const KeptTrace& kept) {
  TraceFile source = TraceFile::open(kept.path);
  const FileIdentity identity = source.identity();
  if (source.origin() == Origin::live || is_marked_live(kept.path)) {
    fail("{} is being recorded by another kvreel; wait for its end, or name another file",
         kept.path);
  }
  if (identity != FileIdentity{kept.device, kept.inode}) fail_changed(kept.path);
  for (size_t table = 0; table < kTableCount; ++table) {
    if (kept.rows[table] > source.commit().rows[table]) fail_changed(kept.path);
  }
  return source;
}

// Drafts that kills have left: nobody holds them.
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

}  // namespace

struct LiveFile::Parts {
  struct Table {
    TableSpec spec;
    std::vector<DataSet> sets;
    std::vector<Crc> sums;  // of what was appended since the last commit
    uint64_t rows = 0;
    bool dirty = false;

    void append(size_t set, const void* data, uint64_t count) {
      sets[set].append(data, count);
      sums[set].add(data, count * element_bytes(spec.sets[set].type));
    }
  };

  Hid file;
  FileIdentity identity;
  std::vector<Table> tables;
  DataSet commit_time;
  std::vector<DataSet> commit_rows;
  DataSet commit_sum;
  DataSet commit_bytes;
  bool dirty = true;  // the first commit has no rows, and makes the empty trace readable

  void create_sets(const std::string& name) {
    for (TableSpec& spec : catalogue()) {
      Table& table = tables.emplace_back();
      for (const DataSetSpec& set : spec.sets) {
        table.sets.push_back(create_growing_set(file.get(), name, spec, set));
      }
      table.sums.resize(table.sets.size());
      table.spec = std::move(spec);
    }
    // Commits come every 200 ms: a chunk is filled in a minute or two.
    constexpr uint64_t kCommitChunk = 512;
    const auto commit_column = [&](std::string_view column, ElementType type) {
      return DataSet::create_growing(file.get(), name, commit_path(column), type, kCommitChunk);
    };
    commit_time = commit_column(kCommitTime, ElementType::i64);
    for (const Table& table : tables) {
      commit_rows.push_back(commit_column(table.spec.name, ElementType::u64));
    }
    commit_sum = commit_column(kCommitChecksum, ElementType::u64);
    commit_bytes = commit_column(kCommitFileBytes, ElementType::u64);
  }

  // The rows of `source` that stay. Lists are checked on the way, so that a damaged one is not
  // passed on.
  void copy(const TraceFile& source, const KeptTrace& kept) {
    constexpr uint64_t kBlock = 65536;  // elements
    std::vector<uint8_t> block;
    for (size_t t = 0; t < tables.size(); ++t) {
      Table& table = tables[t];
      const uint64_t rows = kept.rows[t];
      for (size_t set = 0; set < table.sets.size(); ++set) {
        const DataSetSpec& spec = table.spec.sets[set];
        const bool values = spec.part == Part::values;
        uint64_t count = values ? 0 : rows;
        for (uint64_t begin = 0; values && begin < rows; begin += kBlock) {
          const uint64_t end = std::min(begin + kBlock, rows);
          count = source.read_list_rows(t, set, begin, end).values_end;
        }
        block.resize(std::min(count, kBlock) * element_bytes(spec.type));
        for (uint64_t begin = 0; begin < count; begin += kBlock) {
          const uint64_t end = std::min(begin + kBlock, count);
          if (values) {
            source.read_values(t, set, begin, end, block.data());
          } else {
            source.read_rows(t, set, begin, end, block.data());
          }
          table.append(set, block.data(), end - begin);
        }
      }
      table.rows = rows;
      table.dirty = rows > 0;
    }
  }

  void close_sets() {
    for (Table& table : tables) {
      for (DataSet& set : table.sets) set.close();
    }
    commit_time.close();
    for (DataSet& set : commit_rows) set.close();
    commit_sum.close();
    commit_bytes.close();
  }

  // Drops every id; what cannot be written is lost, which is the point. Before the data sets close,
  // since closing writes.
  void abandon() {
    if (file) disconnect(file.get());
    tables.clear();
    commit_time = DataSet();
    commit_rows.clear();
    commit_sum = DataSet();
    commit_bytes = DataSet();
    file.reset();
  }
};

LiveFile::LiveFile(const std::string& path, std::string_view provenance, bool overwrite)
    : path_(path), parts_(std::make_unique<Parts>()) {
  prepare_thread();
  remove_abandoned_drafts(path_);
  create(
      provenance, 0, [] {},
      [&](const std::string& draft) {
        overwrite ? replace_file(draft, path_) : publish_file(draft, path_);
      });
}

LiveFile::LiveFile(const KeptTrace& kept) : path_(kept.path), parts_(std::make_unique<Parts>()) {
  prepare_thread();
  const TraceFile source = open_kept(kept);
  // From here on other recorders refuse the old file; the new one is marked before it takes its
  // place.
  const LiveMark mark(path_);
  remove_abandoned_drafts(path_);
  create(
      kept.provenance, kept.end_ns, [&] { parts_->copy(source, kept); },
      [&](const std::string& draft) {
        if (identity_of(path_) != source.identity()) fail_changed(path_);
        replace_file(draft, path_);
      });
}

// Until SWMR writing has started, HDF5 locks the file, and a reader that looks at it just then
// makes the start fail: nobody sees it under its name before.
template <typename Fill, typename Publish>
void LiveFile::create(std::string_view provenance, int64_t time_ns, Fill&& fill,
                      Publish&& publish) {
  const std::string draft = fmt::format("{}.{}{}", path_, ::getpid(), kDraftSuffix);
  try {
    parts_->file = create_file(draft, path_, true);
    parts_->identity = identity_of(parts_->file.get());
    mark_live(parts_->file.get());
    write_root(parts_->file.get(), path_, {kFormatMinor, Status::recording, provenance});
    parts_->create_sets(path_);
    fill();
    check(H5Fflush(parts_->file.get(), H5F_SCOPE_GLOBAL), fmt::format("write {}", path_));
    check(H5Fstart_swmr_write(parts_->file.get()),
          fmt::format("let readers into {} while it is written", path_));
    flush_and_commit(time_ns);
    publish(draft);
  } catch (...) {
    parts_->abandon();
    ::unlink(draft.c_str());
    throw;
  }
}

LiveFile::~LiveFile() {
  if (!parts_ || !parts_->file) return;
  try {
    close();
  } catch (const std::exception&) {
    // guarded() has abandoned the file: what was committed stays readable.
  }
}

// After a failed call HDF5 must not write to the file any more.
template <typename Work>
void LiveFile::guarded(Work&& work) {
  if (!parts_->file) fail("{} is closed, and cannot be written to", path_);
  try {
    work();
  } catch (...) {
    parts_->abandon();
    throw;
  }
}

void LiveFile::append(const AnyTable& rows) {
  guarded([&] { write(rows); });
}

void LiveFile::write(const AnyTable& any) {
  Parts::Table& table = parts_->tables[any.index()];
  std::visit(
      [&](const auto& rows) {
        using Rows = std::remove_cvref_t<decltype(rows)>;
        size_t set = 0;
        std::vector<uint64_t> ends;
        Rows::columns(
            rows, [&](std::string_view, const auto& column, std::string_view, std::string_view) {
              if constexpr (is_list_column<decltype(column)>) {
                // Values before ends: a reader that sees a row's end finds its values.
                const uint64_t first = table.sets[set].size();
                table.append(set++, column.values.data(), column.values.size());
                ends.assign(column.ends.begin(), column.ends.end());
                for (uint64_t& end : ends) end += first;
                table.append(set++, ends.data(), ends.size());
              } else {
                table.append(set++, column.data(), column.size());
              }
            });
        const size_t count = row_count(rows);
        table.rows += count;
        table.dirty = table.dirty || count > 0;
        parts_->dirty = parts_->dirty || count > 0;
      },
      any);
}

bool LiveFile::commit(int64_t time_ns) {
  if (!parts_->dirty) return false;
  guarded([&] {
    require_in_place();
    flush_and_commit(time_ns);
  });
  return true;
}

void LiveFile::require_in_place() const {
  if (identity_of(path_) != parts_->identity) {
    fail(
        "{} was removed or replaced while it was recorded; record again, and leave the file in its "
        "place",
        path_);
  }
}

// The order matters at every step: replaying each prefix of the writes showed rows that a commit
// promised and the file lacked with H5Fflush alone, and files that could be cut back to nothing
// without it, since only H5Fflush brings the file's end into the superblock.
void LiveFile::flush_and_commit(int64_t time_ns) {
  for (const bool ends : {false, true}) {
    for (Parts::Table& table : parts_->tables) {
      if (!table.dirty) continue;
      for (size_t set = 0; set < table.sets.size(); ++set) {
        if ((table.spec.sets[set].part == Part::ends) == ends) table.sets[set].flush();
      }
    }
  }
  hsize_t bytes = 0;
  check(H5Fget_filesize(parts_->file.get(), &bytes), fmt::format("get the size of {}", path_));
  Commit commit{time_ns, bytes};
  Crc sum;
  for (size_t table = 0; table < parts_->tables.size(); ++table) {
    commit.rows[table] = parts_->tables[table].rows;
    for (Crc& added : parts_->tables[table].sums) sum.add(std::exchange(added, Crc()));
  }
  sum.add_row(commit, std::vector<bool>(kTableCount, true));
  commit.checksum = sum.value();
  parts_->commit_time.append(&commit.time_ns, 1);
  parts_->commit_time.flush();
  for (size_t table = 0; table < parts_->tables.size(); ++table) {
    parts_->commit_rows[table].append(&commit.rows[table], 1);
    parts_->commit_rows[table].flush();
    parts_->tables[table].dirty = false;
  }
  parts_->commit_sum.append(&commit.checksum, 1);
  parts_->commit_sum.flush();
  parts_->commit_bytes.append(&commit.file_bytes, 1);
  parts_->commit_bytes.flush();
  check(H5Fflush(parts_->file.get(), H5F_SCOPE_GLOBAL), fmt::format("write {}", path_));
  parts_->dirty = false;
}

void LiveFile::set_status(Status status) {
  guarded([&] {
    require_in_place();
    rewrite_int_attribute(parts_->file.get(), kAttrStatus, static_cast<int32_t>(status));
    check(H5Fflush(parts_->file.get(), H5F_SCOPE_GLOBAL), fmt::format("write {}", path_));
  });
}

void LiveFile::close() {
  guarded([&] {
    parts_->close_sets();
    check(H5Fflush(parts_->file.get(), H5F_SCOPE_GLOBAL), fmt::format("write {}", path_));
  });
  parts_->file.close(fmt::format("close {}", path_));
}

}  // namespace kvreel::tracer
