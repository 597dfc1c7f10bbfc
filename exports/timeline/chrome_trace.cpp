// Traces as a timeline in the Trace Event Format, which Perfetto and chrome://tracing open.
#include "exports/timeline/chrome_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "exports/tables/rows.h"
#include "exports/tables/trace_set.h"
#include "exports/timeline/document.h"
#include "exports/timeline/slice_tracks.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

// Slices of one kind in one process: a track, and further ones for what does not nest.
class SliceGroup {
 public:
  SliceGroup(std::string name, int order) : name_(std::move(name)), order_(order) {}

  int tid(Document& document, int pid, int64_t start, int64_t duration) {
    const size_t track = tracks_.place(start, duration);
    if (track == tids_.size()) {
      const std::string name = track == 0 ? name_ : fmt::format("{} ({})", name_, track + 1);
      tids_.push_back(document.track(pid, name, order_));
    }
    return tids_[track];
  }

 private:
  std::string name_;
  int order_;
  SliceTracks tracks_;
  std::vector<int> tids_;
};

// What of a run has been shown so far.
struct Process {
  int pid = 0;
  SliceGroup host{"host", 0};
  std::optional<int> decisions;
  std::map<int32_t, SliceGroup> streams;
};

// The rows of a range that are wanted, one after the other, reading block by block.
template <typename Table>
class Cursor {
 public:
  Cursor(const Source& source, t::RowRange rows) : source_(source), rows_(rows) { next(); }

  bool done() const { return done_; }
  const Table& block() const { return block_; }
  size_t row() const { return i_; }  // in the block
  int64_t start() const { return block_.start_ns[i_]; }
  void next() {
    while (true) {
      i_ = fresh_ ? 0 : i_ + 1;
      fresh_ = false;
      if (i_ == count_ && !load()) return;
      if (is_selected(source_, block_, i_)) return;
    }
  }

 private:
  // The next block, with i_ at its first row; false at the end.
  bool load() {
    if (rows_.begin >= rows_.end) {
      done_ = true;
      return false;
    }
    const uint64_t end = std::min(rows_.end, rows_.begin + kBlockRows);
    block_ = source_.trace.template read<Table>(rows_.begin, end);
    count_ = static_cast<size_t>(end - rows_.begin);
    rows_.begin = end;
    i_ = 0;
    return true;
  }

  const Source& source_;
  t::RowRange rows_;  // not yet read
  Table block_;
  size_t count_ = 0;
  size_t i_ = 0;
  bool fresh_ = true;
  bool done_ = false;
};

// The columns of passes that say where each pass's rows end.
struct Ends {
  explicit Ends(const Source& source) {
    const auto read = [&](auto member) {
      return source.trace.read_column(member, 0, source.passes.size());
    };
    steps = read(&t::Passes::steps_end);
    spans = read(&t::Passes::spans_end);
    kernels = read(&t::Passes::kernels_end);
    memory = read(&t::Passes::memory_end);
    decisions = read(&t::Passes::decisions_end);
  }
  std::vector<uint64_t> steps, spans, kernels, memory, decisions;
};

// Rows of one pass, or of the unfinished one.
struct PassRanges {
  t::RowRange steps, spans, kernels, memory, decisions;
};

class TraceEvents {
 public:
  // `first_pid` is the number of the first run's process.
  TraceEvents(Document& document, const Source& source, const std::string& label, int first_pid)
      : document_(document), source_(source), pieces_(source.trace, source.labels) {
    for (size_t run = 0; run < source.labels.runs().size(); ++run) {
      Process process;
      process.pid = first_pid + static_cast<int>(run);
      if (source.selection.run(static_cast<int32_t>(run))) {
        const std::string& name = source.labels.runs()[run];
        document_.process(process.pid, label.empty() ? name : label + ": " + name);
      }
      processes_.push_back(std::move(process));
    }
  }

  void write() {
    const Ends ends(source_);
    for_each_row<t::Passes>(
        source_.trace, {0, source_.passes.size()},
        [&](const t::Passes& block, size_t i, uint64_t row) {
          source_.labels.run(block.run[i]);
          source_.labels.sample(block.sample[i]);
          if (!source_.selection.run(block.run[i]) || !source_.selection.sample(block.sample[i]))
            return;
          const auto range = [&](const std::vector<uint64_t>& all) {
            return source_.passes.rows(all, static_cast<size_t>(row));
          };
          const PassRanges rows = {range(ends.steps), range(ends.spans), range(ends.kernels),
                                   range(ends.memory), range(ends.decisions)};
          const int64_t end = end_of(block, i, rows.steps);
          write_pass(block, i, end);
          if (write_rows(rows)) {
            document_.counter(kCounter, processes_[static_cast<size_t>(block.run[i])].pid,
                              std::max(end, last_memory_),
                              Arguments().bytes("asked", 0).bytes("held", 0));
          }
        });
    const t::PassRows rest = source_.trace.unfinished();
    write_rows({rest.steps, rest.spans, rest.kernels, rest.memory, rest.decisions});
  }

 private:
  static constexpr std::string_view kCounter = "KV cache";

  Process& process_of(int32_t run) { return processes_.at(static_cast<size_t>(run)); }

  // When the pass's last step ended: between steps the recorder takes time that durations lack.
  int64_t end_of(const t::Passes& block, size_t i, t::RowRange steps) const {
    const int64_t end =
        time_after(time_after(block.start_ns[i], block.prefill_ns[i]), block.decode_ns[i]);
    if (steps.count() == 0) return end;
    const auto last = [&](auto member) {
      return source_.trace.read_column(member, steps.end - 1, steps.end)[0];
    };
    return std::max(end, time_after(last(&t::Steps::start_ns), last(&t::Steps::duration_ns)));
  }

  void slice_on_host(Process& process, std::string_view category, const std::string& name,
                     int64_t start, int64_t duration, const Arguments& arguments) {
    const int tid = process.host.tid(document_, process.pid, start, duration);
    document_.slice(category, name, process.pid, tid, start, duration, arguments);
  }

  void write_pass(const t::Passes& block, size_t i, int64_t end) {
    Arguments arguments;
    arguments.text("sample", source_.labels.sample(block.sample[i]))
        .text("finish", name_of(kFinishNames, block.finish[i]))
        .whole("prompt_tokens", block.prompt_tokens[i])
        .whole("generated", block.generated[i])
        .real("budget", block.budget[i])
        .text("text", block.text.at(i));
    if (block.exact_match[i] >= 0) arguments.whole("exact_match", block.exact_match[i]);
    slice_on_host(process_of(block.run[i]), "pass",
                  json_string(source_.labels.sample(block.sample[i])), block.start_ns[i],
                  time_between(block.start_ns[i], end), arguments);
  }

  // True where the cache's bytes were shown.
  bool write_rows(const PassRanges& rows) {
    write_host(rows);
    for_each_row<t::Kernels>(source_.trace, rows.kernels,
                             [&](const t::Kernels& block, size_t i, uint64_t) {
                               if (is_selected(source_, block, i)) write_kernel(block, i);
                             });
    for_each_row<t::Decisions>(source_.trace, rows.decisions,
                               [&](const t::Decisions& block, size_t i, uint64_t) {
                                 if (is_selected(source_, block, i)) write_decision(block, i);
                               });
    bool shown = false;
    for_each_row<t::Memory>(
        source_.trace, rows.memory, [&](const t::Memory& block, size_t i, uint64_t) {
          if (!is_selected(source_, block, i)) return;
          shown = true;
          last_memory_ = block.time_ns[i];
          document_.counter(
              kCounter, process_of(block.run[i]).pid, block.time_ns[i],
              Arguments().bytes("asked", block.asked[i]).bytes("held", block.held[i]));
        });
    return shown;
  }

  // Steps and the spans in them, by their start.
  void write_host(const PassRanges& rows) {
    Cursor<t::Steps> steps(source_, rows.steps);
    Cursor<t::Spans> spans(source_, rows.spans);
    while (!steps.done() || !spans.done()) {
      if (spans.done() || (!steps.done() && steps.start() <= spans.start())) {
        write_step(steps.block(), steps.row());
        steps.next();
      } else {
        write_span(spans.block(), spans.row());
        spans.next();
      }
    }
  }

  void write_step(const t::Steps& block, size_t i) {
    Arguments arguments;
    arguments.text("sample", source_.labels.sample(block.sample[i]))
        .whole("step", block.step[i])
        .whole("rows", block.rows[i])
        .whole("token", block.token[i])
        .text("text", block.piece.at(i))
        .real("logprob", block.logprob[i])
        .bytes("cache_asked", block.cache_asked[i])
        .bytes("cache_held", block.cache_held[i]);
    slice_on_host(process_of(block.run[i]), "step",
                  block.step[i] == 0 ? "\"prefill\"" : "\"decode\"", block.start_ns[i],
                  block.duration_ns[i], arguments);
  }

  void write_span(const t::Spans& block, size_t i) {
    Arguments arguments;
    arguments.text("sample", source_.labels.sample(block.sample[i]))
        .whole("step", block.step[i])
        .layer(block.layer[i]);
    slice_on_host(process_of(block.run[i]), "op", json_string(source_.labels.name(block.op[i])),
                  block.start_ns[i], block.duration_ns[i], arguments);
  }

  void write_kernel(const t::Kernels& block, size_t i) {
    Process& process = process_of(block.run[i]);
    const int32_t stream = block.stream[i];
    const int order = 100 + static_cast<int>(process.streams.size());
    SliceGroup& group =
        process.streams.try_emplace(stream, fmt::format("stream {}", stream), order).first->second;
    Arguments arguments;
    arguments.text("sample", source_.labels.sample(block.sample[i]))
        .whole("step", block.step[i])
        .layer(block.layer[i])
        .text("op", source_.labels.name(block.op[i]))
        .bytes("bytes", block.bytes[i]);
    const int tid = group.tid(document_, process.pid, block.start_ns[i], block.duration_ns[i]);
    document_.slice("kernel", json_string(source_.labels.name(block.name[i])), process.pid, tid,
                    block.start_ns[i], block.duration_ns[i], arguments);
  }

  void write_decision(const t::Decisions& block, size_t i) {
    Process& process = process_of(block.run[i]);
    if (!process.decisions) process.decisions = document_.track(process.pid, "decisions", 50);
    Arguments arguments;
    arguments.text("sample", source_.labels.sample(block.sample[i]))
        .whole("step", block.step[i])
        .layer(block.layer[i]);
    if (block.kv_head[i] >= 0) arguments.whole("kv_head", block.kv_head[i]);
    arguments.text("reason", name_of(kReasonNames, block.reason[i]))
        .whole("cached", block.cached[i])
        .whole("kept", block.kept[i])
        .real("budget", static_cast<double>(block.kept[i]) / block.cached[i])
        .whole("candidates", block.candidates[i])
        .whole("cut", block.cut[i])
        .real("threshold", block.threshold[i])
        .real("distance", block.distance[i])
        .whole("duration_ns", block.duration_ns[i]);
    if (block.halt_position[i] >= 0) {
      arguments.whole("halt_position", block.halt_position[i]);
      const std::optional<std::string> piece =
          pieces_.at(block.run[i], block.sample[i], block.halt_position[i]);
      if (piece) arguments.text("halt_token", *piece);
    }
    document_.instant("decision", process.pid, *process.decisions, block.start_ns[i], arguments);
  }

  Document& document_;
  const Source& source_;
  PieceReader pieces_;
  std::vector<Process> processes_;  // by run
  int64_t last_memory_ = 0;
};

}  // namespace

void write_chrome_trace(std::ostream& out, const std::vector<const tracer::Trace*>& traces,
                        const TimelineOptions& options) {
  const std::vector<std::unique_ptr<Source>> sources = sources_of(traces, options.filter);
  const std::vector<std::string> labels = labels_of(traces);
  Document document(out, metadata_of(sources, options.version, options.command));
  int pid = 1;
  for (size_t i = 0; i < sources.size(); ++i) {
    const std::string label = sources.size() > 1 ? labels[i] : std::string();
    TraceEvents(document, *sources[i], label, pid).write();
    pid += static_cast<int>(sources[i]->labels.runs().size());
  }
  document.finish();
}

}  // namespace kvreel::exports
