// Names of keys, and keys for ImGui's text fields.
#include "viewer/shell/keys.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace kvreel::viewer {
namespace {

struct Name {
  std::string_view name;
  int key;
};
constexpr std::array kNames = {
    Name{"space", KeyPress::kSpace},       Name{"escape", KeyPress::kEscape},
    Name{"enter", KeyPress::kEnter},       Name{"backspace", KeyPress::kBackspace},
    Name{"delete", KeyPress::kDelete},     Name{"left", KeyPress::kLeft},
    Name{"right", KeyPress::kRight},       Name{"up", KeyPress::kUp},
    Name{"down", KeyPress::kDown},         Name{"home", KeyPress::kHome},
    Name{"end", KeyPress::kEnd},           Name{"pageup", KeyPress::kPageUp},
    Name{"pagedown", KeyPress::kPageDown}, Name{"f1", KeyPress::kF1}};

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::optional<KeyPress> parse_key(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  std::string_view rest = lower;
  KeyPress key;
  for (;;) {
    if (rest.size() > 5 && take_prefix(rest, "ctrl+")) {
      key.control = true;
    } else if (rest.size() > 6 && take_prefix(rest, "shift+")) {
      key.shift = true;
    } else {
      break;
    }
  }
  const auto named = std::find_if(kNames.begin(), kNames.end(),
                                  [&](const Name& name) { return name.name == rest; });
  if (named != kNames.end()) {
    key.key = named->key;
    return key;
  }
  if (rest.size() != 1 || std::isgraph(static_cast<unsigned char>(rest.front())) == 0) {
    return std::nullopt;
  }
  key.key = std::toupper(static_cast<unsigned char>(rest.front()));
  return key;
}

std::string key_name(KeyPress key) {
  std::string text;
  if (key.control) text += "ctrl+";
  if (key.shift) text += "shift+";
  const auto named = std::find_if(kNames.begin(), kNames.end(),
                                  [&](const Name& name) { return name.key == key.key; });
  if (named != kNames.end()) return text.append(named->name);
  text += static_cast<char>(std::tolower(key.key));
  return text;
}

bool passes_text_field(KeyPress key) {
  switch (key.key) {
    case KeyPress::kEscape:
    case KeyPress::kUp:
    case KeyPress::kDown:
    case KeyPress::kPageUp:
    case KeyPress::kPageDown:
    case KeyPress::kF1:
      return true;
    case 'A':
    case 'C':
    case 'V':
    case 'X':
    case 'Y':
    case 'Z':
      return false;
    default:
      return key.control && key.key > ' ' && key.key < KeyPress::kEscape;
  }
}

void set_key_map(ImGuiIO& io) {
  io.KeyMap[ImGuiKey_LeftArrow] = KeyPress::kLeft;
  io.KeyMap[ImGuiKey_RightArrow] = KeyPress::kRight;
  io.KeyMap[ImGuiKey_UpArrow] = KeyPress::kUp;
  io.KeyMap[ImGuiKey_DownArrow] = KeyPress::kDown;
  io.KeyMap[ImGuiKey_PageUp] = KeyPress::kPageUp;
  io.KeyMap[ImGuiKey_PageDown] = KeyPress::kPageDown;
  io.KeyMap[ImGuiKey_Home] = KeyPress::kHome;
  io.KeyMap[ImGuiKey_End] = KeyPress::kEnd;
  io.KeyMap[ImGuiKey_Delete] = KeyPress::kDelete;
  io.KeyMap[ImGuiKey_Backspace] = KeyPress::kBackspace;
  io.KeyMap[ImGuiKey_Space] = KeyPress::kSpace;
  io.KeyMap[ImGuiKey_Enter] = KeyPress::kEnter;
  io.KeyMap[ImGuiKey_Escape] = KeyPress::kEscape;
  io.KeyMap[ImGuiKey_A] = 'A';
  io.KeyMap[ImGuiKey_C] = 'C';
  io.KeyMap[ImGuiKey_V] = 'V';
  io.KeyMap[ImGuiKey_X] = 'X';
  io.KeyMap[ImGuiKey_Y] = 'Y';
  io.KeyMap[ImGuiKey_Z] = 'Z';
}

void press_keys(ImGuiIO& io, const std::vector<KeyPress>& keys) {
  std::fill(std::begin(io.KeysDown), std::end(io.KeysDown), false);
  io.KeyCtrl = io.KeyShift = false;
  for (const KeyPress& key : keys) {
    if (key.key >= 0 && key.key < IM_ARRAYSIZE(io.KeysDown)) io.KeysDown[key.key] = true;
    io.KeyCtrl |= key.control;
    io.KeyShift |= key.shift;
  }
}

}  // namespace kvreel::viewer
