// Where the tests' sources lie, for what they read beside them: scripts, goldens, pages.
//
// One small library knows the path, so that no other file's compilation depends on where the clone
// is, and a compiler cache serves all clones.
#pragma once

#include <filesystem>

namespace hone_test {

// The folder tests/.
std::filesystem::path tests_folder();

}  // namespace hone_test
