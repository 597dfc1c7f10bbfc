// Tables as text, CSV, JSON, Markdown and LaTeX: the choice of a format.
#include "exports/tables/writers.h"

#include <array>
#include <sstream>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "exports/tables/formats.h"

namespace kvreel::exports {
namespace {

constexpr std::array<std::pair<std::string_view, Format>, 5> kFormats = {{{"csv", Format::csv},
                                                                          {"json", Format::json},
                                                                          {"text", Format::text},
                                                                          {"md", Format::markdown},
                                                                          {"tex", Format::latex}}};

}  // namespace

Format parse_format(std::string_view name) {
  std::vector<std::string> known;
  for (const auto& [text, format] : kFormats) {
    if (text == name) return format;
    known.emplace_back(text);
  }
  fail_usage("There is no table format '{}'.{}", name, suggest_name(name, known));
}

std::unique_ptr<RowSink> make_writer(std::ostream& out, Format format,
                                     const WriteOptions& options) {
  switch (format) {
    case Format::csv:
      return make_csv_writer(out, options);
    case Format::json:
      return make_json_writer(out);
    case Format::markdown:
      return make_markdown_writer(out, options);
    case Format::latex:
      return make_latex_writer(out, options);
    case Format::text:
      break;
  }
  return make_text_writer(out, options);
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
