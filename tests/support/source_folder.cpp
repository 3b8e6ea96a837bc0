#include "source_folder.hpp"

namespace hone_test {

std::filesystem::path tests_folder() { return HONE_TEST_SOURCE_DIR; }

}  // namespace hone_test
