// The rotary keys of config.json, in their old and their new form.
#include "engine/model/rope_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace kvreel::engine {
namespace {

using nlohmann::json;

// What both transformers' older model classes and its 5.x RotaryEmbeddingConfigMixin take for a
// missing key.
constexpr double kDefaultTheta = 10000;

// The one object that describes the scaling, or none where the model has no scaling.
std::optional<JsonObject> scaling_object(const JsonObject& config) {
  const auto scaling = config.object("rope_scaling");
  const auto parameters = config.object("rope_parameters");
  if (scaling && parameters && scaling->value() != parameters->value()) {
    config.refuse("rope_scaling",
                  fmt::format("but 'rope_parameters' is {}: the two forms of one setting "
                              "disagree, so remove the one that is wrong",
                              shown(parameters->value())));
  }
  return parameters ? parameters : scaling;
}

std::string read_type_name(const JsonObject& scaling) {
  const auto type = scaling.text("rope_type");
  const auto old_type = scaling.text("type");
  if (type && old_type && *type != *old_type) {
    scaling.refuse("type",
                   fmt::format("but 'rope_type' is \"{}\"; remove the one that is wrong", *type));
  }
  if (type) return *type;
  if (old_type) return *old_type;
  return "default";
}

RopeType to_rope_type(const JsonObject& scaling, const std::string& name) {
  if (name == "default") return RopeType::standard;
  if (name == "linear") return RopeType::linear;
  if (name == "llama3") return RopeType::llama3;
  if (name == "yarn") return RopeType::yarn;
  scaling.refuse(scaling.find("rope_type") ? "rope_type" : "type",
                 "kvreel computes the rotary scalings default, linear, llama3 and yarn; use a "
                 "model with one of these");
}

// A key that the type does not use is one that its author thought to matter.
void refuse_unknown_keys(const JsonObject& scaling, RopeType type, const std::string& name) {
  std::vector<std::string> known = {"rope_type", "type", "rope_theta", "partial_rotary_factor"};
  const auto add = [&known](std::initializer_list<const char*> keys) {
    known.insert(known.end(), keys.begin(), keys.end());
  };
  if (type != RopeType::standard) add({"factor"});
  if (type == RopeType::llama3) {
    add({"low_freq_factor", "high_freq_factor", "original_max_position_embeddings"});
  }
  if (type == RopeType::yarn) {
    add({"original_max_position_embeddings", "attention_factor", "beta_fast", "beta_slow",
         "truncate"});
  }
  for (const auto& [key, value] : scaling.value().items()) {
    if (value.is_null() || std::ranges::find(known, key) != known.end()) continue;
    scaling.refuse(key, fmt::format("rotary scaling of type \"{}\" does not use that key in what "
                                    "kvreel computes; remove it if it has no meaning",
                                    name));
  }
}

double read_theta(const JsonObject& config, const std::optional<JsonObject>& scaling) {
  const auto outer = config.number("rope_theta");
  const auto inner = scaling ? scaling->number("rope_theta") : std::nullopt;
  if (outer && inner && *outer != *inner) {
    scaling->refuse("rope_theta", fmt::format("but the outer 'rope_theta' is {}; remove the one "
                                              "that is wrong",
                                              *outer));
  }
  const double theta = inner ? *inner : outer.value_or(kDefaultTheta);
  // yarn divides by the logarithm of theta.
  if (!(theta > 1)) (inner ? *scaling : config).refuse("rope_theta", "it must be above 1");
  return theta;
}

double positive(const JsonObject& scaling, const std::string& key, double value) {
  if (!(value > 0)) scaling.refuse(key, "it must be above 0");
  return value;
}

// No published model is near either end; beyond, the formulas leave the range of numbers.
double within_reason(const JsonObject& scaling, const std::string& key, double value) {
  constexpr double kLeast = 1e-6;
  constexpr double kMost = 1e6;
  if (!(value >= kLeast && value <= kMost)) {
    scaling.refuse(key, "it must be from 0.000001 to 1000000");
  }
  return value;
}

double read_factor(const JsonObject& scaling) {
  const double factor = scaling.required_number("factor");
  if (!(factor >= 1)) scaling.refuse("factor", "it must be at least 1");
  return factor;
}

// The positions that the model was trained with before it was stretched. Some files have the key
// beside the scaling, where transformers gives it priority.
std::optional<int64_t> read_original_positions(const JsonObject& config,
                                               const JsonObject& scaling) {
  const std::string key = "original_max_position_embeddings";
  const auto inner = scaling.integer(key, 1, INT32_MAX);
  const auto outer = config.integer(key, 1, INT32_MAX);
  if (inner && outer && *inner != *outer) {
    scaling.refuse(
        key, fmt::format("but the outer '{}' is {}; remove the one that is wrong", key, *outer));
  }
  return inner ? inner : outer;
}

void read_llama3(const JsonObject& config, const JsonObject& scaling, RopeConfig& rope) {
  rope.factor = read_factor(scaling);
  rope.low_freq_factor =
      positive(scaling, "low_freq_factor", scaling.required_number("low_freq_factor"));
  rope.high_freq_factor =
      positive(scaling, "high_freq_factor", scaling.required_number("high_freq_factor"));
  if (rope.high_freq_factor <= rope.low_freq_factor) {
    scaling.refuse("high_freq_factor",
                   fmt::format("it must be above 'low_freq_factor', {}", rope.low_freq_factor));
  }
  // transformers 4 refuses a file without the key and 5 takes max_position_embeddings: not the same
  // model.
  const auto original = read_original_positions(config, scaling);
  if (!original) {
    scaling.miss("original_max_position_embeddings",
                 "llama3 scaling needs the positions that the model was first trained with "
                 "(8192 for Llama 3.1 and 3.2)");
  }
  rope.original_max_positions = *original;
}

void read_yarn(const JsonObject& config, const JsonObject& scaling, int64_t max_positions,
               RopeConfig& rope) {
  rope.factor = read_factor(scaling);
  rope.original_max_positions = read_original_positions(config, scaling).value_or(max_positions);
  rope.beta_fast = within_reason(scaling, "beta_fast", scaling.number("beta_fast").value_or(32));
  rope.beta_slow = within_reason(scaling, "beta_slow", scaling.number("beta_slow").value_or(1));
  if (rope.beta_fast < rope.beta_slow) {
    scaling.refuse("beta_fast", fmt::format("it must not be below 'beta_slow', {}; their defaults "
                                            "are 32 and 1",
                                            rope.beta_slow));
  }
  rope.truncate = scaling.boolean("truncate").value_or(true);
  // YaRN (arXiv 2309.00071), section 3.4: sqrt(1/t) = 0.1 ln(s) + 1.
  rope.attention_factor =
      within_reason(scaling, "attention_factor",
                    scaling.number("attention_factor").value_or(0.1 * std::log(rope.factor) + 1));
}

}  // namespace

RopeConfig read_rope_config(const JsonObject& config, int64_t max_positions) {
  RopeConfig rope;
  const auto scaling = scaling_object(config);
  rope.theta = read_theta(config, scaling);
  if (!scaling) return rope;

  const std::string name = read_type_name(*scaling);
  rope.type = to_rope_type(*scaling, name);
  refuse_unknown_keys(*scaling, rope.type, name);
  if (const auto part = scaling->number("partial_rotary_factor"); part && *part != 1) {
    scaling->refuse("partial_rotary_factor",
                    "kvreel rotates whole heads only; use a model with the value 1");
  }
  switch (rope.type) {
    case RopeType::standard:
      break;
    case RopeType::linear:
      rope.factor = read_factor(*scaling);
      break;
    case RopeType::llama3:
      read_llama3(config, *scaling, rope);
      break;
    case RopeType::yarn:
      read_yarn(config, *scaling, max_positions, rope);
      break;
  }
  return rope;
}

}  // namespace kvreel::engine
