// Compresses a finished data set's chunks in several threads: HDF5's own filters run in one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "tracer/hdf5/commit.h"

namespace kvreel::tracer {

// What HDF5's filters shuffle (for elements of more than one byte), deflate (level 1) and
// fletcher32 make of a chunk: its bytes in the file. `count` elements of `element_bytes` bytes are
// given; the rest of the chunk is zeros, as HDF5 fills it.
std::vector<uint8_t> pack_chunk(const uint8_t* data, uint64_t count, uint64_t chunk,
                                size_t element_bytes);

// Neighbouring elements of a data set, from the beginning of a chunk on.
struct PackedBlock {
  std::vector<uint8_t> data;  // whole chunks, and at the data set's end a part of one
  uint64_t chunk = 0;         // elements
  size_t element_bytes = 1;
  // Made by ChunkPacker, one for each chunk:
  std::vector<std::vector<uint8_t>> packed;
  std::vector<Crc> sums;  // of the elements

  size_t chunks() const;
};

// One thread uses it, and may do other things between begin() and finish(). What comes out does not
// depend on the number of threads.
class ChunkPacker {
 public:
  // `threads` counts the one that calls finish(): with 1 it does all of the work.
  explicit ChunkPacker(unsigned threads);
  ~ChunkPacker();
  ChunkPacker(const ChunkPacker&) = delete;
  ChunkPacker& operator=(const ChunkPacker&) = delete;

  // `block` stays where it is, and is not touched, until finish() has returned or thrown.
  void begin(PackedBlock& block);
  // Helps until all chunks of the block are packed. Throws what packing threw.
  void finish();

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

// As many as the machine has cores, up to eight: beyond that one thread cannot read and write as
// fast as they compress.
unsigned packing_threads();

}  // namespace kvreel::tracer
