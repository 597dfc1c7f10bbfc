// Tables as aligned text for a terminal.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "exports/tables/display.h"
#include "exports/tables/formats.h"
#include "exports/tables/output.h"

namespace kvreel::exports {
namespace {

class TextWriter : public RowSink {
 public:
  TextWriter(std::ostream& out, const WriteOptions& options) : out_(out), options_(options) {}

  void head(const TableHead& head) override {
    out_.set_name("table '" + head.name + "'");
    columns_ = head.columns;
    if (options_.comments && !head.title.empty()) out_.add(visible(head.title) + "\n\n");
    // A terminal gets the least that says where the numbers come from.
    for (const auto& [key, value] : head.metadata) {
      const bool wanted = key.starts_with("trace") || key.starts_with("sha256");
      if (options_.comments && wanted) source_ += key + ": " + visible(value) + "\n";
    }
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
    if (!source_.empty()) out_.add("\n" + source_);
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
  std::string source_;
  size_t rows_ = 0;
};

}  // namespace

std::unique_ptr<RowSink> make_text_writer(std::ostream& out, const WriteOptions& options) {
  return std::make_unique<TextWriter>(out, options);
}

}  // namespace kvreel::exports
