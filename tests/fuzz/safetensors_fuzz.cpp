// Weights: the header of a safetensors file, a model's weights, and the index of shards.
//
// The first byte says what follows: R a whole safetensors file; H a header's text, around which a
// file is made; W the same, as the weights of a tiny model; I an index of shards.
#include "engine/model/safetensors.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/checkpoint_files.h"
#include "engine/model/config.h"
#include "engine/model/weights.h"
#include "fuzz/check_error.h"
#include "fuzz/json_mutator.h"
#include "fuzz/parts.h"
#include "fuzz/scratch_directory.h"

namespace {

using kvreel::fuzz::accepts;
using kvreel::fuzz::require;
namespace engine = kvreel::engine;

// The most data that a header's text is given.
constexpr uint64_t kMostData = 16384;

const kvreel::fuzz::ScratchDirectory& scratch() {
  static const kvreel::fuzz::ScratchDirectory directory;
  return directory;
}

// Where the last tensor ends, as the header says: that many bytes of data make it a whole file.
uint64_t stated_bytes(std::string_view header) {
  uint64_t end = 0;
  const nlohmann::json value = nlohmann::json::parse(header, nullptr, false);
  if (!value.is_object()) return 0;
  for (const nlohmann::json& entry : value) {
    if (!entry.is_object() || !entry.contains("data_offsets")) continue;
    for (const nlohmann::json& offset : entry["data_offsets"]) {
      if (offset.is_number_unsigned()) end = std::max(end, offset.get<uint64_t>());
    }
  }
  return std::min(end, kMostData);
}

std::string file_around(std::string_view header) {
  const uint64_t length = header.size();
  std::string file(sizeof length, '\0');
  std::memcpy(file.data(), &length, sizeof length);
  file += header;
  file.append(stated_bytes(header), '\x3c');
  return file;
}

// Tensors follow each other from the header's end to the file's.
void check_tensors(std::span<const engine::TensorView> tensors, std::span<const std::byte> file) {
  std::set<std::string> names;
  const std::byte* end = tensors.empty() ? nullptr : tensors.front().data;
  for (const engine::TensorView& tensor : tensors) {
    require(names.insert(tensor.name).second, "two tensors have one name", tensor.name);
    require(tensor.data == end, "tensors do not follow each other", tensor.name);
    end = tensor.data + tensor.bytes;
    require(tensor.data >= file.data() && end <= file.data() + file.size(),
            "a tensor lies outside of its file", tensor.name);
    for (const int64_t size : tensor.shape) require(size >= 0, "a shape is negative", tensor.name);
  }
  require(tensors.empty() || end == file.data() + file.size(), "bytes are left over");
}

void read_file(std::string_view bytes) {
  // A copy of exactly that size: the sanitizer then sees every step beyond it.
  const std::vector<std::byte> file(
      reinterpret_cast<const std::byte*>(bytes.data()),
      reinterpret_cast<const std::byte*>(bytes.data()) + bytes.size());
  accepts([&] { check_tensors(engine::parse_safetensors(file, "model.safetensors"), file); });
}

// A model whose weights are a few kilobytes.
engine::ModelConfig tiny_config() {
  engine::ModelConfig config;
  config.family = "qwen2";
  config.vocab_size = 8;
  config.hidden_size = 4;
  config.intermediate_size = 4;
  config.layers = 1;
  config.q_heads = 2;
  config.kv_heads = 1;
  config.head_dim = 2;
  config.max_positions = 16;
  config.windows = {0};
  config.qkv_bias = true;
  return config;
}

void read_weights(std::string_view header) {
  const std::string file = file_around(header);
  scratch().write("model.safetensors", file);
  accepts([&] {
    const engine::ModelConfig config = tiny_config();
    const engine::Weights weights = engine::load_weights(scratch().path(), config);
    require(weights.layers.size() == 1, "there is another number of layers");
    require(weights.total_bytes() > 0 && weights.total_bytes() <= static_cast<int64_t>(file.size()),
            "the weights are larger than their file");
  });
  scratch().remove("model.safetensors");
}

void read_index(std::string_view index) {
  scratch().write("a.safetensors", "");
  scratch().write("model-00001-of-00002.safetensors", "");
  scratch().write("model.safetensors.index.json", index);
  accepts([&] {
    const engine::CheckpointFiles files = engine::find_checkpoint_files(scratch().path());
    require(!files.tensors.empty(), "an index without a shard");
    for (const auto& path : files.tensors) {
      require(path.parent_path() == scratch().path(), "a shard lies elsewhere", path.string());
    }
    for (const auto& [tensor, shard] : files.shard_of) {
      require(std::ranges::find(files.tensors, scratch().path() / shard) != files.tensors.end(),
              "a tensor's shard is not among the files", tensor);
    }
  });
  scratch().remove("model.safetensors.index.json");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest = kvreel::fuzz::as_text(data, size).substr(1);
  switch (data[0]) {
    case 'R':
      read_file(rest);
      break;
    case 'H':
      read_file(file_around(rest));
      break;
    case 'W':
      read_weights(rest);
      break;
    case 'I':
      read_index(rest);
      break;
    default:
      return -1;  // not to be kept
  }
  return 0;
}

#ifdef KVREEL_FUZZ
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  kvreel::fuzz::JsonMutator mutator(seed);
  if (size < 2 || data[0] == 'R' || mutator.below(2) == 0)
    return LLVMFuzzerMutate(data, size, most);
  const std::string_view text = kvreel::fuzz::as_text(data, size);
  return kvreel::fuzz::put_back(text.substr(0, 1).data()[0] + mutator.mutate(text.substr(1)), data,
                                size, most);
}
#endif
