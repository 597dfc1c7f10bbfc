// What the viewer remembers between starts.
#include "viewer/shell/settings.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/read_file.h"
#include "base/visible_text.h"

namespace kvreel::viewer {
namespace {

using Json = nlohmann::ordered_json;

void take_number(const Json& json, const char* key, double least, double most, auto& value) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number()) return;
  const auto number = found->get<double>();
  if (number >= least && number <= most) value = static_cast<std::decay_t<decltype(value)>>(number);
}

void take_share(const Json& json, const char* key, std::optional<float>& share) {
  float value = -1;
  take_number(json, key, 0, 1, value);
  if (value >= 0) share = value;
}

}  // namespace

std::string settings_path() {
  // The specification says that a relative path is to be ignored.
  const char* const config = std::getenv("XDG_CONFIG_HOME");
  if (config != nullptr && config[0] == '/') return std::string(config) + "/kvreel/viewer.json";
  const char* const home = std::getenv("HOME");
  if (home == nullptr || home[0] == '\0') return {};
  return std::string(home) + "/.config/kvreel/viewer.json";
}

Settings load_settings(const std::string& path, std::string& problem) {
  Settings settings;
  std::error_code error;
  if (path.empty() || !std::filesystem::exists(path, error)) return settings;
  Json json;
  try {
    constexpr uint64_t kMost = uint64_t{1} << 20;
    json = parse_json_or_discard<Json>(
        read_file(path, kMost, "the settings", "they are no settings of the viewer's"));
  } catch (const Error& unreadable) {
    problem = fmt::format("{} They are ignored.", unreadable.what());
    return settings;
  }
  if (!json.is_object()) {
    problem = fmt::format("The settings in {} are damaged and ignored.", path);
    return settings;
  }
  take_number(json, "width", 200, 16384, settings.width);
  take_number(json, "height", 150, 16384, settings.height);
  take_number(json, "scale", 0.5, 4, settings.scale);
  if (const auto panes = json.find("replay panes"); panes != json.end() && panes->is_object()) {
    take_share(*panes, "facts", settings.replay_panes.facts);
    take_share(*panes, "plots", settings.replay_panes.plots);
    take_share(*panes, "map", settings.replay_panes.map);
  }
  if (const auto strike = json.find("strike evicted"); strike != json.end()) {
    settings.text_strike = *strike == true;
  }
  if (json.contains("theme")) settings.dark = json["theme"] != "light";
  if (const auto recent = json.find("recent"); recent != json.end() && recent->is_array()) {
    for (const auto& item : *recent) {
      if (item.is_string()) settings.recent.push_back(item.get<std::string>());
    }
  }
  return settings;
}

void save_settings(const std::string& path, const Settings& settings) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  Json panes = Json::object();
  const auto add_share = [&](const char* key, const std::optional<float>& share) {
    if (share) panes[key] = *share;
  };
  add_share("facts", settings.replay_panes.facts);
  add_share("plots", settings.replay_panes.plots);
  add_share("map", settings.replay_panes.map);
  const Json json = {{"width", settings.width},
                     {"height", settings.height},
                     {"theme", settings.dark ? "dark" : "light"},
                     {"scale", settings.scale},
                     {"replay panes", panes},
                     {"strike evicted", settings.text_strike},
                     {"recent", settings.recent}};
  const std::string part = path + ".part";
  std::ofstream file(part, std::ios::binary | std::ios::trunc);
  file << unseen_escaped_json(json.dump(2, ' ', false, Json::error_handler_t::replace)) << "\n";
  file.close();
  if (!file || std::rename(part.c_str(), path.c_str()) != 0) {
    const int why = errno;
    std::remove(part.c_str());
    fail("The settings cannot be written to {}: {}.", path, std::strerror(why));
  }
}

}  // namespace kvreel::viewer
