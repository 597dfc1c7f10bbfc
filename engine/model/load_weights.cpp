// Loading a checkpoint: maps its files, checks every tensor, and sets the views.
#include <fmt/format.h>

#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "engine/model/checkpoint_files.h"
#include "engine/model/json_file.h"
#include "engine/model/safetensors.h"
#include "engine/model/weights.h"

namespace kvreel::engine {
namespace {

using kernels::DType;

// What the views point into.
struct Storage {
  std::vector<SafetensorsFile> files;
  std::vector<std::unique_ptr<std::byte[]>> copies;  // of tensors that their files do not align
};

struct Found {
  const SafetensorsFile* file = nullptr;
  const TensorView* tensor = nullptr;
  bool used = false;
};
using FoundTensors = std::map<std::string, Found>;

// A tensor's name comes from a file: quoted, with control characters escaped.
std::string quoted(const std::string& name) {
  return shown(nlohmann::json(name));
}

FoundTensors collect_tensors(const Storage& storage, const CheckpointFiles& checkpoint) {
  FoundTensors found;
  for (const SafetensorsFile& file : storage.files) {
    for (const TensorView& tensor : file.tensors()) {
      const auto [place, added] = found.emplace(tensor.name, Found{&file, &tensor});
      if (!added) {
        fail("'{}' and '{}' both hold the tensor {}; remove the shard that is not of this model.",
             place->second.file->path().string(), file.path().string(), quoted(tensor.name));
      }
    }
  }
  for (const auto& [name, shard] : checkpoint.shard_of) {
    const auto place = found.find(name);
    if (place == found.end() || place->second.file->path().filename() != shard) {
      fail(
          "'{}': key 'weight_map' places the tensor {} in '{}', which does not hold it; download "
          "the index and its shards again.",
          checkpoint.index->string(), quoted(name), shard);
    }
  }
  return found;
}

std::optional<DType> weight_dtype(std::string_view name) {
  if (name == "F32") return DType::f32;
  if (name == "F16") return DType::f16;
  if (name == "BF16") return DType::bf16;
  return std::nullopt;
}

[[noreturn]] void fail_missing(const TensorSlot& slot, const std::filesystem::path& directory,
                               const CheckpointFiles& checkpoint) {
  const std::string where =
      (checkpoint.index ? *checkpoint.index : checkpoint.tensors.front()).string();
  const std::string config = (directory / "config.json").string();
  if (slot.name == "lm_head.weight") {
    fail(
        "'{}' has no tensor \"lm_head.weight\", and '{}' does not tie it to the embedding; set "
        "'tie_word_embeddings' to true if the model was trained so, or download it again.",
        where, config);
  }
  fail("'{}' has no tensor {} of shape {}, which '{}' asks for; the two are not of one model.",
       where, quoted(slot.name), shape_text(slot.shape), config);
}

void set_view(const TensorSlot& slot, const Found& found, Storage& storage) {
  const TensorView& tensor = *found.tensor;
  const std::string file = found.file->path().string();
  const auto dtype = weight_dtype(tensor.dtype);
  if (!dtype) {
    fail(
        "'{}': tensor {} is of dtype {}; kvreel computes with F32, F16 and BF16 weights, so "
        "convert the model to one of these.",
        file, quoted(tensor.name), tensor.dtype);
  }
  if (tensor.shape != slot.shape) {
    fail(
        "'{}': tensor {} has the shape {}, but config.json asks for {}; the two are not of one "
        "model.",
        file, quoted(tensor.name), shape_text(tensor.shape), shape_text(slot.shape));
  }
  const void* data = tensor.data;
  if (reinterpret_cast<uintptr_t>(data) % kernels::size_of(*dtype) != 0) {
    storage.copies.push_back(std::make_unique<std::byte[]>(tensor.bytes));
    std::memcpy(storage.copies.back().get(), tensor.data, tensor.bytes);
    data = storage.copies.back().get();
  }
  slot.set(data, *dtype);
}

// Older checkpoints store the rotary frequencies, which config.json gives as well; transformers
// ignores them.
bool is_rotary_frequencies(std::string_view name) {
  static constexpr std::string_view kPrefix = "model.layers.";
  static constexpr std::string_view kSuffix = ".self_attn.rotary_emb.inv_freq";
  if (name == "model.rotary_emb.inv_freq") return true;
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return false;
  if (name.size() <= kPrefix.size() + kSuffix.size()) return false;
  name.remove_prefix(kPrefix.size());
  name.remove_suffix(kSuffix.size());
  return name.find_first_not_of("0123456789") == std::string_view::npos;
}

void refuse_unaccounted(const FoundTensors& found, const ModelConfig& config,
                        const std::filesystem::path& directory) {
  for (const auto& [name, tensor] : found) {
    if (tensor.used || is_rotary_frequencies(name)) continue;
    // Where embeddings are tied, transformers uses the embedding whatever the file holds.
    if (config.tied_embeddings && name == "lm_head.weight") continue;
    fail(
        "'{}' holds the tensor {} of shape {}, which a {} model of {} layers as in '{}' does not "
        "have; the model computes something that kvreel does not.",
        tensor.file->path().string(), quoted(name), shape_text(tensor.tensor->shape), config.family,
        config.layers, (directory / "config.json").string());
  }
}

}  // namespace

Weights load_weights(const std::filesystem::path& directory, const ModelConfig& config) {
  const CheckpointFiles checkpoint = find_checkpoint_files(directory);
  const auto storage = std::make_shared<Storage>();
  storage->files.reserve(checkpoint.tensors.size());
  for (const auto& path : checkpoint.tensors) storage->files.emplace_back(path);

  FoundTensors found = collect_tensors(*storage, checkpoint);
  Weights weights;
  for (const TensorSlot& slot : tensor_slots(config, weights)) {
    const auto place = found.find(slot.name);
    if (place == found.end()) fail_missing(slot, directory, checkpoint);
    set_view(slot, place->second, *storage);
    place->second.used = true;
  }
  refuse_unaccounted(found, config, directory);
  if (config.tied_embeddings) weights.lm_head = weights.embedding;
  weights.storage = storage;
  return weights;
}

}  // namespace kvreel::engine
