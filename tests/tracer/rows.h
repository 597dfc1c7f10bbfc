// Rows whose content follows from their number, files in a directory of their own, and child
// processes.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/error.h"
#include "tracer/format/schema.h"
#include "tracer/read/trace.h"
#include "tracer/record/trace_writer.h"

namespace kvreel::tracer::testing {

// A well-mixed number of (row, column, place): splitmix64's finaliser.
inline uint64_t mixed(uint64_t row, uint64_t column, uint64_t place = 0) {
  uint64_t x =
      row * 0x9e3779b97f4a7c15u + column * 0xbf58476d1ce4e5b9u + place * 0x94d049bb133111ebu + 1;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

template <typename T>
T value_of(uint64_t row, uint64_t column, uint64_t place = 0) {
  const uint64_t bits = mixed(row, column, place);
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(static_cast<double>(bits >> 11) * 0x1p-53 - 0.5);
  } else {
    return static_cast<T>(bits);
  }
}

// Length of a ragged row: often empty, sometimes longer than a chunk of values.
inline uint64_t length_of(uint64_t row, uint64_t column, uint64_t longest = 9) {
  return mixed(row, column, 77) % (longest + 1);
}

// Rows [first, first + count) of a table.
template <typename Table>
Table make_rows(uint64_t first, uint64_t count, uint64_t longest = 9) {
  Table table;
  uint64_t index = 0;
  Table::columns(table, [&](std::string_view, auto& column, std::string_view, std::string_view) {
    ++index;
    for (uint64_t row = first; row < first + count; ++row) {
      if constexpr (is_list_column<decltype(column)>) {
        using T = typename std::remove_cvref_t<decltype(column.values)>::value_type;
        for (uint64_t i = 0; i < length_of(row, index, longest); ++i) {
          column.values.push_back(value_of<T>(row, index, i));
        }
        column.ends.push_back(column.values.size());
      } else {
        using T = typename std::remove_cvref_t<decltype(column)>::value_type;
        column.push_back(value_of<T>(row, index));
      }
    }
  });
  return table;
}

// "" where two tables are alike, else the first column that differs.
template <typename Table>
std::string difference(const Table& a, const Table& b) {
  std::string out;
  std::vector<std::vector<uint8_t>> columns;
  const auto bytes = [](const auto& values) {
    const auto* data = reinterpret_cast<const uint8_t*>(values.data());
    return std::vector<uint8_t>(data, data + values.size() * sizeof(values[0]));
  };
  const auto collect = [&](const auto& column, auto&& use) {
    if constexpr (is_list_column<decltype(column)>) {
      use(bytes(column.values));
      use(bytes(column.ends));
    } else {
      use(bytes(column));
    }
  };
  Table::columns(a, [&](std::string_view, const auto& column, std::string_view, std::string_view) {
    collect(column, [&](std::vector<uint8_t> data) { columns.push_back(std::move(data)); });
  });
  size_t i = 0;
  Table::columns(
      b, [&](std::string_view name, const auto& column, std::string_view, std::string_view) {
        collect(column, [&](const std::vector<uint8_t>& data) {
          if (columns[i++] != data && out.empty()) out = name;
        });
      });
  return out;
}

// Calls visit(Table{}) for every table that a recorder hands over: all but that of shards.
template <typename Visit>
void for_each_recorded_table(Visit&& visit) {
  for_each_table([&](auto table) {
    if constexpr (!std::is_same_v<decltype(table), Shards>) visit(table);
  });
}
inline constexpr size_t kRecordedTables = kTableCount - 1;

// "" where the trace holds exactly the rows that make_rows makes, else what is wrong.
inline std::string wrong_rows(const Trace& trace, uint64_t longest = 9) {
  std::string wrong;
  for_each_recorded_table([&](auto empty) {
    using Table = decltype(empty);
    const uint64_t rows = trace.rows<Table>();
    const std::string column =
        difference(trace.read<Table>(0, rows), make_rows<Table>(0, rows, longest));
    if (!column.empty()) wrong += std::string(Table::kName) + "/" + column + " ";
  });
  return wrong;
}

// Appends rows [first, first + count) of every table.
inline void append_all(TraceWriter& writer, uint64_t first, uint64_t count, uint64_t longest = 9) {
  for_each_recorded_table(
      [&](auto empty) { writer.append(make_rows<decltype(empty)>(first, count, longest)); });
}

inline uint64_t total_rows(const Trace& trace) {
  uint64_t rows = 0;
  for_each_recorded_table([&](auto empty) { rows += trace.rows<decltype(empty)>(); });
  return rows;
}

inline std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void spill(const std::string& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes;
}

// The message of the Error that `work` throws, "" where it throws none.
template <typename Work>
std::string error_of(Work&& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// The exit code of a child process that runs `work`, or minus the signal that ended it. An
// exception is code 99.
inline int wait_for(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}
inline pid_t start_child(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  int code = 99;
  try {
    code = work();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "in a child process: %s\n", error.what());
  }
  ::_exit(code);
}
inline int run_child(const std::function<int()>& work) {
  return wait_for(start_child(work));
}

// A test with a directory that goes away afterwards.
class TraceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "kvreel-trace-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string path(std::string_view name = "trace.h5") const {
    return (directory_ / std::filesystem::path(name)).string();
  }
  // A finished trace of `rows` rows per table.
  std::string finished(uint64_t rows, std::string_view name = "trace.h5") const {
    TraceWriter writer(path(name), "{}");
    append_all(writer, 0, rows);
    EXPECT_TRUE(writer.finish(Status::complete).finalised);
    return path(name);
  }

  std::filesystem::path directory_;
};

}  // namespace kvreel::tracer::testing
