// Every table has a prefix that stays: passes own rows that lie together, and other tables are
// referred to from those.
#include "tracer/read/resume.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "base/error.h"
#include "base/json.h"

namespace kvreel::tracer {
namespace {

using nlohmann::json;

constexpr int8_t kInterrupted = 3;  // of Passes::finish
constexpr uint64_t kRowsAtOnce = 1 << 16;

void require_this_version(const Trace& trace) {
  if (trace.is_live()) {
    fail("{} is being recorded by another kvreel; wait for its end, or name another file",
         trace.path());
  }
  if (!trace.warning().empty()) {
    fail("{}; resume what kvreel recover makes of it, under the old name", trace.warning());
  }
  if (trace.format_minor() == kFormatMinor) return;
  fail("{} has trace format {}.{}, and this kvreel resumes {}.{} only; record into another file",
       trace.path(), trace.format_major(), trace.format_minor(), kFormatMajor, kFormatMinor);
}

// Calls visit(values) with a column's first `rows` rows, block by block.
template <typename Table, typename T, typename Visit>
void each_block(const Trace& trace, Column<T> Table::*column, uint64_t rows, Visit&& visit) {
  for (uint64_t begin = 0; begin < rows; begin += kRowsAtOnce) {
    visit(trace.read_column(column, begin, std::min(begin + kRowsAtOnce, rows)));
  }
}

// One past the largest row that a column of references names; -1 is none.
uint64_t rows_named(const Trace& trace, Column<int64_t> Decisions::*column, uint64_t rows,
                    uint64_t there, std::string_view table) {
  int64_t last = -1;
  each_block(trace, column, rows, [&](const Column<int64_t>& values) {
    for (const int64_t value : values) last = std::max(last, value);
  });
  const auto named = static_cast<uint64_t>(last + 1);
  if (named > there) {
    fail("a decision of {} names row {} of '{}', which has {}; the file is damaged", trace.path(),
         last, table, there);
  }
  return named;
}

template <typename Table>
uint64_t& rows_of(KeptTrace& kept) {
  return kept.rows[table_index<Table>()];
}

void keep_samples(const Trace& trace, KeptTrace& kept) {
  const uint64_t samples = trace.rows<Samples>();
  uint64_t begin = 0;
  for (const uint64_t end : trace.read_column(&Samples::tokens_end, 0, samples)) {
    if (end < begin || end > trace.rows<Tokens>()) {
      fail("the samples of {} name tokens that it does not have; the file is damaged",
           trace.path());
    }
    kept.prompt_tokens.push_back(static_cast<int32_t>(end - begin));
    begin = end;
  }
  rows_of<Samples>(kept) = samples;
  rows_of<Tokens>(kept) = begin;
  rows_of<Runs>(kept) = trace.rows<Runs>();
  rows_of<Names>(kept) = trace.rows<Names>();
  rows_of<Notes>(kept) = trace.rows<Notes>();
}

void keep_passes(const Trace& trace, KeptTrace& kept) {
  const Passes passes = trace.read<Passes>(0, trace.rows<Passes>());
  const auto first_interrupted = std::ranges::find(passes.finish, kInterrupted);
  const auto count = static_cast<size_t>(first_interrupted - passes.finish.begin());
  kept.dropped_passes = passes.finish.size() - count;
  rows_of<Passes>(kept) = count;
  for (size_t i = 0; i < count; ++i) {
    const bool known = passes.run[i] >= 0 && passes.sample[i] >= 0 &&
                       static_cast<uint64_t>(passes.run[i]) < trace.rows<Runs>() &&
                       static_cast<uint64_t>(passes.sample[i]) < trace.rows<Samples>();
    if (!known || !kept.passes.emplace(std::pair(passes.run[i], passes.sample[i]), i).second) {
      fail(
          "pass {} of {} is of run {} and sample {}, which is there already or does not exist; "
          "the file is damaged",
          i, trace.path(), passes.run[i], passes.sample[i]);
    }
    kept.callback_ns += passes.recorder_ns[i];
    const bool own = passes.prefill_pass[i] == 0;
    kept.inference_ns += (own ? passes.prefill_ns[i] : passes.decide_ns[i]) + passes.decode_ns[i];
    kept.peak_rss = std::max(kept.peak_rss, passes.process_peak[i]);
  }
  if (count == 0) return;
  const PassRows last = trace.pass_at(count - 1);
  rows_of<Steps>(kept) = last.steps.end;
  rows_of<Spans>(kept) = last.spans.end;
  rows_of<Memory>(kept) = last.memory.end;
  rows_of<Attention>(kept) = last.attention.end;
  rows_of<AttentionRows>(kept) = last.attention_rows.end;
  rows_of<Decisions>(kept) = last.decisions.end;
  rows_of<Kernels>(kept) = last.kernels.end;
  rows_of<Fidelity>(kept) = last.fidelity.end;
  rows_of<LostAttention>(kept) = last.lost_attention.end;
  rows_of<Scores>(kept) = last.scores.end;
  rows_of<Rankings>(kept) = rows_named(trace, &Decisions::ranking, last.decisions.end,
                                       trace.rows<Rankings>(), Rankings::kName);
  rows_of<Curves>(kept) =
      rows_named(trace, &Decisions::curve, last.decisions.end, trace.rows<Curves>(), Curves::kName);
}

// Dropped rows included: the gap says that something was there.
int64_t last_time(const Trace& trace) {
  int64_t last = trace.last_commit_ns();
  each_block(trace, &Notes::time_ns, trace.rows<Notes>(), [&](const Column<int64_t>& times) {
    for (const int64_t time : times) last = std::max(last, time);
  });
  for (uint64_t begin = 0; begin < trace.rows<Steps>(); begin += kRowsAtOnce) {
    const uint64_t end = std::min(begin + kRowsAtOnce, trace.rows<Steps>());
    const Column<int64_t> start = trace.read_column(&Steps::start_ns, begin, end);
    const Column<int64_t> duration = trace.read_column(&Steps::duration_ns, begin, end);
    for (size_t i = 0; i < start.size(); ++i) last = std::max(last, start[i] + duration[i]);
  }
  return last;
}

// The value of a note as JSON, null where it is missing or malformed: notes are for people, and
// none of them decides whether a trace can be resumed.
json note(const std::map<std::string, std::string>& notes, const std::string& key) {
  const auto found = notes.find(key);
  if (found == notes.end()) return nullptr;
  const json value = parse_json_or_discard(found->second);
  return value.is_discarded() ? json() : value;
}

uint64_t number_in(const json& object, const char* key) {
  if (!object.is_object() || !object.contains(key)) return 0;
  const json& value = object[key];
  return value.is_number_unsigned() ? value.get<uint64_t>() : 0;
}

void keep_costs(const Trace& trace, KeptTrace& kept) {
  const std::map<std::string, std::string> notes = trace.notes();
  kept.writer_cpu_ns = static_cast<int64_t>(number_in(note(notes, "overhead"), "writer_cpu_ns"));
  kept.queue_high_water = number_in(note(notes, "queue"), "high_water_bytes");
  kept.peak_rss = std::max(kept.peak_rss, number_in(note(notes, "process"), "peak_rss"));
  if (const json drops = note(notes, "drops"); drops.is_object()) {
    for (const auto& [table, rows] : drops.items()) {
      if (rows.is_number_unsigned()) kept.drops[table] = rows.get<uint64_t>();
    }
  }
  if (const json parts = note(notes, "continued"); parts.is_array()) kept.continued = parts.dump();
}

}  // namespace

KeptTrace find_kept(const Trace& trace) {
  require_this_version(trace);
  KeptTrace kept;
  kept.path = trace.path();
  std::tie(kept.device, kept.inode) = trace.file_identity();
  kept.provenance = trace.provenance();
  keep_samples(trace, kept);
  keep_passes(trace, kept);
  kept.end_ns = last_time(trace);
  keep_costs(trace, kept);
  return kept;
}

}  // namespace kvreel::tracer
