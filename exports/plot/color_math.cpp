// CIELAB, contrast and mixtures.
#include "exports/plot/color_math.h"

#include <algorithm>
#include <cmath>

namespace kvreel::plot {
namespace {

double to_linear(uint8_t channel) {
  const double c = channel / 255.;
  return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
}

uint8_t from_linear(double c) {
  c = std::clamp(c, 0., 1.);
  const double s = c <= 0.0031308 ? c * 12.92 : 1.055 * std::pow(c, 1 / 2.4) - 0.055;
  return static_cast<uint8_t>(std::lround(s * 255));
}

// White of D65.
constexpr double kXn = 0.95047, kZn = 1.08883;
constexpr double kEpsilon = 216. / 24389, kKappa = 24389. / 27;

double lab_f(double t) {
  return t > kEpsilon ? std::cbrt(t) : (kKappa * t + 16) / 116;
}

double lab_inverse(double f) {
  const double cube = f * f * f;
  return cube > kEpsilon ? cube : (116 * f - 16) / kKappa;
}

double luminance(Color color) {
  return 0.2126 * to_linear(color.r) + 0.7152 * to_linear(color.g) + 0.0722 * to_linear(color.b);
}

}  // namespace

Lab to_lab(Color color) {
  const double r = to_linear(color.r), g = to_linear(color.g), b = to_linear(color.b);
  const double x = 0.4124564 * r + 0.3575761 * g + 0.1804375 * b;
  const double y = 0.2126729 * r + 0.7151522 * g + 0.0721750 * b;
  const double z = 0.0193339 * r + 0.1191920 * g + 0.9503041 * b;
  const double fx = lab_f(x / kXn), fy = lab_f(y), fz = lab_f(z / kZn);
  return {116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)};
}

Color to_color(const Lab& lab) {
  const double fy = (lab.l + 16) / 116;
  const double x = kXn * lab_inverse(fy + lab.a / 500);
  const double y = lab_inverse(fy);
  const double z = kZn * lab_inverse(fy - lab.b / 200);
  return {from_linear(3.2404542 * x - 1.5371385 * y - 0.4985314 * z),
          from_linear(-0.9692660 * x + 1.8760108 * y + 0.0415560 * z),
          from_linear(0.0556434 * x - 0.2040259 * y + 1.0572252 * z), 255};
}

Color with_alpha(Color color, double alpha) {
  color.a = static_cast<uint8_t>(std::lround(std::clamp(alpha, 0., 1.) * 255));
  return color;
}

Color mix(Color a, Color b, double t) {
  const auto channel = [t](uint8_t x, uint8_t y) {
    return static_cast<uint8_t>(std::lround(x + (y - x) * t));
  };
  return {channel(a.r, b.r), channel(a.g, b.g), channel(a.b, b.b), 255};
}

double contrast(Color a, Color b) {
  const double one = luminance(a) + 0.05, two = luminance(b) + 0.05;
  return std::max(one, two) / std::min(one, two);
}

uint32_t to_pixel(Color color) {
  return static_cast<uint32_t>(color.r) | static_cast<uint32_t>(color.g) << 8 |
         static_cast<uint32_t>(color.b) << 16 | static_cast<uint32_t>(color.a) << 24;
}

}  // namespace kvreel::plot
