// An open trace as one, whatever files it lies in: its tables, and the rows that its last sound
// commit vouches for.
//
// Tables with many rows may go on in shards. Row numbers, and places among a list's values, are
// those of the whole trace.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tracer/format/catalogue.h"
#include "tracer/hdf5/commit.h"
#include "tracer/hdf5/part_file.h"

namespace kvreel::tracer {

class TraceFile {
 public:
  // Compares the checksums of all commits with what is there, unless the trace is live or finished;
  // commits that are not sound do not count, and warning() says so. `salvage`: a file that was cut
  // short is opened as well, as far as commits lie within its length and are sound, and a shard
  // that is missing costs the commits that need it. Throws Error for everything that is not a
  // readable trace of this major version.
  static TraceFile open(const std::string& path, bool salvage = false);
  // One file of a trace alone, whose tables then have the rows that are in it; without comparing
  // checksums: for who does it while reading all of it.
  static TraceFile open_part(const std::string& path, PartKind kind);

  const std::string& path() const { return main_.path(); }
  Origin origin() const { return main_.origin(); }
  int major() const { return main_.major(); }
  int minor() const { return main_.minor(); }
  Status status() const { return main_.status(); }
  const std::string& provenance() const { return main_.provenance(); }
  const std::string& trace_id() const { return main_.trace_id(); }
  const std::vector<TableSpec>& tables() const { return main_.tables(); }
  const Commit& commit() const { return main_.commit(); }
  // A sentence about what is left out because it is damaged; "" where nothing is.
  const std::string& warning() const { return warning_; }
  // Whether it is one file of perhaps several.
  bool is_part() const { return is_part_; }
  const PartFile& main() const { return main_; }
  std::vector<const PartFile*> parts() const;  // the main file, then its shards

  // Committed rows.
  uint64_t rows(size_t table) const { return is_part_ ? main_.rows(table) : commit().rows[table]; }
  // False for a column that came with a later minor version than the file's.
  bool has(size_t table, size_t set) const { return main_.has(table, set); }
  // Which file was opened: the path may name another by now.
  FileIdentity identity() const { return main_.identity(); }

  // Rows [begin, end) of a column, which must be committed. Throws Error otherwise. Not for ends of
  // lists, which read_list_rows() reads.
  void read_rows(size_t table, size_t set, uint64_t begin, uint64_t end, void* out) const;
  // Throws Error where [begin, end) is not committed or not stored, also of a column that the file
  // lacks: before memory is taken for it.
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

  // For who copies a whole data set, whatever it is. How many elements belong to the first `rows`
  // rows: of a list's values, where those end, which reads all ends and throws Error where they
  // fall.
  uint64_t count_elements(size_t table, size_t set, uint64_t rows) const;
  // Elements [begin, end) of it; ends of lists count from the trace's first value. Throws Error.
  void read_elements(size_t table, size_t set, uint64_t begin, uint64_t end, void* out) const;

  // Looks for newer commits of a live file; true when there are new rows. When the recorder has
  // closed or finished it meanwhile, the file is opened afresh under its path.
  bool refresh();

 private:
  struct Shard {
    PartFile file;
    std::string name;
    std::array<uint64_t, kTableCount> first = {};  // rows of the trace
    Damage damage;
  };
  void attach_shards(bool salvage);
  Shard open_shard(const std::string& name, bool salvage) const;
  std::array<uint64_t, kTableCount> rows_in_parts() const;
  void fall_back(const std::array<uint64_t, kTableCount>& available, const std::string& why);
  void check_extents(bool salvage);
  uint64_t first_row(size_t part, size_t table) const;
  uint64_t end_row(size_t part, size_t table) const;
  const PartFile& part(size_t index) const;
  const std::vector<uint64_t>& values_before(size_t table, size_t set) const;
  template <typename Visit>
  void each_part(size_t table, uint64_t begin, uint64_t end, Visit&& visit) const;
  bool reopen();

  PartFile main_;
  std::vector<Shard> shards_;
  std::string warning_;
  bool is_part_ = false;
  // Values of a list in the parts before each part, by table and set.
  mutable std::map<std::pair<size_t, size_t>, std::vector<uint64_t>> values_before_;
};

}  // namespace kvreel::tracer
