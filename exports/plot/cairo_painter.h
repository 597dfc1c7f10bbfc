// Scenes on a Cairo surface: the painter behind PDF and PNG.
#pragma once

#include <cairo.h>

#include <cstdint>
#include <memory>

#include "exports/plot/fonts.h"
#include "exports/plot/scene.h"

namespace kvreel::plot {

template <typename T, void (*destroy)(T*)>
struct CairoDestroy {
  void operator()(T* value) const { destroy(value); }
};
using CairoContext = std::unique_ptr<cairo_t, CairoDestroy<cairo_t, cairo_destroy>>;
using CairoSurface =
    std::unique_ptr<cairo_surface_t, CairoDestroy<cairo_surface_t, cairo_surface_destroy>>;

enum class Target : uint8_t {
  document,  // shapes, text and images stay what they are
  pixels,    // text as outlines, which Cairo 1.16 would put on whole pixels; images resampled
};
enum class Content : uint8_t { all, text };

// Paints in points; the context's matrix, a scale and nothing else, makes pixels of them. Throws
// Error where Cairo cannot.
void paint(cairo_t* cairo, const Scene& scene, const Fonts& fonts, Target target,
           Content content = Content::all);

// Throws Error, saying what Cairo says, where `status` is not success.
void check_cairo(cairo_status_t status);

}  // namespace kvreel::plot
