// What each policy's file offers to the registry.
#pragma once

#include "engine/policy/registry.h"

namespace kvreel::engine {

PolicyInfo full_policy();
PolicyInfo refreekv_policy();
PolicyInfo top_p_policy();
PolicyInfo hard_kv_policy();
PolicyInfo streaming_llm_policy();
PolicyInfo h2o_policy();
PolicyInfo snapkv_policy();
PolicyInfo tova_policy();
PolicyInfo pyramidkv_policy();
PolicyInfo ada_kv_policy();
PolicyInfo cake_policy();
PolicyInfo expected_attention_policy();
PolicyInfo key_norm_policy();
PolicyInfo key_diff_policy();
PolicyInfo random_policy();

}  // namespace kvreel::engine
