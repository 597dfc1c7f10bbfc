// An open trace: its attributes, its tables as data sets, and the rows that its last commit vouches
// for.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tracer/format/catalogue.h"
#include "tracer/hdf5/dataset.h"
#include "tracer/hdf5/file.h"

namespace kvreel::tracer {

// The last commit of a file.
struct Commit {
  int64_t time_ns = 0;
  uint64_t file_bytes = 0;                      // 0: nothing was committed
  std::array<uint64_t, kTableCount> rows = {};  // in the order of Tables
};

// How the file was found.
enum class Origin {
  closed,  // its writer closed it
  live,    // a recorder is writing it
  killed,  // its recorder ended without closing it
};

class TraceFile {
 public:
  // `salvage`: a file that was cut short is opened as well, as far as commits lie within its
  // length. Throws Error for everything that is not a readable trace of this major version.
  static TraceFile open(const std::string& path, bool salvage = false);

  const std::string& path() const { return path_; }
  Origin origin() const { return origin_; }
  int major() const { return major_; }
  int minor() const { return minor_; }
  Status status() const { return status_; }
  const std::string& provenance() const { return provenance_; }
  const Commit& commit() const { return commit_; }
  const std::vector<TableSpec>& tables() const { return tables_; }

  // False for a column that came with a later minor version than the file's.
  bool has(size_t table, size_t set) const { return present_[table][set]; }
  // Which file was opened: the path may name another by now.
  FileIdentity identity() const { return identity_of(file_.get()); }

  // Rows [begin, end) of a column, which must be committed. Throws Error otherwise.
  void read_rows(size_t table, size_t set, uint64_t begin, uint64_t end, void* out) const;
  // Throws Error where [begin, end) is not committed or not stored: before memory is taken for it.
  void require_rows(size_t table, size_t set, uint64_t begin, uint64_t end) const;

  // Where rows [begin, end) of a list lie among its values; `set` names the values, ends follow
  // them.
  struct ListRows {
    uint64_t values_begin = 0;
    uint64_t values_end = 0;
    std::vector<uint64_t> ends;  // [end - begin], counted from values_begin
  };
  // Throws Error where ends fall or lie beyond the stored values.
  ListRows read_list_rows(size_t table, size_t set, uint64_t begin, uint64_t end) const;
  void read_values(size_t table, size_t set, uint64_t begin, uint64_t end, void* out) const;

  // Looks for newer commits of a live file; true when there are new rows. When the recorder has
  // closed or finished it meanwhile, the file is opened afresh under its path.
  bool refresh();

 private:
  void read_root();
  void open_tables();
  void open_commits();
  bool read_last_commit();
  void check_extents() const;
  bool reopen();
  const DataSet& set_of(size_t table, size_t set) const;

  std::string path_;
  Origin origin_ = Origin::closed;
  FileLimits limits_;
  Hid file_;
  int major_ = 0;
  int minor_ = 0;
  Status status_ = Status::recording;
  std::string provenance_;
  std::vector<TableSpec> tables_;
  std::vector<std::vector<DataSet>> sets_;
  std::vector<std::vector<bool>> present_;
  DataSet commit_time_;
  DataSet commit_bytes_;
  std::vector<DataSet> commit_rows_;
  Commit commit_;
};

// "/spans/op": a data set's path in its file.
std::string set_path(const TableSpec& table, const DataSetSpec& set);

}  // namespace kvreel::tracer
