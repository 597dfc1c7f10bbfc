// Names of keys for scripts, and keys for ImGui's text fields.
#pragma once

#include <imgui.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "viewer/panels/ui.h"

namespace kvreel::viewer {

// "space", "ctrl+e", "shift+right", "f1", "/", "ctrl++"; nothing where it is none.
std::optional<KeyPress> parse_key(std::string_view text);
std::string key_name(KeyPress key);

// Whether a press is the window's while a text field has the keyboard: what types or edits is not.
bool passes_text_field(KeyPress key);

// Off screen, KeyPress's own codes are ImGui's key numbers.
void set_key_map(ImGuiIO& io);
// Holds down these keys and their modifiers, and no others.
void press_keys(ImGuiIO& io, const std::vector<KeyPress>& keys);

}  // namespace kvreel::viewer
