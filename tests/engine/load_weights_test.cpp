// Loading checkpoints: views, shards, and what is said of files that are wrong.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "engine/model/weights.h"
#include "engine/temp_model.h"
#include "engine/tiny_weights.h"

namespace kvreel::engine {
namespace {

using kernels::DType;
using nlohmann::json;
using namespace test;

// A checkpoint's tensor: recognisable bytes that differ between tensors.
struct StoredTensor {
  std::string dtype;
  std::vector<int64_t> shape;
  std::string data;
};
using StoredTensors = std::map<std::string, StoredTensor>;

StoredTensor stored(const std::string& dtype, const std::vector<int64_t>& shape, char fill) {
  int64_t bytes = dtype == "F32" ? 4 : 2;
  for (const int64_t size : shape) bytes *= size;
  return {dtype, shape, std::string(size_t(bytes), fill)};
}

StoredTensors stored_tensors(const ModelConfig& config, DType dtype = DType::f32) {
  Weights weights;
  StoredTensors tensors;
  char fill = 1;
  for (const TensorSlot& slot : tensor_slots(config, weights)) {
    tensors[slot.name] = stored(dtype_name(dtype), slot.shape, fill++);
  }
  return tensors;
}

std::string file_of(const StoredTensors& tensors) {
  SafetensorsBuilder builder;
  for (const auto& [name, tensor] : tensors) {
    builder.add(name, tensor.dtype, tensor.shape, tensor.data);
  }
  return builder.bytes((8 - builder.header_bytes() % 8) % 8);
}

// What load_weights() says of a single file of these tensors.
std::string load_error(const ModelConfig& config, const StoredTensors& tensors) {
  const TempDirectory directory;
  directory.write("model.safetensors", file_of(tensors));
  const std::string error = error_of([&] { load_weights(directory.path(), config); });
  EXPECT_TRUE(contains(error, {(directory / "model.safetensors").string()}));
  return error;
}

TEST(LoadWeights, views_hold_the_bytes_of_the_file) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    ModelConfig config = tiny_config();
    config.qkv_bias = config.attn_out_bias = config.mlp_bias = true;
    const StoredTensors tensors = stored_tensors(config, dtype);
    const TempDirectory directory;
    directory.write("model.safetensors", file_of(tensors));
    Weights weights = load_weights(directory.path(), config);
    std::filesystem::remove(directory / "model.safetensors");  // a mapping keeps its file alive
    for (const TensorSlot& slot : tensor_slots(config, weights)) {
      SCOPED_TRACE(slot.name);
      const auto size = size_t(slot.elements());
      EXPECT_EQ(slot.matrix ? bytes_of(*slot.matrix, size) : bytes_of(*slot.vector, size),
                tensors.at(slot.name).data);
    }
    EXPECT_EQ(weights.layers[1].q.dtype, dtype);
    EXPECT_EQ(weights.layers[1].q.rows, 16);
    EXPECT_EQ(weights.layers[1].q.cols, 8);
    EXPECT_EQ(weights.layers[1].k_bias.size, 8);
    EXPECT_NE(weights.lm_head.data, weights.embedding.data);
  }
}

TEST(LoadWeights, dtypes_may_differ_between_tensors) {
  StoredTensors tensors = stored_tensors(tiny_config(), DType::bf16);
  tensors["model.norm.weight"] = stored("F32", {8}, 'x');
  const TempDirectory directory;
  directory.write("model.safetensors", file_of(tensors));
  const Weights weights = load_weights(directory.path(), tiny_config());
  EXPECT_EQ(weights.final_norm.dtype, DType::f32);
  EXPECT_EQ(weights.embedding.dtype, DType::bf16);
}

TEST(LoadWeights, tensors_that_the_file_does_not_align_are_copied) {
  const StoredTensors tensors = stored_tensors(tiny_config());
  SafetensorsBuilder builder;
  for (const auto& [name, tensor] : tensors)
    builder.add(name, tensor.dtype, tensor.shape, tensor.data);
  const TempDirectory directory;
  // One of these four lengths aligns the data, three do not.
  for (size_t spaces = 0; spaces < 4; ++spaces) {
    directory.write("model.safetensors", builder.bytes(spaces));
    Weights weights = load_weights(directory.path(), tiny_config());
    for (const TensorSlot& slot : tensor_slots(tiny_config(), weights)) {
      const void* const data = slot.matrix ? slot.matrix->data : slot.vector->data;
      EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % 4, 0u) << slot.name;
      EXPECT_EQ(
          std::memcmp(data, tensors.at(slot.name).data.data(), tensors.at(slot.name).data.size()),
          0);
    }
  }
}

TEST(LoadWeights, tied_models_use_the_embedding_whatever_the_file_holds) {
  ModelConfig config = tiny_config();
  config.tied_embeddings = true;
  StoredTensors tensors = stored_tensors(config);
  for (const bool stored_head : {false, true}) {
    if (stored_head) tensors["lm_head.weight"] = stored("F32", {10, 8}, 'h');
    const TempDirectory directory;
    directory.write("model.safetensors", file_of(tensors));
    const Weights weights = load_weights(directory.path(), config);
    EXPECT_EQ(weights.lm_head.data, weights.embedding.data);
    EXPECT_EQ(weights.lm_head.rows, 10);
  }
}

TEST(LoadWeights, an_untied_model_needs_its_head) {
  StoredTensors tensors = stored_tensors(tiny_config());
  tensors.erase("lm_head.weight");
  EXPECT_TRUE(contains(load_error(tiny_config(), tensors),
                       {"\"lm_head.weight\"", "config.json", "tie_word_embeddings"}));
}

TEST(LoadWeights, names_a_missing_tensor) {
  StoredTensors tensors = stored_tensors(tiny_config());
  tensors.erase("model.layers.1.mlp.up_proj.weight");
  EXPECT_TRUE(contains(load_error(tiny_config(), tensors),
                       {"no tensor \"model.layers.1.mlp.up_proj.weight\"", "[12, 8]"}));
  ModelConfig qwen = tiny_config();
  qwen.qkv_bias = true;
  EXPECT_TRUE(contains(load_error(qwen, stored_tensors(tiny_config())), {"q_proj.bias"}));
}

TEST(LoadWeights, gives_expected_and_actual_shapes) {
  StoredTensors tensors = stored_tensors(tiny_config());
  tensors["model.layers.0.self_attn.q_proj.weight"] = stored("F32", {8, 16}, 'q');
  EXPECT_TRUE(contains(load_error(tiny_config(), tensors),
                       {"\"model.layers.0.self_attn.q_proj.weight\"", "[8, 16]", "[16, 8]"}));
  tensors = stored_tensors(tiny_config());
  tensors["model.norm.weight"] = stored("F32", {1, 8}, 'n');
  EXPECT_TRUE(
      contains(load_error(tiny_config(), tensors), {"\"model.norm.weight\"", "[1, 8]", "[8]"}));
}

TEST(LoadWeights, refuses_dtypes_that_are_not_weights) {
  StoredTensors tensors = stored_tensors(tiny_config());
  tensors["model.norm.weight"] = {"F64", {8}, std::string(64, 'x')};
  EXPECT_TRUE(contains(load_error(tiny_config(), tensors),
                       {"\"model.norm.weight\"", "F64", "F32, F16 and BF16"}));
  tensors["model.norm.weight"] = {"F8_E4M3", {8}, std::string(8, 'x')};
  EXPECT_TRUE(contains(load_error(tiny_config(), tensors), {"F8_E4M3"}));
}

TEST(LoadWeights, refuses_tensors_that_the_model_does_not_have) {
  for (const char* name :
       {"model.layers.2.input_layernorm.weight", "model.layers.0.self_attn.q_norm.weight",
        "model.layers.0.self_attn.o_proj.bias", "vision.patch.weight",
        "model.layers.x.self_attn.rotary_emb.inv_freq"}) {
    StoredTensors tensors = stored_tensors(tiny_config());
    tensors[name] = stored("F32", {8}, 'x');
    EXPECT_TRUE(
        contains(load_error(tiny_config(), tensors),
                 {std::string("\"") + name + "\" of shape [8]", "llama model of 2 layers"}));
  }
}

TEST(LoadWeights, ignores_stored_rotary_frequencies) {
  StoredTensors tensors = stored_tensors(tiny_config());
  tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = stored("F32", {2}, 'x');
  tensors["model.layers.1.self_attn.rotary_emb.inv_freq"] = stored("F32", {2}, 'x');
  const TempDirectory directory;
  directory.write("model.safetensors", file_of(tensors));
  EXPECT_NO_THROW(load_weights(directory.path(), tiny_config()));
}

TEST(LoadWeights, says_what_a_directory_without_safetensors_needs) {
  const TempDirectory directory;
  const auto error = [&] {
    return error_of([&] { load_weights(directory.path(), tiny_config()); });
  };
  EXPECT_TRUE(contains(error(), {directory.path().string(), "neither model.safetensors"}));
  directory.write("pytorch_model.bin", std::string("x"));
  EXPECT_TRUE(contains(error(), {"pytorch_model.bin", "convert", "save_pretrained"}));
}

TEST(LoadWeights, a_broken_link_is_named) {
  const TempDirectory directory;
  std::filesystem::create_symlink("gone", directory / "model.safetensors");
  EXPECT_TRUE(contains(error_of([&] { load_weights(directory.path(), tiny_config()); }),
                       {(directory / "model.safetensors").string(), "No such file"}));
}

TEST(LoadWeights, every_fixture_model_loads) {
  int models = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(KVREEL_SOURCE_DIR "/tests/fixtures/models")) {
    if (!std::filesystem::exists(entry.path() / "config.json")) continue;
    SCOPED_TRACE(entry.path().string());
    const Weights weights = load_weights(entry.path(), read_model_config(entry.path()));
    EXPECT_GT(weights.total_bytes(), 0);
    ++models;
  }
  EXPECT_GT(models, 0);
}

TEST(LoadWeights, stories260k_loads) {
  const char* const assets = std::getenv("KVREEL_TEST_ASSETS");
  if (!assets) GTEST_SKIP() << "KVREEL_TEST_ASSETS is not set";
  const std::filesystem::path directory = std::filesystem::path(assets) / "models/stories260K";
  const ModelConfig config = read_model_config(directory);
  const Weights weights = load_weights(directory, config);
  EXPECT_EQ(weights.total_bytes(), 4 * config.parameters());
  EXPECT_EQ(weights.lm_head.data, weights.embedding.data);
}

// A model in two shards: the embedding in one, the rest in the other.
struct Sharded {
  TempDirectory directory;
  StoredTensors first, second;
  json index;

  Sharded() {
    second = stored_tensors(tiny_config());
    first["model.embed_tokens.weight"] = second["model.embed_tokens.weight"];
    second.erase("model.embed_tokens.weight");
    for (const auto& [name, tensor] : first) index["weight_map"][name] = kFirst;
    for (const auto& [name, tensor] : second) index["weight_map"][name] = kSecond;
    index["metadata"] = {{"total_size", 1}};
  }
  void write() const {
    directory.write(kFirst, file_of(first));
    directory.write(kSecond, file_of(second));
    directory.write("model.safetensors.index.json", index);
  }
  std::string error() const {
    write();
    return error_of([&] { load_weights(directory.path(), tiny_config()); });
  }

  static constexpr const char* kFirst = "model-00001-of-00002.safetensors";
  static constexpr const char* kSecond = "model-00002-of-00002.safetensors";
};

TEST(LoadShards, views_reach_into_all_files) {
  Sharded model;
  model.write();
  Weights weights = load_weights(model.directory.path(), tiny_config());
  EXPECT_EQ(bytes_of(weights.embedding, 80), model.first["model.embed_tokens.weight"].data);
  EXPECT_EQ(bytes_of(weights.final_norm, 8), model.second["model.norm.weight"].data);
}

TEST(LoadShards, a_single_file_is_preferred_as_in_transformers) {
  Sharded model;
  model.write();
  StoredTensors single = stored_tensors(tiny_config());
  single["model.norm.weight"] = stored("F32", {8}, 'S');
  model.directory.write("model.safetensors", file_of(single));
  EXPECT_EQ(bytes_of(load_weights(model.directory.path(), tiny_config()).final_norm, 8),
            std::string(32, 'S'));
}

TEST(LoadShards, names_a_missing_shard) {
  Sharded model;
  model.write();
  std::filesystem::remove(model.directory / Sharded::kSecond);
  EXPECT_TRUE(contains(error_of([&] { load_weights(model.directory.path(), tiny_config()); }),
                       {"model.safetensors.index.json'", Sharded::kSecond, "download"}));
}

TEST(LoadShards, refuses_names_that_leave_the_directory) {
  for (const std::string& name :
       {std::string("../x.safetensors"), std::string("/etc/x.safetensors"),
        std::string("sub/x.safetensors"), std::string("..\\x.safetensors"), std::string(".."),
        std::string(), std::string("model.bin"), std::string("a\0.safetensors", 14)}) {
    Sharded model;
    model.index["weight_map"]["model.norm.weight"] = name;
    EXPECT_TRUE(contains(model.error(),
                         {"index.json': key 'weight_map.model.norm.weight' is " + json(name).dump(),
                          "same directory"}));
  }
}

TEST(LoadShards, refuses_an_index_of_another_form) {
  Sharded model;
  model.index["weight_map"]["model.norm.weight"] = 1;
  EXPECT_TRUE(contains(model.error(), {"'weight_map.model.norm.weight' is 1"}));
  model.index["weight_map"] = json::object();
  EXPECT_TRUE(contains(model.error(), {"'weight_map' is {}"}));
  model.index["weight_map"] = json::array();
  EXPECT_TRUE(contains(model.error(), {"'weight_map' is []", "object"}));
  model.index.erase("weight_map");
  EXPECT_TRUE(contains(model.error(), {"index.json' has no key 'weight_map'"}));
  model.index = "x";
  EXPECT_TRUE(contains(model.error(), {"index.json' holds \"x\""}));
}

TEST(LoadShards, refuses_an_index_that_misplaces_a_tensor) {
  Sharded model;
  model.index["weight_map"]["model.norm.weight"] = Sharded::kFirst;
  EXPECT_TRUE(contains(model.error(), {"index.json'", "\"model.norm.weight\"", Sharded::kFirst,
                                       "does not hold it"}));
  model.index["weight_map"]["model.norm.weight"] = Sharded::kSecond;
  model.index["weight_map"]["more"] = Sharded::kSecond;
  EXPECT_TRUE(contains(model.error(), {"\"more\"", "does not hold it"}));
}

TEST(LoadShards, refuses_a_tensor_in_two_shards) {
  Sharded model;
  model.first["model.norm.weight"] = model.second["model.norm.weight"];
  EXPECT_TRUE(contains(model.error(),
                       {Sharded::kFirst, Sharded::kSecond, "both hold", "\"model.norm.weight\""}));
}

TEST(LoadShards, refuses_a_tensor_that_neither_index_nor_model_know) {
  Sharded model;
  model.first["extra"] = stored("F32", {8}, 'x');
  EXPECT_TRUE(contains(model.error(), {Sharded::kFirst, "\"extra\""}));
}

TEST(LoadWeights, counts_bytes_of_mixed_dtypes) {
  StoredTensors tensors = stored_tensors(tiny_config(), DType::bf16);
  tensors["model.norm.weight"] = stored("F32", {8}, 'x');
  const TempDirectory directory;
  directory.write("model.safetensors", file_of(tensors));
  EXPECT_EQ(load_weights(directory.path(), tiny_config()).total_bytes(),
            2 * tiny_config().parameters() + 2 * 8);
}

TEST(ModelFiles, lists_what_is_there) {
  Sharded model;
  model.write();
  model.directory.write("config.json", std::string("{}"));
  model.directory.write("tokenizer.json", std::string("12345"));
  std::vector<std::string> names;
  for (const ModelFile& file : model_files(model.directory.path(), true)) {
    names.push_back(file.path.filename().string());
    EXPECT_EQ(file.bytes, std::filesystem::file_size(file.path));
  }
  EXPECT_EQ(names, (std::vector<std::string>{"config.json", "tokenizer.json",
                                             "model.safetensors.index.json", Sharded::kFirst,
                                             Sharded::kSecond}));
  EXPECT_EQ(model_files(model.directory.path(), false).size(), 2u);
}

}  // namespace
}  // namespace kvreel::engine
