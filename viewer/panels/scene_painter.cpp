// Paints a plot::Scene with ImGui's draw list.
#include "viewer/panels/scene_painter.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "exports/plot/image_cells.h"
#include "exports/plot/paint.h"
#include "exports/plot/painting.h"
#include "viewer/panels/stroke.h"

namespace kvreel::viewer {
namespace {

constexpr int kWidestPicture = 16384;  // of Textures

ImU32 color_of(plot::Color color) {
  return IM_COL32(color.r, color.g, color.b, color.a);
}

// Twice the area to the right of each edge: positive where the points go clockwise on the screen.
double cross(ImVec2 a, ImVec2 b, ImVec2 c) {
  return (static_cast<double>(b.x) - a.x) * (static_cast<double>(c.y) - a.y) -
         (static_cast<double>(b.y) - a.y) * (static_cast<double>(c.x) - a.x);
}

bool is_convex(const std::vector<ImVec2>& clockwise) {
  const size_t n = clockwise.size();
  for (size_t i = 0; i < n; ++i) {
    if (cross(clockwise[i], clockwise[(i + 1) % n], clockwise[(i + 2) % n]) < 0) return false;
  }
  return true;
}

bool is_inside(ImVec2 a, ImVec2 b, ImVec2 c, ImVec2 p) {
  return cross(a, b, p) >= 0 && cross(b, c, p) >= 0 && cross(c, a, p) >= 0;
}

class Shapes {
 public:
  Shapes(Textures& textures, ImDrawList& list, const std::string& name, uint64_t version,
         const ScenePlace& place)
      : textures_(textures), list_(list), name_(name), version_(version), place_(place) {}
  ~Shapes() { unclip(); }

  void operator()(const plot::Rectangle& shape) {
    const ImVec2 min = at(shape.x, shape.y);
    const ImVec2 max = at(shape.x + shape.width, shape.y + shape.height);
    const float radius = px(shape.radius);
    const float width = px(shape.line_width);
    if (shape.fill.a > 0 && radius > 0) {
      list_.AddRectFilled(min, max, color_of(shape.fill), radius);
    } else if (shape.fill.a > 0) {
      draw_box(list_, min, max, color_of(shape.fill));
    }
    if (shape.stroke.a == 0 || width <= 0) return;
    const ImU32 stroke = color_of(shape.stroke);
    if (radius > 0) {
      list_.PathRect(min, max, radius);
      list_.PathStroke(faded(stroke, width), ImDrawFlags_Closed, std::max(width, 1.f));
      return;
    }
    draw_frame(list_, min, max, width, stroke);
  }

  void operator()(const plot::Polyline& shape) {
    Stroke stroke{color_of(shape.color), px(shape.line_width), {}};
    for (const double dash : plot::shown_dashes(shape.dashes)) stroke.dashes.push_back(px(dash));
    draw_stroke(list_, points_of(shape.points), stroke);
  }

  void operator()(const plot::Polygon& shape) {
    if (shape.band && shape.points.size() >= 4) {
      draw_band(shape);
      return;
    }
    std::vector<ImVec2> points = points_of(shape.points);
    if (points.size() < 3) return;
    double area = 0;
    for (size_t i = 1; i + 1 < points.size(); ++i) {
      area += cross(points[0], points[i], points[i + 1]);
    }
    // ImGui softens the edges of polygons that go clockwise.
    if (area < 0) std::reverse(points.begin(), points.end());
    const ImU32 fill = color_of(shape.fill);
    if (is_convex(points)) {
      list_.AddConvexPolyFilled(points.data(), static_cast<int>(points.size()), fill);
    } else {
      draw_ears(std::move(points), fill);
    }
  }

  void operator()(const plot::Disc& shape) {
    const ImVec2 center = at(shape.center.x, shape.center.y);
    const float radius = px(shape.radius);
    if (shape.fill.a > 0) draw_disc(list_, center, radius, color_of(shape.fill));
    const float width = px(shape.line_width);
    if (shape.stroke.a == 0 || width <= 0) return;
    draw_circle(list_, center, radius, width, color_of(shape.stroke));
  }

  void operator()(const plot::Image& shape) {
    const std::string name = name_ + ".image." + std::to_string(images_++);
    if (shape.columns < 1 || shape.rows < 1 || shape.width <= 0 || shape.height <= 0) return;
    const ImVec2 min = at(shape.x, shape.y);
    const ImVec2 max = at(shape.x + shape.width, shape.y + shape.height);
    const bool small_cells = max.x - min.x < static_cast<float>(shape.columns) ||
                             max.y - min.y < static_cast<float>(shape.rows);
    if (!small_cells && shape.columns <= kWidestPicture) {
      const auto fill = [&](std::span<uint32_t> out) {
        std::copy_n(shape.pixels.begin(), std::min(out.size(), shape.pixels.size()), out.begin());
      };
      draw_picture(textures_.picture(name, version_, shape.columns, shape.rows, fill), min, max,
                   min, max);
      return;
    }
    // What shows a pixel's nearest cell would drop others: pixels are means, as on paper.
    const plot::PixelBox box = plot::pixels_of(shape, place_.scale);
    const auto fill = [&](std::span<uint32_t> out) {
      const std::vector<uint32_t> pixels = plot::resample(shape, place_.scale, box);
      std::copy_n(pixels.begin(), std::min(out.size(), pixels.size()), out.begin());
    };
    const ImVec2 corner{place_.at.x + static_cast<float>(box.x),
                        place_.at.y + static_cast<float>(box.y)};
    draw_picture(
        textures_.picture(name, version_, box.width, box.height, fill), min, max, corner,
        {corner.x + static_cast<float>(box.width), corner.y + static_cast<float>(box.height)});
  }

  void operator()(const plot::Clip& shape) {
    unclip();
    const ImVec2 min = at(shape.x, shape.y);
    const ImVec2 max = at(shape.x + shape.width, shape.y + shape.height);
    // Whole pixels, so that every driver cuts alike.
    list_.PushClipRect({std::round(min.x), std::round(min.y)},
                       {std::round(max.x), std::round(max.y)}, true);
    clipped_ = true;
  }
  void operator()(const plot::Unclip&) { unclip(); }

  void operator()(const plot::Text&) {}  // in the picture over all

 private:
  float px(double points) const { return static_cast<float>(points * place_.scale); }
  ImVec2 at(double x, double y) const {
    return {static_cast<float>(place_.at.x + x * place_.scale),
            static_cast<float>(place_.at.y + y * place_.scale)};
  }
  std::vector<ImVec2> points_of(const std::vector<plot::Point>& points) const {
    std::vector<ImVec2> all;
    all.reserve(points.size());
    for (const plot::Point& point : points) all.push_back(at(point.x, point.y));
    return all;
  }
  void unclip() {
    if (clipped_) list_.PopClipRect();
    clipped_ = false;
  }

  // The part [min, max) of a picture that lies over [from, to).
  void draw_picture(ImTextureID picture, ImVec2 min, ImVec2 max, ImVec2 from, ImVec2 to) {
    const auto share = [&](ImVec2 p) {
      return ImVec2{(p.x - from.x) / (to.x - from.x), (p.y - from.y) / (to.y - from.y)};
    };
    for (const BoxPart& part : parts_of_box(min, max)) {
      list_.AddImage(picture, part.min, part.max, share(part.min), share(part.max),
                     faded(IM_COL32_WHITE, part.share));
    }
  }

  void vertex(ImVec2 p, ImU32 color) { list_.PrimWriteVtx(p, white_, color); }

  // Column by column: a band is seldom convex, and one that lets the grid through must not cover
  // anything twice. Three strips of one height each: the band without half a pixel at its edges,
  // and a pixel above and below in which it fades, so that its edges are soft.
  void draw_band(const plot::Polygon& shape) {
    const std::vector<ImVec2> points = points_of(shape.points);
    const size_t n = points.size() / 2;
    const ImU32 fill = color_of(shape.fill);
    white_ = ImGui::GetFontTexUvWhitePixel();
    // Quads whose indices and vertices ImGui surely takes in one go.
    constexpr size_t kMost = 4096;
    for (size_t begin = 0; begin + 1 < n; begin += kMost) {
      const size_t end = std::min(begin + kMost, n - 1);  // columns [begin, end)
      const auto columns = static_cast<int>(end - begin);
      list_.PrimReserve(18 * columns, 4 * (columns + 1));
      const auto first = static_cast<ImDrawIdx>(list_._VtxCurrentIdx);
      for (size_t i = begin; i <= end; ++i) {
        const ImVec2 top = points[i];
        const ImVec2 bottom = points[2 * n - 1 - i];
        const float height = std::max(bottom.y - top.y, 0.f);
        // What is thinner than a pixel has no inside, and is paler.
        const float inset = std::min(0.5f, height / 2);
        const ImU32 inside = faded(fill, std::min(height, 1.f));
        const ImU32 outside = fill & ~IM_COL32_A_MASK;
        vertex({top.x, top.y - 0.5f}, outside);
        vertex({top.x, top.y + inset}, inside);
        vertex({bottom.x, bottom.y - inset}, inside);
        vertex({bottom.x, bottom.y + 0.5f}, outside);
      }
      for (int column = 0; column < columns; ++column) {
        const auto left = static_cast<ImDrawIdx>(first + 4 * column);
        for (int strip = 0; strip < 3; ++strip) {
          const auto a = static_cast<ImDrawIdx>(left + strip);
          const auto b = static_cast<ImDrawIdx>(a + 4);
          for (const int index : {int{a}, int{b}, b + 1, int{a}, b + 1, a + 1}) {
            list_.PrimWriteIdx(static_cast<ImDrawIdx>(index));
          }
        }
      }
    }
  }

  // By cutting off corners (ears) until a triangle is left. Few points: arrow heads, markers.
  void draw_ears(std::vector<ImVec2> points, ImU32 fill) {
    while (points.size() > 3) {
      const size_t n = points.size();
      size_t ear = n;
      for (size_t i = 0; i < n && ear == n; ++i) {
        const ImVec2 a = points[(i + n - 1) % n];
        const ImVec2 b = points[i];
        const ImVec2 c = points[(i + 1) % n];
        if (cross(a, b, c) <= 0) continue;
        const bool empty = std::none_of(points.begin(), points.end(), [&](ImVec2 p) {
          const auto is = [&](ImVec2 q) { return p.x == q.x && p.y == q.y; };
          return !is(a) && !is(b) && !is(c) && is_inside(a, b, c, p);
        });
        if (empty) ear = i;
      }
      if (ear == n) break;  // it crosses itself: what is left is drawn as a fan
      list_.AddTriangleFilled(points[(ear + n - 1) % n], points[ear], points[(ear + 1) % n], fill);
      points.erase(points.begin() + static_cast<ptrdiff_t>(ear));
    }
    for (size_t i = 1; i + 1 < points.size(); ++i) {
      list_.AddTriangleFilled(points[0], points[i], points[i + 1], fill);
    }
  }

  Textures& textures_;
  ImDrawList& list_;
  const std::string& name_;
  uint64_t version_;
  ScenePlace place_;
  ImVec2 white_{};
  int images_ = 0;
  bool clipped_ = false;
};

// Copies a raster into a picture of maybe another size.
void copy_into(const plot::Raster& raster, int width, std::span<uint32_t> out) {
  const auto row = static_cast<size_t>(width);
  const auto columns = static_cast<size_t>(std::min(width, raster.width));
  const size_t rows = std::min(out.size() / row, static_cast<size_t>(raster.height));
  for (size_t y = 0; y < rows; ++y) {
    const auto from =
        raster.pixels.begin() + static_cast<ptrdiff_t>(y * static_cast<size_t>(raster.width));
    std::copy_n(from, columns, out.begin() + static_cast<ptrdiff_t>(y * row));
  }
}

}  // namespace

void paint_shapes(Textures& textures, ImDrawList& list, const plot::Scene& scene,
                  const std::string& name, uint64_t version, const ScenePlace& place) {
  Shapes shapes(textures, list, name, version, place);
  for (const plot::Shape& shape : scene.shapes) std::visit(shapes, shape);
}

void ScenePainter::draw(Textures& textures, ImDrawList& list, const plot::Scene& scene,
                        uint64_t version, const plot::Fonts& fonts, const ScenePlace& place,
                        const Rect& visible) {
  const auto width = static_cast<float>(scene.width * place.scale);
  const auto height = static_cast<float>(scene.height * place.scale);
  list.PushClipRect(visible.min(), visible.max(), true);
  list.PushClipRect(place.at, {place.at.x + std::ceil(width), place.at.y + std::ceil(height)},
                    true);
  if (scene.ground.a > 0) {
    draw_box(list, place.at, {place.at.x + width, place.at.y + height}, color_of(scene.ground));
  }
  if (version != version_ || place.scale != scale_) {
    ++pictures_version_;
    ++text_version_;
  }
  version_ = version;
  scale_ = place.scale;
  paint_shapes(textures, list, scene, name_, pictures_version_, place);
  draw_text_picture(textures, list, scene, fonts, place, visible);
  list.PopClipRect();
  list.PopClipRect();
}

void ScenePainter::draw_text_picture(Textures& textures, ImDrawList& list, const plot::Scene& scene,
                                     const plot::Fonts& fonts, const ScenePlace& place,
                                     const Rect& visible) {
  // The whole scene where its picture is of moderate size, so that moving it costs nothing; else
  // what is visible of it.
  constexpr int kModerate = 8'000'000;  // pixels
  Crop crop{0, 0, static_cast<int>(std::round(scene.width * place.scale)),
            static_cast<int>(std::round(scene.height * place.scale))};
  if (int64_t{crop.width} * crop.height > kModerate) {
    const auto cut = [](float from, float to, float origin, int& begin, int& size) {
      const int low = std::max(0, static_cast<int>(std::floor(from - origin)));
      const int high = std::min(size, static_cast<int>(std::ceil(to - origin)));
      begin = low;
      size = high - low;
    };
    cut(visible.x, visible.right(), place.at.x, crop.x, crop.width);
    cut(visible.y, visible.bottom(), place.at.y, crop.y, crop.height);
  }
  if (crop.width < 1 || crop.height < 1) return;
  if (crop != crop_) ++text_version_;
  crop_ = crop;
  const auto fill = [&](std::span<uint32_t> out) {
    plot::Scene texts;
    texts.width = crop.width / place.scale;
    texts.height = crop.height / place.scale;
    const double dx = -crop.x / place.scale;
    const double dy = -crop.y / place.scale;
    for (const plot::Shape& shape : scene.shapes) {
      if (const auto* text = std::get_if<plot::Text>(&shape)) {
        plot::Text moved = *text;
        moved.origin.x += dx;
        moved.origin.y += dy;
        texts.shapes.push_back(std::move(moved));
      } else if (const auto* clip = std::get_if<plot::Clip>(&shape)) {
        texts.shapes.push_back(plot::Clip{clip->x + dx, clip->y + dy, clip->width, clip->height});
      } else if (std::holds_alternative<plot::Unclip>(shape)) {
        texts.shapes.push_back(shape);
      }
    }
    copy_into(plot::rasterize_text(texts, fonts, place.scale), crop.width, out);
  };
  const ImTextureID texture =
      textures.picture(name_ + ".text", text_version_, crop.width, crop.height, fill);
  const ImVec2 min = {place.at.x + static_cast<float>(crop.x),
                      place.at.y + static_cast<float>(crop.y)};
  list.AddImage(texture, min,
                {min.x + static_cast<float>(crop.width), min.y + static_cast<float>(crop.height)});
}

}  // namespace kvreel::viewer
