// Tables that summarise times: operations, kernels, steps.
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "exports/tables/definitions.h"
#include "exports/tables/statistics.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

std::string_view phase_name(bool decode) {
  return decode ? "decode" : "prefill";
}

// Durations by (run, decode, operation, layer); layer kAllLayers where layers are not told apart.
using OpKey = std::tuple<int32_t, bool, int8_t, int32_t>;
constexpr int32_t kAllLayers = -2;

std::map<OpKey, std::vector<double>> op_durations(const Source& source, bool by_layer) {
  std::map<OpKey, std::vector<double>> durations;
  const std::vector<uint64_t> ends =
      source.trace.read_column(&t::Passes::spans_end, 0, source.passes.size());
  for_each_whole_pass(source, [&](size_t pass) {
    const int32_t run = source.passes.run[pass];
    for_each_row<t::Spans>(source.trace, source.passes.rows(ends, pass),
                           [&](const t::Spans& block, size_t i, uint64_t) {
                             if (!source.selection.step(block.step[i])) return;
                             if (!source.selection.layer(block.layer[i])) return;
                             const OpKey key(run, block.step[i] > 0, block.op[i],
                                             by_layer ? block.layer[i] : kAllLayers);
                             durations[key].push_back(static_cast<double>(block.duration_ns[i]));
                           });
  });
  return durations;
}

double sum_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

void write_ops(const Source& source, RowSink& sink, bool by_layer) {
  std::map<OpKey, std::vector<double>> durations = op_durations(source, by_layer);
  std::map<std::pair<int32_t, bool>, double> totals;  // by (run, decode)
  for (const auto& [key, values] : durations) {
    for (const double value : values) totals[{std::get<0>(key), std::get<1>(key)}] += value;
  }
  for (auto& [key, values] : durations) {
    const auto& [run, decode, op, layer] = key;
    const double all = totals[{run, decode}];
    const double total = sum_of(values);
    const Spread spread = *spread_of(std::move(values));
    Row row = {Cell(source.labels.run(run)), string_cell(phase_name(decode))};
    if (by_layer) row.push_back(unless_negative(layer));
    send(sink, std::move(row), Cell(source.labels.name(op)), whole(spread.n), Cell(total),
         Cell(spread.median), Cell(spread.p99), all > 0 ? Cell(total / all) : Cell());
  }
}

void ops(const Source& source, RowSink& sink) {
  write_ops(source, sink, false);
}
void layer_ops(const Source& source, RowSink& sink) {
  write_ops(source, sink, true);
}

void kernel_ops(const Source& source, RowSink& sink) {
  struct Tally {
    std::vector<double> durations;
    uint64_t bytes = 0;
  };
  using Key = std::tuple<int32_t, bool, int8_t, int32_t>;  // run, decode, operation, kernel
  std::map<Key, Tally> tallies;
  const std::vector<uint64_t> ends =
      source.trace.read_column(&t::Passes::kernels_end, 0, source.passes.size());
  for_each_whole_pass(source, [&](size_t pass) {
    const int32_t run = source.passes.run[pass];
    for_each_row<t::Kernels>(source.trace, source.passes.rows(ends, pass),
                             [&](const t::Kernels& block, size_t i, uint64_t) {
                               if (!source.selection.step(block.step[i])) return;
                               if (!source.selection.layer(block.layer[i])) return;
                               Tally& tally =
                                   tallies[Key(run, block.step[i] > 0, block.op[i], block.name[i])];
                               tally.durations.push_back(static_cast<double>(block.duration_ns[i]));
                               tally.bytes += block.bytes[i];
                             });
  });
  std::map<std::pair<int32_t, bool>, double> totals;  // by (run, decode)
  for (const auto& [key, tally] : tallies)
    totals[{std::get<0>(key), std::get<1>(key)}] += sum_of(tally.durations);
  for (auto& [key, tally] : tallies) {
    const auto& [run, decode, op, kernel] = key;
    const double all = totals[{run, decode}];
    const double total = sum_of(tally.durations);
    const Spread spread = *spread_of(std::move(tally.durations));
    send(sink, {Cell(source.labels.run(run)), string_cell(phase_name(decode))},
         Cell(source.labels.name(op)), Cell(source.labels.name(kernel)), whole(spread.n),
         Cell(total), Cell(spread.median), Cell(spread.p99), all > 0 ? Cell(total / all) : Cell(),
         Cell(tally.bytes));
  }
}

void step_latency(const Source& source, RowSink& sink) {
  std::map<std::pair<int32_t, int32_t>, std::vector<double>> durations;  // by (run, step)
  const std::vector<uint64_t> ends =
      source.trace.read_column(&t::Passes::steps_end, 0, source.passes.size());
  for_each_whole_pass(source, [&](size_t pass) {
    const t::RowRange rows = source.passes.rows(ends, pass);
    const auto step = source.trace.read_column(&t::Steps::step, rows.begin, rows.end);
    const auto duration = source.trace.read_column(&t::Steps::duration_ns, rows.begin, rows.end);
    for (size_t i = 0; i < step.size(); ++i) {
      if (!source.selection.step(step[i])) continue;
      durations[{source.passes.run[pass], step[i]}].push_back(static_cast<double>(duration[i]));
    }
  });
  for (auto& [key, values] : durations) {
    const Spread spread = *spread_of(std::move(values));
    const std::optional<MeanInterval> interval = mean_interval_of(spread);
    send(sink, {Cell(source.labels.run(key.first)), whole(key.second)}, whole(spread.n),
         Cell(spread.mean), Cell(spread.sd), Cell(spread.median), Cell(spread.p10),
         Cell(spread.p90), Cell(spread.p99), interval ? Cell(interval->low) : Cell(),
         interval ? Cell(interval->high) : Cell());
  }
}

}  // namespace

std::vector<Definition> time_tables() {
  using namespace column;
  return {{"ops",
           "Time by operation and phase; share of the run's operations in the phase",
           {text("run"), text("phase"), text("op"), count("count"), duration("total_ns"),
            duration("median_ns"), duration("p99_ns"), share("share")},
           ops},
          {"layer_ops",
           "Time by operation, phase and layer; share of the run's operations in the phase",
           {text("run"), text("phase"), count("layer"), text("op"), count("count"),
            duration("total_ns"), duration("median_ns"), duration("p99_ns"), share("share")},
           layer_ops},
          {"kernel_ops",
           "GPU time by operation, phase and kernel; share of the run's kernels in the phase",
           {text("run"), text("phase"), text("op"), text("kernel"), count("count"),
            duration("total_ns"), duration("median_ns"), duration("p99_ns"), share("share"),
            bytes("bytes")},
           kernel_ops},
          {"step_latency",
           "Time of a step over samples; 95 % interval of the mean (Student's t)",
           {text("run"), count("step"), count("n"), duration("mean_ns"), duration("sd_ns"),
            duration("median_ns"), duration("p10_ns"), duration("p90_ns"), duration("p99_ns"),
            duration("mean_low_ns"), duration("mean_high_ns")},
           step_latency}};
}

}  // namespace kvreel::exports
