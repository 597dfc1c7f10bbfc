// Tables of what happened when: passes, steps, spans, kernels, memory.
#include "exports/tables/definitions.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

void passes(const Source& source, RowSink& sink) {
  for_each_row<t::Passes>(
      source.trace, {0, source.passes.size()}, [&](const t::Passes& block, size_t i, uint64_t row) {
        const std::string& run = source.labels.run(block.run[i]);
        const std::string& sample = source.labels.sample(block.sample[i]);
        if (!source.selection.run(block.run[i]) || !source.selection.sample(block.sample[i]))
          return;
        const int8_t match = block.exact_match[i];
        const auto pass = static_cast<size_t>(row);
        const bool shares = source.passes.shares_prefill(pass);
        sink.row(Row{
            Cell(run),
            Cell(sample),
            Cell(name_of(kFinishNames, block.finish[i])),
            whole(block.prompt_tokens[i]),
            whole(block.generated[i]),
            match < 0 ? Cell() : Cell(match != 0),
            Cell(block.budget[i]),
            whole(block.start_ns[i]),
            whole(block.prefill_ns[i]),
            shares ? Cell(source.labels.run(source.passes.run[source.passes.prefill_owner(pass)]))
                   : Cell(),
            whole(block.decide_ns[i]),
            whole(block.decode_ns[i]),
            Cell(block.prefill_asked[i]),
            Cell(block.prefill_held[i]),
            Cell(block.prefill_peak[i]),
            Cell(block.full_asked[i]),
            Cell(block.end_asked[i]),
            Cell(block.end_held[i]),
            Cell(block.end_peak[i]),
            Cell(block.process_peak[i]),
            whole(block.recorder_ns[i]),
            string_cell(block.text.at(i))});
      });
}

void steps(const Source& source, RowSink& sink) {
  for_each_selected<t::Steps>(
      source, &t::Passes::steps_end, [&](const t::Steps& block, size_t i, uint64_t) {
        send(sink, event_cells(source, block, i), whole(block.rows[i]), whole(block.token[i]),
             string_cell(block.piece.at(i)), Cell(block.logprob[i]), whole(block.start_ns[i]),
             whole(block.duration_ns[i]), Cell(block.cache_asked[i]), Cell(block.cache_held[i]));
      });
}

void spans(const Source& source, RowSink& sink) {
  for_each_selected<t::Spans>(
      source, &t::Passes::spans_end, [&](const t::Spans& block, size_t i, uint64_t) {
        send(sink, event_cells(source, block, i), unless_negative(block.layer[i]),
             Cell(source.labels.name(block.op[i])), whole(block.start_ns[i]),
             whole(block.duration_ns[i]));
      });
}

void kernels(const Source& source, RowSink& sink) {
  for_each_selected<t::Kernels>(
      source, &t::Passes::kernels_end, [&](const t::Kernels& block, size_t i, uint64_t) {
        send(sink, event_cells(source, block, i), unless_negative(block.layer[i]),
             Cell(source.labels.name(block.op[i])), Cell(source.labels.name(block.name[i])),
             whole(block.stream[i]), whole(block.start_ns[i]), whole(block.duration_ns[i]),
             Cell(block.bytes[i]));
      });
}

void memory(const Source& source, RowSink& sink) {
  for_each_selected<t::Memory>(
      source, &t::Passes::memory_end, [&](const t::Memory& block, size_t i, uint64_t) {
        send(sink, event_cells(source, block, i), unless_negative(block.layer[i]),
             Cell(name_of(kCauseNames, block.cause[i])), whole(block.time_ns[i]),
             Cell(block.asked[i]), Cell(block.held[i]), Cell(block.peak[i]));
      });
}

}  // namespace

std::vector<Definition> pass_tables() {
  using namespace column;
  return {{"passes",
           "Finished passes: one sample under one run; prefill_of: where runs share one "
           "prefill, the run that made it; prefill_ns is then not measured end to end",
           {text("run"),
            text("sample"),
            text("finish"),
            count("prompt_tokens", "tokens"),
            count("generated", "tokens"),
            text("exact_match"),
            share("budget"),
            duration("start_ns"),
            duration("prefill_ns"),
            text("prefill_of"),
            duration("decide_ns"),
            duration("decode_ns"),
            bytes("prefill_asked"),
            bytes("prefill_held"),
            bytes("prefill_peak"),
            bytes("full_asked"),
            bytes("end_asked"),
            bytes("end_held"),
            bytes("end_peak"),
            bytes("process_peak"),
            duration("recorder_ns"),
            text("text")},
           passes},
          {"steps",
           "Forward passes with the token that each produced; step 0 is prefill",
           {text("run"), text("sample"), count("step"), count("rows", "tokens"), count("token"),
            text("text"), number("logprob", "nat"), duration("start_ns"), duration("duration_ns"),
            bytes("cache_asked"), bytes("cache_held")},
           steps},
          {"spans",
           "Timed operations, one by one",
           {text("run"), text("sample"), count("step"), count("layer"), text("op"),
            duration("start_ns"), duration("duration_ns")},
           spans},
          {"kernels",
           "GPU kernels and copies, one by one",
           {text("run"), text("sample"), count("step"), count("layer"), text("op"), text("kernel"),
            count("stream"), duration("start_ns"), duration("duration_ns"), bytes("bytes")},
           kernels},
          {"memory",
           "Changes of the KV cache's size, one by one",
           {text("run"), text("sample"), count("step"), count("layer"), text("cause"),
            duration("time_ns"), bytes("asked"), bytes("held"), bytes("peak")},
           memory}};
}

}  // namespace kvreel::exports
