// What each policy's file offers to the registry.
#pragma once

#include "engine/policy/registry.h"

namespace kvreel::engine {

PolicyInfo full_policy();
PolicyInfo refreekv_policy();
PolicyInfo streaming_llm_policy();

}  // namespace kvreel::engine
