// One HDF5 file that is being written: the trace's main file or a shard. Data sets grow, commits
// follow a fixed order.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tracer/format/catalogue.h"
#include "tracer/hdf5/commit.h"
#include "tracer/hdf5/dataset.h"
#include "tracer/hdf5/file.h"
#include "tracer/hdf5/trace_layout.h"

namespace kvreel::tracer {

class LivePart {
 public:
  // Makes the file as a draft beside `path`, has `fill` append the rows that it begins with, starts
  // SWMR writing, makes a first commit, and has `publish` give the draft its name. Throws Error,
  // and removes what it made, where it cannot.
  struct Start {
    RootFacts facts;
    int64_t time_ns = 0;
    std::function<void(LivePart&)> fill;
    std::function<void(const std::string& draft)> publish;
  };
  LivePart(const std::string& path, const Start& start);
  // Abandons what is not closed.
  ~LivePart();
  LivePart(const LivePart&) = delete;
  LivePart& operator=(const LivePart&) = delete;

  const std::string& path() const { return path_; }
  bool is_open() const { return static_cast<bool>(file_); }
  bool dirty() const { return dirty_; }
  uint64_t rows(size_t table) const { return tables_[table].rows; }

  // Elements of a data set, of which there are `size()` already.
  void append(size_t table, size_t set, const void* data, uint64_t count);
  uint64_t size(size_t table, size_t set) const { return tables_[table].sets[set].size(); }
  // That many rows of a table are complete.
  void add_rows(size_t table, uint64_t count);

  // Makes everything appended so far valid. `rows`: what the commit says of each table.
  void commit(int64_t time_ns, const std::array<uint64_t, kTableCount>& rows);
  // Throws Error where the file was removed or replaced.
  void require_in_place() const;
  void set_status(Status status);
  void close();
  // After a failure: what cannot be written is lost, which is the point.
  void abandon();

 private:
  struct Table {
    std::vector<DataSet> sets;  // none where the file does not have the table
    std::vector<Crc> sums;      // of what was appended since the last commit
    uint64_t rows = 0;          // in this file
    bool dirty = false;
  };
  void create_sets();
  template <typename Use>
  void for_each_set(Use&& use);

  std::string path_;
  PartKind kind_;
  Hid file_;
  FileIdentity identity_;
  std::vector<TableSpec> specs_;
  std::vector<Table> tables_;
  std::vector<bool> counted_;
  DataSet commit_time_;
  std::vector<DataSet> commit_rows_;
  DataSet commit_sum_;
  DataSet commit_bytes_;
  bool dirty_ = false;
};

// Drafts of `path` that kills have left: nobody holds them.
void remove_abandoned_drafts(const std::string& path);

}  // namespace kvreel::tracer
