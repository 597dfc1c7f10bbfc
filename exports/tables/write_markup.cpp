// Tables as Markdown and LaTeX: columns of rounded numbers with the unit in the head.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "exports/tables/column_format.h"
#include "exports/tables/display.h"
#include "exports/tables/formats.h"
#include "exports/tables/markup.h"
#include "exports/tables/output.h"

namespace kvreel::exports {
namespace {

// Holds the first rows back until they have told what the columns' units are.
class MarkupWriter : public RowSink {
 public:
  MarkupWriter(std::ostream& out, const WriteOptions& options)
      : out_(out), comments_(options.comments) {}

  void head(const TableHead& head) final {
    out_.set_name("table '" + head.name + "'");
    head_ = head;
  }
  void row(std::span<const Cell> cells) final {
    if (!formats_.empty()) {
      write_line(texts_of(cells));
      return;
    }
    waiting_.emplace_back(cells.begin(), cells.end());
    if (waiting_.size() >= kMeasuredRows) settle();
  }
  void end() final {
    if (formats_.empty()) settle();
    write_end();
    out_.finish();
  }

 protected:
  // With the first rows' texts, for their widths.
  virtual void write_head(const std::vector<std::vector<std::string>>& first) = 0;
  virtual void write_line(const std::vector<std::string>& texts) = 0;
  virtual void write_end() = 0;
  virtual std::string escape(std::string_view text) const = 0;
  virtual std::string number(const std::string& digits) const = 0;  // such as "-1.2", "3e-07"
  virtual std::string none() const = 0;
  virtual std::string unit_text(const std::string& unit) const { return escape(unit); }

  std::string column_head(size_t i) const {
    const ColumnFormat& format = formats_[i];
    const std::string name = escape(visible(format.name()));
    return format.unit().empty() ? name : name + " (" + unit_text(format.unit()) + ")";
  }

  Output out_;
  bool comments_;
  TableHead head_;
  std::vector<ColumnFormat> formats_;

 private:
  static constexpr size_t kMeasuredRows = 1000;

  void settle() {
    formats_ = column_formats(head_.columns, waiting_);
    std::vector<std::vector<std::string>> first;
    for (const Row& row : waiting_) first.push_back(texts_of(row));
    waiting_.clear();
    write_head(first);
    for (const std::vector<std::string>& texts : first) write_line(texts);
  }

  std::vector<std::string> texts_of(std::span<const Cell> cells) const {
    std::vector<std::string> texts;
    for (size_t i = 0; i < cells.size(); ++i) {
      if (is_none(cells[i])) {
        texts.push_back(none());
      } else if (formats_[i].is_text()) {
        texts.push_back(escape(visible(formats_[i].text(cells[i]))));
      } else {
        texts.push_back(number(formats_[i].text(cells[i])));
      }
    }
    return texts;
  }

  std::vector<Row> waiting_;
};

class MarkdownWriter : public MarkupWriter {
 public:
  using MarkupWriter::MarkupWriter;

 protected:
  void write_head(const std::vector<std::vector<std::string>>& first) override {
    std::vector<std::string> names;
    for (size_t i = 0; i < formats_.size(); ++i) names.push_back(column_head(i));
    for (size_t i = 0; i < formats_.size(); ++i) {
      size_t width = std::max<size_t>(display_width(names[i]), 3);
      for (const auto& texts : first) width = std::max(width, display_width(texts[i]));
      widths_.push_back(std::min(width, std::max(kWidest, display_width(names[i]))));
    }
    if (comments_ && !head_.title.empty()) out_.add("**" + escape(visible(head_.title)) + "**\n\n");
    write_line(names);
    std::string rule = "|";
    for (size_t i = 0; i < widths_.size(); ++i) {
      const std::string dashes(widths_[i] - 1, '-');
      rule += formats_[i].is_text() ? " :" + dashes + " |" : " " + dashes + ": |";
    }
    out_.add(rule + "\n");
  }
  void write_line(const std::vector<std::string>& texts) override {
    std::string line = "|";
    for (size_t i = 0; i < texts.size(); ++i)
      line += " " + pad(texts[i], widths_[i], !formats_[i].is_text()) + " |";
    out_.add(line + "\n");
  }
  // One line per trace, and one for what wrote the table.
  void write_end() override {
    if (!comments_) return;
    std::string line;
    for (const auto& [key, value] : head_.metadata) {
      const bool begins = line.empty() || key == "trace" || key.starts_with("trace ") ||
                          key == "written by" || key == "command";
      if (begins) out_.add(line.empty() ? "\n" : line + "\n");
      line = (begins ? "- " : line + "; ") + escape(visible(key + ": " + value));
    }
    if (!line.empty()) out_.add(line + "\n");
  }
  std::string escape(std::string_view text) const override { return escape_markdown(text); }
  std::string number(const std::string& digits) const override { return digits; }
  std::string none() const override { return "-"; }
  std::string unit_text(const std::string& unit) const override {
    return unit == "us" ? "\u00b5s" : escape(unit);
  }

 private:
  // Cells are filled up to it, so that the source can be read; longer ones stand out.
  static constexpr size_t kWidest = 40;
  std::vector<size_t> widths_;
};

class LatexWriter : public MarkupWriter {
 public:
  using MarkupWriter::MarkupWriter;

 protected:
  void write_head(const std::vector<std::vector<std::string>>&) override {
    if (comments_) {
      out_.add("% " + visible(head_.title) + "\n");
      for (const auto& [key, value] : head_.metadata)
        out_.add("% " + visible(key + ": " + value) + "\n");
      out_.add(
          "% Needs \\usepackage{booktabs}; characters beyond Latin need XeLaTeX or LuaLaTeX.\n");
    }
    std::string alignment;
    std::vector<std::string> names;
    for (size_t i = 0; i < formats_.size(); ++i) {
      alignment += formats_[i].is_text() ? 'l' : 'r';
      names.push_back(column_head(i));
    }
    out_.add("\\begin{tabular}{" + alignment + "}\n\\toprule\n");
    write_line(names);
    out_.add("\\midrule\n");
  }
  void write_line(const std::vector<std::string>& texts) override {
    std::string line;
    for (size_t i = 0; i < texts.size(); ++i) line += (i > 0 ? " & " : "") + texts[i];
    out_.add(line + " \\\\\n");
  }
  void write_end() override { out_.add("\\bottomrule\n\\end{tabular}\n"); }
  std::string escape(std::string_view text) const override { return escape_latex(text); }
  std::string number(const std::string& digits) const override {
    std::string out = digits;
    if (const size_t e = out.find('e'); e != std::string::npos)
      out = out.substr(0, e) + "\\times10^{" + std::to_string(std::stoi(out.substr(e + 1))) + "}";
    if (const size_t at = out.find("inf"); at != std::string::npos) out.replace(at, 3, "\\infty");
    return out.find_first_of("-\\") == std::string::npos ? out : "$" + out + "$";
  }
  std::string none() const override { return "--"; }
  std::string unit_text(const std::string& unit) const override {
    return unit == "us" ? "$\\mu$s" : escape(unit);
  }
};

}  // namespace

std::unique_ptr<RowSink> make_markdown_writer(std::ostream& out, const WriteOptions& options) {
  return std::make_unique<MarkdownWriter>(out, options);
}
std::unique_ptr<RowSink> make_latex_writer(std::ostream& out, const WriteOptions& options) {
  return std::make_unique<LatexWriter>(out, options);
}

}  // namespace kvreel::exports
