// The registry of figures, and what all of them have in common.
#include "exports/figures/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "exports/figures/definitions.h"
#include "exports/tables/trace_set.h"

namespace kvreel::exports {
namespace {

using tracer::Trace;

const std::vector<FigureDefinition>& definitions() {
  static const std::vector<FigureDefinition> kAll = [] {
    std::vector<FigureDefinition> all;
    for (auto group : {threshold_figures, budget_figures, score_figures, fidelity_figures,
                       decision_figures, attention_figures, cost_figures}) {
      std::vector<FigureDefinition> figures = group();
      std::move(figures.begin(), figures.end(), std::back_inserter(all));
    }
    return all;
  }();
  return kAll;
}

const FigureDefinition& find_figure(std::string_view name) {
  std::vector<std::string> names;
  for (const FigureDefinition& definition : definitions()) {
    if (definition.info.name == name) return definition;
    names.emplace_back(definition.info.name);
  }
  fail_usage("There is no figure '{}'.{}", name, suggest_name(name, names));
}

FigureSource make_source(const std::vector<const Trace*>& traces, const FigureOptions& options) {
  const std::vector<Filter> filters = filters_of(traces, options.filter);
  const std::vector<std::string> labels = labels_of(traces);
  FigureSource source{.traces = {}, .options = options};
  for (size_t i = 0; i < traces.size(); ++i) {
    source.traces.push_back(std::make_unique<FigureTrace>(*traces[i], filters[i]));
    source.traces.back()->label = labels[i];
  }
  return source;
}

bool has_key(const Metadata& metadata, std::string_view key) {
  return std::any_of(metadata.begin(), metadata.end(),
                     [&](const auto& pair) { return pair.first == key; });
}

// The figure's own metadata comes first, then what was asked for, then trace by trace, with the
// trace's number behind its keys where there are several: "sha256 2".
void add_metadata(plot::Figure& figure, const FigureSource& source) {
  const FigureOptions& options = source.options;
  const auto add = [&](std::string key, const std::string& value) {
    if (!value.empty() && !has_key(figure.metadata, key))
      figure.metadata.emplace_back(std::move(key), value);
  };
  add("reference", options.reference);
  add("by", options.by);
  if (source.several()) {
    std::string names;
    for (const auto& trace : source.traces) {
      names += (names.empty() ? "" : ", ") +
               std::filesystem::path(trace->source.trace.path()).filename().string();
    }
    add("trace", names);
  }
  for (size_t i = 0; i < source.traces.size(); ++i) {
    for (const auto& [key, value] : metadata_of(source.traces[i]->source, options.hash_traces))
      add(source.several() ? fmt::format("{} {}", key, i + 1) : key, value);
  }
  add("drawn by", options.version.empty() ? "" : "kvreel " + options.version);
  add("command", options.command);
}

}  // namespace

const std::vector<FigureInfo>& known_figures() {
  static const std::vector<FigureInfo> kAll = [] {
    std::vector<FigureInfo> all;
    for (const FigureDefinition& definition : definitions()) all.push_back(definition.info);
    return all;
  }();
  return kAll;
}

plot::Figure make_figure(const std::vector<const Trace*>& traces, std::string_view name,
                         const FigureOptions& options) {
  const FigureDefinition& definition = find_figure(name);
  if (traces.empty()) fail_usage("Figure '{}' needs a trace.", name);
  if (!options.metric.empty() && !definition.info.takes_metric) {
    std::string others;
    for (const FigureInfo& info : known_figures()) {
      if (info.takes_metric) others += fmt::format("{}{}", others.empty() ? "" : ", ", info.name);
    }
    fail_usage("Figure '{}' shows no score: --metric goes with {}.", name, others);
  }
  const FigureSource source = make_source(traces, options);
  plot::Figure figure = definition.make(source);
  figure.name = definition.info.name;
  add_metadata(figure, source);
  plot::check(figure);
  return figure;
}

}  // namespace kvreel::exports
