// Colours as numbers: CIELAB, contrast, mixtures.
#pragma once

#include <cstdint>

#include "exports/plot/scene.h"

namespace kvreel::plot {

constexpr Color from_hex(uint32_t rgb, uint8_t alpha = 255) {
  return {static_cast<uint8_t>((rgb >> 16) & 0xff), static_cast<uint8_t>((rgb >> 8) & 0xff),
          static_cast<uint8_t>(rgb & 0xff), alpha};
}

// CIE 1976 L*a*b*, D65, of sRGB (IEC 61966-2-1).
struct Lab {
  double l = 0, a = 0, b = 0;
};
Lab to_lab(Color color);
Color to_color(const Lab& lab);  // what sRGB cannot show is clipped

Color with_alpha(Color color, double alpha);  // alpha 0..1
// Of two opaque colours, in sRGB: 0 gives a.
Color mix(Color a, Color b, double t);
// The ratio of WCAG 2: 1 (none) to 21.
double contrast(Color a, Color b);
// 0xAABBGGRR, as images have it.
uint32_t to_pixel(Color color);

}  // namespace kvreel::plot
