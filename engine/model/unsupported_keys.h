// Keys of config.json that change the arithmetic to something that kvreel does not compute.
#pragma once

#include "engine/model/json_file.h"

namespace kvreel::engine {

// Throws Error, naming file, key and value, for the first such key with a value that is not
// neutral.
void refuse_unsupported_keys(const JsonObject& config);

}  // namespace kvreel::engine
