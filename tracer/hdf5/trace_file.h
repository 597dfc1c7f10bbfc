// An open trace: its tables as data sets, and the rows that its last sound commit vouches for.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tracer/format/catalogue.h"
#include "tracer/hdf5/commit.h"
#include "tracer/hdf5/part_file.h"

namespace kvreel::tracer {

class TraceFile {
 public:
  // Compares the checksums of all commits with what is there, unless the trace is live or finished;
  // commits that are not sound do not count, and warning() says so. `salvage`: a file that was cut
  // short is opened as well, as far as commits lie within its length and are sound. Throws Error
  // for everything that is not a readable trace of this major version.
  static TraceFile open(const std::string& path, bool salvage = false);
  // Without comparing checksums: for who does it while reading all of it.
  static TraceFile open_unchecked(const std::string& path);

  const std::string& path() const { return main_.path(); }
  Origin origin() const { return main_.origin(); }
  int major() const { return main_.major(); }
  int minor() const { return main_.minor(); }
  Status status() const { return main_.status(); }
  const std::string& provenance() const { return main_.provenance(); }
  const std::vector<TableSpec>& tables() const { return main_.tables(); }
  const Commit& commit() const { return main_.commit(); }
  // A sentence about what is left out because it is damaged; "" where nothing is.
  const std::string& warning() const { return warning_; }
  // Whether checksums were compared, where there are any to compare.
  bool checked() const { return checked_; }
  const PartFile& main() const { return main_; }
  // Committed rows.
  uint64_t rows(size_t table) const { return main_.rows(table); }

  // False for a column that came with a later minor version than the file's.
  bool has(size_t table, size_t set) const { return main_.has(table, set); }
  // Which file was opened: the path may name another by now.
  FileIdentity identity() const { return main_.identity(); }

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
  void check_extents() const;
  bool reopen();

  PartFile main_;
  std::string warning_;
  bool checked_ = true;
};

}  // namespace kvreel::tracer
