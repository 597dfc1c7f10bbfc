// Data sets of one dimension.
#include "tracer/hdf5/dataset.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace kvreel::tracer {
namespace {

constexpr uint64_t kLargestChunkBytes = 16u << 20;
constexpr uint64_t kRounding = 64;  // elements

hid_t stored_type(ElementType type) {
  switch (type) {
    case ElementType::i8:
      return H5T_STD_I8LE;
    case ElementType::i16:
      return H5T_STD_I16LE;
    case ElementType::i32:
      return H5T_STD_I32LE;
    case ElementType::i64:
      return H5T_STD_I64LE;
    case ElementType::u8:
      return H5T_STD_U8LE;
    case ElementType::u64:
      return H5T_STD_U64LE;
    case ElementType::f32:
      return H5T_IEEE_F32LE;
    case ElementType::f64:
      return H5T_IEEE_F64LE;
  }
  fail("the schema names a type of elements that has no HDF5 type");
}

hid_t memory_type(ElementType type) {
  switch (type) {
    case ElementType::i8:
      return H5T_NATIVE_INT8;
    case ElementType::i16:
      return H5T_NATIVE_INT16;
    case ElementType::i32:
      return H5T_NATIVE_INT32;
    case ElementType::i64:
      return H5T_NATIVE_INT64;
    case ElementType::u8:
      return H5T_NATIVE_UINT8;
    case ElementType::u64:
      return H5T_NATIVE_UINT64;
    case ElementType::f32:
      return H5T_NATIVE_FLOAT;
    case ElementType::f64:
      return H5T_NATIVE_DOUBLE;
  }
  fail("the schema names a type of elements that has no HDF5 type");
}

// How a data set that is written is opened.
Hid access_list(ElementType type, uint64_t chunk, const std::string& doing) {
  Hid access = owned(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose, doing);
  if (chunk > 0) {
    // Two chunks: the one that is being filled, and the one before it while a batch straddles both.
    // With less, each small append would read and write a whole chunk.
    check(H5Pset_chunk_cache(access.get(), 11, 2 * chunk * element_bytes(type), 1.0), doing);
  }
  return access;
}

}  // namespace

std::string DataSet::doing(std::string_view verb) const {
  return fmt::format("{} data set {} of {}", verb, path_, file_name_);
}

DataSet DataSet::create(hid_t file, const std::string& file_name, const std::string& path,
                        ElementType type, uint64_t size, uint64_t max_size, Hid creation,
                        uint64_t chunk) {
  DataSet set;
  set.file_name_ = file_name;
  set.path_ = path;
  set.type_ = type;
  set.size_ = size;
  set.chunk_ = chunk;
  const std::string doing = set.doing("create");
  const hsize_t dimensions[] = {size};
  const hsize_t limits[] = {max_size};
  const Hid space = owned(H5Screate_simple(1, dimensions, limits), H5Sclose, doing);
  const Hid access = access_list(type, chunk, doing);
  set.id_ = owned(H5Dcreate2(file, path.c_str(), stored_type(type), space.get(), H5P_DEFAULT,
                             creation.get(), access.get()),
                  H5Dclose, doing);
  return set;
}

DataSet DataSet::create_growing(hid_t file, const std::string& file_name, const std::string& path,
                                ElementType type, uint64_t chunk) {
  const std::string doing = fmt::format("create data set {} of {}", path, file_name);
  Hid creation = owned(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, doing);
  const hsize_t chunks[] = {chunk};
  check(H5Pset_obj_track_times(creation.get(), false), doing);
  check(H5Pset_chunk(creation.get(), 1, chunks), doing);
  return create(file, file_name, path, type, 0, H5S_UNLIMITED, std::move(creation), chunk);
}

DataSet DataSet::create_final(hid_t file, const std::string& file_name, const std::string& path,
                              ElementType type, uint64_t size, uint64_t chunk) {
  const std::string doing = fmt::format("create data set {} of {}", path, file_name);
  Hid creation = owned(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, doing);
  check(H5Pset_obj_track_times(creation.get(), false), doing);
  if (size == 0) return create(file, file_name, path, type, 0, 0, std::move(creation), 0);
  chunk = std::min(chunk, size);
  const hsize_t chunks[] = {chunk};
  check(H5Pset_chunk(creation.get(), 1, chunks), doing);
  // Level 1: level 4 buys 4 % of size for half as much time again. The checksum notices what
  // inflating does not.
  if (element_bytes(type) > 1) check(H5Pset_shuffle(creation.get()), doing);
  check(H5Pset_deflate(creation.get(), 1), doing);
  check(H5Pset_fletcher32(creation.get()), doing);
  return create(file, file_name, path, type, size, size, std::move(creation), chunk);
}

DataSet DataSet::open(hid_t file, const std::string& file_name, const std::string& path,
                      ElementType type, const FileLimits& limits) {
  DataSet set;
  set.file_name_ = file_name;
  set.path_ = path;
  set.type_ = type;
  if (!has_object(file, path))
    fail("{} has no data set {}; it is damaged or no kvreel trace", file_name, path);
  set.id_ = owned(H5Dopen2(file, path.c_str(), H5P_DEFAULT), H5Dclose, set.doing("open"));
  const Hid stored = owned(H5Dget_type(set.id_.get()), H5Tclose, set.doing("read the type of"));
  if (H5Tequal(stored.get(), stored_type(type)) <= 0) {
    fail(
        "data set {} of {} is not of type {} as traces have it; the file is damaged or no kvreel "
        "trace",
        path, file_name, element_name(type));
  }
  set.check_storage_kind();
  set.limits_ = limits;
  set.read_size();
  return set;
}

// A hostile file can point at other files or ask for any amount of memory; a trace does neither.
void DataSet::check_storage_kind() {
  const Hid creation = owned(H5Dget_create_plist(id_.get()), H5Pclose, doing("read the layout of"));
  const H5D_layout_t layout = H5Pget_layout(creation.get());
  const int external = H5Pget_external_count(creation.get());
  bool usual = (layout == H5D_CHUNKED || layout == H5D_CONTIGUOUS) && external == 0;
  if (usual && layout == H5D_CHUNKED) {
    hsize_t chunk = 0;
    usual = H5Pget_chunk(creation.get(), 1, &chunk) == 1 && chunk > 0 &&
            chunk <= kLargestChunkBytes / element_bytes(type_);
    chunk_ = chunk;
  }
  const int filters = H5Pget_nfilters(creation.get());
  usual = usual && filters >= 0;
  filtered_ = filters > 0;
  for (int i = 0; usual && i < filters; ++i) {
    unsigned flags = 0;
    size_t values = 0;
    unsigned config = 0;
    const H5Z_filter_t filter = H5Pget_filter2(creation.get(), static_cast<unsigned>(i), &flags,
                                               &values, nullptr, 0, nullptr, &config);
    usual = filter == H5Z_FILTER_SHUFFLE || filter == H5Z_FILTER_DEFLATE ||
            filter == H5Z_FILTER_FLETCHER32;
  }
  if (!usual) {
    H5Eclear2(H5E_DEFAULT);
    fail(
        "data set {} of {} is stored in a way that no kvreel trace uses; the file is damaged or no "
        "kvreel trace",
        path_, file_name_);
  }
}

void DataSet::append(const void* data, uint64_t count) {
  if (count == 0) return;
  const hsize_t size[] = {size_ + count};
  check(H5Dset_extent(id_.get(), size), doing("extend"));
  const uint64_t begin = size_;
  size_ += count;
  transfer(true, begin, count, const_cast<void*>(data));
}

void DataSet::write(uint64_t begin, uint64_t count, const void* data) {
  if (count > 0) transfer(true, begin, count, const_cast<void*>(data));
}

void DataSet::write_packed(uint64_t begin, std::span<const uint8_t> packed) {
  const hsize_t offset[] = {begin};
  check(H5Dwrite_chunk(id_.get(), H5P_DEFAULT, 0, offset, packed.size(), packed.data()),
        doing("write"));
}

void DataSet::read(uint64_t begin, uint64_t count, void* out) const {
  if (count == 0) return;
  require(begin, count);
  transfer(false, begin, count, out);
}

// HDF5 reads zeros where a chunk was never written, so that a false size would pass for data.
void DataSet::require(uint64_t begin, uint64_t count) const {
  if (begin > size_ || count > size_ - begin) {
    fail(
        "data set {} of {} has {} elements, and {} from element {} on were asked for; the file is "
        "damaged",
        path_, file_name_, size_, count, begin);
  }
  const uint64_t end = begin + count;
  if (end <= stored_) return;
  const uint64_t stored = stored_elements(end);
  if (stored < end) {
    fail("data set {} of {} claims {} elements that are not stored; the file is damaged", path_,
         file_name_, size_);
  }
  stored_ = stored;
}

// Elements that are stored, or fewer than `end`.
uint64_t DataSet::stored_elements(uint64_t end) const {
  // Deflate makes at most 1032 bytes of one.
  const uint64_t most = limits_.bytes / element_bytes(type_) * (filtered_ ? 1040 : 1) + kRounding;
  if (end > most) return 0;
  // Of a file that was cut short the index leads beyond the end; that the part before it is there,
  // its commit says.
  if (limits_.cut_short) return end;
  // Counting takes time by the number that is claimed.
  if (size_ > most) return 0;
  if (chunk_ == 0) return H5Dget_storage_size(id_.get()) / element_bytes(type_);
  const Hid space = owned(H5Dget_space(id_.get()), H5Sclose, doing("read the size of"));
  hsize_t chunks = 0;
  check(H5Dget_num_chunks(id_.get(), space.get(), &chunks), doing("count the chunks of"));
  return chunks > UINT64_MAX / chunk_ ? UINT64_MAX : chunks * chunk_;
}

void DataSet::transfer(bool writing, uint64_t begin, uint64_t count, void* data) const {
  const std::string_view verb = writing ? "write" : "read";
  const hsize_t start[] = {begin};
  const hsize_t length[] = {count};
  const Hid file_space = owned(H5Dget_space(id_.get()), H5Sclose, doing(verb));
  check(H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, start, nullptr, length, nullptr),
        doing(verb));
  const Hid memory_space = owned(H5Screate_simple(1, length, nullptr), H5Sclose, doing(verb));
  const herr_t status = writing ? H5Dwrite(id_.get(), memory_type(type_), memory_space.get(),
                                           file_space.get(), H5P_DEFAULT, data)
                                : H5Dread(id_.get(), memory_type(type_), memory_space.get(),
                                          file_space.get(), H5P_DEFAULT, data);
  check(status, doing(verb));
}

void DataSet::flush() {
  check(H5Dflush(id_.get()), doing("flush"));
}

void DataSet::refresh(const FileLimits& limits) {
  limits_ = limits;
  check(H5Drefresh(id_.get()), doing("refresh"));
  read_size();
}

void DataSet::read_size() {
  const Hid space = owned(H5Dget_space(id_.get()), H5Sclose, doing("read the size of"));
  hsize_t size = 0;
  if (H5Sget_simple_extent_ndims(space.get()) != 1 ||
      H5Sget_simple_extent_dims(space.get(), &size, nullptr) != 1) {
    fail("data set {} of {} does not have one dimension; the file is damaged or no kvreel trace",
         path_, file_name_);
  }
  size_ = size;
  stored_ = 0;
}

void DataSet::close() {
  id_.close(doing("close"));
}

void DataSet::reopen(hid_t file) {
  close();
  const Hid access = access_list(type_, chunk_, doing("open"));
  id_ = owned(H5Dopen2(file, path_.c_str(), access.get()), H5Dclose, doing("open"));
}

void DataSet::set_text(std::string_view attribute, std::string_view text) {
  create_text_attribute(id_.get(), attribute, text);
}

bool has_object(hid_t file, const std::string& path) {
  // Each part of the path, since an external link may hide in any.
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    H5L_info_t info;
    if (H5Lexists(file, part.c_str(), H5P_DEFAULT) <= 0 ||
        H5Lget_info(file, part.c_str(), &info, H5P_DEFAULT) < 0 || info.type != H5L_TYPE_HARD) {
      H5Eclear2(H5E_DEFAULT);
      return false;
    }
    if (slash == std::string::npos) return true;
  }
}

void create_text_attribute(hid_t object, std::string_view name, std::string_view text) {
  const std::string key(name);
  const std::string doing = fmt::format("create attribute '{}'", name);
  const Hid type = owned(H5Tcopy(H5T_C_S1), H5Tclose, doing);
  // HDF5 has no empty fixed-length strings.
  const std::string value = text.empty() ? std::string(1, '\0') : std::string(text);
  check(H5Tset_size(type.get(), value.size()), doing);
  check(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), doing);
  check(H5Tset_cset(type.get(), H5T_CSET_UTF8), doing);
  const Hid space = owned(H5Screate(H5S_SCALAR), H5Sclose, doing);
  const Hid attribute =
      owned(H5Acreate2(object, key.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT),
            H5Aclose, doing);
  check(H5Awrite(attribute.get(), type.get(), value.data()), doing);
}

void create_int_attribute(hid_t file, std::string_view name, int32_t value) {
  const std::string key(name);
  const std::string doing = fmt::format("create attribute '{}'", name);
  const Hid space = owned(H5Screate(H5S_SCALAR), H5Sclose, doing);
  const Hid attribute =
      owned(H5Acreate2(file, key.c_str(), H5T_STD_I32LE, space.get(), H5P_DEFAULT, H5P_DEFAULT),
            H5Aclose, doing);
  check(H5Awrite(attribute.get(), H5T_NATIVE_INT32, &value), doing);
}

void rewrite_int_attribute(hid_t file, std::string_view name, int32_t value) {
  const std::string doing = fmt::format("write attribute '{}'", name);
  const Hid attribute =
      owned(H5Aopen(file, std::string(name).c_str(), H5P_DEFAULT), H5Aclose, doing);
  check(H5Awrite(attribute.get(), H5T_NATIVE_INT32, &value), doing);
}

bool has_attribute(hid_t file, std::string_view name) {
  const htri_t exists = H5Aexists(file, std::string(name).c_str());
  if (exists < 0) H5Eclear2(H5E_DEFAULT);
  return exists > 0;
}

std::string read_text_attribute(hid_t file, const std::string& file_name, std::string_view name) {
  constexpr size_t kLongest = 4096;
  const std::string doing = fmt::format("read attribute '{}' of {}", name, file_name);
  const Hid attribute =
      owned(H5Aopen(file, std::string(name).c_str(), H5P_DEFAULT), H5Aclose, doing);
  const Hid type = owned(H5Aget_type(attribute.get()), H5Tclose, doing);
  const Hid space = owned(H5Aget_space(attribute.get()), H5Sclose, doing);
  const size_t size = H5Tget_size(type.get());
  if (H5Tget_class(type.get()) != H5T_STRING || H5Tis_variable_str(type.get()) != 0 || size == 0 ||
      size > kLongest || H5Sget_simple_extent_npoints(space.get()) != 1) {
    fail(
        "attribute '{}' of {} is not a short fixed-length text; the file is damaged or no kvreel "
        "trace",
        name, file_name);
  }
  std::string text(size, '\0');
  check(H5Aread(attribute.get(), type.get(), text.data()), doing);
  text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

int32_t read_int_attribute(hid_t file, const std::string& file_name, std::string_view name) {
  const std::string doing = fmt::format("read attribute '{}' of {}", name, file_name);
  const Hid attribute =
      owned(H5Aopen(file, std::string(name).c_str(), H5P_DEFAULT), H5Aclose, doing);
  const Hid type = owned(H5Aget_type(attribute.get()), H5Tclose, doing);
  const Hid space = owned(H5Aget_space(attribute.get()), H5Sclose, doing);
  if (H5Tequal(type.get(), H5T_STD_I32LE) <= 0 || H5Sget_simple_extent_npoints(space.get()) != 1) {
    fail("attribute '{}' of {} is not one 32-bit integer; the file is damaged or no kvreel trace",
         name, file_name);
  }
  int32_t value = 0;
  check(H5Aread(attribute.get(), H5T_NATIVE_INT32, &value), doing);
  return value;
}

}  // namespace kvreel::tracer
