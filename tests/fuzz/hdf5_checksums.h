// Makes HDF5 take mutated metadata for sound: computes the checksums of a file's structures anew,
// as the HDF5 File Format Specification 3.0 describes them. For files with offsets and lengths of 8
// bytes, which traces are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace kvreel::testing {

// Bob Jenkins' lookup3 (hashlittle, public domain) with the initial value 0, by which HDF5 checks
// its metadata.
uint32_t lookup3(std::span<const uint8_t> bytes);

// A structure with a checksum: bytes [begin, checksum) are covered by the 4 bytes at `checksum`.
struct Checksummed {
  size_t begin = 0;
  size_t checksum = 0;
  // The checksum lies inside what it covers, [begin, end), and counts as zeros; else 0.
  size_t end = 0;
};

// The structures of a file that can be found by their signatures, with the sizes that the file
// itself claims: superblock, object headers and their continuations, version 2 B-trees of one leaf,
// fractal heaps, free-space managers, fixed and extensible arrays.
std::vector<Checksummed> find_checksummed(std::span<const uint8_t> file);

void repair_checksums(std::span<uint8_t> file);

// Changes one to three fields of such structures, and no sizes. Returns false where there are none.
bool change_fields(std::span<uint8_t> file, std::minstd_rand& random);

}  // namespace kvreel::testing
