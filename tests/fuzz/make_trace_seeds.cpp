// Writes the seeds of the trace targets: traces of a few kB that have every kind of structure by
// which HDF5 finds a trace's rows. They are of format 1.0, which lets columns be absent.
//
//     make_trace_seeds DIRECTORY
#include <hdf5.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "tracer/format/catalogue.h"
#include "tracer/hdf5/dataset.h"
#include "tracer/hdf5/file.h"
#include "tracer/hdf5/trace_file.h"
#include "tracer/hdf5/trace_layout.h"

namespace kvreel::tracer {
namespace {

using Values = std::vector<uint64_t>;

Values bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

// A trace of one pass over five tokens whose policy evicted two of them, and of `notes` notes.
std::map<std::string, Values> content(uint64_t notes) {
  std::map<std::string, Values> sets = {
      {"/tokens/id", {5, 6, 7, 8, 9}},
      {"/samples/tokens_end", {5}},
      {"/rankings/positions", {1, 2, 3}},
      {"/rankings/positions_end", {3}},
      {"/steps/step", {0, 1}},
      {"/spans/layer", {0, 1, 2}},
      {"/spans/start_ns", {10, 20, 30}},
      {"/decisions/cut", {2}},
      {"/decisions/ranking", {0}},
      {"/decisions/curve", {~uint64_t{0}}},
      {"/decisions/kept_ranges", {0, 1, 3, 5}},
      {"/decisions/kept_ranges_end", {4}},
      {"/passes/run", {0}},
      {"/passes/sample", {0}},
      {"/passes/steps_end", {2}},
      {"/passes/spans_end", {3}},
      {"/passes/decisions_end", {1}},
      {"/passes/text", bytes_of("hi")},
      {"/passes/text_end", {2}},
      {"/runs/name", bytes_of("full")},
      {"/runs/name_end", {4}},
  };
  for (uint64_t i = 0; i < notes; ++i) {
    sets["/notes/time_ns"].push_back(i);
    for (const uint8_t byte : std::string_view("key")) sets["/notes/key"].push_back(byte);
    sets["/notes/key_end"].push_back(3 * (i + 1));
    sets["/notes/value"].push_back('0' + i % 10);
    sets["/notes/value_end"].push_back(i + 1);
  }
  return sets;
}

std::vector<uint8_t> stored(const Values& values, ElementType type) {
  const size_t width = element_bytes(type);
  std::vector<uint8_t> bytes(values.size() * width);
  for (size_t i = 0; i < values.size(); ++i) std::memcpy(&bytes[i * width], &values[i], width);
  return bytes;
}

struct Shape {
  bool live = false;  // its recorder was killed
  uint64_t notes = 2;
  uint64_t chunk = 64;        // elements
  bool whole_passes = false;  // every column of passes, so that its group has a heap and a B-tree
};

class Seed {
 public:
  Seed(const std::string& path, const Shape& shape) : path_(path), shape_(shape) {
    std::filesystem::remove(path);
    file_ = create_file(path, path);
    create_text_attribute(file_.get(), kAttrFormat, kFormatName);
    create_int_attribute(file_.get(), kAttrMajor, kFormatMajor);
    create_int_attribute(file_.get(), kAttrMinor, 0);
    create_int_attribute(file_.get(), kAttrStatus, shape.live ? 0 : 1);
    // The provenance is of a fixed size in live traces, too.
    DataSet provenance =
        DataSet::create_final(file_.get(), path, "/provenance", ElementType::u8, 2, 2);
    provenance.write(0, 2, "{}");
    provenance.close();
    write_tables();
    write_commit();
  }

  // Leaves the trace at `to`, as a kill or a proper end does.
  void leave(const std::string& to) {
    if (shape_.live) {
      check(H5Fstart_swmr_write(file_.get()), "let readers into a seed");
      check(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), "write a seed");
    } else {
      file_.close("close a seed");
    }
    std::filesystem::copy_file(path_, to, std::filesystem::copy_options::overwrite_existing);
    file_.reset();
    std::filesystem::remove(path_);
  }

 private:
  void make_group(const std::string& name) {
    const Hid list = owned(H5Pcreate(H5P_GROUP_CREATE), H5Pclose, "make a group");
    check(H5Pset_obj_track_times(list.get(), false), "make a group");
    const Hid group =
        owned(H5Gcreate2(file_.get(), name.c_str(), H5P_DEFAULT, list.get(), H5P_DEFAULT), H5Gclose,
              "make a group");
  }

  void write_set(const std::string& path, ElementType type, const Values& values) {
    const std::vector<uint8_t> bytes = stored(values, type);
    DataSet set =
        shape_.live
            ? DataSet::create_growing(file_.get(), path_, path, type, shape_.chunk)
            : DataSet::create_final(file_.get(), path_, path, type, values.size(), shape_.chunk);
    if (shape_.live) {
      set.append(bytes.data(), values.size());
      set.flush();
    } else {
      set.write(0, values.size(), bytes.data());
    }
    set.close();
  }

  void write_tables() {
    const std::map<std::string, Values> sets = content(shape_.notes);
    for (const TableSpec& table : catalogue()) {
      bool made = false;
      for (const DataSetSpec& set : table.sets) {
        const std::string path = set_path(table, set);
        const auto found = sets.find(path);
        const bool whole = shape_.whole_passes && table.name == "passes";
        if (found == sets.end() && !whole) continue;
        if (!made) make_group("/" + std::string(table.name));
        made = true;
        const Values values = found != sets.end()        ? found->second
                              : set.part == Part::values ? Values{}
                                                         : Values{0};
        write_set(path, set.type, values);
        if (set.part != Part::values) rows_[std::string(table.name)] = values.size();
      }
    }
  }

  void write_commit() {
    make_group("/commit");
    write_set(commit_path(kCommitTime), ElementType::i64, {1000});
    for (const auto& [table, rows] : rows_) write_set(commit_path(table), ElementType::u64, {rows});
    write_set(commit_path(kCommitFileBytes), ElementType::u64, {512});
  }

  std::string path_;
  Shape shape_;
  Hid file_;
  std::map<std::string, uint64_t> rows_;
};

void write_seed(const std::filesystem::path& directory, const std::string& name,
                const Shape& shape) {
  Seed((directory / (name + ".draft")).string(), shape).leave((directory / name).string());
}

void write_all(const std::filesystem::path& directory) {
  prepare_thread();
  std::filesystem::create_directories(directory);
  write_seed(directory, "finished", {});
  write_seed(directory, "finished-many-chunks", {.notes = 40, .chunk = 2});
  write_seed(directory, "finished-dense-group", {.whole_passes = true});
  write_seed(directory, "killed", {.live = true});
  write_seed(directory, "killed-many-chunks", {.live = true, .notes = 300, .chunk = 1});
}

}  // namespace
}  // namespace kvreel::tracer

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_trace_seeds DIRECTORY\n");
    return 2;
  }
  kvreel::tracer::write_all(argv[1]);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
