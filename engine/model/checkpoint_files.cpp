// Which files of a model directory hold its weights.
#include "engine/model/checkpoint_files.h"

#include <algorithm>
#include <set>
#include <system_error>

#include "base/error.h"
#include "engine/model/json_file.h"
#include "engine/model/weights.h"

namespace kvreel::engine {
namespace {

namespace fs = std::filesystem;

// True for a broken link too: what is wrong with it is said where it is opened.
bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

[[noreturn]] void fail_without_weights(const fs::path& directory) {
  for (const char* name : {"pytorch_model.bin", "pytorch_model.bin.index.json"}) {
    if (!is_there(directory / name)) continue;
    fail(
        "The model directory '{}' has {} but no model.safetensors; kvreel reads safetensors only, "
        "so convert it (load the model with transformers and call save_pretrained).",
        directory.string(), name);
  }
  fail(
      "The model directory '{}' has neither model.safetensors nor model.safetensors.index.json; "
      "download the weights in Hugging Face's safetensors layout.",
      directory.string());
}

// An index may only name files of its own directory: one from elsewhere could be any file of the
// machine.
bool is_plain_shard_name(const std::string& name) {
  return name.ends_with(".safetensors") && name.find('/') == std::string::npos &&
         name.find('\\') == std::string::npos && name.find('\0') == std::string::npos;
}

CheckpointFiles read_index(const fs::path& directory, const fs::path& path) {
  const nlohmann::json value = read_json_file(path);
  const JsonObject index(value, path.string());
  const auto weight_map = index.object("weight_map");
  if (!weight_map) index.miss("weight_map", "it says which file holds which tensor");

  CheckpointFiles files;
  files.index = path;
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : weight_map->value().items()) {
    if (!shard.is_string() || !is_plain_shard_name(shard.get<std::string>())) {
      weight_map->refuse(tensor,
                         "the name of a .safetensors file in the same directory is "
                         "expected");
    }
    shards.insert(shard.get<std::string>());
    files.shard_of.emplace(tensor, shard.get<std::string>());
  }
  if (shards.empty()) index.refuse("weight_map", "it names no tensor; download it again");
  for (const std::string& shard : shards) {
    if (!is_there(directory / shard)) {
      fail("'{}' names the shard '{}', which is not in the directory; download it.", path.string(),
           shard);
    }
    files.tensors.push_back(directory / shard);
  }
  return files;
}

uint64_t file_bytes(const fs::path& path) {
  std::error_code error;
  const uintmax_t bytes = fs::file_size(path, error);
  if (error) fail("Cannot read '{}': {}.", path.string(), error.message());
  return bytes;
}

}  // namespace

CheckpointFiles find_checkpoint_files(const fs::path& directory) {
  const fs::path single = directory / "model.safetensors";
  if (is_there(single)) return {.tensors = {single}, .index = {}, .shard_of = {}};
  const fs::path index = directory / "model.safetensors.index.json";
  if (is_there(index)) return read_index(directory, index);
  fail_without_weights(directory);
}

std::vector<ModelFile> model_files(const fs::path& directory, bool with_weights) {
  std::vector<ModelFile> files;
  for (const char* name :
       {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"}) {
    const fs::path path = directory / name;
    if (is_there(path)) files.push_back({path, file_bytes(path)});
  }
  if (!with_weights) return files;
  const CheckpointFiles checkpoint = find_checkpoint_files(directory);
  if (checkpoint.index) files.push_back({*checkpoint.index, file_bytes(*checkpoint.index)});
  for (const fs::path& path : checkpoint.tensors) files.push_back({path, file_bytes(path)});
  return files;
}

}  // namespace kvreel::engine
