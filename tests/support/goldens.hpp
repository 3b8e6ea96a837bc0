// Reference values that an independent implementation computes at test time.
//
// A golden script is run once with the Python of HONE_TEST_PYTHON, as `script.py OUT`, and its
// folder is used again until a script beside it, the pinned packages or the test data's place
// change. Without that Python the calling test is skipped.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "source_folder.hpp"

namespace hone_test {

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// An environment variable, or nothing.
inline std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// All that decides what a script writes, but for the Python that runs it.
inline std::string golden_key(const std::filesystem::path& script) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(script.parent_path()))
    if (entry.path().extension() == ".py") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  files.push_back(tests_folder() / "../scripts/requirements.txt");
  std::string key = script.string() + '\0' + environment("HONE_TEST_DATA") + '\0';
  for (const auto& file : files) key += file.filename().string() + '\0' + read_text(file) + '\0';
  return key;
}

// The folder that tests/goldens/<script> has filled; empty: no Python to run it with.
inline std::filesystem::path golden_folder(const std::string& script) {
  const std::string python = environment("HONE_TEST_PYTHON");
  if (python.empty()) return {};
  const std::filesystem::path source = tests_folder() / "goldens" / script;
  const std::filesystem::path out =
      std::filesystem::temp_directory_path() /
      ("hone-golden-" + std::to_string(std::hash<std::string>{}(golden_key(source) + python)));
  if (std::filesystem::exists(out / "complete")) return out;
  const std::filesystem::path making =
      out.string() + "." + std::to_string(static_cast<long>(::getpid()));
  std::filesystem::create_directories(making);
  const std::string log = (making / "log").string();
  const std::string command =
      "'" + python + "' '" + source.string() + "' '" + making.string() + "' > '" + log + "' 2>&1";
  if (std::system(command.c_str()) != 0) {
    ADD_FAILURE() << command << "\n" << read_text(log);
    return {};
  }
  std::ofstream(making / "complete") << "yes\n";
  std::error_code raced;
  std::filesystem::rename(making, out, raced);
  if (raced) std::filesystem::remove_all(making);
  return out;
}

}  // namespace hone_test

// Fetches a golden folder into `name`, or skips the test.
#define HONE_GOLDENS(name, script)                                                        \
  const std::filesystem::path name = hone_test::golden_folder(script);                    \
  if (name.empty()) {                                                                     \
    if (::testing::Test::HasFailure()) return;                                            \
    GTEST_SKIP() << "HONE_TEST_PYTHON names no Python with transformers to compare with"; \
  }
