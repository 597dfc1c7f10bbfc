// A figure as data and intent: what is shown, not where on the paper. layout() (layout.h) decides
// that, once, for the window, the PDF, the PNG and the SVG alike.
//
// Text may hold markup: x_{i} sets a subscript, x^{i} a superscript; \_ \^ \{ \} \\ are the plain
// characters. Text from a trace must go through escape_markup(), which also shows control and
// formatting characters as escapes (visible_line()).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace kvreel::plot {

inline constexpr double kNone = std::numeric_limits<double>::quiet_NaN();  // no value: a gap

std::string escape_markup(std::string_view text);

// How numbers of an axis, a colour bar or a label read.
enum class Format : uint8_t {
  number,
  percent,   // of shares: 0.05 -> 5 %
  bytes,     // B, KiB, MiB, GiB
  duration,  // of nanoseconds: ns, us, ms, s
  tokens,    // whole numbers, ticks at multiples of powers of two
  count,     // whole numbers
};

enum class Scale : uint8_t { linear, log };

// What a colour means. Series get theirs from the palette by name: a name has one colour, dash and
// marker in the whole figure, given in the order in which names first appear.
enum class Ink : uint8_t { series, kept, evicted, sink, threshold, neutral, faint };

enum class Dash : uint8_t { automatic, solid, dashed, dotted, dash_dot };

struct Axis {
  std::string label;  // without its unit, which the format adds
  Format format = Format::number;
  Scale scale = Scale::linear;
  // Limits; what is not set follows the data, with room at the ends.
  std::optional<double> low;
  std::optional<double> high;
  bool from_zero = false;               // a limit that is not set takes 0 in: bars, times, bytes
  bool reversed = false;                // y: from the top down, as layers in a map
  std::vector<std::string> categories;  // ticks at 0, 1, ... with these labels
  std::vector<double> ticks;            // where ticks are; empty: chosen by the layout
  bool show_labels = true;
};

// --- Marks. Vectors of one mark have one length; NaN values are gaps. ---

struct Line {
  std::string series;
  std::vector<double> x, y;
  std::vector<double> low, high;  // a band around it, such as p10 to p90; empty: none
  Ink ink = Ink::series;
  Dash dash = Dash::automatic;  // automatic: solid, and by series in palettes without colour
  bool markers = false;
  bool steps = false;  // holds each value until the next x
  double weight = 1;   // of the style's line width
  bool in_legend = true;
};

struct Bars {
  std::string series;
  std::vector<double> at;           // centres along the category axis
  std::vector<double> base, top;    // stacked bars begin where the one before ends
  std::vector<double> low, high;    // error bars; empty: none
  std::vector<std::string> labels;  // written at the end of each; empty: none
  double width = 0.7;               // in units of the category axis
  bool horizontal = false;          // `at` along y
  Ink ink = Ink::series;
  bool in_legend = true;
};

// Quantiles of one group. Whiskers are least and most, or the 10th and 90th percentile where `n`
// is large: `low` and `high` say which values they are.
struct Box {
  int64_t n = 0;
  double low = 0, q1 = 0, median = 0, q3 = 0, high = 0;
  double mean = kNone;
  std::vector<double> points;  // drawn beside the box where there are few; empty: none
};

struct Boxes {
  std::string series;
  std::vector<double> at;
  std::vector<Box> boxes;
  double width = 0.6;
  bool horizontal = false;
  Ink ink = Ink::series;
  bool in_legend = true;
};

struct Points {
  std::string series;
  std::vector<double> x, y;
  std::vector<double> x_low, x_high, y_low, y_high;  // error bars; empty: none
  std::vector<std::string> labels;                   // beside each point; empty: none
  Ink ink = Ink::series;
  bool in_legend = true;
};

enum class Colormap : uint8_t { viridis, cividis, grey, kept };  // kept: evicted ... kept

// How cells are joined where there are more of them than the paper resolves.
enum class Aggregate : uint8_t { mean, max, min };

struct HeatMap {
  std::size_t rows = 0, columns = 0;
  std::vector<float> values;              // [rows][columns], row 0 at y0; NaN: no value
  double x0 = 0, x1 = 1, y0 = 0, y1 = 1;  // edges of the first and last cell
  std::optional<double> low, high;        // of the colours; not set: of the values
  Colormap colormap = Colormap::viridis;
  Aggregate aggregate = Aggregate::mean;  // said in the colour bar's label where cells are joined
  Format format = Format::number;
  std::string value_label;
  // Where values are kinds 0, 1, ...: what each is, shown in the legend instead of a colour bar.
  std::vector<std::pair<Ink, std::string>> kinds;
};

// A line across the panel.
struct Rule {
  bool vertical = false;
  double at = 0;
  std::string label;
  Ink ink = Ink::threshold;
  Dash dash = Dash::solid;
};

// A shaded range across the panel.
struct Range {
  bool vertical = true;  // of x
  double from = 0, to = 0;
  std::string label;
  Ink ink = Ink::faint;
};

// Text at a place in data coordinates. Kept inside the panel.
struct Note {
  double x = 0, y = 0;
  std::string text;
  // Where the text lies from the place, in units of the font's size; with a distance of more than
  // 1.5 an arrow points from the text to the place.
  double dx = 0, dy = 0;  // right and down
  bool framed = false;
  Ink ink = Ink::neutral;
};

using Mark = std::variant<HeatMap, Range, Bars, Boxes, Line, Points, Rule, Note>;

struct Panel {
  std::string title;
  Axis x, y;
  std::vector<Mark> marks;  // drawn in this order
  std::string message;      // in the middle of a panel without marks: why it is empty
  double height = 1;        // of its row, relative to the other rows'
  double width = 1;         // of its column, likewise
  bool gap = false;         // nothing is here: seven panels in rows of three leave two gaps
};

enum class LegendPlace : uint8_t {
  automatic,  // nothing for one series; inside a panel where it keeps clear of data, else above
  above,
  right,
  none,
};

struct Figure {
  std::string name;   // "threshold-budget"
  std::string title;  // one line
  std::size_t rows = 1, columns = 1;
  std::vector<Panel> panels;  // [rows][columns]
  bool share_x = false;       // columns have one x range; inner tick labels are left out
  bool share_y = false;       // rows have one y range
  bool may_stack = false;     // on paper too narrow for the columns all panels go under one another
  LegendPlace legend = LegendPlace::automatic;
  double aspect = 0;  // height / width; 0: by the panels
  // What the reader must know beside the picture: what was left out, what n is. One sentence each.
  std::vector<std::string> remarks;
  // Trace names and hashes, policies, n, version, command: into the file's metadata.
  std::vector<std::pair<std::string, std::string>> metadata;
};

// Throws Error, naming figure, panel and mark, where lengths of a mark's vectors differ, quantiles
// do not ascend, cells are of no kind, limits are none, axes of two kinds are shared, panels are
// not rows x columns, or nothing finite is to be drawn.
void check(const Figure& figure);

}  // namespace kvreel::plot
