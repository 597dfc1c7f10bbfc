// Writes a live trace: its main file, and shards in which the large tables go on; a resumed one
// begins with a copy of the rows that stay.
#include "tracer/record/live_file.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <utility>
#include <vector>

#include "base/error.h"
#include "tracer/hdf5/chunk_packer.h"
#include "tracer/hdf5/file.h"
#include "tracer/hdf5/final_copy.h"
#include "tracer/hdf5/shard_files.h"
#include "tracer/hdf5/trace_file.h"
#include "tracer/record/live_part.h"

namespace kvreel::tracer {
namespace {

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

// The rows of `source` that stay. Lists are checked on the way, so that a damaged one is not passed
// on.
void copy_kept(const TraceFile& source, const KeptTrace& kept, LivePart& out) {
  constexpr uint64_t kBlock = 65536;  // elements
  std::vector<uint8_t> block;
  for (size_t table = 0; table < kTableCount; ++table) {
    const uint64_t rows = kept.rows[table];
    const std::vector<DataSetSpec>& sets = source.tables()[table].sets;
    for (size_t set = 0; set < sets.size(); ++set) {
      const uint64_t count = source.count_elements(table, set, rows);
      block.resize(std::min(count, kBlock) * element_bytes(sets[set].type));
      for (uint64_t begin = 0; begin < count; begin += kBlock) {
        const uint64_t end = std::min(begin + kBlock, count);
        source.read_elements(table, set, begin, end, block.data());
        out.append(table, set, block.data(), end - begin);
      }
    }
    out.add_rows(table, rows);
  }
}

}  // namespace

struct LiveFile::Parts {
  std::unique_ptr<LivePart> main;
  std::unique_ptr<LivePart> shard;  // where the large tables go on, if they do
  std::vector<TableSpec> specs = catalogue();
  std::string trace_id;
  std::string provenance;
  std::array<uint64_t, kTableCount> rows = {};  // of the whole trace
  uint64_t unsharded_bytes = 0;                 // of large tables in the present file
  unsigned next_shard = 1;

  // Closed shards that are to be compressed; the first is `source` of `copy`.
  std::vector<std::string> shards;  // all, by path
  std::deque<std::string> closed;
  std::unique_ptr<TraceFile> source;
  std::unique_ptr<FinalCopy> copy;
  std::string warning;

  LivePart& part_of(size_t table) {
    return shard && specs[table].volume == Volume::many ? *shard : *main;
  }
  void abandon() {
    if (shard) shard->abandon();
    if (main) main->abandon();
  }
};

LiveFile::LiveFile(const std::string& path, std::string_view provenance,
                   const LiveFileOptions& options)
    : path_(path), options_(options), parts_(std::make_unique<Parts>()) {
  prepare_thread();
  parts_->trace_id = trace_id_from(provenance);
  parts_->provenance = provenance;
  const std::string replaced = options_.overwrite ? trace_id_of(path_) : std::string();
  parts_->main = std::make_unique<LivePart>(
      path_, LivePart::Start{main_facts(), 0, {}, [&](const std::string& draft) {
                               options_.overwrite ? replace_file(draft, path_)
                                                  : publish_file(draft, path_);
                             }});
  // Those of the trace that was replaced.
  remove_shards(path_, replaced);
}

LiveFile::LiveFile(const KeptTrace& kept, const LiveFileOptions& options)
    : path_(kept.path), options_(options), parts_(std::make_unique<Parts>()) {
  prepare_thread();
  const TraceFile source = open_kept(kept);
  // From here on other recorders refuse the old file; the new one is marked before it takes its
  // place.
  const LiveMark mark(path_);
  parts_->trace_id = source.trace_id().empty() ? trace_id_from(kept.provenance) : source.trace_id();
  parts_->provenance = kept.provenance;
  parts_->rows = kept.rows;
  parts_->main = std::make_unique<LivePart>(
      path_, LivePart::Start{main_facts(), kept.end_ns,
                             [&](LivePart& draft) { copy_kept(source, kept, draft); },
                             [&](const std::string& draft) {
                               if (identity_of(path_) != source.identity()) fail_changed(path_);
                               replace_file(draft, path_);
                             }});
  // All rows are in the one new file, which names no shards. Those that a kill leaves here go when
  // it is resumed next.
  remove_shards(path_, parts_->trace_id);
}

LiveFile::~LiveFile() {
  if (!parts_ || !parts_->main || !parts_->main->is_open()) return;
  try {
    close();
  } catch (const std::exception&) {
    // guarded() has abandoned the file: what was committed stays readable.
  }
}

RootFacts LiveFile::main_facts() const {
  return {.provenance = parts_->provenance, .trace_id = parts_->trace_id};
}

// After a failed call HDF5 must not write to the files any more.
template <typename Work>
void LiveFile::guarded(Work&& work) {
  if (!parts_->main->is_open()) fail("{} is closed, and cannot be written to", path_);
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
  const size_t table = any.index();
  LivePart& part = parts_->part_of(table);
  uint64_t bytes = 0;
  std::visit(
      [&](const auto& rows) {
        using Rows = std::remove_cvref_t<decltype(rows)>;
        size_t set = 0;
        std::vector<uint64_t> ends;
        const auto add = [&](const void* data, uint64_t count) {
          part.append(table, set, data, count);
          bytes += count * element_bytes(parts_->specs[table].sets[set].type);
          ++set;
        };
        Rows::columns(
            rows, [&](std::string_view, const auto& column, std::string_view, std::string_view) {
              if constexpr (is_list_column<decltype(column)>) {
                // Values before ends: a reader that sees a row's end finds its values.
                const uint64_t first = part.size(table, set);
                add(column.values.data(), column.values.size());
                ends.assign(column.ends.begin(), column.ends.end());
                for (uint64_t& end : ends) end += first;
                add(ends.data(), ends.size());
              } else {
                add(column.data(), column.size());
              }
            });
        part.add_rows(table, row_count(rows));
        parts_->rows[table] += row_count(rows);
      },
      any);
  if (parts_->specs[table].volume == Volume::many) parts_->unsharded_bytes += bytes;
}

bool LiveFile::commit(int64_t time_ns) {
  const auto dirty = [&] {
    return parts_->main->dirty() || (parts_->shard && parts_->shard->dirty());
  };
  if (parts_->main->is_open() && !dirty()) return false;
  guarded([&] {
    commit_parts(time_ns);
    if (is_full()) rotate(time_ns);
  });
  return true;
}

bool LiveFile::is_full() const {
  return options_.shard_bytes > 0 && parts_->unsharded_bytes >= options_.shard_bytes;
}

// The main file's commit is the trace's: what it says of a shard is committed there before.
void LiveFile::commit_parts(int64_t time_ns) {
  parts_->main->require_in_place();
  if (LivePart* const shard = parts_->shard.get()) {
    shard->require_in_place();
    if (shard->dirty()) {
      std::array<uint64_t, kTableCount> rows = {};
      for (size_t table = 0; table < kTableCount; ++table) rows[table] = shard->rows(table);
      shard->commit(time_ns, rows);
    }
  }
  parts_->main->commit(time_ns, parts_->rows);
}

// Directly after a commit: every row of the large tables is committed where it is.
void LiveFile::rotate(int64_t time_ns) {
  if (parts_->shard) close_shard();
  const std::string name = free_shard_name(path_, parts_->next_shard);
  const std::string path = shard_path(path_, name);
  const RootFacts facts{.provenance = "{}", .kind = PartKind::shard, .trace_id = parts_->trace_id};
  parts_->shard = std::make_unique<LivePart>(
      path, LivePart::Start{
                facts, time_ns, {}, [&](const std::string& draft) { publish_file(draft, path); }});
  parts_->shards.push_back(path);
  parts_->unsharded_bytes = 0;
  Shards row;
  row.name.push_back(name);
  row.spans = {parts_->rows[table_index<Spans>()]};
  row.memory = {parts_->rows[table_index<Memory>()]};
  row.attention = {parts_->rows[table_index<Attention>()]};
  row.attention_rows = {parts_->rows[table_index<AttentionRows>()]};
  row.kernels = {parts_->rows[table_index<Kernels>()]};
  write(row);
  parts_->main->commit(time_ns, parts_->rows);
}

void LiveFile::close_shard() {
  parts_->shard->close();
  parts_->closed.push_back(parts_->shard->path());
  parts_->shard.reset();
}

void LiveFile::set_status(Status status) {
  guarded([&] {
    parts_->main->require_in_place();
    parts_->main->set_status(status);
  });
}

void LiveFile::close() {
  guarded([&] {
    if (parts_->shard) close_shard();
    parts_->main->close();
  });
}

bool LiveFile::compress_step() {
  Parts& p = *parts_;
  if (p.closed.empty()) return false;
  const std::string path = p.closed.front();
  try {
    if (!p.copy) {
      // While recording goes on, room is its first.
      struct statvfs room {};
      const uint64_t bytes = read_superblock(path).file_bytes;
      const bool roomy = ::statvfs(path.c_str(), &room) == 0 &&
                         uint64_t{room.f_bavail} * room.f_frsize / 3 >= bytes;
      if (p.main->is_open() && !roomy) return false;
      p.source = std::make_unique<TraceFile>(TraceFile::open_part(path, PartKind::shard));
      // While recording goes on, the other cores are the model's.
      const unsigned threads = p.main->is_open() ? 1 : packing_threads();
      p.copy = std::make_unique<FinalCopy>(*p.source, Status::complete, path, threads);
    }
    if (p.copy->step()) return true;
  } catch (const std::exception& error) {
    p.warning = error.what();
  }
  p.copy.reset();
  p.source.reset();
  p.closed.pop_front();
  return true;
}

std::string LiveFile::finalise(Status status) {
  while (compress_step()) continue;
  try {
    const TraceFile source = TraceFile::open_part(path_, PartKind::main);
    copy_final(source, status, path_);
  } catch (const std::exception& error) {
    return error.what();
  }
  return parts_->warning;
}

uint64_t LiveFile::file_bytes() const {
  uint64_t bytes = read_superblock(path_).file_bytes;
  for (const std::string& shard : parts_->shards) bytes += read_superblock(shard).file_bytes;
  return bytes;
}

}  // namespace kvreel::tracer
