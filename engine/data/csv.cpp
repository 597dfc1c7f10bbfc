// Reads one field after the other.
#include "engine/data/csv.h"

#include "base/error.h"

namespace kvreel::engine {
namespace {

class Reader {
 public:
  Reader(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  bool at_end() const { return at_ >= text_.size(); }

  CsvRow take_row() {
    CsvRow row{.line = line_, .fields = {}};
    row.fields.push_back(take_field());
    while (!at_end() && text_[at_] == ',') {
      ++at_;
      row.fields.push_back(take_field());
    }
    take_line_end();
    return row;
  }

 private:
  std::string take_field() { return !at_end() && text_[at_] == '"' ? take_quoted() : take_bare(); }

  std::string take_bare() {
    const size_t end = std::min(text_.find_first_of(",\n", at_), text_.size());
    std::string field(text_.substr(at_, end - at_));
    at_ = end;
    if (field.ends_with('\r')) field.pop_back();
    return field;
  }

  std::string take_quoted() {
    const int64_t begin = line_;
    std::string field;
    for (++at_; !at_end(); ++at_) {
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] != '"') {
        field += text_[at_];
      } else if (text_.substr(at_ + 1).starts_with('"')) {
        field += text_[++at_];
      } else {
        ++at_;
        if (text_.substr(at_).starts_with('\r')) ++at_;
        if (!at_end() && text_[at_] != ',' && text_[at_] != '\n') {
          fail(
              "{}, line {}: text follows a closing quote; a quote inside a field that is quoted is "
              "written twice (\"\").",
              name_, line_);
        }
        return field;
      }
    }
    fail("{}, line {}: a quote opens here and is never closed; the file may have been cut.", name_,
         begin);
  }

  void take_line_end() {
    if (at_end()) return;
    ++at_;
    ++line_;
  }

  std::string_view text_;
  const std::string& name_;
  size_t at_ = 0;
  int64_t line_ = 1;
};

}  // namespace

std::vector<CsvRow> parse_csv(std::string_view text, const std::string& name) {
  std::vector<CsvRow> rows;
  for (Reader reader(text, name); !reader.at_end();) {
    CsvRow row = reader.take_row();
    if (row.fields.size() > 1 || !row.fields[0].empty()) rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace kvreel::engine
