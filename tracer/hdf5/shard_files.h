// Shards by their names: "<trace>.s0001", "<trace>.s0002", ... beside the trace.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kvreel::tracer {

// Of a new trace: half the SHA-256 of its provenance, which holds the clock to the nanosecond.
std::string trace_id_from(std::string_view provenance);
// What a trace, or a shard, has; "" where it cannot be read.
std::string trace_id_of(const std::string& path);

// "<file name of the trace>.s0001" and so on: the first from `number` on that no file has, which
// leaves `number` behind it.
std::string free_shard_name(const std::string& trace, unsigned& number);
// The path of a shard that a trace names. Throws Error where the name leads out of the trace's
// directory.
std::string shard_path(const std::string& trace, const std::string& name);

// Paths of the files beside `trace` that have such a name, of whatever trace they are.
std::vector<std::string> shards_beside(const std::string& trace);
// Removes those that have `trace_id`, unless it is empty, and are not being written. What cannot be
// removed stays.
void remove_shards(const std::string& trace, std::string_view trace_id);

}  // namespace kvreel::tracer
