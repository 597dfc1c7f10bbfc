// What the viewer remembers between starts.
#include "viewer/shell/settings.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace kvreel::viewer {
namespace {

using Json = nlohmann::ordered_json;

void take_number(const Json& json, const char* key, double least, double most, auto& value) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number()) return;
  const auto number = found->get<double>();
  if (number >= least && number <= most) value = static_cast<std::decay_t<decltype(value)>>(number);
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
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const Json json = Json::parse(text, nullptr, false);
  if (!file || !json.is_object()) {
    problem = fmt::format("The settings in {} are damaged and ignored.", path);
    return settings;
  }
  take_number(json, "width", 200, 16384, settings.width);
  take_number(json, "height", 150, 16384, settings.height);
  take_number(json, "scale", 0.5, 4, settings.scale);
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
  const Json json = {{"width", settings.width},
                     {"height", settings.height},
                     {"theme", settings.dark ? "dark" : "light"},
                     {"scale", settings.scale},
                     {"recent", settings.recent}};
  const std::string part = path + ".part";
  std::ofstream file(part, std::ios::binary | std::ios::trunc);
  file << json.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  file.close();
  if (!file || std::rename(part.c_str(), path.c_str()) != 0) {
    const int why = errno;
    std::remove(part.c_str());
    fail("The settings cannot be written to {}: {}.", path, std::strerror(why));
  }
}

}  // namespace kvreel::viewer
