// Options under one heading of the help.
#pragma once

#include <CLI/CLI.hpp>

namespace kvreel::cli {

struct OptionGroup {
  CLI::App& app;
  const char* heading;

  template <typename Value>
  CLI::Option* option(const char* name, Value& value, const char* meaning) const {
    return app.add_option(name, value, meaning)->group(heading);
  }
  CLI::Option* flag(const char* name, bool& value, const char* meaning) const {
    return app.add_flag(name, value, meaning)->group(heading);
  }
};

}  // namespace kvreel::cli
