// Which files of a model directory hold its weights.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kvreel::engine {

struct CheckpointFiles {
  std::vector<std::filesystem::path> tensors;  // safetensors files, shards by name
  std::optional<std::filesystem::path>
      index;  // model.safetensors.index.json where there are shards
  std::map<std::string, std::string>
      shard_of;  // tensor -> name of its shard; empty without an index
};

// model.safetensors where it is there, as in transformers, else the shards that the index names.
// Throws Error for a directory with neither, and for an index that is damaged, names files that are
// not there, or names files outside the directory.
CheckpointFiles find_checkpoint_files(const std::filesystem::path& directory);

}  // namespace kvreel::engine
