// Keys of config.json that change the arithmetic to something that kvreel does not compute.
#include "engine/model/unsupported_keys.h"

#include <fmt/format.h>

#include <algorithm>

namespace kvreel::engine {
namespace {

using nlohmann::json;

// A key, and the values beside null with which it changes nothing.
struct UnsupportedKey {
  const char* key;
  std::vector<json> neutral;
};

// Whether or not transformers' class of the named architecture would read the key: somebody wrote
// it because the model was trained with it, so the Llama arithmetic would be the wrong arithmetic.
const std::vector<UnsupportedKey>& unsupported_keys() {
  static const std::vector<UnsupportedKey> keys = {
      // weights stored in another form
      {"quantization_config", {}},
      {"compression_config", {}},
      {"pruned_heads", {json::object()}},
      // scales on embeddings, residuals, scores and logits (Granite, Cohere, MiniCPM, Gemma)
      {"embedding_multiplier", {1}},
      {"residual_multiplier", {1}},
      {"attention_multiplier", {}},
      {"logits_scaling", {1}},
      {"logit_scale", {1}},
      {"scale_emb", {1}},
      {"scale_depth", {}},
      {"dim_model_base", {}},
      {"query_pre_attn_scalar", {}},
      {"attn_logit_softcapping", {}},
      {"final_logit_softcapping", {}},
      {"hidden_activation", {"silu"}},
      // experts (Mixtral, Qwen-MoE, DeepSeek)
      {"num_local_experts", {0}},
      {"num_experts", {0}},
      {"num_experts_per_tok", {0}},
      {"n_routed_experts", {0}},
      {"n_shared_experts", {0}},
      {"moe_intermediate_size", {0}},
      {"shared_expert_intermediate_size", {0}},
      // attention of another form
      {"qk_layernorm", {false}},
      {"use_qk_norm", {false}},
      {"qk_norm", {false}},
      {"clip_qkv", {}},
      {"alibi", {false}},
      {"position_embedding_type", {"rope", "rotary"}},
      {"parallel_attn", {false}},
      {"use_parallel_residual", {false}},
      {"new_decoder_architecture", {false}},
      {"kv_lora_rank", {0}},
      {"q_lora_rank", {0}},
      {"attention_chunk_size", {}},
      {"attn_temperature_tuning", {false, 0}},
      {"dual_chunk_attention_config", {}},
      {"num_kv_shared_layers", {0}},
      {"cross_attention_layers", {json::array()}},
      {"add_cross_attention", {false}},
      {"is_encoder_decoder", {false}},
      {"sliding_window_pattern", {}},
      {"_sliding_window_pattern", {}},
      {"interleaved_sliding_window", {}},
      // rotary embedding of a part of the head, of some layers, or in another pairing
      {"partial_rotary_factor", {1}},
      {"rotary_pct", {1}},
      {"rope_percent", {1}},
      {"rope_interleave", {false}},
      {"rope_interleaved", {false}},
      {"rope_local_base_freq", {}},
      {"use_mrope", {false}},
      {"no_rope_layers", {json::array()}},
      {"no_rope_layer_interval", {0}},
      // biases under other architectures' names
      {"bias", {false}},
      {"use_bias", {false}},
  };
  return keys;
}

}  // namespace

void refuse_unsupported_keys(const JsonObject& config) {
  for (const UnsupportedKey& entry : unsupported_keys()) {
    const json* value = config.find(entry.key);
    if (!value) continue;
    if (std::ranges::find(entry.neutral, *value) != entry.neutral.end()) continue;
    std::string why = "it changes the model's arithmetic in a way that kvreel does not compute";
    if (entry.neutral.empty()) {
      why += "; only models without this key are supported";
    } else {
      why += fmt::format("; only models without this key, or with the value {}, are supported",
                         shown(entry.neutral.front()));
    }
    config.refuse(entry.key, why);
  }
}

}  // namespace kvreel::engine
