// The safetensors format: a header's length, a JSON header, and tensors without gaps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/file_mapping.h"

namespace kvreel::engine {

// A tensor of a file, and where its bytes lie. The format does not align them.
struct TensorView {
  std::string name;
  std::string dtype;           // as the format spells it: "F32", "BF16", "I64", ...
  std::vector<int64_t> shape;  // row-major; {} is a scalar
  const std::byte* data = nullptr;
  size_t bytes = 0;
};

// Reads the header of a whole file's `bytes`, in the order in which the tensors lie. `file` is
// named in errors. Throws Error for what the format's reference reader refuses: a header that is
// too long, that is not JSON, or that says something twice; unknown dtypes; sizes that do not agree
// with shapes; overlaps, gaps, bytes after the last tensor, and files that end before it.
std::vector<TensorView> parse_safetensors(std::span<const std::byte> bytes,
                                          const std::string& file);

// A mapped safetensors file. Views stay valid when the object is moved, until it is destroyed.
class SafetensorsFile {
 public:
  // Throws Error where the file cannot be mapped or is not valid.
  explicit SafetensorsFile(const std::filesystem::path& path)
      : path_(path), mapping_(path), tensors_(parse_safetensors(mapping_.bytes(), path.string())) {}

  const std::filesystem::path& path() const { return path_; }
  std::span<const TensorView> tensors() const { return tensors_; }
  // Null where the file has no such tensor.
  const TensorView* find(std::string_view name) const;

 private:
  std::filesystem::path path_;
  FileMapping mapping_;
  std::vector<TensorView> tensors_;
};

// "[2, 3]".
std::string shape_text(std::span<const int64_t> shape);

}  // namespace kvreel::engine
