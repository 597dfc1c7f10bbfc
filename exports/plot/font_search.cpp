// Faces by family and by character, from fontconfig's list.
#include "exports/plot/font_search.h"

#include <fontconfig/fontconfig.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/error.h"

namespace kvreel::plot {
namespace {

template <typename T, void (*destroy)(T*)>
struct Destroy {
  void operator()(T* value) const { destroy(value); }
};
using Config = std::unique_ptr<FcConfig, Destroy<FcConfig, FcConfigDestroy>>;
using Pattern = std::unique_ptr<FcPattern, Destroy<FcPattern, FcPatternDestroy>>;
using ObjectSet = std::unique_ptr<FcObjectSet, Destroy<FcObjectSet, FcObjectSetDestroy>>;
using FontSet = std::unique_ptr<FcFontSet, Destroy<FcFontSet, FcFontSetDestroy>>;

const FcChar8* fc_text(const char* text) {
  return reinterpret_cast<const FcChar8*>(text);
}

std::string text_of(const FcPattern* pattern, const char* object) {
  FcChar8* text = nullptr;
  if (FcPatternGetString(pattern, object, 0, &text) != FcResultMatch) return {};
  return reinterpret_cast<const char*>(text);
}

double number_of(const FcPattern* pattern, const char* object) {
  double value = 0;
  FcPatternGetDouble(pattern, object, 0, &value);
  return value;
}

bool has_outlines(const FcPattern* pattern) {
  FcBool varies = FcFalse;
  FcPatternGetBool(pattern, FC_VARIABLE, 0, &varies);
  const std::string format = text_of(pattern, FC_FONTFORMAT);
  return varies != FcTrue && (format == "TrueType" || format == "CFF");
}

bool has_character(const FcPattern* pattern, char32_t code) {
  FcCharSet* characters = nullptr;
  return FcPatternGetCharSet(pattern, FC_CHARSET, 0, &characters) == FcResultMatch &&
         FcCharSetHasChar(characters, code) == FcTrue;
}

FontFile file_of(const FcPattern* pattern) {
  int index = 0;
  FcPatternGetInteger(pattern, FC_INDEX, 0, &index);
  return {text_of(pattern, FC_FILE), index, text_of(pattern, FC_FAMILY)};
}

// Light, medium and demi-bold faces are neither regular nor bold.
bool is_weight(const FcPattern* pattern, bool bold) {
  const double weight = number_of(pattern, FC_WEIGHT);
  return bold ? weight == FC_WEIGHT_BOLD : weight == FC_WEIGHT_REGULAR || weight == FC_WEIGHT_BOOK;
}

// Families that are looked at first for characters that the figure's own lack.
constexpr std::array<std::string_view, 5> kFirst = {
    "Noto Sans", "Noto Sans Math", "Noto Sans Symbols", "Noto Sans Symbols2", "Noto Sans CJK SC"};

}  // namespace

struct FontSearch::Parts {
  Config config;

  // Faces that fit, of the family `name` or, where it is null, of all.
  std::vector<const FcPattern*> list(const char* name, FontSet& owner) const {
    const Pattern asked(FcPatternCreate());
    const ObjectSet objects(FcObjectSetBuild(FC_FAMILY, FC_FILE, FC_INDEX, FC_WEIGHT, FC_CHARSET,
                                             FC_VARIABLE, FC_FONTFORMAT,
                                             static_cast<char*>(nullptr)));
    if (!asked || !objects) fail("There is not enough memory to look for fonts.");
    if (name != nullptr) FcPatternAddString(asked.get(), FC_FAMILY, fc_text(name));
    FcPatternAddBool(asked.get(), FC_SCALABLE, FcTrue);
    FcPatternAddBool(asked.get(), FC_OUTLINE, FcTrue);
    FcPatternAddInteger(asked.get(), FC_SLANT, FC_SLANT_ROMAN);
    FcPatternAddInteger(asked.get(), FC_WIDTH, FC_WIDTH_NORMAL);
    owner.reset(FcFontList(config.get(), asked.get(), objects.get()));
    std::vector<const FcPattern*> faces;
    if (!owner) return faces;
    for (int i = 0; i < owner->nfont; ++i) {
      if (has_outlines(owner->fonts[i])) faces.push_back(owner->fonts[i]);
    }
    return faces;
  }
};

FontSearch::FontSearch() : parts_(std::make_unique<Parts>()) {
  parts_->config.reset(FcInitLoadConfigAndFonts());
  if (!parts_->config) {
    fail(
        "fontconfig cannot read its configuration, which says where fonts are; install the "
        "package fontconfig-config.");
  }
}

FontSearch::~FontSearch() = default;

std::optional<FontFile> FontSearch::family(const std::string& name, bool bold) const {
  FontSet owner;
  std::vector<FontFile> files;
  for (const FcPattern* pattern : parts_->list(name.c_str(), owner)) {
    if (is_weight(pattern, bold)) files.push_back(file_of(pattern));
  }
  const auto first = std::min_element(files.begin(), files.end(), [](const auto& a, const auto& b) {
    return std::tie(a.path, a.index) < std::tie(b.path, b.index);
  });
  if (first == files.end()) return std::nullopt;
  return *first;
}

std::optional<FontFile> FontSearch::with_character(char32_t code, bool bold) const {
  FontSet owner;
  // The least: preferred families, then the right weight, then by name.
  using Rank = std::tuple<std::size_t, bool, std::string, std::string, int>;
  std::optional<Rank> best;
  std::optional<FontFile> found;
  for (const FcPattern* pattern : parts_->list(nullptr, owner)) {
    if (!has_character(pattern, code)) continue;
    const bool right = is_weight(pattern, bold);
    if (!right && !is_weight(pattern, false)) continue;
    FontFile file = file_of(pattern);
    const auto place = std::find(kFirst.begin(), kFirst.end(), file.name) - kFirst.begin();
    Rank rank(place, !right, file.name, file.path, file.index);
    if (best && *best <= rank) continue;
    best = std::move(rank);
    found = std::move(file);
  }
  return found;
}

}  // namespace kvreel::plot
