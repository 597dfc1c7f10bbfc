// What a trace is, for people.
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/text.h"
#include "exports/tables/display.h"
#include "exports/tables/info.h"
#include "exports/tables/provenance.h"

namespace kvreel::exports {
namespace {

using nlohmann::ordered_json;

// The value at a JSON pointer, null where there is none.
const ordered_json& at(const ordered_json& object, const char* pointer) {
  static const ordered_json kNull;
  const ordered_json::json_pointer where(pointer);
  return object.contains(where) ? object.at(where) : kNull;
}

// A value on one line: text bare, objects as "key value, key value".
std::string line_of(const ordered_json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return visible(value.get<std::string>());
  if (value.is_object()) {
    std::string out;
    for (const auto& item : value.items()) {
      if (item.value().is_null()) continue;
      const std::string text = line_of(item.value());
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", visible(item.key()),
                         item.value().is_object() ? "(" + text + ")" : text);
    }
    return out;
  }
  return visible(value.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}

// An object less some of its fields.
ordered_json without(ordered_json object, std::initializer_list<const char*> fields) {
  if (!object.is_object()) return object;
  for (const char* field : fields) object.erase(field);
  return object;
}

std::string line_at(const ordered_json& object, const char* pointer) {
  return line_of(at(object, pointer));
}

std::optional<double> number_at(const ordered_json& object, const char* pointer) {
  const ordered_json& value = at(object, pointer);
  if (!value.is_number()) return std::nullopt;
  return value.get<double>();
}

std::string human_at(const ordered_json& object, const char* pointer, Kind kind) {
  const std::optional<double> value = number_at(object, pointer);
  return value ? human(Cell(*value), kind) : "-";
}

// 1234567 -> "1.23 M".
std::string count_text(std::optional<double> value) {
  if (!value) return "-";
  if (*value >= 1e9) return fmt::format("{:.2f} G", *value * 1e-9);
  if (*value >= 1e6) return fmt::format("{:.2f} M", *value * 1e-6);
  return fmt::format("{:.0f}", *value);
}

// Lines of a label and a text that is broken at spaces.
class Report {
 public:
  explicit Report(size_t width) : width_(std::max<size_t>(width, 40)) {}

  // Left out where there is nothing to say.
  void line(std::string_view label, std::string_view value) {
    if (value.empty() || value == "-") return;
    std::string begin = pad(label, kLabelWidth, false);
    std::string rest(value);
    while (display_width(rest) + kLabelWidth > width_) {
      const size_t cut = break_of(rest);
      if (cut == std::string::npos) break;
      text_ += begin + rest.substr(0, cut) + "\n";
      rest.erase(0, cut + 1);
      begin.assign(kLabelWidth, ' ');
    }
    text_ += begin + rest + "\n";
  }
  std::string take() { return std::move(text_); }

 private:
  static constexpr size_t kLabelWidth = 14;

  // The last space before the line is full, or the first one after.
  size_t break_of(const std::string& text) const {
    size_t best = std::string::npos;
    for (size_t at = text.find(' '); at != std::string::npos; at = text.find(' ', at + 1)) {
      const bool fits = display_width(std::string_view(text).substr(0, at)) + kLabelWidth <= width_;
      if (!fits && best != std::string::npos) break;
      best = at;
      if (!fits) break;
    }
    return best;
  }

  size_t width_;
  std::string text_;
};

void add_trace(Report& report, const ordered_json& info) {
  report.line("trace", line_at(info, "/trace/path"));
  const std::string status = line_at(info, "/trace/status");
  const std::string passes =
      fmt::format("{} of {} passes finished", line_at(info, "/passes/finished"),
                  line_at(info, "/passes/expected"));
  const auto interrupted = number_at(info, "/passes/interrupted").value_or(0);
  report.line("status",
              fmt::format("{}, {}{}", status, passes,
                          interrupted > 0 ? fmt::format(", {:.0f} interrupted", interrupted)
                                          : std::string()));
  const ordered_json& shards = at(info, "/trace/shards");
  report.line(
      "format",
      fmt::format("{}, {}{}", line_at(info, "/trace/format"),
                  human_at(info, "/trace/bytes", Kind::bytes),
                  shards.empty() ? std::string() : fmt::format(" in {} files", shards.size() + 1)));
  for (size_t i = 0; i < shards.size(); ++i) {
    report.line(i == 0 ? "shards" : "", fmt::format("{}, {}", line_at(shards[i], "/name"),
                                                    human_at(shards[i], "/bytes", Kind::bytes)));
  }
  const std::string ended = line_at(info, "/trace/ended_utc");
  const std::string took = human_at(info, "/trace/wall_ns", Kind::duration);
  report.line("recorded", fmt::format("{}{}{}", line_at(info, "/trace/created_utc"),
                                      ended == "-" ? "" : " to " + ended,
                                      took == "-" ? "" : " (" + took + ")"));
  report.line("command", line_at(info, "/trace/command"));
  const ordered_json& parts = at(info, "/parts");
  for (size_t i = 0; parts.is_array() && i < parts.size(); ++i) {
    report.line(i == 0 ? "continued" : "",
                fmt::format("{} from pass {} on", line_at(parts[i], "/utc"),
                            line_at(parts[i], "/first_pass")));
  }
  report.line("clock", line_at(info, "/trace/clock"));
  report.line("kvreel", line_at(info, "/kvreel/version"));
  report.line("", line_of(without(at(info, "/kvreel"), {"version"})));
}

void add_machine(Report& report, const ordered_json& info) {
  const ordered_json& machine = at(info, "/machine");
  if (machine.is_object()) {
    report.line("machine", fmt::format("{}, {} cores, {} memory", line_at(machine, "/cpu"),
                                       line_at(machine, "/cores"),
                                       human_at(machine, "/memory_bytes", Kind::bytes)));
    report.line("", line_of(without(machine, {"cpu", "cores", "memory_bytes", "read_bandwidth"})));
  }
  const std::optional<double> bandwidth = number_at(machine, "/read_bandwidth/median_bytes_per_s");
  if (bandwidth) {
    report.line("bandwidth",
                fmt::format("{:.3g} GB/s read with {} threads, median of {}", *bandwidth * 1e-9,
                            line_at(machine, "/read_bandwidth/threads"),
                            line_at(machine, "/read_bandwidth/runs")));
  }
  report.line("engine", line_at(info, "/engine"));
}

void add_model(Report& report, const ordered_json& info) {
  const ordered_json& model = at(info, "/model");
  if (!model.is_object()) return;
  report.line("model",
              fmt::format("{}, {} parameters, {} layers, {} query heads, {} KV heads of {}",
                          line_at(model, "/family"), count_text(number_at(model, "/parameters")),
                          line_at(model, "/layers"), line_at(model, "/q_heads"),
                          line_at(model, "/kv_heads"), line_at(model, "/head_dim")));
  report.line("", line_at(model, "/directory"));
  report.line("weights",
              fmt::format("{}, {} ({}), {} read per token", line_at(model, "/stored_dtype"),
                          human_at(model, "/weight_bytes", Kind::bytes), line_at(model, "/weights"),
                          human_at(model, "/weight_bytes_per_token", Kind::bytes)));
  const ordered_json& files = at(model, "/files");
  if (!files.is_array()) return;
  for (const ordered_json& file : files) {
    const ordered_json& hash = at(file, "/sha256");
    // Enough of the hash to tell models apart at a glance; --json has all of it.
    const std::string brief =
        hash.is_string() ? " sha256 " + visible(hash.get<std::string>().substr(0, 12)) : "";
    report.line("", fmt::format("{} {}{}", line_at(file, "/name"),
                                human_at(file, "/bytes", Kind::bytes), brief));
  }
}

void add_prompts(Report& report, const ordered_json& info) {
  std::string text = fmt::format("{} samples", line_at(info, "/prompts/samples"));
  if (at(info, "/prompts/tokens").is_object()) {
    text += fmt::format(" of {} to {} tokens, median {}",
                        human_at(info, "/prompts/tokens/min", Kind::number),
                        human_at(info, "/prompts/tokens/max", Kind::number),
                        human_at(info, "/prompts/tokens/median", Kind::number));
  }
  const auto truncated = number_at(info, "/prompts/truncated").value_or(0);
  if (truncated > 0) text += fmt::format("; {:.0f} truncated", truncated);
  report.line("prompts", text);
  report.line("", line_at(info, "/prompts/source"));
  const ordered_json& runs = at(info, "/runs");
  for (size_t i = 0; i < runs.size(); ++i) {
    const std::string parameters = line_at(runs[i], "/parameters");
    report.line(i == 0 ? "runs" : "",
                fmt::format("{} ({} passes){}", line_at(runs[i], "/name"),
                            line_at(runs[i], "/finished_passes"),
                            parameters.empty() || parameters == "-" ? "" : ": " + parameters));
  }
}

void add_quality(Report& report, const ordered_json& info) {
  std::string metrics;
  for (const ordered_json& metric : at(info, "/quality/metrics"))
    metrics += (metrics.empty() ? "" : ", ") + line_of(metric);
  report.line("scored by", metrics);
  const auto count = [&](const char* pointer) { return number_at(info, pointer).value_or(0); };
  const double fidelity = count("/quality/passes_with_fidelity");
  const double lost = count("/quality/passes_with_lost_attention");
  if (fidelity > 0 || lost > 0) {
    report.line("fidelity", fmt::format("KL divergence of {:.0f} passes, lost attention of {:.0f}",
                                        fidelity, lost));
  }
  const double shared = count("/quality/passes_with_shared_prefill");
  if (shared > 0) {
    report.line("prefill", fmt::format("shared between runs in {:.0f} passes, whose prefill "
                                       "times are not end to end",
                                       shared));
  }
}

void add_recording(Report& report, const ordered_json& info) {
  ordered_json rows = at(info, "/rows");
  for (const auto& item : at(info, "/rows").items()) {
    if (item.value() == 0) rows.erase(item.key());
  }
  report.line("rows", line_of(rows));
  const ordered_json& overhead = at(info, "/recording/overhead");
  if (overhead.is_object()) {
    const std::string writer = human_at(overhead, "/writer_cpu_ns", Kind::duration);
    report.line("overhead",
                fmt::format("{} of {} inference time ({}){}",
                            human_at(overhead, "/callback_ns", Kind::duration),
                            human_at(overhead, "/inference_ns", Kind::duration),
                            human_at(overhead, "/share", Kind::share),
                            writer == "-" ? "" : ", writer thread " + writer + " CPU time"));
  }
  const ordered_json& drops = at(info, "/recording/drops");
  if (drops.is_object())
    report.line("dropped rows", drops.empty() ? std::string("none") : line_of(drops));
  const std::string queue = human_at(info, "/recording/queue/high_water_bytes", Kind::bytes);
  if (queue != "-") {
    report.line("queue", fmt::format("at most {} of {}", queue,
                                     human_at(info, "/recording/queue/limit_bytes", Kind::bytes)));
  }
  const std::string resident = human_at(info, "/recording/process/peak_rss", Kind::bytes);
  if (resident != "-") report.line("memory", "at most " + resident + " resident");
  for (const auto& item : at(info, "/notes").items())
    report.line(visible(item.key()), line_of(item.value()));
}

}  // namespace

std::string render_info_text(const tracer::Trace& trace, size_t width) {
  const ordered_json info = info_json(trace);
  Report report(width);
  add_trace(report, info);
  add_machine(report, info);
  add_model(report, info);
  add_prompts(report, info);
  add_quality(report, info);
  add_recording(report, info);
  return report.take();
}

}  // namespace kvreel::exports
