// Structures of HDF5 files and the checksums over them.
#include "fuzz/hdf5_checksums.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <optional>
#include <string_view>

namespace kvreel::testing {
namespace {

struct State {
  uint32_t a, b, c;
};

void mix(State& s) {
  s.a -= s.c, s.a ^= std::rotl(s.c, 4), s.c += s.b;
  s.b -= s.a, s.b ^= std::rotl(s.a, 6), s.a += s.c;
  s.c -= s.b, s.c ^= std::rotl(s.b, 8), s.b += s.a;
  s.a -= s.c, s.a ^= std::rotl(s.c, 16), s.c += s.b;
  s.b -= s.a, s.b ^= std::rotl(s.a, 19), s.a += s.c;
  s.c -= s.b, s.c ^= std::rotl(s.b, 4), s.b += s.a;
}

void finish(State& s) {
  s.c ^= s.b, s.c -= std::rotl(s.b, 14);
  s.a ^= s.c, s.a -= std::rotl(s.c, 11);
  s.b ^= s.a, s.b -= std::rotl(s.a, 25);
  s.c ^= s.b, s.c -= std::rotl(s.b, 16);
  s.a ^= s.c, s.a -= std::rotl(s.c, 4);
  s.b ^= s.a, s.b -= std::rotl(s.a, 14);
  s.c ^= s.b, s.c -= std::rotl(s.b, 24);
}

constexpr uint64_t kLargest = 1u << 20;  // bytes of one structure: more is a mutated size

// Little-endian fields of a file, 0 beyond its end.
class Fields {
 public:
  explicit Fields(std::span<const uint8_t> file) : file_(file) {}

  uint64_t get(size_t at, size_t bytes) const {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes && i < file_.size() && at < file_.size() - i; ++i) {
      value |= uint64_t{file_[at + i]} << (8 * i);
    }
    return value;
  }
  bool is(size_t at, std::string_view signature) const {
    return at <= file_.size() && file_.size() - at >= signature.size() &&
           std::memcmp(file_.data() + at, signature.data(), signature.size()) == 0;
  }
  size_t size() const { return file_.size(); }

 private:
  std::span<const uint8_t> file_;
};

// Whole binary logarithm, 0 of 0.
unsigned log2_of(uint64_t value) {
  return value == 0 ? 0 : static_cast<unsigned>(std::bit_width(value)) - 1;
}

class Finder {
 public:
  explicit Finder(std::span<const uint8_t> file) : file_(file) {}

  std::vector<Checksummed> all() {
    if (file_.is(0, "\x89HDF") && file_.get(8, 1) >= 2) add(0, 44);
    for (size_t at = 0; at + 8 <= file_.size(); ++at) {
      if (file_.get(at, 1) < 'A' || file_.get(at, 1) > 'Z') continue;
      if (file_.is(at, "OHDR")) object_header(at);
      if (file_.is(at, "BTHD")) b_tree(at);
      if (file_.is(at, "FRHP")) add(at, heap_header_bytes(at));
      if (file_.is(at, "FHDB")) heap_block(at);
      if (file_.is(at, "FHIB")) heap_index(at);
      if (file_.is(at, "FSHD")) free_space(at);
      if (file_.is(at, "FAHD")) add(at, 24);
      if (file_.is(at, "FADB")) fixed_array(at);
      if (file_.is(at, "EAHD")) add(at, 68);
      if (file_.is(at, "EAIB")) extensible_index(at);
      if (file_.is(at, "EASB")) extensible_super(at);
      if (file_.is(at, "EADB")) extensible_data(at);
    }
    return std::move(found_);
  }

 private:
  void add(size_t begin, uint64_t bytes) {
    if (begin >= file_.size() || bytes > kLargest || bytes + 4 > file_.size() - begin) return;
    found_.push_back({begin, begin + static_cast<size_t>(bytes), 0});
  }

  void object_header(size_t at) {
    const uint64_t flags = file_.get(at + 5, 1);
    size_t messages = at + 6;
    if (flags & 0x20) messages += 16;  // times
    if (flags & 0x10) messages += 4;   // limits of attributes
    const size_t width = size_t{1} << (flags & 3);
    const uint64_t bytes = file_.get(messages, width);
    messages += width;
    add(at, messages - at + bytes);
    int budget = 16;
    continuations(messages, bytes, flags, budget);
  }

  // Messages of type 16 say where the header goes on; mutated ones may go round in circles.
  void continuations(size_t begin, uint64_t bytes, uint64_t flags, int& budget) {
    if (bytes > kLargest) return;
    const size_t header = flags & 0x04 ? 6 : 4;
    for (size_t at = begin; at + header <= begin + bytes && at < file_.size();) {
      const size_t length = file_.get(at + 1, 2);
      if (file_.get(at, 1) == 0x10) {
        const uint64_t next = file_.get(at + header, 8);
        const uint64_t size = file_.get(at + header + 8, 8);
        if (next < file_.size() && file_.is(next, "OCHK") && size > 8 && --budget >= 0) {
          add(next, size - 4);
          continuations(next + 4, size - 8, flags, budget);
        }
      }
      at += header + length;
    }
  }

  // A header, and a root that is a leaf, as it is in groups of up to some 40 links.
  void b_tree(size_t at) {
    add(at, 34);
    const uint64_t record = file_.get(at + 10, 2);
    const uint64_t root = file_.get(at + 16, 8);
    const uint64_t records = file_.get(at + 24, 2);
    if (root < file_.size() && file_.is(root, "BTLF")) add(root, 6 + record * records);
  }

  uint64_t heap_header_bytes(size_t at) const {
    const uint64_t filters = file_.get(at + 7, 2);
    return 142 + (filters > 0 ? 12 + filters : 0);
  }

  struct Heap {
    uint64_t flags, width, start, bits, rows;
  };
  Heap heap_of(size_t block) const {
    const size_t at = std::min<uint64_t>(file_.get(block + 5, 8), file_.size());
    return {file_.get(at + 9, 1), file_.get(at + 110, 2), file_.get(at + 112, 8),
            file_.get(at + 128, 2), file_.get(at + 140, 2)};
  }

  // Its size follows from where it lies in the heap: rows of `width` blocks, the first two rows of
  // the starting size, each later one of twice the size before.
  void heap_block(size_t at) {
    const Heap heap = heap_of(at);
    if ((heap.flags & 0x02) == 0 || heap.width == 0 || heap.start == 0) return;
    const size_t width = std::min<uint64_t>((heap.bits + 7) / 8, 8);
    const uint64_t row = file_.get(at + 13, width) / heap.width / heap.start;
    const unsigned shift = log2_of(row);
    if (shift > 20) return;
    const uint64_t bytes = heap.start << shift;
    if (bytes > kLargest || bytes < 17 + width || bytes > file_.size() - at) return;
    found_.push_back({at, at + 13 + width, at + static_cast<size_t>(bytes)});
  }

  void heap_index(size_t at) {
    const Heap heap = heap_of(at);
    add(at, 13 + (heap.bits + 7) / 8 + 8 * heap.rows * heap.width);
  }

  void free_space(size_t at) {
    add(at, 78);
    const uint64_t sections = file_.get(at + 54, 8);
    const uint64_t bytes = file_.get(at + 62, 8);
    if (sections < file_.size() && file_.is(sections, "FSSE") && bytes > 4)
      add(sections, bytes - 4);
  }

  // Not paged: up to 1024 chunks.
  void fixed_array(size_t at) {
    const size_t header = std::min<uint64_t>(file_.get(at + 6, 8), file_.size());
    add(at, 14 + file_.get(header + 6, 1) * std::min(file_.get(header + 8, 8), kLargest));
  }

  struct Extensible {
    uint64_t element, bits, in_index, least, pointers;
    unsigned super_blocks() const { return 1 + static_cast<unsigned>(bits) - log2_of(least); }
    uint64_t offset_bytes() const { return (bits + 7) / 8; }
  };
  Extensible extensible_of(size_t block) const {
    const size_t at = std::min<uint64_t>(file_.get(block + 6, 8), file_.size());
    return {file_.get(at + 6, 1), file_.get(at + 7, 1), file_.get(at + 8, 1), file_.get(at + 9, 1),
            file_.get(at + 10, 1)};
  }

  void extensible_index(size_t at) {
    const Extensible array = extensible_of(at);
    const unsigned in_index = 2 * log2_of(array.pointers);
    if (array.bits > 64 || array.super_blocks() < in_index || array.pointers == 0) return;
    const uint64_t addresses = 2 * (array.pointers - 1) + array.super_blocks() - in_index;
    add(at, 14 + array.in_index * array.element + 8 * addresses);
  }

  // Super block u has 2^(u/2) data blocks of 2^((u+1)/2) times the least number of elements;
  // `offset` counts elements behind those in the index block.
  std::optional<unsigned> super_block_at(const Extensible& array, uint64_t offset) const {
    uint64_t first = 0;
    for (unsigned u = 0; u < 40; ++u) {
      const uint64_t elements = array.least << (u / 2 + (u + 1) / 2);
      if (offset < first + elements) return u;
      first += elements;
    }
    return std::nullopt;
  }

  void extensible_super(size_t at) {
    const Extensible array = extensible_of(at);
    const auto u = super_block_at(array, file_.get(at + 14, array.offset_bytes()));
    if (u) add(at, 14 + array.offset_bytes() + (uint64_t{8} << (*u / 2)));
  }

  // Of the data blocks that the index block leads to itself, the library counts the number among
  // all blocks where the number within the super block was meant.
  std::optional<unsigned> index_block_at(const Extensible& array, uint64_t offset) const {
    uint64_t first = 0;
    uint64_t blocks = 0;
    for (unsigned u = 0; u < 2 * log2_of(array.pointers) && u < 40; ++u) {
      const uint64_t elements = array.least << ((u + 1) / 2);
      for (uint64_t k = 0; k < uint64_t{1} << (u / 2); ++k, ++blocks) {
        if (offset == first + (blocks * elements)) return u;
      }
      first += elements << (u / 2);
    }
    return std::nullopt;
  }

  void extensible_data(size_t at) {
    const Extensible array = extensible_of(at);
    const uint64_t offset = file_.get(at + 14, array.offset_bytes());
    auto u = index_block_at(array, offset);
    if (!u) u = super_block_at(array, offset);
    if (u) add(at, 14 + array.offset_bytes() + array.element * (array.least << ((*u + 1) / 2)));
  }

  Fields file_;
  std::vector<Checksummed> found_;
};

uint32_t checksum_of(std::span<const uint8_t> file, const Checksummed& part) {
  if (part.end == 0) return lookup3(file.subspan(part.begin, part.checksum - part.begin));
  const auto block = file.subspan(part.begin, part.end - part.begin);
  std::vector<uint8_t> bytes(block.begin(), block.end());
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(part.checksum - part.begin), 4,
              uint8_t{0});
  return lookup3(bytes);
}

}  // namespace

uint32_t lookup3(std::span<const uint8_t> bytes) {
  const uint32_t start = 0xdeadbeef + static_cast<uint32_t>(bytes.size());
  State s{start, start, start};
  size_t at = 0;
  const auto add = [&](size_t from, size_t count) {
    uint32_t words[3] = {0, 0, 0};
    for (size_t i = 0; i < count; ++i) words[i / 4] |= uint32_t{bytes[from + i]} << (8 * (i % 4));
    s.a += words[0], s.b += words[1], s.c += words[2];
  };
  if (bytes.empty()) return s.c;
  for (; bytes.size() - at > 12; at += 12) {
    add(at, 12);
    mix(s);
  }
  add(at, bytes.size() - at);
  finish(s);
  return s.c;
}

std::vector<Checksummed> find_checksummed(std::span<const uint8_t> file) {
  return Finder(file).all();
}

void repair_checksums(std::span<uint8_t> file) {
  for (const Checksummed& part : find_checksummed(file)) {
    const uint32_t sum = checksum_of(file, part);
    for (size_t i = 0; i < 4; ++i) file[part.checksum + i] = static_cast<uint8_t>(sum >> (8 * i));
  }
}

bool change_fields(std::span<uint8_t> file, std::minstd_rand& random) {
  const std::vector<Checksummed> parts = find_checksummed(file);
  if (parts.empty()) return false;
  const auto below = [&](uint64_t bound) {
    return std::uniform_int_distribution<uint64_t>(0, bound - 1)(random);
  };
  for (uint64_t changes = 1 + below(3); changes > 0; --changes) {
    const Checksummed& part = parts[below(parts.size())];
    const size_t end = part.end > 0 ? part.end : part.checksum;
    const size_t at = part.begin + 4 + below(end - part.begin - 4);
    const size_t field = std::min<size_t>(8, end - at);
    constexpr uint8_t kExtremes[] = {0, 1, 2, 7, 8, 0x10, 0x7f, 0x80, 0xfe, 0xff};
    switch (below(5)) {
      case 0:
        file[at] ^= static_cast<uint8_t>(1u << below(8));
        break;
      case 1:
        file[at] = kExtremes[below(std::size(kExtremes))];
        break;
      case 2:
        file[at] = static_cast<uint8_t>(below(256));
        break;
      case 3:
        std::memset(&file[at], below(2) == 0 ? 0 : 0xff, field);
        break;
      default:  // what another place has, such as an address
        std::memmove(&file[at], &file[below(file.size() - 8)], field);
    }
  }
  return true;
}

}  // namespace kvreel::testing
