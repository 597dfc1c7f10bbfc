// Tables of attention: norms by head, and the rows that were recorded.
#include "exports/tables/cached_positions.h"
#include "exports/tables/definitions.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

void attention(const Source& source, RowSink& sink) {
  for_each_selected<t::Attention>(
      source, &t::Passes::attention_end, [&](const t::Attention& block, size_t i, uint64_t) {
        send(sink, event_cells(source, block, i), whole(block.layer[i]), whole(block.head[i]),
             Cell(block.frobenius[i]), Cell(block.last_row_norm[i]), Cell(block.mean_entropy[i]),
             Cell(block.last_row_entropy[i]), Cell(block.last_row_sinks[i]));
      });
}

void attention_rows(const Source& source, RowSink& sink) {
  CachedPositions cached(source);
  for_each_selected<t::AttentionRows>(
      source, &t::Passes::attention_rows_end,
      [&](const t::AttentionRows& block, size_t i, uint64_t) {
        Row cells = event_cells(source, block, i);
        cells.push_back(whole(block.layer[i]));
        cells.push_back(whole(block.head[i]));
        cells.push_back(whole(block.row[i]));
        const uint64_t begin = block.probabilities.begin_of(i);
        const uint64_t keys = block.probabilities.end_of(i) - begin;
        const std::vector<int32_t>& positions = cached.at(
            block.run[i], block.sample[i], block.step[i], block.layer[i], block.head[i], keys);
        const size_t fixed = cells.size();
        cells.resize(fixed + 2);
        for (uint64_t key = 0; key < keys; ++key) {
          if (!positions.empty()) cells[fixed] = int64_t{positions[key]};
          cells[fixed + 1] = block.probabilities.values[begin + key];
          sink.row(cells);
        }
      });
}

}  // namespace

std::vector<Definition> attention_tables() {
  using namespace column;
  return {{"attention",
           "Norms of the attention probabilities of every query head",
           {text("run"), text("sample"), count("step"), count("layer"), count("head"),
            number("frobenius"), number("last_row_norm"), number("mean_entropy", "nat"),
            number("last_row_entropy", "nat"), number("last_row_sinks")},
           attention},
          {"attention_rows",
           "Probabilities of a step's last query rows by cached position, before eviction; row 0 "
           "is the last",
           {text("run"), text("sample"), count("step"), count("layer"), count("head"), count("row"),
            count("position", "position"), number("probability")},
           attention_rows}};
}

}  // namespace kvreel::exports
