# Runs ports/hone/portfile.cmake without vcpkg: the few helpers that it calls, done in their plainest
# form, and the checks that vcpkg makes after a build.
#
#   cmake -DINTO=folder -P tests/install/vcpkg.cmake
cmake_minimum_required(VERSION 3.25)

get_filename_component(ports "${CMAKE_CURRENT_LIST_DIR}/../../ports" ABSOLUTE)
get_filename_component(INTO "${INTO}" ABSOLUTE)
set(PORT hone)
set(CURRENT_PACKAGES_DIR "${INTO}/packages")
set(build "${INTO}/build")
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}" "${build}")

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT status EQUAL 0 OR out MATCHES "Manually-specified variables were not used[^-]*(HONE_[A-Z_]+)")
    message(FATAL_ERROR "${ARGN}\n${out}")
  endif()
endfunction()

function(vcpkg_cmake_configure)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "SOURCE_PATH" "OPTIONS")
  run(${CMAKE_COMMAND} -G Ninja -S "${arg_SOURCE_PATH}" -B "${build}" ${arg_OPTIONS}
    -DCMAKE_BUILD_TYPE=Release "-DCMAKE_INSTALL_PREFIX=${CURRENT_PACKAGES_DIR}")
endfunction()

function(vcpkg_cmake_install)
  run(${CMAKE_COMMAND} --install "${build}")
endfunction()

# Moves the CMake files to share/PORT, one folder nearer to the root.
function(vcpkg_cmake_config_fixup)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "CONFIG_PATH" "")
  file(RENAME "${CURRENT_PACKAGES_DIR}/${arg_CONFIG_PATH}" "${CURRENT_PACKAGES_DIR}/share/${PORT}")
  file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/share/cmake")
  set(targets "${CURRENT_PACKAGES_DIR}/share/${PORT}/${PORT}Targets.cmake")
  file(READ "${targets}" text)
  set(one_up "get_filename_component(_IMPORT_PREFIX \"\${_IMPORT_PREFIX}\" PATH)\n")
  string(REPLACE "${one_up}${one_up}" "${one_up}" text "${text}")
  file(WRITE "${targets}" "${text}")
endfunction()

function(vcpkg_install_copyright)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "FILE_LIST")
  file(INSTALL ${arg_FILE_LIST} DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}" RENAME copyright)
endfunction()

set(CMAKE_CURRENT_LIST_DIR "${ports}/hone")
include("${ports}/hone/portfile.cmake")

foreach(wanted include/hone/hone.hpp share/hone/copyright share/hone/usage share/hone/honeConfig.cmake
        share/hone/honeConfigVersion.cmake)
  if(NOT EXISTS "${CURRENT_PACKAGES_DIR}/${wanted}")
    message(FATAL_ERROR "the port lacks ${wanted}")
  endif()
endforeach()
foreach(unwanted lib bin debug share/cmake share/licenses)
  if(EXISTS "${CURRENT_PACKAGES_DIR}/${unwanted}")
    message(FATAL_ERROR "the port leaves ${unwanted}")
  endif()
endforeach()

file(READ "${ports}/hone/vcpkg.json" manifest)
string(JSON stated GET "${manifest}" version)
file(STRINGS "${ports}/../include/hone/core/config.hpp" lines REGEX "#define HONE_VERSION_[A-Z]+ [0-9]+")
list(TRANSFORM lines REPLACE "^.* ([0-9]+)$" "\\1")
list(JOIN lines "." version)
if(NOT stated STREQUAL version)
  message(FATAL_ERROR "ports/hone/vcpkg.json says version ${stated}, the code ${version}")
endif()
message(STATUS "the port packages hone ${version}")
