# For hone's own tests, benchmarks and examples; nothing here reaches a consumer.

# Warnings, and the processor's instruction set where asked for.
add_library(hone_flags INTERFACE)
target_compile_options(hone_flags INTERFACE -Wall -Wextra -Wshadow
  -Wno-missing-field-initializers)  # leaving members at their defaults is how hone is meant to be used
# clang looks into libstdc++'s stable_sort and finds a function that C++17 deprecated.
target_compile_options(hone_flags INTERFACE $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>)
target_link_libraries(hone_flags INTERFACE hone::hone)
if(HONE_NATIVE)
  target_link_libraries(hone_flags INTERFACE hone::native)
endif()

# Whether a source includes LibTorch, by itself or through hone.
function(hone_source_needs_torch result)
  set(${result} FALSE PARENT_SCOPE)
  foreach(source IN LISTS ARGN)
    file(STRINGS "${source}" lines
      REGEX "#include [<\"](torch/|ATen/|c10/|hone/torch\\.hpp|hone/distributed/|hone/model/torch/)"
      LIMIT_COUNT 1)
    if(lines)
      set(${result} TRUE PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(HONE_CCACHE ccache)
  mark_as_advanced(HONE_CCACHE)
  if(HONE_CCACHE)
    # Precompiled headers need ccache to look beyond macros and time stamps; paths below the base are
    # looked up relative to it, so that one clone finds what another compiled.
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${HONE_CCACHE})
  endif()
endif()
