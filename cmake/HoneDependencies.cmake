# Finds what hone::hone links. Included by hone's own build and by honeConfig.cmake.
include(CMakeFindDependencyMacro)

find_dependency(Eigen3)  # without a version: 3.4 and 5 both serve, neither accepts the other's name
find_dependency(range-v3)
find_dependency(nlohmann_json 3.11)
find_dependency(Threads)

# hone_find_library(TARGET PACKAGE HEADER LIBRARY PKGCONFIG DEBIAN [COMPONENTS ...]): some
# distributions bring CMake files for these libraries, others only the library.
macro(hone_find_library target package header library pkgconfig debian)
  if(NOT TARGET ${target})
    find_package(${package} CONFIG QUIET ${ARGN})
  endif()
  if(NOT TARGET ${target})
    find_package(PkgConfig QUIET)
    if(PkgConfig_FOUND)
      pkg_check_modules(HONE_${package} QUIET ${pkgconfig})
    endif()
    find_path(HONE_${package}_HEADER ${header} HINTS ${HONE_${package}_INCLUDE_DIRS})
    find_library(HONE_${package}_LIBRARY ${library} HINTS ${HONE_${package}_LIBRARY_DIRS})
    mark_as_advanced(HONE_${package}_HEADER HONE_${package}_LIBRARY)
    if(HONE_${package}_HEADER AND HONE_${package}_LIBRARY)
      add_library(${target} UNKNOWN IMPORTED GLOBAL)
      set_target_properties(${target} PROPERTIES
        IMPORTED_LOCATION "${HONE_${package}_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${HONE_${package}_HEADER}")
    else()
      set(hone_missing "hone needs ${package}: install ${debian}, or set CMAKE_PREFIX_PATH")
      if(NOT CMAKE_FIND_PACKAGE_NAME)
        message(FATAL_ERROR "${hone_missing}")
      endif()
      set(${CMAKE_FIND_PACKAGE_NAME}_FOUND FALSE)
      set(${CMAKE_FIND_PACKAGE_NAME}_NOT_FOUND_MESSAGE "${hone_missing}")
    endif()
  endif()
endmacro()

hone_find_library(PCRE2::8BIT PCRE2 pcre2.h pcre2-8 libpcre2-8 libpcre2-dev COMPONENTS 8BIT)
hone_find_library(utf8proc::utf8proc utf8proc utf8proc.h utf8proc libutf8proc libutf8proc-dev)
