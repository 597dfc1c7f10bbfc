// A figure as a file, and the command that makes the same one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exports/plot/figure.h"
#include "exports/plot/fonts.h"
#include "exports/plot/style.h"
#include "viewer/data/figure_request.h"
#include "viewer/model/figure_look.h"

namespace kvreel::viewer {

enum class FigureFormat : uint8_t { pdf, svg, png, csv, json };
inline constexpr std::array<const char*, 5> kFigureEndings = {"pdf", "svg", "png", "csv", "json"};
inline bool is_data(FigureFormat format) {
  return format == FigureFormat::csv || format == FigureFormat::json;
}

// By the path's ending; nothing where it is none of these.
std::optional<FigureFormat> figure_format_of(std::string_view path);
// The path with the format's ending instead of one that is known; behind one that is not.
std::string with_ending(std::string_view path, FigureFormat format);

// Written beside and renamed, so that a file is whole or not there. `dots_per_inch` of a PNG.
// Throws Error: a directory that is missing, a figure that does not fit into the size.
void write_figure_file(const std::string& path, FigureFormat format, const plot::Figure& figure,
                       const plot::Style& style, double dots_per_inch, const plot::Fonts& fonts);

// The command line that writes the same file, as a shell reads it: "kvreel export a.h5 --figure
// norm-curves --style print -o fig.pdf". `paths` of the request's traces.
std::string figure_command(const FigureRequest& request, const std::vector<std::string>& paths,
                           const FigureLook& look, const std::string& path, FigureFormat format,
                           double dots_per_inch);

}  // namespace kvreel::viewer
