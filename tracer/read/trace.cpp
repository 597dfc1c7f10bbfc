// The questions that a trace answers, on top of its data sets.
#include "tracer/read/trace.h"

#include <algorithm>

#include "base/error.h"
#include "tracer/hdf5/trace_file.h"

namespace kvreel::tracer {

struct Trace::Parts {
  TraceFile file;
  // Which row of passes a run and a sample have, of the first `indexed` rows.
  mutable std::map<std::pair<int32_t, int32_t>, uint64_t> pass_rows;
  mutable uint64_t indexed = 0;
};

Trace::Trace(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Trace::Trace(Trace&&) noexcept = default;
Trace& Trace::operator=(Trace&&) noexcept = default;
Trace::~Trace() = default;

// Any row makes HDF5 walk the whole index of chunks (DataSet::require).
void Trace::walk() const {
  for_each_table([&](auto table) {
    using Table = decltype(table);
    const uint64_t rows = this->rows<Table>();
    if (rows == 0) return;
    size_t set = 0;
    Table::columns(table, [&](std::string_view, auto& column, std::string_view, std::string_view) {
      for (const uint64_t row : {uint64_t{0}, rows - 1}) {
        try {
          read_member(table_index<Table>(), set, row, row + 1, column);
        } catch (const Error&) {
          // Damaged, and found to be; other columns may still do harm.
        }
      }
      set += kSetsOf<decltype(column)>;
    });
  });
}

Trace Trace::open(const std::string& path, Trial trial) {
  if (trial == Trial::yes) {
    std::optional<Trace> tried;
    read_on_trial(
        path, [&] { tried = open(path, Trial::no); }, [&] { tried->walk(); });
  }
  return Trace(std::make_unique<Parts>(Parts{TraceFile::open(path), {}, 0}));
}

const std::string& Trace::path() const {
  return parts_->file.path();
}
int Trace::format_major() const {
  return parts_->file.major();
}
int Trace::format_minor() const {
  return parts_->file.minor();
}
Status Trace::status() const {
  return parts_->file.status();
}
bool Trace::is_live() const {
  return parts_->file.origin() == Origin::live;
}
bool Trace::was_killed() const {
  return parts_->file.origin() == Origin::killed;
}
const std::string& Trace::warning() const {
  return parts_->file.warning();
}
const std::string& Trace::provenance() const {
  return parts_->file.provenance();
}
int64_t Trace::last_commit_ns() const {
  return parts_->file.commit().time_ns;
}
std::vector<std::string> Trace::files() const {
  std::vector<std::string> files;
  for (const PartFile* part : parts_->file.parts()) files.push_back(part->path());
  return files;
}
std::pair<uint64_t, uint64_t> Trace::file_identity() const {
  const FileIdentity identity = parts_->file.identity();
  return {identity.device, identity.inode};
}

uint64_t Trace::rows_of(size_t table) const {
  return parts_->file.commit().rows[table];
}
bool Trace::has_set(size_t table, size_t set) const {
  return parts_->file.has(table, set);
}

void Trace::require_rows(size_t table, size_t set, uint64_t begin, uint64_t end) const {
  parts_->file.require_rows(table, set, begin, end);
}

void Trace::read_rows(size_t table, size_t set, uint64_t begin, uint64_t end, void* out) const {
  parts_->file.read_rows(table, set, begin, end, out);
}

Trace::ListRows Trace::read_list_rows(size_t table, size_t set, uint64_t begin,
                                      uint64_t end) const {
  TraceFile::ListRows rows = parts_->file.read_list_rows(table, set, begin, end);
  return {{rows.values_begin, rows.values_end}, std::move(rows.ends)};
}

void Trace::read_values(size_t table, size_t set, RowRange values, void* out) const {
  parts_->file.read_values(table, set, values.begin, values.end, out);
}

// Where the passes before `row` end in each table.
PassRows Trace::ends_at(uint64_t row) const {
  PassRows ends;
  if (row == 0) return ends;
  const Passes last = read<Passes>(row - 1, row);
  ends.steps.end = last.steps_end[0];
  ends.spans.end = last.spans_end[0];
  ends.memory.end = last.memory_end[0];
  ends.attention.end = last.attention_end[0];
  ends.attention_rows.end = last.attention_rows_end[0];
  ends.decisions.end = last.decisions_end[0];
  ends.kernels.end = last.kernels_end[0];
  ends.fidelity.end = last.fidelity_end[0];
  ends.lost_attention.end = last.lost_attention_end[0];
  ends.scores.end = last.scores_end[0];
  return ends;
}

namespace {

// The part of a table between two ends, which a damaged file may have the wrong way round.
RowRange between(const std::string& path, std::string_view table, uint64_t begin, uint64_t end,
                 uint64_t rows) {
  if (begin > end || end > rows) {
    fail("a pass in {} has rows {} to {} of table '{}', which has {}; the file is damaged", path,
         begin, end, table, rows);
  }
  return {begin, end};
}

}  // namespace

PassRows Trace::pass_at(uint64_t row) const {
  if (row >= rows<Passes>()) {
    fail("pass {} of {} was asked for, and it has {}; ask for one of them", row, path(),
         rows<Passes>());
  }
  const PassRows before = ends_at(row);
  PassRows pass = ends_at(row + 1);
  pass.row = row;
  pass.run = read_column(&Passes::run, row, row + 1)[0];
  pass.sample = read_column(&Passes::sample, row, row + 1)[0];
  pass.steps = between(path(), Steps::kName, before.steps.end, pass.steps.end, rows<Steps>());
  pass.spans = between(path(), Spans::kName, before.spans.end, pass.spans.end, rows<Spans>());
  pass.memory = between(path(), Memory::kName, before.memory.end, pass.memory.end, rows<Memory>());
  pass.attention = between(path(), Attention::kName, before.attention.end, pass.attention.end,
                           rows<Attention>());
  pass.attention_rows = between(path(), AttentionRows::kName, before.attention_rows.end,
                                pass.attention_rows.end, rows<AttentionRows>());
  pass.decisions = between(path(), Decisions::kName, before.decisions.end, pass.decisions.end,
                           rows<Decisions>());
  pass.kernels =
      between(path(), Kernels::kName, before.kernels.end, pass.kernels.end, rows<Kernels>());
  pass.fidelity =
      between(path(), Fidelity::kName, before.fidelity.end, pass.fidelity.end, rows<Fidelity>());
  pass.lost_attention = between(path(), LostAttention::kName, before.lost_attention.end,
                                pass.lost_attention.end, rows<LostAttention>());
  pass.scores = between(path(), Scores::kName, before.scores.end, pass.scores.end, rows<Scores>());
  return pass;
}

PassRows Trace::unfinished() const {
  const PassRows before = ends_at(rows<Passes>());
  PassRows pass;
  pass.row = rows<Passes>();
  pass.run = -1;
  pass.sample = -1;
  pass.steps = between(path(), Steps::kName, before.steps.end, rows<Steps>(), rows<Steps>());
  pass.spans = between(path(), Spans::kName, before.spans.end, rows<Spans>(), rows<Spans>());
  pass.memory = between(path(), Memory::kName, before.memory.end, rows<Memory>(), rows<Memory>());
  pass.attention =
      between(path(), Attention::kName, before.attention.end, rows<Attention>(), rows<Attention>());
  pass.attention_rows = between(path(), AttentionRows::kName, before.attention_rows.end,
                                rows<AttentionRows>(), rows<AttentionRows>());
  pass.decisions =
      between(path(), Decisions::kName, before.decisions.end, rows<Decisions>(), rows<Decisions>());
  pass.kernels =
      between(path(), Kernels::kName, before.kernels.end, rows<Kernels>(), rows<Kernels>());
  pass.fidelity =
      between(path(), Fidelity::kName, before.fidelity.end, rows<Fidelity>(), rows<Fidelity>());
  pass.lost_attention = between(path(), LostAttention::kName, before.lost_attention.end,
                                rows<LostAttention>(), rows<LostAttention>());
  pass.scores = between(path(), Scores::kName, before.scores.end, rows<Scores>(), rows<Scores>());
  return pass;
}

std::optional<PassRows> Trace::pass(int32_t run, int32_t sample) const {
  const uint64_t count = rows<Passes>();
  if (parts_->indexed < count) {
    const uint64_t first = parts_->indexed;
    const std::vector<int32_t> runs = read_column(&Passes::run, first, count);
    const std::vector<int32_t> samples = read_column(&Passes::sample, first, count);
    for (size_t i = 0; i < runs.size(); ++i) {
      parts_->pass_rows.emplace(std::pair(runs[i], samples[i]), first + i);
    }
    parts_->indexed = count;
  }
  const auto found = parts_->pass_rows.find({run, sample});
  if (found == parts_->pass_rows.end()) return std::nullopt;
  return pass_at(found->second);
}

std::map<std::string, std::string> Trace::notes() const {
  const Notes rows = read<Notes>(0, this->rows<Notes>());
  std::map<std::string, std::string> notes;
  for (size_t i = 0; i < rows.time_ns.size(); ++i) {
    notes[std::string(rows.key.at(i))] = std::string(rows.value.at(i));
  }
  return notes;
}

std::vector<int32_t> Trace::kept_positions(uint64_t decision) const {
  const std::vector<int32_t> ranges =
      read_column(&Decisions::kept_ranges, decision, decision + 1).values;
  // No position is beyond the tokens that the trace has, which bounds what a damaged range can ask
  // for.
  const uint64_t positions = rows<Tokens>() + rows<Steps>();
  std::vector<int32_t> kept;
  int32_t previous = 0;
  for (size_t i = 0; i < ranges.size(); i += 2) {
    const bool sound = i + 1 < ranges.size() && ranges[i] >= previous &&
                       ranges[i + 1] > ranges[i] &&
                       static_cast<uint64_t>(ranges[i + 1]) <= positions;
    if (!sound) {
      fail(
          "decision {} of {} has kept ranges that are not ascending positions; the file is damaged",
          decision, path());
    }
    previous = ranges[i + 1];
    for (int32_t position = ranges[i]; position < ranges[i + 1]; ++position)
      kept.push_back(position);
  }
  return kept;
}

std::vector<int32_t> Trace::evicted_positions(uint64_t decision) const {
  const int64_t ranking = read_column(&Decisions::ranking, decision, decision + 1)[0];
  const int32_t cut = read_column(&Decisions::cut, decision, decision + 1)[0];
  if (ranking < 0) return {};
  const auto row = static_cast<uint64_t>(ranking);
  if (row >= rows<Rankings>()) {
    fail("decision {} of {} names ranking {}, and there are {}; the file is damaged", decision,
         path(), ranking, rows<Rankings>());
  }
  std::vector<int32_t> positions = read_column(&Rankings::positions, row, row + 1).values;
  if (cut < 0 || static_cast<size_t>(cut) > positions.size()) {
    fail("decision {} of {} evicts {} of {} candidates; the file is damaged", decision, path(), cut,
         positions.size());
  }
  positions.resize(static_cast<size_t>(cut));
  return positions;
}

bool Trace::refresh() {
  return parts_->file.refresh();
}

}  // namespace kvreel::tracer
