// Made-up weights of a model's shapes, the same bytes on every machine.
#include <algorithm>
#include <bit>
#include <memory>
#include <new>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "engine/mix_bits.h"
#include "engine/model/weights.h"

namespace kvreel::engine {
namespace {

using kernels::DType;

// Where every tensor begins: what vector instructions like, and what no element type can exceed.
constexpr size_t kAlignment = 64;
// Below this, starting threads takes longer than the work.
constexpr int64_t kParallelElements = 1 << 15;

// A tensor's stream: its values depend on the seed and on its name, not on which tensors lie before
// it.
uint64_t stream_key(uint64_t seed, std::string_view name) {
  uint64_t hash = 0xCBF29CE484222325u;  // FNV-1a
  for (const char c : name)
    hash = (hash ^ uint64_t(static_cast<unsigned char>(c))) * 0x100000001B3u;
  return mix_bits(hash ^ mix_bits(seed));
}

// Value `index` of a stream, near to normal with deviation 0.02: the sum of eight uniform 16-bit
// numbers (Irwin-Hall; excess kurtosis -0.15, at most 4.9 deviations out). Integers and one
// multiplication only: library logarithms and std::normal_distribution differ between machines.
float normal_value(uint64_t key, uint64_t index) {
  int32_t sum = 0;
  for (uint64_t half = 0; half < 2; ++half) {
    const uint64_t word = mix_bits(key + (2 * index + half + 1) * kSplitMixStep);
    // Two 16-bit numbers are added in each 32-bit half at a time.
    const uint64_t pairs = (word & 0x0000FFFF0000FFFFu) + ((word >> 16) & 0x0000FFFF0000FFFFu);
    sum += int32_t((pairs & 0xFFFFFFFFu) + (pairs >> 32));
  }
  // Twice the sum less its mean is a whole number below 2^20, so it is exact in fp32. Its deviation
  // is 2 * sqrt(8 * (2^32 - 1) / 12) = 107019.84; the constant is 0.02 over that.
  constexpr float kScale = 0.02f / 107019.84f;
  return float(2 * sum - 8 * 65535) * kScale;
}

uint16_t to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return uint16_t((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);  // to nearest, ties to even
}

// For |value| < 1 or = 1, which is all that is made here: to nearest, ties to even.
uint16_t to_f16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000;
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  constexpr uint32_t kSmallestNormal = uint32_t(127 - 14) << 23;  // 2^-14 as fp32
  if (magnitude < kSmallestNormal) {
    // fp32 numbers in [0.5, 1) are 2^-24 apart, as half's subnormals are: the addition rounds.
    const float rounded = std::bit_cast<float>(magnitude) + 0.5f;
    return uint16_t(sign | (std::bit_cast<uint32_t>(rounded) - std::bit_cast<uint32_t>(0.5f)));
  }
  const uint32_t rounded = magnitude + 0xFFF + ((magnitude >> 13) & 1);
  return uint16_t(sign | ((rounded >> 13) - (uint32_t(127 - 15) << 10)));
}

bool is_norm(const TensorSlot& slot) {
  return slot.name.ends_with("norm.weight");
}

// to[i] = convert(value i of the tensor).
template <typename Element, typename Convert>
void fill(const TensorSlot& slot, uint64_t seed, std::byte* to, Convert convert) {
  const int64_t elements = slot.elements();
  auto* const values = reinterpret_cast<Element*>(to);
  if (is_norm(slot)) {
    std::fill_n(values, elements, convert(1.0f));
    return;
  }
  const uint64_t key = stream_key(seed, slot.name);
#pragma omp parallel for schedule(static) if (elements > kParallelElements)
  for (int64_t i = 0; i < elements; ++i) values[i] = convert(normal_value(key, uint64_t(i)));
}

void fill(const TensorSlot& slot, uint64_t seed, DType dtype, std::byte* to) {
  switch (dtype) {
    case DType::f32:
      return fill<float>(slot, seed, to, [](float value) { return value; });
    case DType::f16:
      return fill<uint16_t>(slot, seed, to, to_f16);
    case DType::bf16:
      return fill<uint16_t>(slot, seed, to, to_bf16);
  }
}

size_t padded_bytes(const TensorSlot& slot, DType dtype) {
  const size_t bytes = size_t(slot.elements()) * kernels::size_of(dtype);
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

std::shared_ptr<std::byte> allocate(size_t bytes) {
  void* const memory = ::operator new(bytes, std::align_val_t(kAlignment), std::nothrow);
  if (!memory) {
    fail("There is no memory for {} of dummy weights; use a smaller model.", format_bytes(bytes));
  }
  return {static_cast<std::byte*>(memory),
          [](std::byte* p) { ::operator delete(p, std::align_val_t(kAlignment)); }};
}

}  // namespace

Weights make_dummy_weights(const ModelConfig& config, uint64_t seed) {
  Weights weights;
  const std::vector<TensorSlot> slots = tensor_slots(config, weights);
  size_t bytes = 0;
  for (const TensorSlot& slot : slots) bytes += padded_bytes(slot, config.stored_dtype);
  const std::shared_ptr<std::byte> storage = allocate(bytes);
  std::byte* to = storage.get();
  for (const TensorSlot& slot : slots) {
    fill(slot, seed, config.stored_dtype, to);
    slot.set(to, config.stored_dtype);
    to += padded_bytes(slot, config.stored_dtype);
  }
  if (config.tied_embeddings) weights.lm_head = weights.embedding;
  weights.storage = storage;
  return weights;
}

}  // namespace kvreel::engine
