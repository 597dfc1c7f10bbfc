// A table as a value, and the interface through which long tables pass row by row.
#include "exports/tables/table.h"

#include <cmath>

namespace kvreel::exports {

void Table::send_to(RowSink& sink) const {
  sink.head(*this);
  for (const Row& cells : rows) sink.row(cells);
  sink.end();
}

bool is_none(const Cell& cell) {
  if (const auto* value = std::get_if<float>(&cell)) return std::isnan(*value);
  if (const auto* value = std::get_if<double>(&cell)) return std::isnan(*value);
  return std::holds_alternative<std::monostate>(cell);
}

}  // namespace kvreel::exports
