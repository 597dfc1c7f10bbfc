// A figure as a file, and the command that makes the same one.
#include "viewer/model/figure_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/atomic_file.h"
#include "exports/figures/write_figure.h"
#include "exports/tables/provenance.h"

namespace kvreel::viewer {
namespace {

// Of the file's name, in lower case, without the dot; "" where there is none.
std::string ending_of(std::string_view path) {
  const size_t name = path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/') + 1;
  const size_t dot = path.rfind('.');
  if (dot == std::string_view::npos || dot <= name) return {};
  std::string ending(path.substr(dot + 1));
  for (char& c : ending) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return ending;
}

}  // namespace

std::optional<FigureFormat> figure_format_of(std::string_view path) {
  const std::string ending = ending_of(path);
  const auto found = std::find(kFigureEndings.begin(), kFigureEndings.end(), ending);
  if (found == kFigureEndings.end()) return std::nullopt;
  return static_cast<FigureFormat>(found - kFigureEndings.begin());
}

std::string with_ending(std::string_view path, FigureFormat format) {
  std::string_view stem = path;
  if (figure_format_of(path)) stem = path.substr(0, path.rfind('.'));
  return fmt::format("{}.{}", stem, kFigureEndings[static_cast<size_t>(format)]);
}

void write_figure_file(const std::string& path, FigureFormat format, const plot::Figure& figure,
                       const plot::Style& style, double dots_per_inch, const plot::Fonts& fonts) {
  AtomicFile file(path, true);
  if (is_data(format)) {
    using Format = exports::FigureDataFormat;
    exports::write_figure_data(file.stream(), figure,
                               format == FigureFormat::csv ? Format::csv : Format::json);
  } else {
    exports::FigureOutput output;
    output.format = exports::parse_figure_format(kFigureEndings[static_cast<size_t>(format)]);
    output.style = style;
    output.dots_per_inch = dots_per_inch;
    exports::write_figure(file.stream(), figure, fonts, output);
  }
  file.commit();
}

std::string figure_command(const FigureRequest& request, const std::vector<std::string>& paths,
                           const FigureLook& look, const std::string& path, FigureFormat format,
                           double dots_per_inch) {
  std::vector<std::string> words = {"kvreel", "export"};
  words.insert(words.end(), paths.begin(), paths.end());
  const auto add = [&](const char* option, const std::string& value) {
    words.emplace_back(option);
    words.push_back(value);
  };
  add("--figure", request.name);
  const exports::FigureOptions& options = request.options;
  const exports::Filter everything;
  for (const std::string& run : options.filter.runs) add("--run", run);
  for (const std::string& sample : options.filter.samples) add("--sample", sample);
  if (options.filter.layer) add("--layer", std::to_string(*options.filter.layer));
  if (options.filter.first_step != everything.first_step) {
    add("--first-step", std::to_string(options.filter.first_step));
  }
  if (options.filter.last_step != everything.last_step) {
    add("--last-step", std::to_string(options.filter.last_step));
  }
  if (!options.reference.empty()) add("--reference", options.reference);
  if (!options.by.empty()) add("--by", options.by);
  if (options.log_y) words.emplace_back("--log-y");
  add("--style", look.style);
  if (!look.size.empty()) add("--size", look.size);
  if (!look.palette.empty()) add("--palette", look.palette);
  if (look.family != FigureLook().family) add("--font", look.family);
  const plot::Style style = style_of(look);
  const plot::Style preset = plot::parse_style(look.style);
  if (preset.title && !style.title) words.emplace_back("--no-title");
  if (preset.footer && !style.footer) words.emplace_back("--no-footer");
  if (format == FigureFormat::png) add("--dpi", fmt::format("{}", dots_per_inch));
  // There, the numbers come beside a figure.
  add("-o", is_data(format) ? with_ending(path, FigureFormat::pdf) : path);
  if (is_data(format)) add("--data", path);
  return exports::command_line(words);
}

}  // namespace kvreel::viewer
