// Views that kernels work on: element types, matrices, pages of keys and values. Nothing here owns
// memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kvreel::kernels {

// Element types of weights and of the KV cache. Arithmetic is always in fp32.
enum class DType : uint8_t { f32, f16, bf16 };

constexpr size_t size_of(DType type) {
  return type == DType::f32 ? 4 : 2;
}

constexpr std::string_view name_of(DType type) {
  switch (type) {
    case DType::f32:
      return "f32";
    case DType::f16:
      return "f16";
    case DType::bf16:
      return "bf16";
  }
  return "?";
}

// A weight matrix as a checkpoint stores it: row-major, contiguous, [rows = outputs, cols =
// inputs].
struct Matrix {
  const void* data = nullptr;
  DType dtype = DType::f32;
  int64_t rows = 0;
  int64_t cols = 0;

  explicit operator bool() const { return data != nullptr; }
};

// A norm's weight or a projection's bias: [size].
struct Vector {
  const void* data = nullptr;
  DType dtype = DType::f32;
  int64_t size = 0;

  explicit operator bool() const { return data != nullptr; }
};

// How one page of the KV cache is laid out: first page_rows keys, then page_rows values, each
// [page_rows][head_dim] of dtype, contiguous in head_dim.
struct PageLayout {
  DType dtype = DType::f32;
  int32_t page_rows = 0;
  int32_t head_dim = 0;

  size_t page_bytes() const { return 2 * size_t(page_rows) * size_t(head_dim) * size_of(dtype); }
  size_t value_offset() const { return page_bytes() / 2; }
  bool operator==(const PageLayout&) const = default;
};

// The cached rows of one KV head of one layer. Row r lies in page r / page_rows.
// positions[r] is the row's original position in the sequence; positions ascend strictly.
struct CachedHead {
  void* const* pages = nullptr;
  const int32_t* positions = nullptr;  // [length]
  int64_t length = 0;
};

}  // namespace kvreel::kernels
