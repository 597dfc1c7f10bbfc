// A figure of traces as a file: made, laid out and painted.
#pragma once

#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exports/figures/figures.h"
#include "exports/plot/figure.h"
#include "exports/plot/fonts.h"
#include "exports/plot/style.h"
#include "tracer/read/trace.h"

namespace kvreel::exports {

enum class FigureFormat : uint8_t { pdf, svg, png };
// "pdf", "svg" or "png"; throws UsageError for another name.
FigureFormat parse_figure_format(std::string_view name);

enum class FigureDataFormat : uint8_t { csv, json };
// "csv" or "json"; throws UsageError for another name.
FigureDataFormat parse_figure_data_format(std::string_view name);

// Where a figure goes, and how it looks there.
struct FigureOutput {
  FigureFormat format = FigureFormat::pdf;
  plot::Style style;
  double dots_per_inch = 300;    // of a PNG
  std::ostream* data = nullptr;  // takes the plotted numbers, where it is given
  FigureDataFormat data_format = FigureDataFormat::csv;
};

// Throws UsageError for an unknown figure, run, sample or field; Error where the traces lack what
// the figure shows, where it does not fit into the size, where a font is missing, and where a
// stream does not take the bytes. Nothing is written before the figure is whole.
void write_figure(std::ostream& out, const std::vector<const tracer::Trace*>& traces,
                  std::string_view name, const FigureOptions& options, const FigureOutput& output);

// The same of a figure that is made already, with fonts of the style's family.
void write_figure(std::ostream& out, const plot::Figure& figure, const plot::Fonts& fonts,
                  const FigureOutput& output);
void write_figure_data(std::ostream& out, const plot::Figure& figure, FigureDataFormat format);

}  // namespace kvreel::exports
