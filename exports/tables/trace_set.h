// Several traces at once: what each is called, what of a filter each can answer, where the rows
// come from.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exports/tables/rows.h"
#include "exports/tables/tables.h"
#include "tracer/read/trace.h"

namespace kvreel::exports {

// Names that tell the traces from each other: the file's stem, with as many of its directories as
// that takes.
std::vector<std::string> labels_of(const std::vector<const tracer::Trace*>& traces);

// The filter for each trace: of the runs and samples asked for, those that it has. Throws
// UsageError for a name that no trace has, and for a trace that has none of the names: it would
// show nothing.
std::vector<Filter> filters_of(const std::vector<const tracer::Trace*>& traces,
                               const Filter& filter);

// Each trace with its filter looked up.
std::vector<std::unique_ptr<Source>> sources_of(const std::vector<const tracer::Trace*>& traces,
                                                const Filter& filter);

using Metadata = std::vector<std::pair<std::string, std::string>>;

// metadata_of() trace by trace, with the trace's number behind its keys where there are several
// ("sha256 2"); then which version ("written by") and which command wrote it, where they are given.
Metadata metadata_of(const std::vector<std::unique_ptr<Source>>& sources, std::string_view version,
                     std::string_view command);

}  // namespace kvreel::exports
