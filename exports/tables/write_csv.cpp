// Tables as CSV.
#include <string>

#include "base/text.h"
#include "base/visible_text.h"
#include "exports/tables/formats.h"
#include "exports/tables/output.h"

namespace kvreel::exports {
namespace {

class CsvWriter : public RowSink {
 public:
  CsvWriter(std::ostream& out, const WriteOptions& options)
      : out_(out), comments_(options.comments), terminal_(options.terminal) {}

  void head(const TableHead& head) override {
    out_.set_name("table '" + head.name + "'");
    if (comments_) {
      comment(head.title);
      for (const auto& [key, value] : head.metadata) comment(key + ": " + value);
      std::string units;
      for (const Column& column : head.columns) {
        if (column.unit.empty() || column.unit == "1") continue;
        units += (units.empty() ? "" : ", ") + column.name + " " + column.unit;
      }
      if (!units.empty()) comment("units: " + units);
    }
    Row names;
    for (const Column& column : head.columns) names.emplace_back(column.name);
    row(names);
  }

  void row(std::span<const Cell> cells) override {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) line += ',';
      line += plain(cells[i], "", [&](const std::string& text) {
        return field(terminal_ ? visible_line(text) : text, i == 0);
      });
    }
    out_.add(line + "\n");
  }

  void end() override { out_.finish(); }

 private:
  void comment(const std::string& text) { out_.add("# " + visible_line(text) + "\n"); }

  static std::string field(std::string_view bytes, bool first) {
    const std::string text = to_utf8_lossy(bytes);
    // Readers drop white space at the ends of bare fields, some of them.
    const bool quoted = text.empty() || text.find_first_of(",\"\r\n") != std::string::npos ||
                        text.front() == ' ' || text.back() == ' ' || (first && text.front() == '#');
    if (!quoted) return text;
    std::string out = "\"";
    for (const char c : text) {
      if (c == '"') out += '"';
      out += c;
    }
    return out + "\"";
  }

  Output out_;
  bool comments_;
  bool terminal_;
};

}  // namespace

std::unique_ptr<RowSink> make_csv_writer(std::ostream& out, const WriteOptions& options) {
  return std::make_unique<CsvWriter>(out, options);
}

}  // namespace kvreel::exports
