// One HDF5 file of a trace: its attributes, its tables as data sets, its commits.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tracer/format/catalogue.h"
#include "tracer/hdf5/commit.h"
#include "tracer/hdf5/dataset.h"
#include "tracer/hdf5/file.h"

namespace kvreel::tracer {

// How the file was found.
enum class Origin {
  closed,  // its writer closed it
  live,    // a recorder is writing it
  killed,  // its recorder ended without closing it
};

// What was wrong with the commits of a file that was not finished.
struct Damage {
  size_t commit = 0;           // the first that is not sound, counted from 0; none where it is ...
  size_t commits = 0;          // ... how many there are
  int64_t sound_ns = 0;        // time of the last sound commit
  uint64_t rows_left_out = 0;  // of all tables

  explicit operator bool() const { return commit < commits; }
};

class PartFile {
 public:
  // `salvage`: a file that was cut short is opened as well, as far as commits lie within its
  // length. Throws Error for everything that is not a readable trace of this major version.
  static PartFile open(const std::string& path, PartKind kind, bool salvage);

  const std::string& path() const { return path_; }
  Origin origin() const { return origin_; }
  bool cut_short() const { return limits_.cut_short; }
  int major() const { return major_; }
  int minor() const { return minor_; }
  Status status() const { return status_; }
  const std::string& provenance() const { return provenance_; }
  // What a trace and its shards have in common; "" in older traces.
  const std::string& trace_id() const { return trace_id_; }
  PartKind kind() const { return kind_; }
  const std::vector<TableSpec>& tables() const { return tables_; }
  // Which file was opened: the path may name another by now.
  FileIdentity identity() const { return identity_of(file_.get()); }

  // False for a column that came with a later minor version than the file's, and in shards of
  // tables that they do not have.
  bool has(size_t table, size_t set) const { return present_[table][set]; }
  // Whether commits count rows of the table.
  const std::vector<bool>& counted() const { return counted_; }
  // Whether its commits have checksums that this kvreel can compute.
  bool has_sums() const { return !commit_sum_.path().empty() && minor_ <= kFormatMinor; }
  // Whether it is as it was recorded: without filters, with every commit.
  bool raw() const { return !commit_bytes_.filtered(); }

  // The last commit, and the rows of it that are in this file.
  const Commit& commit() const { return commit_; }
  uint64_t rows(size_t table) const { return rows_[table]; }
  // Every commit up to the last.
  std::vector<Commit> commits() const;

  // Compares the checksums of all commits with what is there, which reads all of it. Commits that
  // are not sound do not count any more.
  Damage keep_sound_commits();
  // Throws Error that names a data set of `table` with less than `rows` rows.
  [[noreturn]] void fail_short(size_t table, uint64_t rows) const;
  // Only the first `count` of `commits()` count from now on.
  void keep(uint64_t count);

  // Rows [begin, end) of a column, which must be committed. Throws Error otherwise.
  void read_rows(size_t table, size_t set, uint64_t begin, uint64_t end, void* out) const;
  // Throws Error where [begin, end) is not committed or not stored: before memory is taken for it.
  void require_rows(size_t table, size_t set, uint64_t begin, uint64_t end) const;
  // Ends of rows [begin, end) of a list whose values are `set`, as they are stored; `before` gets
  // the end of the row before. Throws Error where ends fall or lie beyond the stored values.
  std::vector<uint64_t> read_ends(size_t table, size_t set, uint64_t begin, uint64_t end,
                                  uint64_t& before) const;
  void read_values(size_t table, size_t set, uint64_t begin, uint64_t end, void* out) const;

  // Looks for newer commits of a file that is being written; true when there are new rows.
  bool refresh();
  // Whether refresh() can follow it: it is live, and was not replaced. Throws Error where nothing
  // is there any more.
  bool still_written() const;
  // Lets go of the file: a second open of the same file shares what the first has cached.
  void close();

 private:
  void read_root();
  void open_tables();
  void open_commits();
  bool read_last_commit();
  Commit read_commit(uint64_t row) const;
  uint64_t stored_rows(size_t table) const;
  void count_rows();
  std::vector<uint64_t> value_ends(size_t table, size_t set, const std::vector<uint64_t>& row_ends,
                                   SumCheck& check) const;
  void check_set(size_t table, size_t set, SumCheck& check) const;

  std::string path_;
  PartKind kind_ = PartKind::main;
  Origin origin_ = Origin::closed;
  FileLimits limits_;
  Hid file_;
  int major_ = 0;
  int minor_ = 0;
  Status status_ = Status::recording;
  std::string provenance_;
  std::string trace_id_;
  std::vector<TableSpec> tables_;
  std::vector<std::vector<DataSet>> sets_;
  std::vector<std::vector<bool>> present_;
  DataSet commit_time_;
  DataSet commit_bytes_;
  DataSet commit_sum_;
  std::vector<DataSet> commit_rows_;
  std::vector<bool> counted_;
  uint64_t commit_row_ = 0;  // of the last commit
  Commit commit_;
  std::array<uint64_t, kTableCount> rows_ = {};
};

// "/spans/op": a data set's path in its file.
std::string set_path(const TableSpec& table, const DataSetSpec& set);

}  // namespace kvreel::tracer
