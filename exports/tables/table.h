// A table as a value, and the interface through which long tables pass row by row.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace kvreel::exports {

// One value. monostate: there is none. NaN counts as none, too. Strings may be any bytes.
using Cell = std::variant<std::monostate, bool, int64_t, uint64_t, float, double, std::string>;

// How a column reads in a text table. CSV and JSON carry the plain numbers.
enum class Kind : uint8_t {
  text,
  number,
  bytes,     // of unit "B": 1.50 KiB
  duration,  // of unit "ns": 1.23 ms
  share,     // of unit "1": 45.6 %
};

struct Column {
  std::string name;
  std::string unit;  // "" for text and mere counts
  Kind kind = Kind::number;
};

// Everything of a table but its rows.
struct TableHead {
  std::string name;
  std::string title;
  std::vector<std::pair<std::string, std::string>> metadata;  // where the rows come from
  std::vector<Column> columns;
};

using Row = std::vector<Cell>;  // one cell per column

// Takes a table from its head to its end; head once, then rows, then end once.
class RowSink {
 public:
  virtual ~RowSink() = default;
  virtual void head(const TableHead& head) = 0;
  virtual void row(std::span<const Cell> cells) = 0;
  virtual void end() = 0;
};

struct Table : TableHead {
  std::vector<Row> rows;
  void send_to(RowSink& sink) const;
};

// Keeps all rows.
class TableSink : public RowSink {
 public:
  void head(const TableHead& head) override { static_cast<TableHead&>(table) = head; }
  void row(std::span<const Cell> cells) override {
    table.rows.emplace_back(cells.begin(), cells.end());
  }
  void end() override {}

  Table table;
};

// True where the cell has no value: monostate, or NaN.
bool is_none(const Cell& cell);

}  // namespace kvreel::exports
