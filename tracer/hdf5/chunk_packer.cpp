// Shuffle, deflate, fletcher32, and the threads that do it.
#include "tracer/hdf5/chunk_packer.h"

#include <zlib.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/error.h"

namespace kvreel::tracer {
namespace {

// The k-th bytes of all elements together: H5Z_FILTER_SHUFFLE.
template <size_t kBytes>
void shuffle(const uint8_t* data, uint64_t count, uint64_t chunk, uint8_t* out) {
  for (size_t byte = 0; byte < kBytes; ++byte) {
    uint8_t* const plane = out + byte * chunk;
    for (uint64_t i = 0; i < count; ++i) plane[i] = data[i * kBytes + byte];
  }
}

void shuffle(const uint8_t* data, uint64_t count, uint64_t chunk, size_t bytes, uint8_t* out) {
  switch (bytes) {
    case 1:
      return shuffle<1>(data, count, chunk, out);
    case 2:
      return shuffle<2>(data, count, chunk, out);
    case 4:
      return shuffle<4>(data, count, chunk, out);
    case 8:
      return shuffle<8>(data, count, chunk, out);
    default:
      fail("elements of {} bytes cannot be shuffled; this is a defect of kvreel", bytes);
  }
}

// Fletcher's checksum (1982) of big-endian 16-bit words in ones' complement, as
// H5Z_FILTER_FLETCHER32 stores it. A chunk has less than 2^24 words, so that 64 bits hold both sums
// without a reduction.
uint32_t fletcher32(const std::vector<uint8_t>& bytes) {
  uint64_t sum = 0;
  uint64_t sum_of_sums = 0;
  size_t i = 0;
  for (; i + 1 < bytes.size(); i += 2) {
    sum += uint64_t{bytes[i]} << 8 | bytes[i + 1];
    sum_of_sums += sum;
  }
  if (i < bytes.size()) {
    sum += uint64_t{bytes[i]} << 8;
    sum_of_sums += sum;
  }
  const auto folded = [](uint64_t value) {
    while (value >> 16 != 0) value = (value & 0xffff) + (value >> 16);
    return static_cast<uint32_t>(value);
  };
  return folded(sum_of_sums) << 16 | folded(sum);
}

}  // namespace

std::vector<uint8_t> pack_chunk(const uint8_t* data, uint64_t count, uint64_t chunk,
                                size_t element_bytes) {
  std::vector<uint8_t> shuffled(chunk * element_bytes);
  shuffle(data, count, chunk, element_bytes, shuffled.data());
  constexpr int kLevel = 1;  // as in DataSet::create_final
  uLongf size = compressBound(static_cast<uLong>(shuffled.size()));
  std::vector<uint8_t> packed(size);
  if (compress2(packed.data(), &size, shuffled.data(), static_cast<uLong>(shuffled.size()),
                kLevel) != Z_OK) {
    fail("zlib cannot compress {} bytes; free some memory", shuffled.size());
  }
  packed.resize(size);
  const uint32_t sum = fletcher32(packed);
  for (unsigned shift = 0; shift < 32; shift += 8) {
    packed.push_back(static_cast<uint8_t>(sum >> shift));
  }
  return packed;
}

size_t PackedBlock::chunks() const {
  const uint64_t chunk_bytes = chunk * element_bytes;
  return (data.size() + chunk_bytes - 1) / chunk_bytes;
}

struct ChunkPacker::Shared {
  std::mutex mutex;
  std::condition_variable to_workers;
  std::condition_variable to_owner;
  // Guarded by mutex:
  PackedBlock* block = nullptr;
  size_t chunks = 0;
  size_t next = 0;  // the first chunk that nobody has taken
  size_t done = 0;
  std::exception_ptr error;
  bool stopping = false;

  std::vector<std::thread> workers;  // last: they use all of the above

  bool any_left() const { return block != nullptr && next < chunks; }

  // Takes a chunk and packs it, without the lock meanwhile.
  void pack_next(std::unique_lock<std::mutex>& lock) {
    PackedBlock& all = *block;
    const size_t index = next++;
    lock.unlock();
    std::exception_ptr thrown;
    try {
      const size_t begin = index * all.chunk * all.element_bytes;
      const size_t bytes = std::min<size_t>(all.chunk * all.element_bytes, all.data.size() - begin);
      all.sums[index] = Crc();
      all.sums[index].add(all.data.data() + begin, bytes);
      all.packed[index] = pack_chunk(all.data.data() + begin, bytes / all.element_bytes, all.chunk,
                                     all.element_bytes);
    } catch (...) {
      thrown = std::current_exception();
    }
    lock.lock();
    if (thrown && !error) error = thrown;
    if (++done == chunks) to_owner.notify_one();
  }

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      to_workers.wait(lock, [&] { return stopping || any_left(); });
      if (stopping) return;
      pack_next(lock);
    }
  }
};

ChunkPacker::ChunkPacker(unsigned threads) : shared_(std::make_unique<Shared>()) {
  try {
    for (unsigned i = 1; i < threads; ++i) {
      shared_->workers.emplace_back([shared = shared_.get()] { shared->work(); });
    }
  } catch (const std::system_error&) {
    // A machine that is short of threads: those that there are do the work.
  }
}

ChunkPacker::~ChunkPacker() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
    shared_->to_workers.notify_all();
  }
  for (std::thread& worker : shared_->workers) worker.join();
}

void ChunkPacker::begin(PackedBlock& block) {
  const size_t chunks = block.chunks();
  block.packed.resize(chunks);
  block.sums.resize(chunks);
  const std::lock_guard lock(shared_->mutex);
  shared_->block = &block;
  shared_->chunks = chunks;
  shared_->next = 0;
  shared_->done = 0;
  shared_->error = nullptr;
  shared_->to_workers.notify_all();
}

void ChunkPacker::finish() {
  std::unique_lock lock(shared_->mutex);
  if (shared_->block == nullptr) return;
  while (shared_->any_left()) shared_->pack_next(lock);
  shared_->to_owner.wait(lock, [&] { return shared_->done == shared_->chunks; });
  shared_->block = nullptr;
  if (shared_->error) std::rethrow_exception(shared_->error);
}

unsigned packing_threads() {
  return std::clamp(std::thread::hardware_concurrency(), 1u, 8u);
}

}  // namespace kvreel::tracer
