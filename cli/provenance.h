// What a trace says about how it was made.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/generate/generate.h"
#include "engine/model/model.h"

namespace kvreel::cli {

// {"version", "commit", "build", "compiler"}
nlohmann::json describe_program();

// {"cpu", "cores", "memory_bytes", "os"} of this machine.
nlohmann::json describe_machine();

// Bytes per second (median, least, most), threads, runs, bytes, and whether the buffer counts in
// the process peak: measured now.
nlohmann::json measure_bandwidth(int threads);

// Shapes, sizes and files. `hashes`: SHA-256 of each file, in the order of model_files(), or empty.
nlohmann::json describe_model(const engine::Model& model, const engine::LoadOptions& load,
                              const std::vector<engine::ModelFile>& files,
                              const std::vector<std::string>& hashes);

// UTC now as "2026-11-22T01:02:03Z".
std::string utc_now();

}  // namespace kvreel::cli
