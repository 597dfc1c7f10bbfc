// Where fonts are on this machine: fontconfig's list, asked so that it never substitutes.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace kvreel::plot {

struct FontFile {
  std::string path;
  int index = 0;     // in a collection
  std::string name;  // its family's
};

// Reads fontconfig's configuration when it is made. Only upright faces of ordinary width with
// outlines in TrueType or CFF are found, none that varies: what every painter can embed.
class FontSearch {
 public:
  FontSearch();
  ~FontSearch();
  FontSearch(const FontSearch&) = delete;
  FontSearch& operator=(const FontSearch&) = delete;

  // The face of exactly this family and of regular or bold weight.
  std::optional<FontFile> family(const std::string& name, bool bold) const;
  // A face that has the character, of whichever family: the same one on machines that have the
  // same fonts, whatever their language is.
  std::optional<FontFile> with_character(char32_t code, bool bold) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace kvreel::plot
