# An overlay port: it packages the checkout that it lies in.
#   vcpkg install hone --overlay-ports=/path/to/hone/ports
set(VCPKG_BUILD_TYPE release)  # header-only

vcpkg_cmake_configure(
  SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../.."
  OPTIONS
    -DHONE_BUILD_TESTS=OFF
    -DHONE_BUILD_BENCHMARKS=OFF
    -DHONE_BUILD_EXAMPLES=OFF
    -DHONE_INSTALL=ON
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH share/cmake/hone)
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/share/licenses")

file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${CMAKE_CURRENT_LIST_DIR}/../../LICENSE")
