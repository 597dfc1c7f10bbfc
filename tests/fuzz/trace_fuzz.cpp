// The trace reader: any bytes give a trace or one clear error.
//
// Inputs go through the trial that strangers' files go through, which libhdf5's crashes end; what
// crashes here gets past it, or is kvreel's own. With KVREEL_FUZZ_WITHOUT_TRIAL in the environment
// the target shows what libhdf5 does with its inputs.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "fuzz/hdf5_checksums.h"
#include "tracer/read/recover.h"
#include "tracer/read/resume.h"
#include "tracer/read/trace.h"

namespace {

using kvreel::Error;
using kvreel::tracer::Trace;

// A file in memory that lives as long as the process; its path is that of an open descriptor.
class MemoryFile {
 public:
  explicit MemoryFile(const char* name) : descriptor_(::memfd_create(name, MFD_CLOEXEC)) {
    if (descriptor_ < 0) std::abort();
  }
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }
  void fill(std::span<const uint8_t> bytes) const {
    if (::ftruncate(descriptor_, 0) != 0) std::abort();
    if (::pwrite(descriptor_, bytes.data(), bytes.size(), 0) !=
        static_cast<ssize_t>(bytes.size())) {
      std::abort();
    }
  }

 private:
  int descriptor_;
};

template <typename Work>
void attempt(Work&& work) {
  try {
    work();
  } catch (const Error&) {
    // Refused, with a sentence.
  }
}

void read_tables(const Trace& trace) {
  constexpr uint64_t kBlock = 100;  // rows
  constexpr uint64_t kMost = 1000;
  kvreel::tracer::for_each_table([&](auto empty) {
    using Table = decltype(empty);
    // As most of the commands do.
    attempt([&] { trace.read<Table>(0, trace.rows<Table>()); });
    const uint64_t rows = std::min(trace.rows<Table>(), kMost);
    for (uint64_t begin = 0; begin < rows; begin += kBlock) {
      attempt([&] { trace.read<Table>(begin, std::min(begin + kBlock, rows)); });
    }
  });
}

void ask(const Trace& trace) {
  using namespace kvreel::tracer;
  attempt([&] { trace.notes(); });
  for (uint64_t pass = 0; pass < std::min<uint64_t>(trace.rows<Passes>(), 20); ++pass) {
    attempt([&] { trace.pass_at(pass); });
  }
  attempt([&] { trace.unfinished(); });
  attempt([&] { trace.pass(0, 0); });
  for (uint64_t row = 0; row < std::min<uint64_t>(trace.rows<Decisions>(), 20); ++row) {
    attempt([&] { trace.kept_positions(row); });
    attempt([&] { trace.evicted_positions(row); });
  }
  attempt([&] { find_kept(trace); });
}

}  // namespace

// Leaks of libhdf5 where it refuses a file are its own.
extern "C" const char* __asan_default_options() {
  return "detect_leaks=0";
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const MemoryFile file("trace");
  static const bool tried = std::getenv("KVREEL_FUZZ_WITHOUT_TRIAL") == nullptr;
  file.fill({data, size});
  attempt([&] {
    Trace trace =
        Trace::open(file.path(), tried ? kvreel::tracer::Trial::yes : kvreel::tracer::Trial::no);
    read_tables(trace);
    ask(trace);
    trace.refresh();
  });
  // Recovering takes longer: some inputs, by a byte of the superblock's checksum.
  if (size > 44 && data[44] % 8 == 0) {
    const char* directory = std::getenv("TMPDIR");
    const std::string output = std::string(directory != nullptr ? directory : "/tmp") +
                               "/trace_fuzz." + std::to_string(::getpid());
    attempt([&] { kvreel::tracer::recover(file.path(), output, true); });
    ::unlink(output.c_str());
  }
  return 0;
}

// libFuzzer's; missing where only the corpus is run.
extern "C" __attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

// Half of the mutations change a field of a structure and no sizes; after all of them the checksums
// are right again, since HDF5 looks no further where one is wrong.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most,
                                          unsigned int seed) {
  std::minstd_rand random(seed);
  if (random() % 4 == 0 || !kvreel::testing::change_fields({data, size}, random)) {
    size = LLVMFuzzerMutate(data, size, most);
  }
  kvreel::testing::repair_checksums({data, size});
  return size;
}
