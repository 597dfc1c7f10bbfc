// The kinds of columns that a table can have, and the types of their elements.
//
// A table is a group with one data set per column, all of the same number of rows.
//   Column<T>   one number per row:     <table>/<column>       T [rows]
//   List<T>     a run of numbers per row: <table>/<column>     T [all values]
//                                       <table>/<column>_end   u64 [rows], row i is [end[i-1],
//                                       end[i])
//   Text        a run of bytes per row, UTF-8 unless said otherwise, as List<uint8_t>
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace kvreel::tracer {

template <typename T>
using Column = std::vector<T>;

// Ragged rows: all values in one run, and where each row ends in it.
template <typename T>
struct List {
  std::vector<T> values;
  std::vector<uint64_t> ends;

  size_t rows() const { return ends.size(); }
  template <typename Range>
  void push_back(const Range& range) {
    values.insert(values.end(), range.begin(), range.end());
    ends.push_back(values.size());
  }
  // Row i is [begin_of(i), end_of(i)) of values.
  uint64_t begin_of(size_t i) const { return i == 0 ? 0 : ends[i - 1]; }
  uint64_t end_of(size_t i) const { return ends[i]; }
};

struct Text : List<uint8_t> {
  void push_back(std::string_view text) { List<uint8_t>::push_back(text); }
  std::string_view at(size_t i) const {
    return {reinterpret_cast<const char*>(values.data()) + begin_of(i),
            static_cast<size_t>(end_of(i) - begin_of(i))};
  }
};

// How many rows a table comes to, which sets the size of its chunks. A recorder that cannot keep up
// drops rows of tables with `many` rows, and of no others.
enum class Volume : uint8_t { few, some, many };

// Types of elements in the file: little-endian integers and IEEE floats.
enum class ElementType : uint8_t { i8, i16, i32, i64, u8, u64, f32, f64 };

template <typename T>
constexpr ElementType element_type() {
  if constexpr (std::is_same_v<T, int8_t>) {
    return ElementType::i8;
  } else if constexpr (std::is_same_v<T, int16_t>) {
    return ElementType::i16;
  } else if constexpr (std::is_same_v<T, int32_t>) {
    return ElementType::i32;
  } else if constexpr (std::is_same_v<T, int64_t>) {
    return ElementType::i64;
  } else if constexpr (std::is_same_v<T, uint8_t>) {
    return ElementType::u8;
  } else if constexpr (std::is_same_v<T, uint64_t>) {
    return ElementType::u64;
  } else if constexpr (std::is_same_v<T, float>) {
    return ElementType::f32;
  } else {
    static_assert(std::is_same_v<T, double>, "a type that traces do not hold");
    return ElementType::f64;
  }
}

constexpr size_t element_bytes(ElementType type) {
  constexpr size_t kBytes[] = {1, 2, 4, 8, 1, 8, 4, 8};
  return kBytes[static_cast<size_t>(type)];
}

constexpr std::string_view element_name(ElementType type) {
  constexpr std::string_view kNames[] = {"i8", "i16", "i32", "i64", "u8", "u64", "f32", "f64"};
  return kNames[static_cast<size_t>(type)];
}

// Whether a visited member is a List (Text included) rather than a Column.
namespace detail {
template <typename T>
std::true_type list_test(const List<T>&);
std::false_type list_test(...);
}  // namespace detail
template <typename Member>
inline constexpr bool is_list_column =
    decltype(detail::list_test(std::declval<const std::remove_cvref_t<Member>&>()))::value;

}  // namespace kvreel::tracer
