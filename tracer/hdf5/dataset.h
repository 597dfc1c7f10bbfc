// One-dimensional data sets: creating, appending, reading ranges; attributes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tracer/format/columns.h"
#include "tracer/hdf5/handle.h"

namespace kvreel::tracer {

// What a file can honestly hold.
struct FileLimits {
  uint64_t bytes = 0;      // the file's length
  bool cut_short = false;  // and it was longer once
};

// An open data set. All numbers count elements.
class DataSet {
 public:
  DataSet() = default;

  // For a file being recorded: grows without end, in chunks, without filters (an interrupted
  // rewrite of a filtered chunk loses all of it). `path` names the data set in its file, `file` the
  // file in messages.
  static DataSet create_growing(hid_t file, const std::string& file_name, const std::string& path,
                                ElementType type, uint64_t chunk);
  // For a finished file: fixed size, shuffled, compressed and checksummed.
  static DataSet create_final(hid_t file, const std::string& file_name, const std::string& path,
                              ElementType type, uint64_t size, uint64_t chunk);
  // Refuses what no trace contains: links into other files, other types, more dimensions, external
  // or virtual storage, giant chunks, unknown filters. `limits` bound what it can hold.
  static DataSet open(hid_t file, const std::string& file_name, const std::string& path,
                      ElementType type, const FileLimits& limits);

  uint64_t size() const { return size_; }
  ElementType type() const { return type_; }
  uint64_t chunk() const { return chunk_; }  // elements; 0: not in chunks
  const std::string& path() const { return path_; }
  bool filtered() const { return filtered_; }  // compressed and checksummed, as of a final file

  void append(const void* data, uint64_t count);
  // Writes at `begin` of a final data set.
  void write(uint64_t begin, uint64_t count, const void* data);
  // Writes a chunk of a final data set, which begins at `begin`, as pack_chunk() made it.
  void write_packed(uint64_t begin, std::span<const uint8_t> packed);
  // Throws Error where [begin, begin + count) is beyond the end or was never stored: to be called
  // before memory is taken for what a file claims to hold.
  void require(uint64_t begin, uint64_t count) const;
  // Requires, and reads.
  void read(uint64_t begin, uint64_t count, void* out) const;
  void flush();
  // Looks at the file again, for a data set that another process writes.
  void refresh(const FileLimits& limits);
  void close();
  // Of a growing data set, after SWMR writing has started: HDF5 1.10 opens data sets anew then,
  // with caches of its own size, which hold a megabyte for each.
  void reopen(hid_t file);

  void set_text(std::string_view attribute, std::string_view text);

 private:
  static DataSet create(hid_t file, const std::string& file_name, const std::string& path,
                        ElementType type, uint64_t size, uint64_t max_size, Hid creation,
                        uint64_t chunk);
  std::string doing(std::string_view verb) const;
  void check_storage_kind();
  uint64_t stored_elements(uint64_t end) const;
  void read_size();
  void transfer(bool writing, uint64_t begin, uint64_t count, void* data) const;

  Hid id_;
  std::string file_name_;
  std::string path_;
  ElementType type_ = ElementType::u8;
  uint64_t size_ = 0;
  uint64_t chunk_ = 0;  // 0: contiguous
  bool filtered_ = false;
  FileLimits limits_;
  mutable uint64_t stored_ = 0;  // elements known to be stored
};

// True where `path` is an object of this very file, and not a link into another.
bool has_object(hid_t file, const std::string& path);

// Root attributes. Reading throws Error with the file's name where the attribute is missing or of
// another type.
void create_text_attribute(hid_t object, std::string_view name, std::string_view text);
void create_int_attribute(hid_t file, std::string_view name, int32_t value);
void rewrite_int_attribute(hid_t file, std::string_view name, int32_t value);
bool has_attribute(hid_t file, std::string_view name);
std::string read_text_attribute(hid_t file, const std::string& file_name, std::string_view name);
int32_t read_int_attribute(hid_t file, const std::string& file_name, std::string_view name);

}  // namespace kvreel::tracer
