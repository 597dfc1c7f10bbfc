# Dear ImGui from the distribution's package (libimgui-dev), which ships neither a CMake configuration nor a shared
# library. Defines ImGui::ImGui (core, draws nothing by itself) and ImGui::Backends (GLFW and OpenGL 3).
#
# Two targets, so that panels cannot include the backends' libraries by accident and tests need no OpenGL.
find_path(ImGui_INCLUDE_DIR imgui.h PATH_SUFFIXES imgui)
find_library(ImGui_LIBRARY imgui)
find_library(ImGui_STB_LIBRARY stb)  # its atlas packer and font rasteriser live there
find_package(Freetype QUIET)
if(ImGui_INCLUDE_DIR)
  file(STRINGS "${ImGui_INCLUDE_DIR}/imgui.h" line REGEX "#define IMGUI_VERSION +\"")
  string(REGEX REPLACE ".*\"([0-9.]+).*" "\\1" ImGui_VERSION "${line}")
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(ImGui REQUIRED_VARS ImGui_LIBRARY ImGui_STB_LIBRARY ImGui_INCLUDE_DIR FREETYPE_LIBRARIES
                                  VERSION_VAR ImGui_VERSION)
if(ImGui_FOUND AND NOT TARGET ImGui::ImGui)
  add_library(ImGui::ImGui STATIC IMPORTED)
  # imconfig.h must stay as packaged: another ImWchar than the library's would corrupt memory silently.
  set_target_properties(ImGui::ImGui PROPERTIES
    IMPORTED_LOCATION "${ImGui_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${ImGui_INCLUDE_DIR}"
    INTERFACE_LINK_LIBRARIES "${ImGui_STB_LIBRARY};Freetype::Freetype;${CMAKE_DL_LIBS}")
  if(TARGET glfw AND TARGET OpenGL::OpenGL AND TARGET OpenGL::EGL)
    add_library(ImGui::Backends INTERFACE IMPORTED)
    set_target_properties(ImGui::Backends PROPERTIES
      INTERFACE_LINK_LIBRARIES "ImGui::ImGui;glfw;OpenGL::OpenGL;OpenGL::EGL")
  endif()
endif()
mark_as_advanced(ImGui_INCLUDE_DIR ImGui_LIBRARY ImGui_STB_LIBRARY)
