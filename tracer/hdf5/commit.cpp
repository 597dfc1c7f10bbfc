// Checksums of commits.
#include "tracer/hdf5/commit.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace kvreel::tracer {

static_assert(std::endian::native == std::endian::little,
              "checksums are of little-endian bytes, which are those in memory");

void Crc::add(const void* data, uint64_t bytes) {
  if (bytes == 0) return;
  value_ = static_cast<uint32_t>(crc32_z(value_, static_cast<const Bytef*>(data), bytes));
  bytes_ += bytes;
}

void Crc::add(const Crc& other) {
  if (other.bytes_ == 0) return;
  value_ = static_cast<uint32_t>(
      crc32_combine(value_, other.value_, static_cast<z_off_t>(other.bytes_)));
  bytes_ += other.bytes_;
}

void Crc::add_row(const Commit& commit, const std::vector<bool>& tables) {
  add(&commit.time_ns, sizeof(commit.time_ns));
  for (size_t table = 0; table < kTableCount; ++table) {
    if (tables[table]) add(&commit.rows[table], sizeof(commit.rows[table]));
  }
  add(&commit.file_bytes, sizeof(commit.file_bytes));
}

SumCheck::SumCheck(std::vector<Commit> commits)
    : commits_(std::move(commits)), sums_(commits_.size()), sound_(commits_.size()) {}

void SumCheck::lose(size_t commit) {
  sound_ = std::min(sound_, commit);
}

void SumCheck::begin_set(std::vector<uint64_t> ends, size_t element_bytes) {
  for (size_t commit = 0; commit < ends.size(); ++commit) {
    if (ends[commit] < (commit == 0 ? 0 : ends[commit - 1])) lose(commit);
  }
  ends_ = std::move(ends);
  element_bytes_ = element_bytes;
  at_ = 0;
  commit_ = 0;
}

void SumCheck::add(const void* data, uint64_t count) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  while (count > 0 && commit_ < sound_) {
    const uint64_t part = std::min(count, ends_[commit_] - at_);
    sums_[commit_].add(bytes, part * element_bytes_);
    bytes += part * element_bytes_;
    at_ += part;
    count -= part;
    if (count > 0 || at_ == ends_[commit_]) ++commit_;
  }
}

void SumCheck::finish(const std::vector<bool>& tables) {
  for (size_t commit = 0; commit < sound_; ++commit) {
    sums_[commit].add_row(commits_[commit], tables);
    const bool empty = commits_[commit].file_bytes == 0;
    if (empty || sums_[commit].value() != commits_[commit].checksum) lose(commit);
  }
}

}  // namespace kvreel::tracer
