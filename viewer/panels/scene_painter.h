// Paints a plot::Scene, which the painters for paper paint too, with ImGui's draw list.
#pragma once

#include <imgui.h>

#include <cstdint>
#include <string>

#include "exports/plot/fonts.h"
#include "exports/plot/scene.h"
#include "viewer/panels/ui.h"

namespace kvreel::viewer {

// Where a scene is on the screen.
struct ScenePlace {
  ImVec2 at{};       // of its top left corner; whole pixels
  double scale = 1;  // pixels per point
};

// Keeps what it needs from frame to frame: one scene at a time.
class ScenePainter {
 public:
  // `name` of its pictures, unique in the window.
  explicit ScenePainter(std::string name) : name_(std::move(name)) {}

  // Paints what of the scene lies within `visible`. `version` changes with the scene. Shapes are
  // triangles; texts are one picture over them, as the fonts of the paper set them (turned, with
  // indices, with characters from other fonts), because ImGui's own fonts would be hinted and of
  // whole-pixel widths.
  void draw(Textures& textures, ImDrawList& list, const plot::Scene& scene, uint64_t version,
            const plot::Fonts& fonts, const ScenePlace& place, const Rect& visible);

 private:
  // Pixels of the scene at the scale of the text picture.
  struct Crop {
    int x = 0, y = 0, width = 0, height = 0;
    bool operator==(const Crop&) const = default;
  };
  void draw_text_picture(Textures& textures, ImDrawList& list, const plot::Scene& scene,
                         const plot::Fonts& fonts, const ScenePlace& place, const Rect& visible);

  std::string name_;
  uint64_t version_ = 0;  // of the scene
  double scale_ = 0;
  Crop crop_;
  uint64_t pictures_version_ = 0;  // counts scenes and scales
  uint64_t text_version_ = 0;      // these, and parts of them
};

// The shapes alone. `version` changes with the scene and the scale.
void paint_shapes(Textures& textures, ImDrawList& list, const plot::Scene& scene,
                  const std::string& name, uint64_t version, const ScenePlace& place);

}  // namespace kvreel::viewer
