// Shapes of a scene as calls of Cairo.
#include "exports/plot/cairo_painter.h"

#include <cairo-ft.h>
#include <fontconfig/fontconfig.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <numbers>
#include <span>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/error.h"
#include "exports/plot/image_cells.h"
#include "exports/plot/painting.h"
#include "exports/plot/utf8.h"

namespace kvreel::plot {
namespace {

using CairoFace =
    std::unique_ptr<cairo_font_face_t, CairoDestroy<cairo_font_face_t, cairo_font_face_destroy>>;
using CairoFontOptions =
    std::unique_ptr<cairo_font_options_t,
                    CairoDestroy<cairo_font_options_t, cairo_font_options_destroy>>;
using FontPattern = std::unique_ptr<FcPattern, CairoDestroy<FcPattern, FcPatternDestroy>>;

// Cairo's time for a stroke on pixels grows with the square of the segments that cross each other:
// 4 random walks of 30,000 points took 6.4 s at 300 dots per inch as one stroke each, 0.5 s in
// pieces of 8 or 16 points, 0.9 s of 128. Pieces meet in round ends, which look like the round join
// that was there, but for edges that are a little darker: so only long pieces.
constexpr std::size_t kPiecePoints = 8;
constexpr double kPieceLineWidths = 50;

// The face of this file, which Cairo opens itself and keeps for as long as it needs it.
CairoFace open_face(const Fonts::Face& face) {
  const FontPattern pattern(FcPatternCreate());
  if (!pattern) fail("There is not enough memory to draw text.");
  FcPatternAddString(pattern.get(), FC_FILE, reinterpret_cast<const FcChar8*>(face.path.c_str()));
  FcPatternAddInteger(pattern.get(), FC_INDEX, face.index);
  FcPatternAddBool(pattern.get(), FC_HINTING, FcFalse);
  CairoFace opened(cairo_ft_font_face_create_for_pattern(pattern.get()));
  check_cairo(cairo_font_face_status(opened.get()));
  return opened;
}

// Cells for Cairo, premultiplied; without alpha where every one is opaque, which keeps masks out of
// documents.
CairoSurface surface_of(const std::vector<uint32_t>& pixels, int width, int height) {
  const bool opaque =
      std::all_of(pixels.begin(), pixels.end(), [](uint32_t pixel) { return pixel >> 24 == 0xff; });
  CairoSurface surface(
      cairo_image_surface_create(opaque ? CAIRO_FORMAT_RGB24 : CAIRO_FORMAT_ARGB32, width, height));
  check_cairo(cairo_surface_status(surface.get()));
  cairo_surface_flush(surface.get());
  unsigned char* data = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  for (int y = 0; y < height; ++y) {
    auto* row = reinterpret_cast<uint32_t*>(data + static_cast<std::ptrdiff_t>(y) * stride);
    for (int x = 0; x < width; ++x) {
      const uint32_t pixel = pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                                    static_cast<std::size_t>(x)];
      const uint32_t alpha = pixel >> 24;
      const auto channel = [&](int shift) { return ((pixel >> shift & 0xff) * alpha + 127) / 255; };
      row[x] = alpha << 24 | channel(0) << 16 | channel(8) << 8 | channel(16);
    }
  }
  cairo_surface_mark_dirty(surface.get());
  return surface;
}

class Painter {
 public:
  Painter(cairo_t* cairo, const Fonts& fonts, Target target);
  void paint(const Scene& scene, Content content);

 private:
  void draw(const Rectangle& rectangle) const;
  void draw(const Polyline& line) const;
  void draw(const Polygon& polygon) const;
  void draw(const Disc& disc) const;
  void draw(const Text& text);
  void draw(const Image& image) const;
  void draw(const Clip& clip);
  void draw(const Unclip&);

  void set_color(const Color& color) const;
  void set_dashes(const std::vector<double>& dashes, double offset) const {
    cairo_set_dash(cairo_, dashes.data(), static_cast<int>(dashes.size()), offset);
  }
  void fill_and_stroke(const Color& fill, const Color& stroke, double line_width) const;
  void trace(std::span<const Point> points) const;
  void stroke_in_pieces(const Polyline& line) const;
  void draw_image_on_pixels(const Image& image) const;
  void draw_run(const TextRun& run);

  cairo_t* cairo_;
  const Fonts& fonts_;
  Target target_;
  bool clipped_ = false;
  std::map<std::size_t, CairoFace> faces_;
};

Painter::Painter(cairo_t* cairo, const Fonts& fonts, Target target)
    : cairo_(cairo), fonts_(fonts), target_(target) {
  const CairoFontOptions options(cairo_font_options_create());
  cairo_font_options_set_hint_style(options.get(), CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(options.get(), CAIRO_HINT_METRICS_OFF);
  cairo_font_options_set_antialias(options.get(), CAIRO_ANTIALIAS_GRAY);
  cairo_set_font_options(cairo_, options.get());
  cairo_set_line_cap(cairo_, CAIRO_LINE_CAP_ROUND);
}

void Painter::paint(const Scene& scene, Content content) {
  if (content == Content::all && scene.ground.a > 0) {
    set_color(scene.ground);
    cairo_paint(cairo_);
  }
  for (const Shape& shape : scene.shapes) {
    std::visit(
        [&]<typename S>(const S& s) {
          constexpr bool kOfText =
              std::is_same_v<S, Text> || std::is_same_v<S, Clip> || std::is_same_v<S, Unclip>;
          if (kOfText || content == Content::all) draw(s);
        },
        shape);
  }
  draw(Unclip{});
  check_cairo(cairo_status(cairo_));
}

void Painter::set_color(const Color& color) const {
  cairo_set_source_rgba(cairo_, color.r / 255.0, color.g / 255.0, color.b / 255.0, color.a / 255.0);
}

// The path that is there.
void Painter::fill_and_stroke(const Color& fill, const Color& stroke, double line_width) const {
  if (fill.a > 0) {
    set_color(fill);
    cairo_fill_preserve(cairo_);
  }
  if (stroke.a > 0 && line_width > 0) {
    set_color(stroke);
    cairo_set_line_width(cairo_, line_width);
    set_dashes({}, 0);
    cairo_stroke_preserve(cairo_);
  }
  cairo_new_path(cairo_);
}

void Painter::draw(const Rectangle& r) const {
  constexpr double kQuarter = std::numbers::pi / 2;
  const double radius = std::min({r.radius, r.width / 2, r.height / 2});
  cairo_set_line_join(cairo_, CAIRO_LINE_JOIN_MITER);
  if (radius > 0) {
    const double left = r.x + radius, right = r.x + r.width - radius;
    const double top = r.y + radius, bottom = r.y + r.height - radius;
    cairo_arc(cairo_, right, top, radius, -kQuarter, 0);
    cairo_arc(cairo_, right, bottom, radius, 0, kQuarter);
    cairo_arc(cairo_, left, bottom, radius, kQuarter, 2 * kQuarter);
    cairo_arc(cairo_, left, top, radius, 2 * kQuarter, 3 * kQuarter);
    cairo_close_path(cairo_);
  } else {
    cairo_rectangle(cairo_, r.x, r.y, r.width, r.height);
  }
  fill_and_stroke(r.fill, r.stroke, r.line_width);
}

void Painter::draw(const Disc& disc) const {
  cairo_new_sub_path(cairo_);
  cairo_arc(cairo_, disc.center.x, disc.center.y, disc.radius, 0, 2 * std::numbers::pi);
  cairo_close_path(cairo_);
  fill_and_stroke(disc.fill, disc.stroke, disc.line_width);
}

void Painter::trace(std::span<const Point> points) const {
  cairo_move_to(cairo_, points.front().x, points.front().y);
  // A line to its own beginning is a dot.
  if (points.size() == 1) cairo_line_to(cairo_, points.front().x, points.front().y);
  for (const Point& point : points.subspan(1)) cairo_line_to(cairo_, point.x, point.y);
}

void Painter::draw(const Polyline& line) const {
  if (line.points.empty() || line.color.a == 0 || line.line_width <= 0) return;
  cairo_set_line_join(cairo_, CAIRO_LINE_JOIN_ROUND);
  cairo_set_line_width(cairo_, line.line_width);
  if (target_ == Target::pixels && line.points.size() > kPiecePoints) {
    stroke_in_pieces(line);
    return;
  }
  set_color(line.color);
  set_dashes(shown_dashes(line.dashes), 0);
  trace(line.points);
  cairo_stroke(cairo_);
}

void Painter::stroke_in_pieces(const Polyline& line) const {
  // Pieces overlap; together they must be no darker than one.
  const bool grouped = line.color.a < 255;
  if (grouped) cairo_push_group(cairo_);
  set_color({line.color.r, line.color.g, line.color.b, 255});
  const std::span<const Point> points = line.points;
  const std::vector<double> dashes = shown_dashes(line.dashes);
  double drawn = 0;  // length, for the dashes to go on
  for (std::size_t begin = 0; begin + 1 < points.size();) {
    std::size_t end = begin + 1;
    double length = 0;
    for (; end < points.size(); ++end) {
      if (end - begin > kPiecePoints && length > kPieceLineWidths * line.line_width) break;
      length += std::hypot(points[end].x - points[end - 1].x, points[end].y - points[end - 1].y);
    }
    set_dashes(dashes, drawn);
    trace(points.subspan(begin, end - begin));
    cairo_stroke(cairo_);
    drawn += length;
    begin = end - 1;
  }
  if (grouped) {
    cairo_pop_group_to_source(cairo_);
    cairo_paint_with_alpha(cairo_, line.color.a / 255.0);
  }
}

void Painter::draw(const Polygon& polygon) const {
  if (polygon.points.size() < 3) return;
  trace(polygon.points);
  cairo_close_path(cairo_);
  fill_and_stroke(polygon.fill, {0, 0, 0, 0}, 0);
}

void Painter::draw(const Text& text) {
  cairo_save(cairo_);
  cairo_translate(cairo_, text.origin.x, text.origin.y);
  if (text.turned) cairo_rotate(cairo_, -std::numbers::pi / 2);
  set_color(text.color);
  for (const TextRun& run : text.runs) draw_run(run);
  cairo_restore(cairo_);
}

void Painter::draw_run(const TextRun& run) {
  CairoFace& face = faces_[run.face];
  if (!face) face = open_face(fonts_.face(run.face));
  cairo_set_font_face(cairo_, face.get());
  cairo_set_font_size(cairo_, run.size);
  std::vector<cairo_glyph_t> glyphs;
  std::vector<cairo_text_cluster_t> clusters;
  double x = run.dx;
  for (const Fonts::Glyph& glyph : fonts_.glyphs(run)) {
    std::string character;
    append_utf8(character, glyph.character);
    glyphs.push_back({glyph.index, x, -run.rise});
    clusters.push_back({static_cast<int>(character.size()), 1});
    x += glyph.advance;
  }
  if (target_ == Target::pixels) {
    cairo_glyph_path(cairo_, glyphs.data(), static_cast<int>(glyphs.size()));
    cairo_fill(cairo_);
  } else {
    cairo_show_text_glyphs(cairo_, run.text.data(), static_cast<int>(run.text.size()),
                           glyphs.data(), static_cast<int>(glyphs.size()), clusters.data(),
                           static_cast<int>(clusters.size()), cairo_text_cluster_flags_t{});
  }
}

void Painter::draw(const Image& image) const {
  if (image.columns < 1 || image.rows < 1 || image.width <= 0 || image.height <= 0) return;
  if (target_ == Target::pixels) {
    draw_image_on_pixels(image);
    return;
  }
  const Image blocks = as_blocks(image);
  const CairoSurface surface = surface_of(blocks.pixels, blocks.columns, blocks.rows);
  cairo_save(cairo_);
  cairo_translate(cairo_, image.x, image.y);
  cairo_scale(cairo_, image.width / blocks.columns, image.height / blocks.rows);
  cairo_set_source_surface(cairo_, surface.get(), 0, 0);
  cairo_pattern_set_filter(cairo_get_source(cairo_), CAIRO_FILTER_NEAREST);
  cairo_paint(cairo_);
  cairo_restore(cairo_);
}

void Painter::draw_image_on_pixels(const Image& image) const {
  cairo_matrix_t matrix;
  cairo_get_matrix(cairo_, &matrix);
  const double scale = matrix.xx;
  const PixelBox box = pixels_of(image, scale);
  const CairoSurface pixels = surface_of(resample(image, scale, box), box.width, box.height);
  cairo_save(cairo_);
  cairo_identity_matrix(cairo_);
  cairo_set_source_surface(cairo_, pixels.get(), box.x, box.y);
  cairo_pattern_set_filter(cairo_get_source(cairo_), CAIRO_FILTER_NEAREST);
  cairo_rectangle(cairo_, image.x * scale, image.y * scale, image.width * scale,
                  image.height * scale);
  cairo_fill(cairo_);
  cairo_restore(cairo_);
}

void Painter::draw(const Clip& clip) {
  draw(Unclip{});
  cairo_save(cairo_);
  cairo_rectangle(cairo_, clip.x, clip.y, clip.width, clip.height);
  cairo_clip(cairo_);
  clipped_ = true;
}

void Painter::draw(const Unclip&) {
  if (clipped_) cairo_restore(cairo_);
  clipped_ = false;
}

}  // namespace

void paint(cairo_t* cairo, const Scene& scene, const Fonts& fonts, Target target, Content content) {
  Painter(cairo, fonts, target).paint(scene, content);
}

void check_cairo(cairo_status_t status) {
  if (status == CAIRO_STATUS_SUCCESS) return;
  fail("Cairo cannot draw the figure: {}.", cairo_status_to_string(status));
}

}  // namespace kvreel::plot
