// Tables of what was put in and noted: runs, samples, tokens, notes.
#include "exports/tables/definitions.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

void runs(const Source& source, RowSink& sink) {
  const t::Runs runs = source.trace.read<t::Runs>(0, source.labels.runs().size());
  for (size_t run = 0; run < runs.name.rows(); ++run) {
    if (!source.selection.run(static_cast<int32_t>(run))) continue;
    int64_t finished = 0;
    int64_t interrupted = 0;
    for (size_t pass = 0; pass < source.passes.size(); ++pass) {
      if (source.passes.run[pass] != static_cast<int32_t>(run)) continue;
      ++(source.passes.interrupted(pass) ? interrupted : finished);
    }
    sink.row(Row{whole(static_cast<int64_t>(run)), string_cell(runs.name.at(run)),
                 string_cell(runs.policy.at(run)), string_cell(runs.parameters.at(run)),
                 whole(finished), whole(interrupted)});
  }
}

void samples(const Source& source, RowSink& sink) {
  const size_t count = source.labels.samples().size();
  for (size_t sample = 0; sample < count; ++sample) {
    if (!source.selection.sample(static_cast<int32_t>(sample))) continue;
    // One at a time: prompts can be long.
    const t::Samples row = source.trace.read<t::Samples>(sample, sample + 1);
    const auto tokens =
        static_cast<int64_t>(source.labels.tokens(static_cast<int32_t>(sample)).count());
    sink.row(Row{whole(static_cast<int64_t>(sample)), string_cell(row.id.at(0)), whole(tokens),
                 whole(row.original_tokens[0]), Cell(row.original_tokens[0] > tokens),
                 string_cell(row.answers.at(0)), string_cell(row.metadata.at(0)),
                 string_cell(row.text.at(0))});
  }
}

void tokens(const Source& source, RowSink& sink) {
  const size_t count = source.labels.samples().size();
  for (size_t i = 0; i < count; ++i) {
    const auto sample = static_cast<int32_t>(i);
    if (!source.selection.sample(sample)) continue;
    const t::RowRange rows = source.labels.tokens(sample);
    for_each_row<t::Tokens>(source.trace, rows,
                            [&](const t::Tokens& block, size_t at, uint64_t row) {
                              sink.row(Row{Cell(source.labels.sample(sample)),
                                           whole(static_cast<int64_t>(row - rows.begin)),
                                           whole(block.id[at]), string_cell(block.piece.at(at))});
                            });
  }
}

void notes(const Source& source, RowSink& sink) {
  for_each_row<t::Notes>(source.trace, {0, source.trace.rows<t::Notes>()},
                         [&](const t::Notes& block, size_t i, uint64_t) {
                           sink.row(Row{whole(block.time_ns[i]), string_cell(block.key.at(i)),
                                        string_cell(block.value.at(i))});
                         });
}

}  // namespace

std::vector<Definition> input_tables() {
  using namespace column;
  return {{"runs",
           "Runs: one policy with one configuration",
           {count("run"), text("name"), text("policy"), text("parameters"),
            count("finished", "passes"), count("interrupted", "passes")},
           runs},
          {"samples",
           "Samples: one prompt each",
           {count("number"), text("sample"), count("tokens", "tokens"),
            count("original_tokens", "tokens"), text("truncated"), text("answers"),
            text("metadata"), text("text")},
           samples},
          {"tokens",
           "Prompt tokens, sample after sample",
           {text("sample"), count("position", "position"), count("id"), text("text")},
           tokens},
          {"notes",
           "Facts learnt while recording",
           {duration("time_ns"), text("key"), text("value")},
           notes}};
}

}  // namespace kvreel::exports
