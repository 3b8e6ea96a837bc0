# Headers and CMake files; nothing compiled, no LibTorch needed.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(hone_cmake_dir ${CMAKE_INSTALL_DATAROOTDIR}/cmake/hone)

install(TARGETS hone hone_native hone_cuda EXPORT honeTargets FILE_SET HEADERS)
install(EXPORT honeTargets NAMESPACE hone:: DESTINATION ${hone_cmake_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/honeConfigVersion.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES
  cmake/honeConfig.cmake
  cmake/HoneDependencies.cmake
  cmake/HoneFindTorch.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/honeConfigVersion.cmake
  DESTINATION ${hone_cmake_dir})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/licenses/hone)
