// The parts of a trace that are made before its first row.
#include "tracer/hdf5/trace_layout.h"

#include <fmt/format.h>

#include <algorithm>

#include "tracer/hdf5/part_file.h"

namespace kvreel::tracer {
namespace {

// 16384: a viewer that jumps about reads 64 to 128 KiB at a time; larger chunks make appends stall.
constexpr uint64_t kRowsPerChunk = 16384;
constexpr uint64_t kValuesPerChunk = 65536;

void create_group(hid_t file, const std::string& file_name, std::string_view name) {
  const std::string path = fmt::format("/{}", name);
  const std::string doing = fmt::format("create group {} of {}", path, file_name);
  const Hid creation = owned(H5Pcreate(H5P_GROUP_CREATE), H5Pclose, doing);
  check(H5Pset_obj_track_times(creation.get(), false), doing);
  const Hid group = owned(H5Gcreate2(file, path.c_str(), H5P_DEFAULT, creation.get(), H5P_DEFAULT),
                          H5Gclose, doing);
}

DataSet described(DataSet set, const DataSetSpec& spec) {
  set.set_text(kAttrUnit, spec.unit);
  set.set_text(kAttrMeaning, spec.meaning);
  return set;
}

}  // namespace

void write_root(hid_t file, const std::string& file_name, const RootFacts& facts) {
  create_text_attribute(file, kAttrFormat,
                        facts.kind == PartKind::main ? kFormatName : kShardFormatName);
  if (!facts.trace_id.empty()) create_text_attribute(file, kAttrTraceId, facts.trace_id);
  create_int_attribute(file, kAttrMajor, kFormatMajor);
  create_int_attribute(file, kAttrMinor, facts.minor);
  create_int_attribute(file, kAttrStatus, static_cast<int32_t>(facts.status));
  const uint64_t size = facts.provenance.size();
  DataSet provenance = DataSet::create_final(file, file_name, fmt::format("/{}", kAttrProvenance),
                                             ElementType::u8, size, kValuesPerChunk);
  provenance.write(0, size, facts.provenance.data());
  provenance.close();
  for (const TableSpec& table : catalogue()) {
    if (part_has(facts.kind, table.volume)) create_group(file, file_name, table.name);
  }
  create_group(file, file_name, kCommitGroup);
}

uint64_t growing_chunk(const TableSpec& table, const DataSetSpec& set) {
  if (set.part == Part::values) return kRowsPerChunk;
  switch (table.volume) {
    case Volume::few:
      return 256;
    case Volume::some:
      return 2048;
    case Volume::many:
      return kRowsPerChunk;
  }
  return kRowsPerChunk;
}

DataSet create_growing_set(hid_t file, const std::string& file_name, const TableSpec& table,
                           const DataSetSpec& set) {
  return described(DataSet::create_growing(file, file_name, set_path(table, set), set.type,
                                           growing_chunk(table, set)),
                   set);
}

DataSet create_final_set(hid_t file, const std::string& file_name, const TableSpec& table,
                         const DataSetSpec& set, uint64_t size) {
  const uint64_t chunk = set.part == Part::values ? kValuesPerChunk : kRowsPerChunk;
  return described(
      DataSet::create_final(file, file_name, set_path(table, set), set.type, size, chunk), set);
}

std::string commit_path(std::string_view column) {
  return fmt::format("/{}/{}", kCommitGroup, column);
}

}  // namespace kvreel::tracer
