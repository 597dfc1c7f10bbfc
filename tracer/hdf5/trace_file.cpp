// A trace as one: opening it, and reading its rows.
#include "tracer/hdf5/trace_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace kvreel::tracer {
namespace {

std::string describe(const std::string& path, const Damage& damage) {
  const std::string kept =
      damage.commit == 0
          ? std::string("nothing of it can be shown")
          : fmt::format("{} rows that came after {:.3f} s are left out, and those before are sound",
                        damage.rows_left_out, static_cast<double>(damage.sound_ns) / 1e9);
  return fmt::format(
      "{} is damaged: its commit {} of {} does not match its checksum; {}; copy the file again, or "
      "keep what is sound with kvreel recover",
      path, damage.commit + 1, damage.commits, kept);
}

}  // namespace

TraceFile TraceFile::open(const std::string& path, bool salvage) {
  TraceFile trace;
  trace.main_ = PartFile::open(path, salvage);
  const PartFile& main = trace.main_;
  if (main.origin() != Origin::live && main.raw() && main.has_sums()) {
    if (const Damage damage = trace.main_.keep_sound_commits()) {
      trace.warning_ = describe(path, damage);
    }
  }
  trace.check_extents();
  return trace;
}

TraceFile TraceFile::open_unchecked(const std::string& path) {
  TraceFile trace;
  trace.main_ = PartFile::open(path, false);
  trace.checked_ = !trace.main_.raw() || !trace.main_.has_sums();
  trace.check_extents();
  return trace;
}

void TraceFile::check_extents() const {
  for (size_t table = 0; table < kTableCount; ++table) {
    if (main_.rows(table) < commit().rows[table]) {
      main_.fail_short(table, commit().rows[table]);
    }
  }
}

void TraceFile::require_rows(size_t table, size_t set, uint64_t begin, uint64_t end) const {
  main_.require_rows(table, set, begin, end);
}

void TraceFile::read_rows(size_t table, size_t set, uint64_t begin, uint64_t end, void* out) const {
  main_.read_rows(table, set, begin, end, out);
}

TraceFile::ListRows TraceFile::read_list_rows(size_t table, size_t set, uint64_t begin,
                                              uint64_t end) const {
  ListRows rows;
  rows.ends = main_.read_ends(table, set, begin, end, rows.values_begin);
  rows.values_end = rows.ends.empty() ? rows.values_begin : rows.ends.back();
  for (uint64_t& row_end : rows.ends) row_end -= rows.values_begin;
  return rows;
}

void TraceFile::read_values(size_t table, size_t set, uint64_t begin, uint64_t end,
                            void* out) const {
  main_.read_values(table, set, begin, end, out);
}

// HDF5 must let go of the old file first: a second open of the same file shares what the first has
// cached.
bool TraceFile::reopen() {
  const std::string path = main_.path();
  const Commit before = commit();
  main_.close();
  *this = open(path);
  return commit().rows != before.rows;
}

bool TraceFile::refresh() {
  if (origin() == Origin::closed) return false;
  if (!main_.still_written()) return reopen();
  if (!main_.refresh()) return false;
  check_extents();
  return true;
}

}  // namespace kvreel::tracer
