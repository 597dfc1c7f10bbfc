// A figure of traces as a file: made, laid out and painted.
#include "exports/figures/write_figure.h"

#include <array>

#include "base/error.h"
#include "base/text.h"
#include "exports/plot/data.h"
#include "exports/plot/fonts.h"
#include "exports/plot/layout.h"
#include "exports/plot/paint.h"
#include "exports/tables/groups.h"
#include "exports/tables/trace_set.h"

namespace kvreel::exports {
namespace {

void paint(std::ostream& out, const plot::Scene& scene, const plot::Fonts& fonts,
           const FigureOutput& output) {
  switch (output.format) {
    case FigureFormat::pdf:
      plot::write_pdf(out, scene, fonts);
      return;
    case FigureFormat::svg:
      plot::write_svg(out, scene, fonts);
      return;
    case FigureFormat::png:
      plot::write_png(out, scene, fonts, output.dots_per_inch);
      return;
  }
}

}  // namespace

FigureFormat parse_figure_format(std::string_view name) {
  if (name == "pdf") return FigureFormat::pdf;
  if (name == "svg") return FigureFormat::svg;
  if (name == "png") return FigureFormat::png;
  const std::array<std::string, 3> known = {"pdf", "svg", "png"};
  fail_usage("There is no figure format '{}'.{}", name, suggest_name(name, known));
}

FigureDataFormat parse_figure_data_format(std::string_view name) {
  if (name == "csv") return FigureDataFormat::csv;
  if (name == "json") return FigureDataFormat::json;
  const std::array<std::string, 2> known = {"csv", "json"};
  fail_usage("There is no format '{}' of a figure's data.{}", name, suggest_name(name, known));
}

void write_figure(std::ostream& out, const std::vector<const tracer::Trace*>& traces,
                  std::string_view name, const FigureOptions& options, const FigureOutput& output) {
  // A figure may have no use for them, but a name that does not exist is a mistake all the same.
  if (!options.reference.empty()) filters_of(traces, {.runs = {options.reference}});
  if (!options.by.empty()) {
    for (const tracer::Trace* const trace : traces) sample_groups(*trace, options.by);
  }
  const plot::Figure figure = make_figure(traces, name, options);
  write_figure(out, figure, plot::Fonts(output.style.family), output);
}

void write_figure(std::ostream& out, const plot::Figure& figure, const plot::Fonts& fonts,
                  const FigureOutput& output) {
  plot::Style style = output.style;
  // Lines and maps are reduced to what the picture can show; PDF and SVG are for printers, too.
  constexpr double kPrinter = 300;
  style.dots_per_inch = output.format == FigureFormat::png ? output.dots_per_inch : kPrinter;
  const plot::Scene scene = plot::layout(figure, style, fonts);
  paint(out, scene, fonts, output);
  if (output.data != nullptr) write_figure_data(*output.data, figure, output.data_format);
}

void write_figure_data(std::ostream& out, const plot::Figure& figure, FigureDataFormat format) {
  if (format == FigureDataFormat::csv) {
    plot::write_data_csv(out, figure);
  } else {
    plot::write_data_json(out, figure);
  }
}

}  // namespace kvreel::exports
