// Scenes as PDF.
#include <cairo-pdf.h>
#include <cairo.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/text.h"
#include "exports/plot/cairo_painter.h"
#include "exports/plot/output.h"
#include "exports/plot/paint.h"

namespace kvreel::plot {
namespace {

cairo_status_t keep_bytes(void* bytes, const unsigned char* data, unsigned int size) {
  static_cast<std::string*>(bytes)->append(reinterpret_cast<const char*>(data), size);
  return CAIRO_STATUS_SUCCESS;
}

constexpr std::string_view kNoDate = "2000-01-01T00:00:00Z";

// The ISO 8601 date at the start of the metadata's "recorded", when the (first) trace was recorded;
// else kNoDate. The time of drawing would make the same figure other bytes.
std::string date_of(const Scene& scene) {
  // '0' stands for a digit.
  static constexpr std::string_view kForm = "0000-00-00T00:00:00";
  const auto fits = [](std::string_view text) {
    if (text.size() < kForm.size()) return false;
    for (std::size_t i = 0; i < kForm.size(); ++i) {
      const bool digit = text[i] >= '0' && text[i] <= '9';
      if (kForm[i] == '0' ? !digit : text[i] != kForm[i]) return false;
    }
    return true;
  };
  for (const auto& [key, value] : scene.metadata) {
    if (key == "recorded" && fits(value)) return value.substr(0, kForm.size()) + 'Z';
  }
  return std::string(kNoDate);
}

// "key: value; key: value", for PDF's document information has no place for pairs.
std::string subject_of(const Scene& scene) {
  std::string subject;
  for (const auto& [key, value] : scene.metadata) {
    if (!subject.empty()) subject += "; ";
    subject += key + ": " + value;
  }
  // Cairo takes text that ends at a NUL and refuses what is not UTF-8.
  std::string clean = to_utf8_lossy(subject);
  std::replace(clean.begin(), clean.end(), '\0', ' ');
  return clean;
}

void set_metadata(cairo_surface_t* surface, const Scene& scene) {
  const auto set = [&](cairo_pdf_metadata_t name, const std::string& value) {
    if (!value.empty()) cairo_pdf_surface_set_metadata(surface, name, value.c_str());
  };
  set(CAIRO_PDF_METADATA_TITLE, to_utf8_lossy(scene.title));
  set(CAIRO_PDF_METADATA_SUBJECT, subject_of(scene));
  set(CAIRO_PDF_METADATA_CREATOR, "kvreel");
  set(CAIRO_PDF_METADATA_CREATE_DATE, date_of(scene));
}

}  // namespace

void write_pdf(std::ostream& out, const Scene& scene, const Fonts& fonts) {
  std::string bytes;
  {
    const CairoSurface surface(
        cairo_pdf_surface_create_for_stream(keep_bytes, &bytes, scene.width, scene.height));
    check_cairo(cairo_surface_status(surface.get()));
    cairo_pdf_surface_restrict_to_version(surface.get(), CAIRO_PDF_VERSION_1_5);
    set_metadata(surface.get(), scene);
    {
      const CairoContext cairo(cairo_create(surface.get()));
      paint(cairo.get(), scene, fonts, Target::document);
      cairo_show_page(cairo.get());
    }
    cairo_surface_finish(surface.get());
    check_cairo(cairo_surface_status(surface.get()));
  }
  write_all(out, bytes, "PDF");
}

}  // namespace kvreel::plot
