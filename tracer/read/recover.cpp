// Recovering is copying what the last commit vouches for.
#include "tracer/read/recover.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "tracer/hdf5/final_copy.h"
#include "tracer/hdf5/shard_files.h"
#include "tracer/hdf5/trace_file.h"
#include "tracer/read/trial.h"

namespace kvreel::tracer {
namespace {

void check_output(const std::string& input, const std::string& output, bool overwrite) {
  struct stat status {};
  if (::lstat(output.c_str(), &status) != 0) return;
  if (identity_of(input) == identity_of(output)) {
    fail("{} cannot be recovered into itself; name another file", input);
  }
  if (!S_ISREG(status.st_mode))
    fail("{} is not a regular file; name another file to write to", output);
  if (!overwrite) fail("{} exists; name another file, or replace it with --force", output);
}

uint64_t rows_of(const TraceFile& file, size_t table) {
  return file.commit().rows[table];
}

// Rows of a table that describes passes which lie behind the last finished pass.
bool has_rest(const TraceFile& file) {
  const uint64_t passes = rows_of(file, table_index<Passes>());
  const std::pair<std::string_view, size_t> ends[] = {
      {"steps_end", table_index<Steps>()},         {"spans_end", table_index<Spans>()},
      {"memory_end", table_index<Memory>()},       {"attention_end", table_index<Attention>()},
      {"decisions_end", table_index<Decisions>()},
  };
  const std::vector<DataSetSpec>& sets = file.tables()[table_index<Passes>()].sets;
  for (const auto& [name, table] : ends) {
    uint64_t end = 0;
    for (size_t set = 0; set < sets.size(); ++set) {
      if (passes > 0 && sets[set].name == name) {
        file.read_rows(table_index<Passes>(), set, passes - 1, passes, &end);
      }
    }
    if (rows_of(file, table) > end) return true;
  }
  return false;
}

// Everything that copying reads.
void read_all(const TraceFile& file) {
  constexpr uint64_t kBlock = 65536;  // elements
  std::vector<uint8_t> block(kBlock * sizeof(uint64_t));
  for (size_t table = 0; table < kTableCount; ++table) {
    const uint64_t rows = rows_of(file, table);
    const std::vector<DataSetSpec>& sets = file.tables()[table].sets;
    for (size_t set = 0; set < sets.size(); ++set) {
      if (!file.has(table, set)) continue;
      const uint64_t count = file.count_elements(table, set, rows);
      for (uint64_t begin = 0; begin < count; begin += kBlock) {
        file.read_elements(table, set, begin, std::min(begin + kBlock, count), block.data());
      }
    }
  }
}

// All of the file, not just its structure: that costs little beside compressing the copy.
void try_to_read(const std::string& input) {
  std::optional<TraceFile> tried;
  read_on_trial(
      input, [&] { tried = TraceFile::open(input, true); }, [&] { read_all(*tried); }, kReadingAll);
}

}  // namespace

RecoverReport recover(const std::string& input, const std::string& output, bool overwrite) {
  try_to_read(input);
  RecoverReport report;
  const TraceFile file = TraceFile::open(input, true);
  check_output(input, output, overwrite);
  for (const PartFile* part : file.parts()) {
    if (part->identity() == identity_of(output)) {
      fail("{} is a part of {}; name another file to write to", output, input);
    }
  }
  if (file.origin() == Origin::live) {
    fail("{} is still being recorded; stop the recording, or wait for its end", input);
  }
  report.warning = file.warning();
  if (file.commit().file_bytes == 0) {
    fail("{} holds no whole commit, so that nothing can be recovered from it; record it again",
         input);
  }
  if (file.minor() > kFormatMinor) {
    fail("{} has trace format {}.{}, and this kvreel writes {}.{}; recover it with a newer kvreel",
         input, file.major(), file.minor(), kFormatMajor, kFormatMinor);
  }
  for (size_t table = 0; table < kTableCount; ++table) {
    report.rows.emplace_back(file.tables()[table].name, rows_of(file, table));
  }
  report.complete_passes = rows_of(file, table_index<Passes>());
  report.incomplete_pass = has_rest(file);
  report.found = file.status();
  // Of the trace that is replaced, if it is one.
  const std::string replaced = trace_id_of(output);
  copy_final(file, Status::recovered, output);
  remove_shards(output, replaced);
  report.output_bytes = read_superblock(output).file_bytes;
  return report;
}

}  // namespace kvreel::tracer
