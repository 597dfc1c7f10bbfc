// A commit: the rows that it makes valid, and the checksum of the bytes that it added.
//
// The checksum is the CRC-32 of zlib (and of PNG and gzip) over what lies between the commit before
// and this one, in the order of the catalogue: of every table, of every data set, the new elements
// as they are stored; then the commit's own row but for the checksum, each number 8 bytes: time,
// the rows of every table, file_bytes. Tables and data sets that the file lacks are passed over.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tracer/format/schema.h"

namespace kvreel::tracer {

struct Commit {
  int64_t time_ns = 0;
  uint64_t file_bytes = 0;                      // 0: nothing was committed
  std::array<uint64_t, kTableCount> rows = {};  // in the order of Tables
  uint64_t checksum = 0;
};

// A CRC-32 that grows with what is added to it.
class Crc {
 public:
  void add(const void* data, uint64_t bytes);
  // As though the bytes of `other` had been added.
  void add(const Crc& other);
  // The numbers of a commit's row; of tables that the file lacks none.
  void add_row(const Commit& commit, const std::vector<bool>& tables);
  uint32_t value() const { return value_; }

 private:
  uint32_t value_ = 0;
  uint64_t bytes_ = 0;
};

// Checks every commit of a file while its data sets go by, in the order of the catalogue.
class SumCheck {
 public:
  explicit SumCheck(std::vector<Commit> commits);

  const std::vector<Commit>& commits() const { return commits_; }
  // The first commits, of which nothing was wrong so far.
  size_t sound() const { return sound_; }
  // Commit `commit` and those after it are not sound.
  void lose(size_t commit);

  // The next data set: `ends[i]` elements of it are valid with commit i.
  void begin_set(std::vector<uint64_t> ends, size_t element_bytes);
  // Its next elements, from the first on.
  void add(const void* data, uint64_t count);
  // After the last data set: compares. `tables`: those that the file has.
  void finish(const std::vector<bool>& tables);

 private:
  std::vector<Commit> commits_;
  std::vector<Crc> sums_;
  size_t sound_ = 0;
  std::vector<uint64_t> ends_;
  size_t element_bytes_ = 0;
  uint64_t at_ = 0;    // elements of the set that went by
  size_t commit_ = 0;  // the first that needs more of them
};

}  // namespace kvreel::tracer
