# Writes the checked-out commit into a header, at every build, touching it only when it changes.
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND git -C "${SOURCE_DIR}" describe --always --dirty --abbrev=12
                OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT commit)
  set(commit "no git commit")
endif()
file(CONFIGURE OUTPUT "${HEADER}" CONTENT "// Which commit this was built from. Written by the build.
#pragma once

namespace kvreel::cli {

inline constexpr const char* kCommit = \"@commit@\";

}  // namespace kvreel::cli
" @ONLY)
