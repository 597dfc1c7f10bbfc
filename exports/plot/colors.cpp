// Colours of a style, by meaning.
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "exports/plot/color_math.h"
#include "exports/plot/style.h"

namespace kvreel::plot {
namespace {

// Okabe and Ito, "Color Universal Design", 2008, without the yellow (its contrast on white is 1.3);
// the three that are brightest are darkened, in their hue, to a contrast of about 3. Ordered so
// that the first four, and neighbours, differ most, also as people without red or green cones see
// them.
constexpr std::array<uint32_t, 7> kOkabeIto = {0x0072b2, 0xd08400, 0x009e73, 0x262a31,
                                               0xc05a98, 0x3fa0d0, 0xc44e00};
// The same hues on a dark ground, where the yellow is welcome and the black is not.
constexpr std::array<uint32_t, 8> kOkabeItoDark = {0x56b4e9, 0xe69f00, 0x2fc09a, 0xd5d9df,
                                                   0xe8703a, 0x9f8cf0, 0xf0e442, 0xe58ac0};
// Paul Tol, "Colour Schemes", 2021: bright, with its grey last.
constexpr std::array<uint32_t, 7> kTolBright = {0x4477aa, 0xee6677, 0x228833, 0xccbb44,
                                                0xaa3377, 0x66ccee, 0xbbbbbb};
constexpr std::array<uint32_t, 7> kTolBrightDark = {0x6699cc, 0xccbb44, 0xee6677, 0xbbbbbb,
                                                    0x44aa55, 0x66ccee, 0xcc66a0};
// Told apart by dashes and markers; lightness helps.
constexpr std::array<uint32_t, 6> kGrey = {0x111111, 0x7c7c7c, 0x3d3d3d,
                                           0x969696, 0x555555, 0x8a8a8a};
constexpr std::array<uint32_t, 6> kGreyDark = {0xf0f0f0, 0x8e8e8e, 0xc4c4c4,
                                               0x7a7a7a, 0xb0b0b0, 0x9a9a9a};

std::vector<Color> colors(std::span<const uint32_t> table) {
  std::vector<Color> made;
  for (const uint32_t hex : table) made.push_back(from_hex(hex));
  return made;
}

Colors light_colors() {
  Colors c;
  c.ground = from_hex(0xffffff);
  c.text = from_hex(0x1b1f26);
  c.quiet = from_hex(0x5f6772);
  c.grid = with_alpha(c.text, 0.07);
  c.axis = from_hex(0x8b929d);
  c.frame = from_hex(0xc3c8d0);
  c.kept = from_hex(0x1f6fb0);
  c.evicted = from_hex(0xc25c05);
  c.sink = from_hex(0x6b4fc0);
  c.threshold = from_hex(0xa8202f);
  c.neutral = from_hex(0x5f6772);
  c.faint = from_hex(0xb4bac4);
  return c;
}

Colors dark_colors() {
  Colors c;
  c.ground = from_hex(0x14161a);
  c.text = from_hex(0xe6e8ec);
  c.quiet = from_hex(0x9aa1ad);
  c.grid = with_alpha(c.text, 0.09);  // 7 % of light on dark looks like less
  c.axis = from_hex(0x6d7582);
  c.frame = from_hex(0x454b57);
  c.kept = from_hex(0x4f9bd9);
  c.evicted = from_hex(0xe0893a);
  c.sink = from_hex(0x9f7fe0);
  c.threshold = from_hex(0xff8080);
  c.neutral = from_hex(0x9aa1ad);
  c.faint = from_hex(0x4c525d);
  return c;
}

}  // namespace

Colors colors_of(const Style& style) {
  Colors c = style.dark ? dark_colors() : light_colors();
  switch (style.palette) {
    case Palette::okabe_ito:
      c.series = style.dark ? colors(kOkabeItoDark) : colors(kOkabeIto);
      break;
    case Palette::tol_bright:
      c.series = style.dark ? colors(kTolBrightDark) : colors(kTolBright);
      break;
    case Palette::grey:
      c.series = style.dark ? colors(kGreyDark) : colors(kGrey);
      // The meanings keep their order of lightness: kept is strong, evicted weak.
      c.kept = c.series[0];
      c.evicted = c.series[1];
      c.sink = from_hex(style.dark ? 0x9a9a9a : 0x707070);
      c.threshold = c.text;
      break;
  }
  if (style.transparent) c.ground.a = 0;
  return c;
}

}  // namespace kvreel::plot
