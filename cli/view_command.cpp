// kvreel view: starts the viewer, which is a program of its own so that recording on a server needs
// no window.
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/commands.h"

namespace kvreel::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kViewer = "kvreel-viewer";

bool is_program(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && access(path.c_str(), X_OK) == 0;
}

// Beside this program (installed), in the build tree's viewer/, or in PATH.
fs::path find_viewer() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  std::vector<fs::path> places;
  if (!error) {
    places.push_back(self.parent_path() / kViewer);
    places.push_back(self.parent_path().parent_path() / "viewer" / kViewer);
  }
  if (const char* const path = std::getenv("PATH"); path != nullptr) {
    std::istringstream list(path);
    for (std::string directory; std::getline(list, directory, ':');) {
      if (!directory.empty()) places.push_back(fs::path(directory) / kViewer);
    }
  }
  for (const fs::path& place : places) {
    if (is_program(place)) return place;
  }
  fail(
      "The viewer ({}) is neither beside kvreel nor in PATH. Build it with ./dev view, or with "
      "cmake -DKVREEL_VIEWER=ON.",
      kViewer);
}

}  // namespace

Command add_view(CLI::App& program) {
  CLI::App* app = program.add_subcommand("view", "Open traces in the viewer");
  const auto traces = std::make_shared<std::vector<std::string>>();
  app->add_option("traces", *traces, "The traces")->type_name("TRACE");
  app->footer("kvreel-viewer --help lists the viewer's own options.");
  return {app, [traces]() -> int {
            const std::string viewer = find_viewer().string();
            std::vector<std::string> words = {viewer, "--"};
            words.insert(words.end(), traces->begin(), traces->end());
            std::vector<char*> arguments;
            for (std::string& word : words) arguments.push_back(word.data());
            arguments.push_back(nullptr);
            execv(viewer.c_str(), arguments.data());
            fail("{} cannot be started: {}.", viewer, std::strerror(errno));
          }};
}

}  // namespace kvreel::cli
