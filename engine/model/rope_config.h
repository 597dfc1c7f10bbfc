// The rotary keys of config.json, in their old and their new form.
#pragma once

#include <cstdint>

#include "engine/model/config.h"
#include "engine/model/json_file.h"

namespace kvreel::engine {

// Reads the rotary keys of the root object of config.json: rope_theta and rope_scaling
// (transformers 4) or rope_parameters (5). `max_positions` stands in where a yarn model does not
// say what it was trained with, as in every version of transformers. Throws Error, naming file, key
// and value, for scalings other than default, linear, llama3 and yarn, and for values without a
// meaning.
RopeConfig read_rope_config(const JsonObject& config, int64_t max_positions);

}  // namespace kvreel::engine
