// Opens a trace and answers questions about it: the only reader there is.
//
// Reads ranges of rows, never whole traces. HDF5 is not thread-safe everywhere: of a process, one
// thread at a time may use traces. Every function that reads throws Error with the file and the
// data set where it is damaged.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tracer/format/schema.h"
#include "tracer/read/trial.h"

namespace kvreel::tracer {

struct RowRange {
  uint64_t begin = 0;
  uint64_t end = 0;
  uint64_t count() const { return end - begin; }
  bool operator==(const RowRange&) const = default;
};

// The rows of one pass in each table that describes passes.
struct PassRows {
  uint64_t row = 0;  // of passes
  int32_t run = 0;
  int32_t sample = 0;
  RowRange steps;
  RowRange spans;
  RowRange memory;
  RowRange attention;
  RowRange attention_rows;
  RowRange decisions;
  RowRange kernels;
  RowRange fidelity;
  RowRange lost_attention;
  RowRange scores;
};

class Trace {
 public:
  // Throws Error for what is not a trace, has another major version, was cut short or is damaged. A
  // trace that is being recorded, or whose recorder was killed, opens with the rows of its last
  // commit; one that is neither that nor finished with those of its last commit before the first
  // that does not match its checksum, and warning() says so. Without a trial a hostile file can
  // crash the process.
  static Trace open(const std::string& path, Trial trial = Trial::yes);
  Trace(Trace&&) noexcept;
  Trace& operator=(Trace&&) noexcept;
  ~Trace();

  const std::string& path() const;
  int format_major() const;
  int format_minor() const;
  Status status() const;
  bool is_live() const;     // a recorder is writing it: refresh() may bring more
  bool was_killed() const;  // its recorder ended without closing it
  // A sentence about rows that are left out because the file is damaged; "" where none are.
  const std::string& warning() const;
  const std::string& provenance() const;  // JSON
  int64_t last_commit_ns() const;         // its time, since the trace's clock origin
  // The trace's own file, then its shards: all that it takes.
  std::vector<std::string> files() const;
  // Device and inode of the file that was opened: the path may name another by now.
  std::pair<uint64_t, uint64_t> file_identity() const;

  // Committed rows.
  template <typename Table>
  uint64_t rows() const {
    return rows_of(table_index<Table>());
  }
  // Rows [begin, end) of every column. Columns that came with a later minor version than the file's
  // are zeros and empty lists; has_column() tells.
  template <typename Table>
  Table read(uint64_t begin, uint64_t end) const;
  // Rows [begin, end) of one column, such as read_column(&Spans::start_ns, 0, 100).
  template <typename Table, typename Member>
  Member read_column(Member Table::*member, uint64_t begin, uint64_t end) const;
  template <typename Table, typename Member>
  bool has_column(Member Table::*member) const {
    return has_set(table_index<Table>(), set_index(member));
  }

  // Finished passes are rows of `passes`; a run and a sample have one at most.
  std::optional<PassRows> pass(int32_t run, int32_t sample) const;
  PassRows pass_at(uint64_t row) const;
  // Rows after the last finished pass: of one that is being recorded, or never finished. `row` is
  // the number of passes; run and sample are -1.
  PassRows unfinished() const;

  // The last value of every key, as JSON.
  std::map<std::string, std::string> notes() const;

  // Of a row of decisions, original positions: kept in ascending order; evicted in the order of
  // eviction (empty where the policy ranks nothing).
  std::vector<int32_t> kept_positions(uint64_t decision) const;
  std::vector<int32_t> evicted_positions(uint64_t decision) const;

  // Of a live trace: looks for new rows; true when there are. Row numbers stay what they were, also
  // when the recorder finishes the file meanwhile.
  bool refresh();

 private:
  struct Parts;
  explicit Trace(std::unique_ptr<Parts> parts);

  template <typename Table, typename Member>
  static size_t set_index(Member Table::*member);
  uint64_t rows_of(size_t table) const;
  bool has_set(size_t table, size_t set) const;
  void require_rows(size_t table, size_t set, uint64_t begin, uint64_t end) const;
  void read_rows(size_t table, size_t set, uint64_t begin, uint64_t end, void* out) const;
  struct ListRows {
    RowRange values;
    std::vector<uint64_t> ends;  // from 0
  };
  ListRows read_list_rows(size_t table, size_t set, uint64_t begin, uint64_t end) const;
  void read_values(size_t table, size_t set, RowRange values, void* out) const;
  PassRows ends_at(uint64_t row) const;
  // Comes to every part of the file's structure that a reader can come to: every data set's index
  // of chunks, and its first and last rows.
  void walk() const;

  template <typename Member>
  void read_member(size_t table, size_t set, uint64_t begin, uint64_t end, Member& out) const;

  std::unique_ptr<Parts> parts_;
};

// Data sets that a column takes in its table: a list has values and ends.
template <typename Member>
inline constexpr size_t kSetsOf = is_list_column<Member> ? 2 : 1;

template <typename Member>
void Trace::read_member(size_t table, size_t set, uint64_t begin, uint64_t end, Member& out) const {
  if constexpr (is_list_column<Member>) {
    if (!has_set(table, set)) {
      require_rows(table, set, begin, end);
      out.ends.assign(end - begin, 0);
      return;
    }
    ListRows rows = read_list_rows(table, set, begin, end);
    out.values.resize(rows.values.count());
    read_values(table, set, rows.values, out.values.data());
    out.ends = std::move(rows.ends);
  } else {
    if (!has_set(table, set)) {
      require_rows(table, set, begin, end);
      out.assign(end - begin, {});
      return;
    }
    // Before memory is taken for what the file claims to have.
    require_rows(table, set, begin, end);
    out.resize(end - begin);
    read_rows(table, set, begin, end, out.data());
  }
}

template <typename Table>
Table Trace::read(uint64_t begin, uint64_t end) const {
  Table table;
  size_t set = 0;
  Table::columns(table, [&](std::string_view, auto& column, std::string_view, std::string_view) {
    read_member(table_index<Table>(), set, begin, end, column);
    set += kSetsOf<decltype(column)>;
  });
  return table;
}

template <typename Table, typename Member>
size_t Trace::set_index(Member Table::*member) {
  const Table table;
  const void* wanted = &(table.*member);
  size_t set = 0;
  size_t found = 0;
  Table::columns(table,
                 [&](std::string_view, const auto& column, std::string_view, std::string_view) {
                   if (static_cast<const void*>(&column) == wanted) found = set;
                   set += kSetsOf<decltype(column)>;
                 });
  return found;
}

template <typename Table, typename Member>
Member Trace::read_column(Member Table::*member, uint64_t begin, uint64_t end) const {
  Member column;
  read_member(table_index<Table>(), set_index(member), begin, end, column);
  return column;
}

}  // namespace kvreel::tracer
