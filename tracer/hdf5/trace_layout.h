// Making a trace's groups, data sets and attributes in a new file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tracer/format/catalogue.h"
#include "tracer/hdf5/dataset.h"

namespace kvreel::tracer {

// What a new file says of itself.
struct RootFacts {
  int minor = kFormatMinor;
  Status status = Status::recording;
  std::string_view provenance;  // JSON
  PartKind kind = PartKind::main;
  std::string_view trace_id = {};  // "": none
};

// Writes the root attributes and the provenance, and makes the group of every table and of the
// commits.
void write_root(hid_t file, const std::string& file_name, const RootFacts& facts);

// Elements per chunk: small where few rows are expected, so that a small trace is a small file.
uint64_t growing_chunk(const TableSpec& table, const DataSetSpec& set);

// A data set of a table with its unit and meaning, growing or of a final size.
DataSet create_growing_set(hid_t file, const std::string& file_name, const TableSpec& table,
                           const DataSetSpec& set);
DataSet create_final_set(hid_t file, const std::string& file_name, const TableSpec& table,
                         const DataSetSpec& set, uint64_t size);

// "/commit/file_bytes", ...
std::string commit_path(std::string_view column);

}  // namespace kvreel::tracer
