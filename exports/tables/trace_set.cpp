// Several traces at once: what each is called, what of a filter each can answer, where the rows
// come from.
#include "exports/tables/trace_set.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/error.h"
#include "exports/tables/labels.h"

namespace kvreel::exports {
namespace {

using tracer::Trace;

// The last `parts` parts of a trace's path, without the file's extension.
std::string tail_of(const Trace& trace, int parts) {
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
}

// Of the names asked for, those that each trace has; `find` throws UsageError for one that it has
// not.
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

}  // namespace

std::vector<std::string> labels_of(const std::vector<const Trace*>& traces) {
  constexpr int kMostParts = 64;
  std::vector<std::string> labels(traces.size());
  for (size_t i = 0; i < traces.size(); ++i) {
    const auto is_taken = [&](int parts) {
      for (size_t other = 0; other < traces.size(); ++other) {
        if (other != i && tail_of(*traces[other], parts) == tail_of(*traces[i], parts)) return true;
      }
      return false;
    };
    int parts = 1;
    while (parts < kMostParts && is_taken(parts)) ++parts;
    labels[i] = tail_of(*traces[i], parts < kMostParts ? parts : 1);
    // The same path twice, or a.h5 beside a.hdf5.
    if (parts == kMostParts) labels[i] += fmt::format(" ({})", i + 1);
  }
  return labels;
}

std::vector<Filter> filters_of(const std::vector<const Trace*>& traces, const Filter& filter) {
  const auto runs = names_by_trace(
      traces, filter.runs, "run",
      [](const Trace& trace, const std::string& name) { find_run(trace, Labels(trace), name); });
  const auto samples = names_by_trace(
      traces, filter.samples, "sample",
      [](const Trace& trace, const std::string& name) { find_sample(trace, Labels(trace), name); });
  std::vector<Filter> filters(traces.size(), filter);
  for (size_t i = 0; i < traces.size(); ++i) {
    filters[i].runs = runs[i];
    filters[i].samples = samples[i];
  }
  return filters;
}

std::vector<std::unique_ptr<Source>> sources_of(const std::vector<const Trace*>& traces,
                                                const Filter& filter) {
  const std::vector<Filter> filters = filters_of(traces, filter);
  std::vector<std::unique_ptr<Source>> sources;
  for (size_t i = 0; i < traces.size(); ++i)
    sources.push_back(std::make_unique<Source>(*traces[i], filters[i]));
  return sources;
}

Metadata metadata_of(const std::vector<std::unique_ptr<Source>>& sources, std::string_view version,
                     std::string_view command) {
  Metadata metadata;
  for (size_t i = 0; i < sources.size(); ++i) {
    for (auto& [key, value] : metadata_of(*sources[i])) {
      metadata.emplace_back(sources.size() > 1 ? fmt::format("{} {}", key, i + 1) : key, value);
    }
  }
  if (!version.empty()) metadata.emplace_back("written by", fmt::format("kvreel {}", version));
  if (!command.empty()) metadata.emplace_back("command", command);
  return metadata;
}

}  // namespace kvreel::exports
