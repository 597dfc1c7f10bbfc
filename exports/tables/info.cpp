// What a trace is, as JSON.
#include "exports/tables/info.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "exports/tables/labels.h"
#include "exports/tables/metrics.h"
#include "exports/tables/provenance.h"
#include "exports/tables/rows.h"
#include "exports/tables/statistics.h"

namespace kvreel::exports {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using tracer::Trace;

// A note's value, null where there is none or it is not JSON.
json note(const std::map<std::string, std::string>& notes, const std::string& key) {
  const auto found = notes.find(key);
  if (found == notes.end()) return {};
  json value = parse_json_or_discard(found->second);
  return value.is_discarded() ? json() : value;
}

json field(const json& object, const char* key) {
  return object.is_object() && object.contains(key) ? object.at(key) : json();
}

ordered_json describe_trace(const Trace& trace, const Provenance& provenance,
                            const json& finished) {
  std::error_code error;
  uintmax_t size = 0;
  ordered_json shards = ordered_json::array();
  for (const std::string& file : trace.files()) {
    const uintmax_t bytes = std::filesystem::file_size(file, error);
    if (error) break;
    size += bytes;
    if (file == trace.path()) continue;
    shards.push_back({{"name", to_utf8_lossy(std::filesystem::path(file).filename().string())},
                      {"bytes", bytes}});
  }
  const std::string command = provenance.command();
  return {{"path", to_utf8_lossy(trace.path())},
          {"bytes", error ? ordered_json() : ordered_json(size)},
          {"shards", std::move(shards)},
          {"status", status_word(trace)},
          {"format", fmt::format("{}.{}", trace.format_major(), trace.format_minor())},
          {"created_utc", provenance.at("/created_utc")},
          {"ended_utc", field(finished, "ended_utc")},
          {"wall_ns", field(finished, "wall_ns")},
          {"command", command.empty() ? ordered_json() : ordered_json(to_utf8_lossy(command))},
          {"clock", provenance.at("/clock")}};
}

ordered_json describe_prompts(const Trace& trace, const Labels& labels,
                              const Provenance& provenance) {
  std::vector<double> tokens;
  int64_t truncated = 0;
  const std::vector<int32_t> original =
      trace.read_column(&tracer::Samples::original_tokens, 0, trace.rows<tracer::Samples>());
  for (size_t i = 0; i < labels.samples().size(); ++i) {
    const uint64_t count = labels.tokens(static_cast<int32_t>(i)).count();
    tokens.push_back(static_cast<double>(count));
    truncated += original[i] > static_cast<int64_t>(count);
  }
  ordered_json described = {
      {"samples", labels.samples().size()}, {"tokens", nullptr}, {"truncated", truncated}};
  if (const auto spread = spread_of(tokens)) {
    described["tokens"] = {{"min", static_cast<int64_t>(spread->least)},
                           {"median", spread->median},
                           {"max", static_cast<int64_t>(spread->most)}};
  }
  described["source"] = provenance.at("/prompts");
  return described;
}

// Runs with their parameters, and how many of their passes there are.
ordered_json describe_runs(const Trace& trace, const PassList& passes) {
  const tracer::Runs runs = trace.read<tracer::Runs>(0, trace.rows<tracer::Runs>());
  ordered_json described = ordered_json::array();
  for (size_t run = 0; run < runs.name.rows(); ++run) {
    int64_t finished = 0;
    for (size_t pass = 0; pass < passes.size(); ++pass) {
      finished += passes.run[pass] == static_cast<int32_t>(run) && !passes.interrupted(pass);
    }
    ordered_json parameters = parse_json_or_discard<ordered_json>(runs.parameters.at(run));
    if (parameters.is_discarded()) parameters = nullptr;
    described.push_back({{"name", to_utf8_lossy(runs.name.at(run))},
                         {"policy", to_utf8_lossy(runs.policy.at(run))},
                         {"parameters", std::move(parameters)},
                         {"finished_passes", finished}});
  }
  return described;
}

// The parts by which an interrupted recording was continued: when, by which command, from which
// pass on. Empty for one that was made at a stretch.
ordered_json describe_parts(const json& continued) {
  ordered_json parts = ordered_json::array();
  if (!continued.is_array()) return parts;
  for (const json& part : continued) {
    std::vector<std::string> command;
    const json arguments = field(part, "command");
    for (const json& word : arguments.is_array() ? arguments : json::array()) {
      if (word.is_string()) command.push_back(word.get<std::string>());
    }
    parts.push_back({{"utc", field(field(part, "clock"), "utc")},
                     {"first_pass", field(part, "first_pass")},
                     {"command", command_line(command)}});
  }
  return parts;
}

ordered_json describe_passes(const PassList& passes, size_t runs, size_t samples,
                             const Provenance& provenance, const json& continued) {
  int64_t interrupted = 0;
  for (size_t pass = 0; pass < passes.size(); ++pass) interrupted += passes.interrupted(pass);
  // The prompt set says how many samples were to come, and the last part of a recording that was
  // continued may have had more of them; the trace knows those that did come.
  double planned = provenance.positive("/prompts/count").value_or(static_cast<double>(samples));
  if (continued.is_array() && !continued.empty()) {
    const json count = field(field(continued.back(), "prompts"), "count");
    if (count.is_number_unsigned()) planned = count.get<double>();
  }
  const double expected = planned * static_cast<double>(runs);
  constexpr double kMost = 1e15;  // more is no count of passes
  return {{"finished", static_cast<int64_t>(passes.size()) - interrupted},
          {"interrupted", interrupted},
          {"expected",
           expected < kMost ? ordered_json(static_cast<int64_t>(expected)) : ordered_json()}};
}

// What the samples are scored by, whether fidelity was recorded, whose prefill was shared.
ordered_json describe_quality(const Trace& trace) {
  using tracer::Passes;
  const MetricScores scores(trace);
  ordered_json metrics = ordered_json::array();
  for (const std::string& metric : scores.names()) metrics.push_back(to_utf8_lossy(metric));
  const auto rows = trace.rows<Passes>();
  // Passes that have rows in a table of which `ends` says where a pass's rows end.
  const auto passes_with = [&](auto ends) {
    uint64_t last = 0;
    int64_t count = 0;
    for (const uint64_t end : trace.read_column(ends, 0, rows)) {
      count += end > last;
      last = end;
    }
    return count;
  };
  const PassList passes(trace);
  int64_t shared = 0;
  for (size_t pass = 0; pass < passes.size(); ++pass) shared += passes.shares_prefill(pass);
  return {{"metrics", std::move(metrics)},
          {"passes_with_fidelity", passes_with(&Passes::fidelity_end)},
          {"passes_with_lost_attention", passes_with(&Passes::lost_attention_end)},
          {"passes_with_shared_prefill", shared}};
}

ordered_json describe_tables(const Trace& trace) {
  ordered_json described = ordered_json::object();
  tracer::for_each_table([&](auto table) {
    using Table = decltype(table);
    described[std::string(Table::kName)] = trace.rows<Table>();
  });
  return described;
}

// What recording took. Until it is finished, what the finished passes say.
ordered_json describe_overhead(const Trace& trace, const json& overhead) {
  if (overhead.is_object()) {
    ordered_json described = overhead;
    described["source"] = "whole recording";
    return described;
  }
  using tracer::Passes;
  const uint64_t count = trace.rows<Passes>();
  if (count == 0) return {};
  const auto recorder = trace.read_column(&Passes::recorder_ns, 0, count);
  const auto prefill = trace.read_column(&Passes::prefill_ns, 0, count);
  const auto decide = trace.read_column(&Passes::decide_ns, 0, count);
  const auto decode = trace.read_column(&Passes::decode_ns, 0, count);
  const auto shared = trace.read_column(&Passes::prefill_pass, 0, count);
  // Sums as double: those of a damaged file could overflow integers.
  double callback_ns = 0;
  double inference_ns = 0;
  for (size_t i = 0; i < recorder.size(); ++i) {
    callback_ns += static_cast<double>(recorder[i]);
    // The model's part of a shared prefill was spent once, in the pass that owns it.
    inference_ns += static_cast<double>(shared[i] == 0 ? prefill[i] : decide[i]) +
                    static_cast<double>(decode[i]);
  }
  return {{"callback_ns", callback_ns},
          {"writer_cpu_ns", nullptr},
          {"inference_ns", inference_ns},
          {"share", inference_ns > 0 ? ordered_json(callback_ns / inference_ns) : ordered_json()},
          {"source", "finished passes"}};
}

// Model without the list of its layers' windows, which says nothing at a glance.
ordered_json describe_model(const Provenance& provenance) {
  ordered_json model = provenance.at("/model");
  if (model.is_object()) model.erase("windows");
  return model;
}

}  // namespace

ordered_json info_json(const Trace& trace) {
  const Provenance provenance(trace);
  const Labels labels(trace);
  const PassList passes(trace);
  const std::map<std::string, std::string> notes = trace.notes();

  ordered_json info;
  info["trace"] = describe_trace(trace, provenance, note(notes, "finished"));
  info["kvreel"] = provenance.at("/kvreel");
  info["machine"] = provenance.at("/machine");
  info["engine"] = provenance.at("/engine");
  info["model"] = describe_model(provenance);
  info["prompts"] = describe_prompts(trace, labels, provenance);
  info["runs"] = describe_runs(trace, passes);
  info["passes"] = describe_passes(passes, labels.runs().size(), labels.samples().size(),
                                   provenance, note(notes, "continued"));
  info["parts"] = describe_parts(note(notes, "continued"));
  info["quality"] = describe_quality(trace);
  info["rows"] = describe_tables(trace);
  info["recording"] = {{"overhead", describe_overhead(trace, note(notes, "overhead"))},
                       {"queue", note(notes, "queue")},
                       {"drops", note(notes, "drops")},
                       {"process", note(notes, "process")}};
  ordered_json others = ordered_json::object();
  for (const auto& [key, value] : notes) {
    const bool told = key == "finished" || key == "overhead" || key == "queue" || key == "drops" ||
                      key == "process" || key == "continued";
    if (!told) others[to_utf8_lossy(key)] = note(notes, key);
  }
  info["notes"] = std::move(others);
  return info;
}

}  // namespace kvreel::exports
