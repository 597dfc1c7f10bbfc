// The safetensors format: a header's length, a JSON header, and tensors without gaps.
#include "engine/model/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "engine/model/json_file.h"

namespace kvreel::engine {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the reference reader's limit
constexpr std::string_view kAdvice = "download or convert it again";

// Bits of an element, or none for an unknown name. The format's list, sub-byte types included.
std::optional<uint64_t> element_bits(std::string_view dtype) {
  struct Entry {
    std::string_view name;
    uint64_t bits;
  };
  static constexpr std::array<Entry, 23> kEntries = {
      {{"F32", 32},        {"F16", 16},        {"BF16", 16}, {"BOOL", 8}, {"F4", 4},
       {"F6_E2M3", 6},     {"F6_E3M2", 6},     {"U8", 8},    {"I8", 8},   {"F8_E5M2", 8},
       {"F8_E4M3", 8},     {"F8_E8M0", 8},     {"I16", 16},  {"U16", 16}, {"I32", 32},
       {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"U32", 32},  {"C64", 64}, {"F64", 64},
       {"I64", 64},        {"U64", 64},        {"C128", 128}}};
  const auto found = std::ranges::find(kEntries, dtype, &Entry::name);
  if (found == kEntries.end()) return std::nullopt;
  return found->bits;
}

// A tensor as the header has it: bytes [begin, end) counted from the end of the header.
struct HeaderEntry {
  TensorView tensor;
  uint64_t begin = 0;
  uint64_t end = 0;
};

// Reads one entry of the header; all errors name the file and the tensor.
class EntryReader {
 public:
  EntryReader(const std::string& file, const std::string& name, const json& entry)
      : file_(file), name_(name), entry_(entry) {}

  HeaderEntry read() const {
    if (!entry_.is_object()) refuse("an object is expected, not " + shown(entry_));
    for (const auto& [key, value] : entry_.items()) {
      if (key != "dtype" && key != "shape" && key != "data_offsets") {
        refuse(fmt::format("the key {} is not of this format", shown(json(key))));
      }
    }
    HeaderEntry result;
    result.tensor.name = name_;
    result.tensor.dtype = read_dtype();
    result.tensor.shape = read_shape();
    const std::vector<uint64_t> offsets = unsigned_list("data_offsets");
    if (offsets.size() != 2) refuse("'data_offsets' must be two numbers");
    result.begin = offsets[0];
    result.end = offsets[1];
    if (result.begin > result.end) {
      refuse(fmt::format("'data_offsets' {} are reversed", shown(entry_["data_offsets"])));
    }
    // No file is that long; below, offsets can be added to without overflow.
    if (result.end > uint64_t(INT64_MAX) / 2) refuse("'data_offsets' lie beyond any file's end");
    const uint64_t expected = shape_bytes(result.tensor);
    if (result.end - result.begin != expected) {
      refuse(fmt::format("'data_offsets' {} span {} bytes, but {} of shape {} take {}",
                         shown(entry_["data_offsets"]), result.end - result.begin,
                         result.tensor.dtype, shape_text(result.tensor.shape), expected));
    }
    return result;
  }

 private:
  [[noreturn]] void refuse(std::string_view why) const {
    fail("'{}': tensor {} has a bad header: {}; {}.", file_, shown(json(name_)), why, kAdvice);
  }

  const json& at(const char* key) const {
    const auto found = entry_.find(key);
    if (found == entry_.end()) refuse(fmt::format("it has no '{}'", key));
    return *found;
  }

  std::string read_dtype() const {
    const json& dtype = at("dtype");
    if (!dtype.is_string() || !element_bits(dtype.get<std::string>())) {
      refuse(fmt::format("the dtype {} is unknown", shown(dtype)));
    }
    return dtype.get<std::string>();
  }

  std::vector<uint64_t> unsigned_list(const char* key) const {
    const json& list = at(key);
    std::vector<uint64_t> values;
    bool valid = list.is_array();
    if (valid) {
      for (const json& value : list) {
        valid = valid && value.is_number_unsigned();
        if (valid) values.push_back(value.get<uint64_t>());
      }
    }
    if (!valid) {
      refuse(fmt::format("'{}' is {}, not a list of whole numbers", key, shown(list)));
    }
    return values;
  }

  std::vector<int64_t> read_shape() const {
    std::vector<int64_t> shape;
    for (const uint64_t size : unsigned_list("shape")) {
      if (size > INT64_MAX) refuse_huge();
      shape.push_back(int64_t(size));
    }
    return shape;
  }

  uint64_t shape_bytes(const TensorView& tensor) const {
    uint64_t bits = *element_bits(tensor.dtype);
    for (const int64_t size : tensor.shape) {
      if (__builtin_mul_overflow(bits, uint64_t(size), &bits)) refuse_huge();
    }
    if (bits % 8 != 0) refuse("its elements do not fill whole bytes");
    return bits / 8;
  }

  [[noreturn]] void refuse_huge() const {
    refuse(fmt::format("the shape {} has more bytes than can be counted", shown(at("shape"))));
  }

  const std::string& file_;
  const std::string& name_;
  const json& entry_;
};

// The header's text. Throws Error where the file is too short to have one.
std::string_view header_text(std::span<const std::byte> bytes, const std::string& file) {
  if (bytes.size() < kLengthBytes) {
    fail("'{}' has {} bytes, too few for a safetensors file; it is empty or truncated: {}.", file,
         bytes.size(), kAdvice);
  }
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  if (length > kMaxHeaderBytes) {
    fail(
        "'{}' announces a header of {} bytes at offset 0, above the format's {}; it is not a "
        "safetensors file, or damaged: {}.",
        file, length, kMaxHeaderBytes, kAdvice);
  }
  if (length > bytes.size() - kLengthBytes) {
    fail("'{}' is truncated: its header needs at least {} bytes, but the file has {}; {}.", file,
         kLengthBytes + length, bytes.size(), kAdvice);
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, length);
  if (!text.starts_with('{')) {
    fail("'{}' has no JSON object at offset 8; it is not a safetensors file, or damaged: {}.", file,
         kAdvice);
  }
  return text;
}

void check_metadata(const json& metadata, const std::string& file) {
  const JsonObject object(metadata, file, "__metadata__.");
  for (const auto& [key, value] : metadata.items()) {
    if (!value.is_string()) object.refuse(key, "the format allows strings only");
  }
}

// The entries must follow each other from 0 to the end of the file. `header_end`: bytes before the
// data.
void check_layout(const std::vector<HeaderEntry>& entries, uint64_t header_end, uint64_t file_bytes,
                  const std::string& file) {
  uint64_t end = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    const HeaderEntry& entry = entries[i];
    if (entry.begin < end) {
      fail("'{}': tensor {} at data bytes [{}, {}) overlaps {}; {}.", file,
           shown(json(entry.tensor.name)), entry.begin, entry.end,
           shown(json(entries[i - 1].tensor.name)), kAdvice);
    }
    if (entry.begin > end) {
      fail(
          "'{}': there is a gap of {} bytes before tensor {} at data bytes [{}, {}), which the "
          "format forbids; {}.",
          file, entry.begin - end, shown(json(entry.tensor.name)), entry.begin, entry.end, kAdvice);
    }
    end = entry.end;
  }
  const uint64_t available = file_bytes - header_end;
  if (end > available) {
    fail(
        "'{}' is truncated or damaged: its header describes {} bytes of data, but the file has {} "
        "({} expected in all, {} there); {}.",
        file, end, available, header_end + end, file_bytes, kAdvice);
  }
  if (end < available) {
    fail("'{}' has {} bytes after its last tensor, which the format forbids; {}.", file,
         available - end, kAdvice);
  }
}

}  // namespace

std::vector<TensorView> parse_safetensors(std::span<const std::byte> bytes,
                                          const std::string& file) {
  const std::string_view text = header_text(bytes, file);
  const json header = parse_json(text, file);
  std::vector<HeaderEntry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") {
      check_metadata(value, file);
    } else {
      entries.push_back(EntryReader(file, name, value).read());
    }
  }
  std::ranges::sort(entries, [](const HeaderEntry& a, const HeaderEntry& b) {
    return std::tie(a.begin, a.end, a.tensor.name) < std::tie(b.begin, b.end, b.tensor.name);
  });
  const uint64_t header_end = kLengthBytes + text.size();
  check_layout(entries, header_end, bytes.size(), file);

  std::vector<TensorView> tensors;
  for (HeaderEntry& entry : entries) {
    entry.tensor.data = bytes.data() + header_end + entry.begin;
    entry.tensor.bytes = entry.end - entry.begin;
    tensors.push_back(std::move(entry.tensor));
  }
  return tensors;
}

const TensorView* SafetensorsFile::find(std::string_view name) const {
  const auto found = std::ranges::find(tensors_, name, &TensorView::name);
  return found == tensors_.end() ? nullptr : &*found;
}

std::string shape_text(std::span<const int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace kvreel::engine
