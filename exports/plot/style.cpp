// Sizes and styles by name.
#include "exports/plot/style.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace kvreel::plot {
namespace {

constexpr double kInch = 72;
constexpr double kCentimetre = 72 / 2.54;
constexpr double kMillimetre = 72 / 25.4;
// Narrower, no axis fits; larger, somebody meant another unit.
constexpr double kLeast = 72;
constexpr double kLeastHeight = 36;
constexpr double kMost = 2000;

// Widths as the style files set \columnwidth and \textwidth, in PostScript points.
constexpr std::array<NamedSize, 10> kSizes = {{
    {"acl-column", "one column of the ACL and EMNLP style files, 7.7 cm", {7.7 * kCentimetre, 0}},
    {"acl-page", "both columns of the ACL and EMNLP style files, 16 cm", {16 * kCentimetre, 0}},
    {"neurips", "the text width of NeurIPS, 5.5 in", {5.5 * kInch, 0}},
    {"icml-column", "one column of ICML, 3.25 in", {3.25 * kInch, 0}},
    {"icml-page", "both columns of ICML, 6.75 in", {6.75 * kInch, 0}},
    {"iclr", "the text width of ICLR, 5.5 in", {5.5 * kInch, 0}},
    {"ieee-column", "one column of IEEE transactions, 3.5 in", {3.5 * kInch, 0}},
    {"ieee-page", "both columns of IEEE transactions, 7.16 in", {7.16 * kInch, 0}},
    {"slide", "a slide of 16:9, 13.33 x 7.5 in", {40. / 3 * kInch, 7.5 * kInch}},
    {"screen", "a window, 6.67 in (640 pixels at 96 dots per inch)", {480, 0}},
}};

constexpr std::array<std::string_view, 4> kStyles = {"screen", "print", "slide", "dark"};
constexpr std::array<std::string_view, 3> kPalettes = {"okabe-ito", "tol-bright", "grey"};
constexpr std::array<std::string_view, 2> kFamilies = {"dejavu", "latin-modern"};

template <typename Names>
[[noreturn]] void fail_unknown(std::string_view what, std::string_view name, const Names& names) {
  std::vector<std::string> known;
  for (const auto& candidate : names) known.emplace_back(candidate);
  fail_usage("There is no {} '{}'.{}", what, name, suggest_name(name, known));
}

Size size_of(std::string_view name) {
  for (const NamedSize& size : kSizes) {
    if (size.name == name) return size.size;
  }
  fail("The size '{}' is not in the list of sizes; this is a defect of kvreel.", name);
}

bool parse_number(std::string_view text, double& number) {
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && rest == text.data() + text.size();
}

// The unit at the end of `text`, which loses it; 0 where there is none.
double take_unit(std::string_view& text) {
  constexpr std::array<std::pair<std::string_view, double>, 4> kUnits = {
      {{"mm", kMillimetre}, {"cm", kCentimetre}, {"in", kInch}, {"pt", 1}}};
  for (const auto& [name, points] : kUnits) {
    if (text.ends_with(name)) {
      text = trim(text.substr(0, text.size() - name.size()));
      return points;
    }
  }
  return 0;
}

// "88x60mm", "88mm x 60mm", "8cm"; false where it is no size at all.
bool parse_lengths(std::string_view text, Size& size) {
  const std::size_t cross = text.find('x');
  std::string_view first = trim(text.substr(0, cross));
  std::string_view second =
      cross == std::string_view::npos ? std::string_view() : trim(text.substr(cross + 1));
  double unit = take_unit(first);
  if (cross != std::string_view::npos) {
    const double second_unit = take_unit(second);
    if (second_unit == 0) return false;
    if (!parse_number(second, size.height)) return false;
    size.height *= second_unit;
    if (unit == 0) unit = second_unit;
  }
  if (unit == 0 || !parse_number(first, size.width)) return false;
  size.width *= unit;
  return true;
}

}  // namespace

std::span<const NamedSize> known_sizes() {
  return kSizes;
}

std::span<const std::string_view> known_styles() {
  return kStyles;
}

std::span<const std::string_view> known_palettes() {
  return kPalettes;
}

std::span<const std::string_view> known_families() {
  return kFamilies;
}

Size parse_size(std::string_view text) {
  const std::string_view name = trim(text);
  for (const NamedSize& size : kSizes) {
    if (size.name == name) return size.size;
  }
  Size size;
  if (!parse_lengths(name, size)) {
    std::vector<std::string> known;
    for (const NamedSize& candidate : kSizes) known.emplace_back(candidate.name);
    fail_usage(
        "'{}' is no size.{} Or give width, or width x height, with a unit: 8cm, 3.25in, "
        "88x60mm, 400x300pt.",
        text, suggest_name(name, known));
  }
  const bool has_height = name.find('x') != std::string_view::npos;
  if (!std::isfinite(size.width) || !std::isfinite(size.height) || size.width < kLeast ||
      size.width > kMost || (has_height && (size.height < kLeastHeight || size.height > kMost))) {
    fail_usage(
        "A figure of {} is no size to draw: its width must be from {} to {} points (1 in to "
        "27.8 in) and its height, where given, from {} to {}.",
        text, kLeast, kMost, kLeastHeight, kMost);
  }
  return size;
}

Palette parse_palette(std::string_view name) {
  for (std::size_t i = 0; i < kPalettes.size(); ++i) {
    if (kPalettes[i] == name) return static_cast<Palette>(i);
  }
  fail_unknown("palette", name, kPalettes);
}

Family parse_family(std::string_view name) {
  for (std::size_t i = 0; i < kFamilies.size(); ++i) {
    if (kFamilies[i] == name) return static_cast<Family>(i);
  }
  fail_unknown("font", name, kFamilies);
}

Style parse_style(std::string_view name) {
  Style style;
  style.size = size_of("screen");
  style.dots_per_inch = 192;  // a window at twice the usual resolution
  if (name == "screen") return style;
  if (name == "dark") {
    style.dark = true;
    return style;
  }
  if (name == "print") {
    style.size = size_of("acl-column");
    style.title = false;
    style.footer = false;
    style.text_size = 8;
    style.line_width = 1;
    style.dots_per_inch = 300;  // a line of one point is four of them wide
    return style;
  }
  if (name == "slide") {
    style.size = size_of("slide");
    style.text_size = 20;
    style.line_width = 3;
    style.dots_per_inch = 144;  // 1920 pixels across
    return style;
  }
  fail_unknown("style", name, kStyles);
}

}  // namespace kvreel::plot
