// Chunks that are packed here are byte for byte those that HDF5's own filters make.
#include "tracer/hdf5/chunk_packer.h"

#include <gtest/gtest.h>
#include <hdf5.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "tracer/hdf5/dataset.h"
#include "tracer/hdf5/file.h"
#include "tracer/rows.h"

namespace kvreel::tracer {
namespace {

constexpr uint64_t kChunk = 1000;
constexpr uint64_t kElements = 3 * kChunk + 17;  // the last chunk is mostly filling

// Values as columns have them: slowly growing, with noise in the low bytes.
std::vector<uint8_t> column_bytes(size_t element_bytes) {
  std::vector<uint8_t> bytes(kElements * element_bytes);
  for (uint64_t i = 0; i < kElements; ++i) {
    const uint64_t value = i * 5000 + testing::mixed(i, 1) % 9000;
    for (size_t byte = 0; byte < element_bytes; ++byte) {
      bytes[i * element_bytes + byte] = static_cast<uint8_t>(value >> 8 * byte);
    }
  }
  return bytes;
}

PackedBlock block_of(size_t element_bytes) {
  PackedBlock block;
  block.data = column_bytes(element_bytes);
  block.chunk = kChunk;
  block.element_bytes = element_bytes;
  return block;
}

class ChunkPackerTest : public ::testing::TestWithParam<ElementType> {};

TEST_P(ChunkPackerTest, PacksWhatHdf5sFiltersPack) {
  prepare_thread();
  const std::string path = ::testing::TempDir() + "packed-" + std::to_string(::getpid()) + ".h5";
  const ElementType type = GetParam();
  const std::vector<uint8_t> bytes = column_bytes(element_bytes(type));
  {
    const Hid file = create_file(path, path);
    DataSet set = DataSet::create_final(file.get(), path, "/set", type, kElements, kChunk);
    set.write(0, kElements, bytes.data());
  }
  PackedBlock block = block_of(element_bytes(type));
  ChunkPacker packer(2);
  packer.begin(block);
  packer.finish();
  ASSERT_EQ(block.packed.size(), 4u);

  const Hid file = open_file(path, false);
  const Hid set = owned(H5Dopen2(file.get(), "/set", H5P_DEFAULT), H5Dclose, "open");
  for (size_t i = 0; i < block.packed.size(); ++i) {
    const hsize_t offset[] = {i * kChunk};
    hsize_t size = 0;
    ASSERT_GE(H5Dget_chunk_storage_size(set.get(), offset, &size), 0);
    std::vector<uint8_t> stored(size);
    uint32_t mask = 1;
    ASSERT_GE(H5Dread_chunk(set.get(), H5P_DEFAULT, offset, &mask, stored.data()), 0);
    EXPECT_EQ(mask, 0u);
    EXPECT_TRUE(stored == block.packed[i]) << "chunk " << i;
  }
  ::unlink(path.c_str());
}

INSTANTIATE_TEST_SUITE_P(Types, ChunkPackerTest,
                         ::testing::Values(ElementType::i8, ElementType::i16, ElementType::i32,
                                           ElementType::i64, ElementType::f32),
                         [](const auto& type) { return std::string(element_name(type.param)); });

TEST(ChunkPacker, PacksTheSameWithAnyNumberOfThreads) {
  PackedBlock alone = block_of(8);
  ChunkPacker one(1);
  one.begin(alone);
  one.finish();
  ChunkPacker several(4);
  // Again and again, with blocks of other sizes in between: nothing stays of the one before.
  for (int time = 0; time < 50; ++time) {
    PackedBlock other = block_of(2);
    other.data.resize(2 * kChunk);
    several.begin(other);
    several.finish();
    EXPECT_EQ(other.packed.size(), 1u);
    PackedBlock block = block_of(8);
    several.begin(block);
    several.finish();
    ASSERT_TRUE(block.packed == alone.packed);
  }
}

TEST(ChunkPacker, SumsAreOfTheElements) {
  PackedBlock block = block_of(4);
  ChunkPacker packer(2);
  packer.begin(block);
  packer.finish();
  Crc sum;
  for (const Crc& part : block.sums) sum.add(part);
  Crc whole;
  whole.add(block.data.data(), block.data.size());
  EXPECT_EQ(sum.value(), whole.value());
}

TEST(ChunkPacker, ThrowsInTheOwnersThreadWhatPackingThrew) {
  PackedBlock block = block_of(1);
  block.element_bytes = 3;
  ChunkPacker packer(2);
  packer.begin(block);
  EXPECT_THROW(packer.finish(), Error);
  // And goes on with the next.
  PackedBlock sound = block_of(4);
  packer.begin(sound);
  packer.finish();
  EXPECT_EQ(sound.packed.size(), 4u);
}

}  // namespace
}  // namespace kvreel::tracer
