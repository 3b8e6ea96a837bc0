# Makes hone::torch: hone::hone with LibTorch (2.9 or newer).
#
# LibTorch is looked for, in this order, at
#   1. HONE_TORCH_ROOT, Torch_ROOT or the environment's LIBTORCH: the folder with include/ and lib/;
#   2. .deps/libtorch (scripts/bootstrap_torch.sh) and .deps/venv (scripts/setup_tests.sh) here;
#   3. CMAKE_PREFIX_PATH;
#   4. the package torch of the Python that is found first (it is located, never imported).
#
# TorchConfig.cmake is left out on purpose. That of a CUDA build insists on a CUDA toolkit of its own
# version and rewrites the CUDA flags; the shared libraries need neither. HONE_TORCH_DEVICE=CUDA
# links the CUDA half too.

if(TARGET hone::torch)
  return()
endif()

function(hone_torch_candidates result)
  set(found)
  foreach(hint "${HONE_TORCH_ROOT}" "${Torch_ROOT}" "$ENV{LIBTORCH}")
    if(hint)
      list(APPEND found "${hint}")
    endif()
  endforeach()
  list(APPEND found "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../.deps/libtorch/torch")
  file(GLOB venv "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../.deps/venv/lib/python3*/site-packages/torch")
  list(APPEND found ${venv})
  foreach(prefix IN LISTS CMAKE_PREFIX_PATH)
    list(APPEND found "${prefix}" "${prefix}/libtorch")
  endforeach()
  find_program(HONE_PYTHON NAMES python3 python)
  mark_as_advanced(HONE_PYTHON)
  if(HONE_PYTHON)
    execute_process(
      COMMAND "${HONE_PYTHON}" -c "import importlib.util, os
spec = importlib.util.find_spec('torch')
print(os.path.dirname(spec.origin) if spec and spec.origin else '', end='')"
      OUTPUT_VARIABLE from_python ERROR_QUIET)
    if(from_python)
      list(APPEND found "${from_python}")
    endif()
  endif()
  set(${result} "${found}" PARENT_SCOPE)
endfunction()

hone_torch_candidates(hone_torch_roots)
set(hone_torch_root)
foreach(root IN LISTS hone_torch_roots)
  if(EXISTS "${root}/include/torch/csrc/api/include/torch/version.h" AND EXISTS "${root}/lib")
    get_filename_component(hone_torch_root "${root}" REALPATH)
    break()
  endif()
endforeach()

if(hone_torch_root)
  # The numbers moved from the first of these headers to the second.
  set(hone_torch_version)
  foreach(header csrc/api/include/torch/version.h headeronly/version.h)
    if(EXISTS "${hone_torch_root}/include/torch/${header}")
      file(STRINGS "${hone_torch_root}/include/torch/${header}" lines
        REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
      list(TRANSFORM lines REPLACE "^.* ([0-9]+).*$" "\\1")
      list(APPEND hone_torch_version ${lines})
    endif()
  endforeach()
  list(JOIN hone_torch_version "." hone_torch_version)
  if(hone_torch_version VERSION_LESS 2.9)
    set(hone_torch_problem
      "LibTorch ${hone_torch_version} at ${hone_torch_root} is too old; hone needs 2.9 or newer.")
  endif()
  find_library(HONE_TORCH_CPU_LIBRARY torch_cpu PATHS "${hone_torch_root}/lib" NO_DEFAULT_PATH)
  find_library(HONE_TORCH_C10_LIBRARY c10 PATHS "${hone_torch_root}/lib" NO_DEFAULT_PATH)
  mark_as_advanced(HONE_TORCH_CPU_LIBRARY HONE_TORCH_C10_LIBRARY)
  if(NOT HONE_TORCH_CPU_LIBRARY OR NOT HONE_TORCH_C10_LIBRARY)
    set(hone_torch_problem "${hone_torch_root}/lib lacks libtorch_cpu or libc10.")
  endif()
else()
  set(hone_torch_problem "LibTorch was not found. Any one of these helps:
  scripts/bootstrap_torch.sh                       fetches it into .deps of hone's source folder
  -DHONE_TORCH_ROOT=/path/to/libtorch              an unpacked archive of the PyTorch site
  -DCMAKE_PREFIX_PATH=/prefix                      where a package manager put it
  python3 -m pip install torch                     in the Python that CMake finds first")
endif()

if(hone_torch_problem)
  if(CMAKE_FIND_PACKAGE_NAME)
    set(${CMAKE_FIND_PACKAGE_NAME}_FOUND FALSE)
    set(${CMAKE_FIND_PACKAGE_NAME}_NOT_FOUND_MESSAGE "${hone_torch_problem}")
    return()
  endif()
  message(FATAL_ERROR "${hone_torch_problem}")
endif()

message(STATUS "LibTorch ${hone_torch_version}: ${hone_torch_root}")

add_library(hone_torch_c10 SHARED IMPORTED GLOBAL)
set_target_properties(hone_torch_c10 PROPERTIES IMPORTED_LOCATION "${HONE_TORCH_C10_LIBRARY}")
add_library(hone_torch_cpu SHARED IMPORTED GLOBAL)
set_target_properties(hone_torch_cpu PROPERTIES
  IMPORTED_LOCATION "${HONE_TORCH_CPU_LIBRARY}"
  INTERFACE_LINK_LIBRARIES hone_torch_c10)

add_library(hone::torch INTERFACE IMPORTED GLOBAL)
target_link_libraries(hone::torch INTERFACE hone::hone hone_torch_cpu hone_torch_c10)
# As system folders: LibTorch brings its own fmt and protobuf headers, which must come last.
target_include_directories(hone::torch SYSTEM INTERFACE
  "${hone_torch_root}/include" "${hone_torch_root}/include/torch/csrc/api/include")

if(HONE_TORCH_DEVICE STREQUAL "CUDA")
  foreach(library torch_cuda c10_cuda)
    find_library(HONE_${library}_LIBRARY ${library} REQUIRED
      PATHS "${hone_torch_root}/lib" NO_DEFAULT_PATH)
    mark_as_advanced(HONE_${library}_LIBRARY)
    # Their symbols register themselves when loaded; nothing refers to them by name.
    target_link_libraries(hone::torch INTERFACE
      "-Wl,--no-as-needed,${HONE_${library}_LIBRARY},--as-needed")
  endforeach()
endif()
