// Runs as figures name and group them.
#include "exports/figures/runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

namespace kvreel::exports {
namespace {

namespace t = kvreel::tracer;

constexpr std::string_view kThreshold = "threshold";
constexpr std::string_view kBudget = "budget";

std::vector<std::pair<std::string, std::string>> read_parameters(std::string_view json) {
  std::vector<std::pair<std::string, std::string>> parameters;
  const auto object = parse_json_or_discard<nlohmann::ordered_json>(json);
  if (!object.is_object()) return parameters;
  for (const auto& item : object.items()) {
    if (item.key() == "preset") continue;
    const auto& value = item.value();
    parameters.emplace_back(item.key(),
                            value.is_string() ? value.get<std::string>() : value.dump());
  }
  return parameters;
}

// "1%" or "0.01" -> 0.01; none for what is no number, such as a count of positions given with its
// unit.
std::optional<double> parse_share(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || !std::isfinite(number)) return std::nullopt;
  const std::string_view rest = trim(end);
  if (rest.empty()) return number;
  if (rest == "%") return number / 100;
  return std::nullopt;
}

// The threshold that a run's decisions state, from the first of its passes that has any.
std::optional<double> decided_threshold(const Source& source, int32_t run,
                                        const std::vector<uint64_t>& ends) {
  for (size_t pass = 0; pass < source.passes.size(); ++pass) {
    if (source.passes.run[pass] != run) continue;
    const t::RowRange rows = source.passes.rows(ends, pass);
    if (rows.count() == 0) continue;
    const double threshold =
        source.trace.read_column(&t::Decisions::threshold, rows.begin, rows.begin + 1)[0];
    if (std::isfinite(threshold)) return threshold;
    return std::nullopt;
  }
  return std::nullopt;
}

// The runs of a trace, selected or not.
std::vector<FigureRun> runs_of(const FigureTrace& trace) {
  const Source& source = trace.source;
  const uint64_t rows = source.trace.rows<t::Runs>();
  const t::Text policies = source.trace.read_column(&t::Runs::policy, 0, rows);
  const t::Text parameters = source.trace.read_column(&t::Runs::parameters, 0, rows);
  const std::vector<uint64_t> ends =
      source.trace.read_column(&t::Passes::decisions_end, 0, source.passes.size());
  std::vector<FigureRun> runs;
  for (size_t i = 0; i < rows; ++i) {
    FigureRun run;
    run.trace = &trace;
    run.run = static_cast<int32_t>(i);
    run.name = source.labels.run(run.run);
    run.policy = std::string(policies.at(i));
    run.parameters = read_parameters(parameters.at(i));
    if (const std::string* threshold = run.parameter(kThreshold)) {
      run.threshold = decided_threshold(source, run.run, ends);
      if (!run.threshold) run.threshold = parse_share(*threshold);
    }
    runs.push_back(std::move(run));
  }
  return runs;
}

std::string_view swept_parameter(const FigureRun& run) {
  if (run.parameter(kThreshold) != nullptr) return kThreshold;
  if (run.parameter(kBudget) != nullptr) return kBudget;
  return "";
}

double swept_value(const FigureRun& run) {
  if (run.threshold) return *run.threshold;
  const std::string* const budget = run.parameter(kBudget);
  const std::optional<double> value = budget ? parse_share(*budget) : std::nullopt;
  return value.value_or(std::numeric_limits<double>::infinity());
}

bool same_but_for(std::string_view key, const FigureRun& a, const FigureRun& b) {
  const auto others = [&](const FigureRun& run) {
    auto parameters = run.parameters;
    std::erase_if(parameters, [&](const auto& pair) { return pair.first == key; });
    std::sort(parameters.begin(), parameters.end());
    return parameters;
  };
  return a.trace == b.trace && a.policy == b.policy && others(a) == others(b);
}

std::string setting_text(const std::string& key, const std::string& value) {
  const std::string shown = plot::escape_markup(spaced_percent(value));
  if (key == kThreshold) return "T = " + shown;
  return plot::escape_markup(key) + " " + shown;
}

// Names of runs by what tells them apart; of the parameters `left_out` (by run) nothing is said.
std::vector<std::string> names_of(std::span<const FigureRun> runs,
                                  const std::vector<std::string_view>& left_out) {
  const auto value_of = [](const FigureRun& run, std::string_view key) {
    const std::string* const value = run.parameter(key);
    return value == nullptr ? std::optional<std::string>() : *value;
  };
  const auto differs = [&](const FigureRun& run, std::string_view key) {
    return std::any_of(runs.begin(), runs.end(), [&](const FigureRun& other) {
      return other.policy == run.policy && value_of(other, key) != value_of(run, key);
    });
  };
  const auto several = [&](auto&& of) {
    return std::any_of(runs.begin(), runs.end(),
                       [&](const FigureRun& run) { return of(run) != of(runs.front()); });
  };
  const bool traces = several([](const FigureRun& run) { return run.trace; });
  const bool policies = several([](const FigureRun& run) { return run.policy; });
  std::vector<std::string> names;
  for (size_t i = 0; i < runs.size(); ++i) {
    const FigureRun& run = runs[i];
    std::vector<std::string> parts;
    if (policies) parts.push_back(plot::escape_markup(run.policy));
    for (const auto& [key, value] : run.parameters) {
      if (key == left_out[i]) continue;
      // "streaming-llm 50 %": beside the policy's name its own number needs no other.
      if (policies && key == swept_parameter(run)) {
        parts[0] += " " + plot::escape_markup(spaced_percent(value));
      } else if (differs(run, key)) {
        parts.push_back(setting_text(key, value));
      }
    }
    if (parts.empty() && !traces) parts.push_back(plot::escape_markup(run.policy));
    if (traces) parts.insert(parts.begin(), plot::escape_markup(run.trace->label));
    names.push_back(fmt::format("{}", fmt::join(parts, ", ")));
  }
  return names;
}

// What is still called alike, such as two spellings of the same settings, gets its whole name.
void tell_apart(std::vector<std::string>& names, std::span<const FigureRun> runs) {
  std::multiset<std::string> counts(names.begin(), names.end());
  for (size_t i = 0; i < names.size(); ++i) {
    if (counts.count(names[i]) < 2) continue;
    const std::string whole = plot::escape_markup(runs[i].name);
    names[i] += (names[i].empty() ? "" : ", ") + whole;
  }
}

std::vector<std::string> family_names(std::span<const Family> families, bool values_of_one) {
  std::vector<FigureRun> runs;
  std::vector<std::string_view> left_out;
  for (const Family& family : families) {
    runs.push_back(family.runs.front());
    const bool with_value = values_of_one && family.runs.size() == 1;
    left_out.push_back(with_value ? std::string_view() : std::string_view(family.swept));
  }
  std::vector<std::string> names = names_of(runs, left_out);
  tell_apart(names, runs);
  return names;
}

}  // namespace

const std::string* FigureRun::parameter(std::string_view key) const {
  const auto found = std::find_if(parameters.begin(), parameters.end(),
                                  [&](const auto& pair) { return pair.first == key; });
  return found == parameters.end() ? nullptr : &found->second;
}

std::vector<FigureRun> selected_runs(const FigureSource& source) {
  std::vector<FigureRun> selected;
  for (const auto& trace : source.traces) {
    for (FigureRun& run : runs_of(*trace)) {
      if (trace->source.selection.run(run.run)) selected.push_back(std::move(run));
    }
  }
  return selected;
}

std::optional<FigureRun> reference_run(const FigureSource& source, const FigureTrace& trace) {
  const std::string& name = source.options.reference;
  std::vector<FigureRun> runs = runs_of(trace);
  const auto found = std::find_if(runs.begin(), runs.end(), [&](const FigureRun& run) {
    return name.empty() ? run.is_full() : run.name == name;
  });
  if (found != runs.end()) return std::move(*found);
  if (!name.empty()) find_run(trace.source.trace, trace.source.labels, name);  // throws
  return std::nullopt;
}

std::vector<Family> families_of(std::span<const FigureRun> runs) {
  std::vector<Family> families;
  for (const FigureRun& run : runs) {
    const std::string_view swept = swept_parameter(run);
    const auto family = std::find_if(families.begin(), families.end(), [&](const Family& other) {
      return !swept.empty() && same_but_for(swept, other.runs.front(), run);
    });
    if (family != families.end()) {
      family->runs.push_back(run);
    } else {
      families.push_back({.runs = {run}, .swept = std::string(swept)});
    }
  }
  for (Family& family : families) {
    std::stable_sort(
        family.runs.begin(), family.runs.end(),
        [](const FigureRun& a, const FigureRun& b) { return swept_value(a) < swept_value(b); });
  }
  return families;
}

std::vector<std::string> short_names(std::span<const FigureRun> runs) {
  std::vector<std::string> names = names_of(runs, std::vector<std::string_view>(runs.size()));
  tell_apart(names, runs);
  return names;
}

std::vector<std::string> short_names(std::span<const Family> families) {
  return family_names(families, false);
}

std::vector<std::string> point_names(std::span<const Family> families) {
  return family_names(families, true);
}

std::string spaced_percent(std::string_view value) {
  const bool is_percent =
      value.size() > 1 && value.ends_with('%') && value[value.size() - 2] != ' ';
  return is_percent ? std::string(value.substr(0, value.size() - 1)) + " %" : std::string(value);
}

std::string percent_text(double share) {
  return fmt::format("{:.6g} %", 100 * share);
}

}  // namespace kvreel::exports
