// Title, legend and footer.
#include "exports/plot/surroundings.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kvreel::plot {
namespace {

constexpr std::size_t kMostFooterLines = 6;
// What a legend on the right may take of the page.
constexpr double kLegendShare = 0.4;

std::string metadata_value(const Figure& figure, std::string_view key) {
  for (const auto& [name, value] : figure.metadata) {
    if (name == key) return value;
  }
  return "";
}

// Trace, policies and runs speak for themselves.
std::string source_of(const Figure& figure) {
  std::string source;
  for (const std::string_view key : {"trace", "policies", "runs", "samples"}) {
    const std::string value = escape_markup(metadata_value(figure, key));
    if (value.empty()) continue;
    if (!source.empty()) source += " \u00b7 ";
    source += key == "samples" ? "samples: " + value : value;
  }
  return source;
}

// Remarks, then, on lines of its own, where the numbers come from.
std::vector<std::string> footer_of(const Figure& figure, double width, const Tools& tools) {
  std::string remarks;
  for (const std::string& remark : figure.remarks) {
    if (!remarks.empty()) remarks += ' ';
    remarks += remark;
  }
  std::vector<std::string> footer;
  for (const std::string& paragraph : {remarks, source_of(figure)}) {
    if (paragraph.empty()) continue;
    const std::size_t most = std::min<std::size_t>(4, kMostFooterLines - footer.size());
    const Lines lines =
        wrap(tools.fonts, paragraph, {tools.m.footer, false}, width, most, Cut::end, Filling::full);
    footer.insert(footer.end(), lines.lines.begin(), lines.lines.end());
  }
  return footer;
}

}  // namespace

double height_of(const std::vector<std::string>& lines) {
  return kAbove + kBelow + kLineHeight * (static_cast<double>(lines.size()) - 1);
}

Surroundings arrange_surroundings(const Figure& figure, const std::vector<LegendEntry>& legend,
                                  LegendPlace place, const Tools& tools) {
  const Metrics& m = tools.m;
  const double width = tools.style.size.width - 2 * m.margin;
  Surroundings around;
  around.place = place;
  around.above = around.below = around.right = m.margin;
  if (tools.style.title && !figure.title.empty()) {
    around.title = wrap(tools.fonts, figure.title, {m.title, true}, width, 2, Cut::end).lines;
    around.above += height_of(around.title) * m.title + 2 * m.unit;
  }
  if (tools.style.footer) around.footer = footer_of(figure, width, tools);
  if (!around.footer.empty()) {
    around.below += static_cast<double>(around.footer.size()) * kLineHeight * m.footer + 2 * m.unit;
  }
  if (legend.empty()) return around;
  if (place == LegendPlace::above) {
    around.legend = arrange_legend(legend, width, legend.size(), tools);
    around.legend_top = around.above;
    around.above += around.legend.height + 2 * m.unit;
  } else if (place == LegendPlace::right) {
    around.legend = arrange_legend(legend, kLegendShare * width, 1, tools);
    around.right += around.legend.width + 3 * m.unit;
  }
  return around;
}

}  // namespace kvreel::plot
