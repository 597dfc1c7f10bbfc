# One library per room, and a room sees only the rooms it may include.
#
# A room's headers are reached as "room/file.h" through a directory that holds nothing but a link to that
# room. A target gets the directories of the rooms it links, so an include of a forbidden room does not
# compile, whatever the compiler's working directory is.

# kvreel_room(<target> DIR <room path> [SOURCES ...] [ROOMS <targets>...] [LIBRARIES <targets>...])
function(kvreel_room target)
  cmake_parse_arguments(ARG "" "DIR" "SOURCES;ROOMS;LIBRARIES;PRIVATE_LIBRARIES" ${ARGN})
  set(view "${CMAKE_BINARY_DIR}/rooms/${target}")
  get_filename_component(parent "${view}/${ARG_DIR}" DIRECTORY)
  file(MAKE_DIRECTORY "${parent}")
  file(CREATE_LINK "${CMAKE_SOURCE_DIR}/${ARG_DIR}" "${view}/${ARG_DIR}" SYMBOLIC)

  list(TRANSFORM ARG_SOURCES PREPEND "${CMAKE_SOURCE_DIR}/${ARG_DIR}/")
  if(ARG_SOURCES)
    add_library(${target} STATIC ${ARG_SOURCES})
    target_include_directories(${target} PUBLIC "${view}")
    target_link_libraries(${target} PUBLIC ${ARG_ROOMS} ${ARG_LIBRARIES}
                                    PRIVATE ${ARG_PRIVATE_LIBRARIES} kvreel_warnings)
    # Builds are faster so, to a third; CI's ordinary build shows that every file includes what it needs.
    if(KVREEL_TOGETHER)
      set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 5)
    endif()
    list(LENGTH ARG_SOURCES sources)
    if(KVREEL_PRECOMPILE AND sources GREATER 8)
      target_precompile_headers(${target} PRIVATE <fmt/format.h> <algorithm> <array> <cmath> <cstdint> <filesystem>
                                <functional> <map> <memory> <optional> <span> <string> <string_view> <vector>)
      if("nlohmann_json::nlohmann_json" IN_LIST ARG_LIBRARIES)
        target_precompile_headers(${target} PRIVATE <nlohmann/json.hpp>)
      endif()
      if("ImGui::ImGui" IN_LIST ARG_LIBRARIES)
        target_precompile_headers(${target} PRIVATE <imgui.h>)
      endif()
    endif()
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE "${view}")
    target_link_libraries(${target} INTERFACE ${ARG_ROOMS} ${ARG_LIBRARIES})
  endif()
endfunction()

# kvreel_test(<name> [TOGETHER] SOURCES ... ROOMS ... [LABELS ...] [FILTER ...]): a GoogleTest program, one ctest entry per test
# that the filter lets through. TOGETHER: its files have no names in common, so that several may be compiled at once.
function(kvreel_test name)
  cmake_parse_arguments(ARG "TOGETHER" "TIMEOUT;FILTER" "SOURCES;ROOMS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_ROOMS} GTest::gtest GTest::gtest_main kvreel_warnings)
  target_compile_definitions(${name} PRIVATE KVREEL_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}/tests")
  # Tests are compiled more often than they are run: -O3 took a third longer than -O1, and with the sanitizers -O1 longer
  # than -O0.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1> $<$<BOOL:${KVREEL_SANITIZE}>:-O0>)
  if(ARG_TOGETHER AND KVREEL_TOGETHER)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 5)
  endif()
  # What every test reads first, read once where there are several.
  list(LENGTH ARG_SOURCES sources)
  if(sources GREATER 3)
    target_precompile_headers(${name} PRIVATE <gtest/gtest.h> <fmt/format.h> <nlohmann/json.hpp> <filesystem>
                                              <fstream> <functional> <map> <random> <string> <vector>)
  endif()
  set(labels)
  if(ARG_LABELS)
    set(labels LABELS "${ARG_LABELS}")
  endif()
  # Waiting OpenMP threads sleep: tests share the machine with each other and with the compiler.
  if(NOT ARG_FILTER)
    set(ARG_FILTER "*")
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 TEST_FILTER "${ARG_FILTER}"
                       PROPERTIES TIMEOUT ${ARG_TIMEOUT} ${labels}
                                  ENVIRONMENT "OMP_WAIT_POLICY=passive")
endfunction()
