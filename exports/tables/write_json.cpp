// Tables as JSON.
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/text.h"
#include "base/visible_text.h"
#include "exports/tables/formats.h"
#include "exports/tables/output.h"

namespace kvreel::exports {
namespace {

class JsonWriter : public RowSink {
 public:
  explicit JsonWriter(std::ostream& out) : out_(out) {}

  void head(const TableHead& head) override {
    out_.set_name("table '" + head.name + "'");
    out_.add("{\"table\": " + quoted(head.name) + ",\n \"title\": " + quoted(head.title));
    out_.add(",\n \"metadata\": {");
    for (size_t i = 0; i < head.metadata.size(); ++i) {
      const auto& [key, value] = head.metadata[i];
      out_.add((i > 0 ? ", " : "") + quoted(key) + ": " + quoted(value));
    }
    out_.add("},\n \"columns\": [");
    for (size_t i = 0; i < head.columns.size(); ++i) {
      out_.add(fmt::format("{}{{\"name\": {}, \"unit\": {}}}", i > 0 ? ", " : "",
                           quoted(head.columns[i].name), quoted(head.columns[i].unit)));
    }
    out_.add("],\n \"rows\": [");
  }

  void row(std::span<const Cell> cells) override {
    std::string line = std::exchange(first_, false) ? "\n  [" : ",\n  [";
    for (size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) line += ", ";
      line += is_finite(cells[i]) ? plain(cells[i], "null", quoted) : "null";
    }
    out_.add(line + "]");
  }

  void end() override {
    out_.add(first_ ? "]}\n" : "\n ]}\n");
    out_.finish();
  }

 private:
  static std::string quoted(std::string_view bytes) {
    return unseen_escaped_json(nlohmann::json(to_utf8_lossy(bytes)).dump());
  }
  static bool is_finite(const Cell& cell) {
    if (const auto* value = std::get_if<float>(&cell)) return std::isfinite(*value);
    if (const auto* value = std::get_if<double>(&cell)) return std::isfinite(*value);
    return true;
  }

  Output out_;
  bool first_ = true;
};

}  // namespace

std::unique_ptr<RowSink> make_json_writer(std::ostream& out) {
  return std::make_unique<JsonWriter>(out);
}

}  // namespace kvreel::exports
