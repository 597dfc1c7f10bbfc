// Writes a live trace: data sets grow, commits follow a fixed order.
#include "tracer/record/live_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <vector>

#include "base/error.h"
#include "tracer/hdf5/dataset.h"
#include "tracer/hdf5/file.h"
#include "tracer/hdf5/trace_layout.h"

namespace kvreel::tracer {

struct LiveFile::Parts {
  struct Table {
    TableSpec spec;
    std::vector<DataSet> sets;
    uint64_t rows = 0;
    bool dirty = false;
  };

  Hid file;
  FileIdentity identity;
  std::vector<Table> tables;
  DataSet commit_time;
  std::vector<DataSet> commit_rows;
  DataSet commit_bytes;
  bool dirty = true;  // the first commit has no rows, and makes the empty trace readable

  void create_sets(const std::string& name) {
    for (TableSpec& spec : catalogue()) {
      Table& table = tables.emplace_back();
      for (const DataSetSpec& set : spec.sets) {
        table.sets.push_back(create_growing_set(file.get(), name, spec, set));
      }
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
    commit_bytes = commit_column(kCommitFileBytes, ElementType::u64);
  }

  void close_sets() {
    for (Table& table : tables) {
      for (DataSet& set : table.sets) set.close();
    }
    commit_time.close();
    for (DataSet& set : commit_rows) set.close();
    commit_bytes.close();
  }

  // Drops every id; what cannot be written is lost, which is the point. Before the data sets close,
  // since closing writes.
  void abandon() {
    if (file) disconnect(file.get());
    tables.clear();
    commit_time = DataSet();
    commit_rows.clear();
    commit_bytes = DataSet();
    file.reset();
  }
};

LiveFile::LiveFile(const std::string& path, std::string_view provenance)
    : path_(path), parts_(std::make_unique<Parts>()) {
  prepare_thread();
  // Until SWMR writing has started, HDF5 locks the file, and a reader that looks at it just then
  // makes the start fail: nobody sees it under its name before.
  const std::string draft = fmt::format("{}.{}.starting", path, ::getpid());
  parts_->file = create_file(draft, path, true);
  try {
    parts_->identity = identity_of(parts_->file.get());
    write_root(parts_->file.get(), path, {kFormatMinor, Status::recording, provenance});
    parts_->create_sets(path);
    check(H5Fflush(parts_->file.get(), H5F_SCOPE_GLOBAL), fmt::format("write {}", path));
    mark_live(parts_->file.get());
    check(H5Fstart_swmr_write(parts_->file.get()),
          fmt::format("let readers into {} while it is written", path));
    flush_and_commit(0);
    publish_file(draft, path);
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
                table.sets[set++].append(column.values.data(), column.values.size());
                ends.assign(column.ends.begin(), column.ends.end());
                for (uint64_t& end : ends) end += first;
                table.sets[set++].append(ends.data(), ends.size());
              } else {
                table.sets[set++].append(column.data(), column.size());
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
  const uint64_t file_bytes = bytes;
  parts_->commit_time.append(&time_ns, 1);
  parts_->commit_time.flush();
  for (size_t table = 0; table < parts_->tables.size(); ++table) {
    parts_->commit_rows[table].append(&parts_->tables[table].rows, 1);
    parts_->commit_rows[table].flush();
    parts_->tables[table].dirty = false;
  }
  parts_->commit_bytes.append(&file_bytes, 1);
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
