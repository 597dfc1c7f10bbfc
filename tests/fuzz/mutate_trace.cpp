// Writes a mutant of a trace, and says what was done to it.
//
//     mutate_trace SEED INPUT OUTPUT
//
// The same seed and input give the same mutant everywhere.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "fuzz/hdf5_checksums.h"

namespace kvreel::testing {
namespace {

using Bytes = std::vector<uint8_t>;

// Not std::uniform_int_distribution, whose numbers differ from library to library.
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(static_cast<uint32_t>(seed) * 48271u + 11u) {
    engine_();
  }
  size_t below(size_t bound) {
    return ((static_cast<uint64_t>(engine_()) << 31) ^ engine_()) % std::max<size_t>(bound, 1);
  }
  std::minstd_rand& engine() { return engine_; }

 private:
  std::minstd_rand engine_;
};

std::string flip_bits(Bytes& bytes, Random& random) {
  const size_t count = size_t{1} << (2 * random.below(3));
  for (size_t i = 0; i < count; ++i) {
    bytes[random.below(bytes.size())] ^= static_cast<uint8_t>(1u << random.below(8));
  }
  return std::to_string(count) + " bits flipped";
}

std::string zero_block(Bytes& bytes, Random& random) {
  constexpr size_t kSizes[] = {64, 512, 4096};
  const size_t size = std::min(kSizes[random.below(3)], bytes.size());
  const size_t at = random.below(bytes.size() / size) * size;
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), size, uint8_t{0});
  return std::to_string(size) + " bytes zeroed at " + std::to_string(at);
}

std::string cut(Bytes& bytes, Random& random) {
  bytes.resize(random.below(bytes.size()));
  return "cut to " + std::to_string(bytes.size()) + " bytes";
}

std::string swap_blocks(Bytes& bytes, Random& random) {
  constexpr size_t kSizes[] = {512, 4096};
  const size_t size = kSizes[random.below(2)];
  const size_t blocks = bytes.size() / size;
  const size_t a = random.below(blocks) * size;
  const size_t b = random.below(blocks) * size;
  for (size_t i = 0; i < size && a != b; ++i) std::swap(bytes[a + i], bytes[b + i]);
  return std::to_string(size) + " bytes swapped between " + std::to_string(a) + " and " +
         std::to_string(b);
}

std::string change_structures(Bytes& bytes, Random& random) {
  change_fields(bytes, random.engine());
  repair_checksums(bytes);
  return "structures changed, checksums repaired";
}

std::string mutate(Bytes& bytes, uint64_t seed) {
  Random random(seed);
  switch (seed % 6) {
    case 0:
      return flip_bits(bytes, random);
    case 1:
      return zero_block(bytes, random);
    case 2:
      return cut(bytes, random);
    case 3:
      return swap_blocks(bytes, random);
    default:
      return change_structures(bytes, random);
  }
}

Bytes read_file(const char* path) {
  std::ifstream in(path, std::ios::binary);
  Bytes bytes(std::istreambuf_iterator<char>(in), {});
  if (!in || bytes.size() < 8192) throw std::runtime_error(std::string(path) + " is no trace");
  return bytes;
}

void write_file(const char* path, const Bytes& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) throw std::runtime_error(std::string("cannot write ") + path);
}

}  // namespace
}  // namespace kvreel::testing

int main(int argc, char** argv) try {
  if (argc != 4) {
    std::fprintf(stderr, "usage: mutate_trace SEED INPUT OUTPUT\n");
    return 2;
  }
  kvreel::testing::Bytes bytes = kvreel::testing::read_file(argv[2]);
  const std::string done = kvreel::testing::mutate(bytes, std::strtoull(argv[1], nullptr, 10));
  kvreel::testing::write_file(argv[3], bytes);
  std::printf("%s\n", done.c_str());
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
