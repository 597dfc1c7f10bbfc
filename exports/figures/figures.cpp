// The registry of figures, and what all of them have in common.
#include "exports/figures/figures.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "exports/figures/definitions.h"
#include "exports/tables/provenance.h"

namespace kvreel::exports {
namespace {

using tracer::Trace;

const std::vector<FigureDefinition>& definitions() {
  static const std::vector<FigureDefinition> kAll = [] {
    std::vector<FigureDefinition> all;
    for (auto group : {threshold_figures, budget_figures, score_figures, decision_figures,
                       attention_figures, cost_figures}) {
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

// Names that tell the traces from each other.
std::vector<std::string> labels_of(const std::vector<const Trace*>& traces) {
  // The last `parts` parts of a path, without the file's extension.
  const auto tail = [](const Trace& trace, int parts) {
    std::filesystem::path path(trace.path());
    path.replace_extension();
    std::string label = path.filename().string();
    for (int part = 1; part < parts && path.has_parent_path(); ++part) {
      if (path == path.parent_path()) break;
      path = path.parent_path();
      if (const std::string name = path.filename().string(); !name.empty())
        label = name + "/" + label;
    }
    return label;
  };
  constexpr int kMostParts = 64;
  std::vector<std::string> labels(traces.size());
  for (size_t i = 0; i < traces.size(); ++i) {
    const auto is_taken = [&](int parts) {
      for (size_t other = 0; other < traces.size(); ++other) {
        if (other != i && tail(*traces[other], parts) == tail(*traces[i], parts)) return true;
      }
      return false;
    };
    int parts = 1;
    while (parts < kMostParts && is_taken(parts)) ++parts;
    labels[i] = tail(*traces[i], parts < kMostParts ? parts : 1);
    // The same path twice, or a.h5 beside a.hdf5.
    if (parts == kMostParts) labels[i] += fmt::format(" ({})", i + 1);
  }
  return labels;
}

// Of the names asked for, those that a trace has; `find` throws UsageError for one that it has not.
// A name that no trace has is an error, and so is a trace that has none of them: it would show
// nothing.
template <typename Find>
std::vector<std::vector<std::string>> names_by_trace(const std::vector<const Trace*>& traces,
                                                     const std::vector<std::string>& wanted,
                                                     std::string_view kind, Find&& find) {
  std::vector<std::vector<std::string>> names(traces.size());
  if (wanted.empty()) return names;
  for (const std::string& name : wanted) {
    bool found = false;
    std::string why;
    for (size_t i = 0; i < traces.size(); ++i) {
      try {
        find(*traces[i], name);
        names[i].push_back(name);
        found = true;
      } catch (const UsageError& error) {
        if (why.empty()) why = error.what();
      }
    }
    if (!found && traces.size() > 1)
      fail_usage("None of the {} traces has a {} '{}': {}", traces.size(), kind, name, why);
    if (!found) throw UsageError(why);
  }
  for (size_t i = 0; i < traces.size(); ++i) {
    if (names[i].empty()) {
      fail_usage("{} has none of the {}s asked for; leave it out, or ask for one of its own.",
                 traces[i]->path(), kind);
    }
  }
  return names;
}

FigureSource make_source(const std::vector<const Trace*>& traces, const FigureOptions& options) {
  const auto runs = names_by_trace(
      traces, options.filter.runs, "run",
      [](const Trace& trace, const std::string& name) { find_run(trace, Labels(trace), name); });
  const auto samples = names_by_trace(
      traces, options.filter.samples, "sample",
      [](const Trace& trace, const std::string& name) { find_sample(trace, Labels(trace), name); });
  const std::vector<std::string> labels = labels_of(traces);
  FigureSource source{.traces = {}, .options = options};
  for (size_t i = 0; i < traces.size(); ++i) {
    Filter filter = options.filter;
    filter.runs = runs[i];
    filter.samples = samples[i];
    source.traces.push_back(std::make_unique<FigureTrace>(*traces[i], filter));
    source.traces.back()->label = labels[i];
  }
  return source;
}

using Metadata = std::vector<std::pair<std::string, std::string>>;

bool has_key(const Metadata& metadata, std::string_view key) {
  return std::any_of(metadata.begin(), metadata.end(),
                     [&](const auto& pair) { return pair.first == key; });
}

// What a file must say about one of its traces.
Metadata trace_metadata(const Source& source) {
  Metadata metadata = metadata_of(source);
  const Provenance provenance(source.trace);
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty() && !has_key(metadata, key)) metadata.emplace_back(key, value);
  };
  add("sha256", trace_sha256(source.trace));
  add("prompts", std::filesystem::path(provenance.text("/prompts/path")).filename().string());
  add("prompts sha256", provenance.text("/prompts/sha256"));
  return metadata;
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
    for (const auto& [key, value] : trace_metadata(source.traces[i]->source))
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
  const FigureSource source = make_source(traces, options);
  plot::Figure figure = definition.make(source);
  figure.name = definition.info.name;
  add_metadata(figure, source);
  plot::check(figure);
  return figure;
}

}  // namespace kvreel::exports
