# Finds what hone::hone links. Included by hone's own build and by honeConfig.cmake.
include(CMakeFindDependencyMacro)

find_dependency(Eigen3)  # without a version: 3.4 and 5 both serve, neither accepts the other's name
find_dependency(range-v3)
find_dependency(nlohmann_json 3.11)
find_dependency(Threads)

# PCRE2 has CMake files in some distributions only.
if(NOT TARGET PCRE2::8BIT)
  find_package(PCRE2 CONFIG QUIET COMPONENTS 8BIT)
endif()
if(NOT TARGET PCRE2::8BIT)
  find_package(PkgConfig QUIET)
  if(PkgConfig_FOUND)
    pkg_check_modules(HONE_PCRE2 QUIET libpcre2-8)
  endif()
  find_path(HONE_PCRE2_INCLUDE pcre2.h HINTS ${HONE_PCRE2_INCLUDE_DIRS})
  find_library(HONE_PCRE2_LIBRARY pcre2-8 HINTS ${HONE_PCRE2_LIBRARY_DIRS})
  mark_as_advanced(HONE_PCRE2_INCLUDE HONE_PCRE2_LIBRARY)
  if(HONE_PCRE2_INCLUDE AND HONE_PCRE2_LIBRARY)
    add_library(PCRE2::8BIT UNKNOWN IMPORTED GLOBAL)
    set_target_properties(PCRE2::8BIT PROPERTIES
      IMPORTED_LOCATION "${HONE_PCRE2_LIBRARY}"
      INTERFACE_INCLUDE_DIRECTORIES "${HONE_PCRE2_INCLUDE}")
  else()
    set(hone_missing "hone needs PCRE2 (8 bit): install libpcre2-dev, or set CMAKE_PREFIX_PATH")
    if(CMAKE_FIND_PACKAGE_NAME)
      set(${CMAKE_FIND_PACKAGE_NAME}_FOUND FALSE)
      set(${CMAKE_FIND_PACKAGE_NAME}_NOT_FOUND_MESSAGE "${hone_missing}")
      return()
    endif()
    message(FATAL_ERROR "${hone_missing}")
  endif()
endif()
