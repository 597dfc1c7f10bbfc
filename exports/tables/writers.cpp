// Tables as aligned text for a terminal, as CSV and as JSON.
#include "exports/tables/writers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "exports/tables/display.h"

namespace kvreel::exports {
namespace {

// A stream, through a buffer that makes millions of small rows cheap.
class Output {
 public:
  explicit Output(std::ostream& out) : out_(out) {}

  void add(std::string_view text) {
    buffer_ += text;
    if (buffer_.size() >= kBufferBytes) flush();
  }
  void flush() {
    out_.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    buffer_.clear();
    if (!out_) fail_writing();
  }
  void finish() {
    flush();
    out_.flush();
    if (!out_) fail_writing();
  }
  void set_table(const std::string& name) { table_ = name; }

 private:
  static constexpr size_t kBufferBytes = 1 << 16;
  [[noreturn]] void fail_writing() const {
    fail("table '{}' could not be written to its end; see whether the disk is full and repeat",
         table_);
  }

  std::ostream& out_;
  std::string buffer_;
  std::string table_;
};

// Writes nothing for none and what is not finite, the shortest decimals that read back the same for
// other numbers, and hands text to `text`.
template <typename Text>
std::string plain(const Cell& cell, std::string_view none, Text&& text) {
  if (is_none(cell)) return std::string(none);
  return std::visit(
      [&](const auto& value) -> std::string {
        using T = std::remove_cvref_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return std::string(none);
        } else if constexpr (std::is_same_v<T, std::string>) {
          return text(value);
        } else if constexpr (std::is_same_v<T, bool>) {
          return value ? "true" : "false";
        } else {
          return fmt::format("{}", value);
        }
      },
      cell);
}

class CsvWriter : public RowSink {
 public:
  CsvWriter(std::ostream& out, const WriteOptions& options)
      : out_(out), comments_(options.comments) {}

  void head(const TableHead& head) override {
    out_.set_table(head.name);
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
      line += plain(cells[i], "", [&](const std::string& text) { return field(text, i == 0); });
    }
    out_.add(line + "\n");
  }

  void end() override { out_.finish(); }

 private:
  void comment(const std::string& text) {
    std::string line = to_utf8_lossy(text);
    std::replace_if(
        line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    out_.add("# " + line + "\n");
  }

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
};

class JsonWriter : public RowSink {
 public:
  explicit JsonWriter(std::ostream& out) : out_(out) {}

  void head(const TableHead& head) override {
    out_.set_table(head.name);
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
    return nlohmann::json(to_utf8_lossy(bytes)).dump();
  }
  static bool is_finite(const Cell& cell) {
    if (const auto* value = std::get_if<float>(&cell)) return std::isfinite(*value);
    if (const auto* value = std::get_if<double>(&cell)) return std::isfinite(*value);
    return true;
  }

  Output out_;
  bool first_ = true;
};

class TextWriter : public RowSink {
 public:
  TextWriter(std::ostream& out, const WriteOptions& options) : out_(out), options_(options) {}

  void head(const TableHead& head) override {
    out_.set_table(head.name);
    columns_ = head.columns;
    if (options_.comments && !head.title.empty()) out_.add(visible(head.title) + "\n\n");
    std::vector<std::string> names;
    for (const Column& column : columns_) names.push_back(visible(column.name));
    waiting_.push_back(std::move(names));
  }

  void row(std::span<const Cell> cells) override {
    std::vector<std::string> texts;
    for (size_t i = 0; i < cells.size(); ++i) texts.push_back(human(cells[i], columns_[i].kind));
    if (!widths_.empty()) {
      write_line(texts);
      return;
    }
    waiting_.push_back(std::move(texts));
    if (waiting_.size() > kMeasuredRows) settle();
  }

  void end() override {
    if (widths_.empty()) settle();
    if (rows_ == 0) out_.add("(no rows)\n");
    out_.finish();
  }

 private:
  static constexpr size_t kMeasuredRows = 1000;
  static constexpr size_t kLeastTextWidth = 10;
  static constexpr std::string_view kGap = "  ";

  // Fixes the widths by the rows that came so far, and writes them.
  void settle() {
    widths_.assign(columns_.size(), 1);
    for (const auto& texts : waiting_) {
      for (size_t i = 0; i < texts.size(); ++i)
        widths_[i] = std::max(widths_[i], display_width(texts[i]));
    }
    if (options_.width > 0) fit();
    write_line(waiting_.front());
    std::string rule;
    for (size_t i = 0; i < widths_.size(); ++i) {
      rule += (i > 0 ? std::string(kGap) : "") + std::string(widths_[i], '-');
    }
    out_.add(rule + "\n");
    rows_ = 0;
    for (size_t i = 1; i < waiting_.size(); ++i) write_line(waiting_[i]);
    waiting_.clear();
  }

  // Takes from the widest text columns until a line fits, or nothing is left to take.
  void fit() {
    size_t total = kGap.size() * (widths_.size() - (widths_.empty() ? 0 : 1));
    for (const size_t width : widths_) total += width;
    while (total > options_.width) {
      size_t widest = widths_.size();
      for (size_t i = 0; i < widths_.size(); ++i) {
        const size_t least = std::max(kLeastTextWidth, display_width(waiting_.front()[i]));
        if (columns_[i].kind != Kind::text || widths_[i] <= least) continue;
        if (widest == widths_.size() || widths_[i] > widths_[widest]) widest = i;
      }
      if (widest == widths_.size()) return;
      --widths_[widest];
      --total;
    }
  }

  void write_line(const std::vector<std::string>& texts) {
    std::string line;
    for (size_t i = 0; i < texts.size(); ++i) {
      if (i > 0) line += kGap;
      const bool is_text = columns_[i].kind == Kind::text;
      const bool cut = is_text && options_.width > 0;
      line += pad(cut ? shorten(texts[i], widths_[i]) : texts[i], widths_[i], !is_text);
    }
    line.resize(line.find_last_not_of(' ') + 1);
    out_.add(line + "\n");
    ++rows_;
  }

  Output out_;
  WriteOptions options_;
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> waiting_;  // the names, then rows, until widths are known
  std::vector<size_t> widths_;
  size_t rows_ = 0;
};

}  // namespace

Format parse_format(std::string_view name) {
  if (name == "text") return Format::text;
  if (name == "csv") return Format::csv;
  if (name == "json") return Format::json;
  const std::array<std::string, 3> known = {"text", "csv", "json"};
  fail_usage("There is no table format '{}'.{}", name, suggest_name(name, known));
}

std::unique_ptr<RowSink> make_writer(std::ostream& out, Format format,
                                     const WriteOptions& options) {
  switch (format) {
    case Format::csv:
      return std::make_unique<CsvWriter>(out, options);
    case Format::json:
      return std::make_unique<JsonWriter>(out);
    case Format::text:
      break;
  }
  return std::make_unique<TextWriter>(out, options);
}

void write(std::ostream& out, const Table& table, Format format, const WriteOptions& options) {
  table.send_to(*make_writer(out, format, options));
}

std::string to_text(const Table& table, const WriteOptions& options) {
  std::ostringstream out;
  write(out, table, Format::text, options);
  return out.str();
}

}  // namespace kvreel::exports
