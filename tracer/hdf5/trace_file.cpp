// A trace as one: opening its files, and finding rows in them.
#include "tracer/hdf5/trace_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "tracer/hdf5/shard_files.h"

namespace kvreel::tracer {
namespace {

constexpr uint64_t kMostShards = 100'000;
constexpr size_t kShardTable = table_index<Shards>();

// Tables whose rows may lie in shards.
bool is_sharded(const TableSpec& table) {
  return part_has(PartKind::shard, table.volume);
}

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
  trace.main_ = PartFile::open(path, PartKind::main, salvage);
  const PartFile& main = trace.main_;
  if (main.origin() != Origin::live && main.raw() && main.has_sums()) {
    if (const Damage damage = trace.main_.keep_sound_commits()) {
      trace.warning_ = describe(path, damage);
    }
  }
  trace.attach_shards(salvage);
  trace.check_extents(salvage);
  return trace;
}

TraceFile TraceFile::open_part(const std::string& path, PartKind kind) {
  TraceFile trace;
  trace.main_ = PartFile::open(path, kind, false);
  trace.is_part_ = true;
  return trace;
}

std::vector<const PartFile*> TraceFile::parts() const {
  std::vector<const PartFile*> parts = {&main_};
  for (const Shard& shard : shards_) parts.push_back(&shard.file);
  return parts;
}

// Opens the shards that the last commit names, but for those that are open.
void TraceFile::attach_shards(bool salvage) {
  values_before_.clear();
  const uint64_t count = main_.rows(kShardTable);
  if (count > kMostShards) {
    fail("{} names {} shards, more than any trace has; the file is damaged", path(), count);
  }
  if (count == shards_.size()) return;
  const std::vector<DataSetSpec>& sets = tables()[kShardTable].sets;
  for (uint64_t row = shards_.size(); row < count; ++row) {
    uint64_t begin = 0;
    const uint64_t end = main_.read_ends(kShardTable, 0, row, row + 1, begin)[0];
    std::string name(std::min<uint64_t>(end - begin, 256), '\0');
    main_.read_values(kShardTable, 0, begin, begin + name.size(), name.data());
    std::array<uint64_t, kTableCount> first = {};
    for (size_t table = 0; table < kTableCount; ++table) {
      for (size_t set = 0; set < sets.size(); ++set) {
        if (sets[set].name != tables()[table].name) continue;
        main_.read_rows(kShardTable, set, row, row + 1, &first[table]);
        const uint64_t before = shards_.empty() ? main_.rows(table) : shards_.back().first[table];
        const bool sound = first[table] <= commit().rows[table] &&
                           (shards_.empty() ? first[table] == before : first[table] >= before);
        if (!sound) {
          fail(
              "shard {} of {} begins at row {} of '{}', which does not follow; the file is damaged",
              row + 1, path(), first[table], tables()[table].name);
        }
      }
    }
    try {
      shards_.push_back(open_shard(name, salvage));
    } catch (const Error& error) {
      if (!salvage) throw;
      // As far as the files before it go.
      std::array<uint64_t, kTableCount> available = rows_in_parts();
      for (size_t table = 0; table < kTableCount; ++table) {
        if (is_sharded(tables()[table]))
          available[table] = std::min(available[table], first[table]);
      }
      fall_back(available, error.what());
      return;
    }
    shards_.back().first = first;
  }
}

TraceFile::Shard TraceFile::open_shard(const std::string& name, bool salvage) const {
  const std::string file = shard_path(path(), name);
  Shard shard;
  shard.name = name;
  try {
    shard.file = PartFile::open(file, PartKind::shard, salvage);
  } catch (const Error& error) {
    fail("{} goes on in {}, which cannot be read ({}); put that file beside it", path(), file,
         error.what());
  }
  if (shard.file.trace_id() != trace_id()) {
    fail("{} goes on in {}, and what lies there is of another trace; put the right file beside it",
         path(), file);
  }
  if (shard.file.origin() != Origin::live && shard.file.raw() && shard.file.has_sums()) {
    shard.damage = shard.file.keep_sound_commits();
  }
  return shard;
}

// Of each table, the rows up to the first that is in none of the files.
std::array<uint64_t, kTableCount> TraceFile::rows_in_parts() const {
  std::array<uint64_t, kTableCount> rows = {};
  for (size_t table = 0; table < kTableCount; ++table) {
    rows[table] = main_.rows(table);
    if (!is_sharded(tables()[table])) continue;
    for (const Shard& shard : shards_) {
      if (rows[table] < shard.first[table]) break;
      rows[table] = shard.first[table] + shard.file.rows(table);
    }
  }
  return rows;
}

// To the last commit that needs no more rows than there are.
void TraceFile::fall_back(const std::array<uint64_t, kTableCount>& available,
                          const std::string& why) {
  const std::vector<Commit> commits = main_.commits();
  const auto whole = [&](const Commit& commit) {
    for (size_t table = 0; table < kTableCount; ++table) {
      if (commit.rows[table] > available[table]) return false;
    }
    return true;
  };
  size_t last = commits.size();
  for (size_t i = 0; i < commits.size(); ++i) {
    if (commits[i].file_bytes != 0 && whole(commits[i])) last = i;
  }
  if (last == commits.size()) fail("{}; without it {} cannot be read", why, path());
  main_.keep(last + 1);
  while (shards_.size() > commit().rows[kShardTable]) shards_.pop_back();
  values_before_.clear();
  warning_ +=
      (warning_.empty() ? "" : "; ") + fmt::format("{}; what came after {:.3f} s is left out", why,
                                                   static_cast<double>(commit().time_ns) / 1e9);
}

void TraceFile::check_extents(bool salvage) {
  const std::array<uint64_t, kTableCount> available = rows_in_parts();
  for (size_t table = 0; table < kTableCount; ++table) {
    if (available[table] >= commit().rows[table]) continue;
    if (shards_.empty() || !is_sharded(tables()[table])) {
      main_.fail_short(table, commit().rows[table]);
    }
    // The first that has less than the next one begins with.
    const Shard* shortest = &shards_.back();
    for (size_t i = 0; i < shards_.size(); ++i) {
      if (shards_[i].file.rows(table) < end_row(i + 1, table) - shards_[i].first[table]) {
        shortest = &shards_[i];
        break;
      }
    }
    const std::string file = shortest->file.path();
    if (shortest->damage) {
      fall_back(available, describe(file, shortest->damage));
      return;
    }
    const std::string why =
        fmt::format("{} has less rows of '{}' than {} says; put a whole copy of it there", file,
                    tables()[table].name, path());
    if (!salvage) fail("{}", why);
    fall_back(available, why);
    return;
  }
}

// Part 0 is the main file.
const PartFile& TraceFile::part(size_t index) const {
  return index == 0 ? main_ : shards_[index - 1].file;
}

uint64_t TraceFile::first_row(size_t index, size_t table) const {
  return index == 0 ? 0 : shards_[index - 1].first[table];
}

uint64_t TraceFile::end_row(size_t index, size_t table) const {
  const bool last = !is_sharded(tables()[table]) || index == shards_.size();
  return last ? rows(table) : shards_[index].first[table];
}

// Calls visit(part, begin, end) for each part that has some of rows [begin, end), with rows of that
// part.
template <typename Visit>
void TraceFile::each_part(size_t table, uint64_t begin, uint64_t end, Visit&& visit) const {
  const size_t parts = is_sharded(tables()[table]) ? shards_.size() + 1 : 1;
  for (size_t index = 0; index < parts && begin < end; ++index) {
    const uint64_t first = first_row(index, table);
    const uint64_t last = std::min(end, end_row(index, table));
    if (begin >= last) continue;
    visit(index, begin - first, last - first);
    begin = last;
  }
}

void TraceFile::require_rows(size_t table, size_t set, uint64_t begin, uint64_t end) const {
  if (begin > end || end > rows(table)) {
    fail("rows {} to {} of table '{}' of {} were asked for, and it has {}; ask for fewer", begin,
         end, tables()[table].name, path(), rows(table));
  }
  each_part(table, begin, end, [&](size_t index, uint64_t first, uint64_t last) {
    part(index).require_rows(table, set, first, last);
  });
}

void TraceFile::read_rows(size_t table, size_t set, uint64_t begin, uint64_t end, void* out) const {
  require_rows(table, set, begin, end);
  auto* bytes = static_cast<uint8_t*>(out);
  each_part(table, begin, end, [&](size_t index, uint64_t first, uint64_t last) {
    part(index).read_rows(table, set, first, last, bytes);
    bytes += (last - first) * element_bytes(tables()[table].sets[set].type);
  });
}

// By part; each ends where the next begins.
const std::vector<uint64_t>& TraceFile::values_before(size_t table, size_t set) const {
  std::vector<uint64_t>& before = values_before_[{table, set}];
  if (before.empty()) {
    before.push_back(0);
    const size_t parts = is_sharded(tables()[table]) ? shards_.size() + 1 : 1;
    for (size_t index = 0; index + 1 < parts; ++index) {
      const uint64_t rows = end_row(index, table) - first_row(index, table);
      uint64_t end = 0;
      if (rows > 0) part(index).read_rows(table, set + 1, rows - 1, rows, &end);
      before.push_back(before.back() + end);
    }
  }
  return before;
}

TraceFile::ListRows TraceFile::read_list_rows(size_t table, size_t set, uint64_t begin,
                                              uint64_t end) const {
  require_rows(table, set + 1, begin, end);
  const std::vector<uint64_t>& base = values_before(table, set);
  ListRows rows;
  bool any = false;
  each_part(table, begin, end, [&](size_t index, uint64_t first, uint64_t last) {
    uint64_t before = 0;
    const std::vector<uint64_t> ends = part(index).read_ends(table, set, first, last, before);
    if (!any) rows.values_begin = base[index] + before;
    any = true;
    if (base[index] + before < rows.values_begin) {
      fail("the values of {} of {} do not follow each other; the file is damaged",
           set_path(tables()[table], tables()[table].sets[set]), part(index).path());
    }
    for (const uint64_t row_end : ends) {
      rows.ends.push_back(base[index] + row_end - rows.values_begin);
    }
  });
  rows.values_end = rows.values_begin + (any ? rows.ends.back() : 0);
  return rows;
}

void TraceFile::read_values(size_t table, size_t set, uint64_t begin, uint64_t end,
                            void* out) const {
  const std::vector<uint64_t>& base = values_before(table, set);
  auto* bytes = static_cast<uint8_t*>(out);
  for (size_t index = 0; index < base.size() && begin < end; ++index) {
    const uint64_t last = index + 1 < base.size() ? std::min(end, base[index + 1]) : end;
    if (begin >= last) continue;
    part(index).read_values(table, set, begin - base[index], last - base[index], bytes);
    bytes += (last - begin) * element_bytes(tables()[table].sets[set].type);
    begin = last;
  }
}

uint64_t TraceFile::count_elements(size_t table, size_t set, uint64_t rows) const {
  if (tables()[table].sets[set].part != Part::values) return rows;
  constexpr uint64_t kBlock = 65536;  // rows
  uint64_t count = 0;
  for (uint64_t begin = 0; begin < rows; begin += kBlock) {
    count = read_list_rows(table, set, begin, std::min(begin + kBlock, rows)).values_end;
  }
  return count;
}

void TraceFile::read_elements(size_t table, size_t set, uint64_t begin, uint64_t end,
                              void* out) const {
  const Part part = tables()[table].sets[set].part;
  if (part == Part::values) return read_values(table, set, begin, end, out);
  if (part != Part::ends) return read_rows(table, set, begin, end, out);
  // In each file they count from that file's first value.
  const ListRows list = read_list_rows(table, set - 1, begin, end);
  auto* const ends = static_cast<uint64_t*>(out);
  for (size_t i = 0; i < list.ends.size(); ++i) ends[i] = list.values_begin + list.ends[i];
}

// HDF5 must let go of the old files first: a second open of the same file shares what the first has
// cached.
bool TraceFile::reopen() {
  const std::string path = main_.path();
  const Commit before = commit();
  shards_.clear();
  main_.close();
  *this = open(path);
  return commit().rows != before.rows;
}

bool TraceFile::refresh() {
  if (origin() == Origin::closed) return false;
  if (!main_.still_written()) return reopen();
  if (!main_.refresh()) return false;
  // The last one may have been closed since, and even compressed.
  if (!shards_.empty() && shards_.back().file.origin() == Origin::live) {
    Shard& last = shards_.back();
    if (last.file.still_written()) {
      last.file.refresh();
    } else {
      last.file.close();
      const std::array<uint64_t, kTableCount> first = last.first;
      last = open_shard(std::string(last.name), false);
      last.first = first;
    }
  }
  attach_shards(false);
  check_extents(false);
  return true;
}

}  // namespace kvreel::tracer
