// Runs tests/goldens/tokenizer/make_cases.py once and reads what the tokenizers package gave.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/text/json_view.hpp"

namespace reference {

inline std::filesystem::path goldens() {
  return std::filesystem::path(__FILE__).parent_path().parent_path() / "goldens" / "tokenizer";
}

// Records of a file that make_cases.py wrote.
class Blobs {
 public:
  explicit Blobs(const std::filesystem::path& path) : content_(hone::text::read_file(path)) {
    std::size_t at = 0;
    const auto number = [&] {
      std::uint32_t n = 0;
      hone::require(at + 4 <= content_.size(), path.string(), ": ends early");
      std::memcpy(&n, content_.data() + at, 4);
      at += 4;
      return n;
    };
    const std::uint32_t count = number();
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t length = number();
      hone::require(at + length <= content_.size(), path.string(), ": ends early");
      records_.emplace_back(at, length);
      at += length;
    }
  }

  std::size_t size() const { return records_.size(); }
  std::string_view operator[](std::size_t i) const {
    return std::string_view(content_).substr(records_[i].first, records_[i].second);
  }
  std::vector<hone::Token> ids(std::size_t i) const {
    std::vector<hone::Token> ids((*this)[i].size() / 4);
    std::memcpy(ids.data(), (*this)[i].data(), ids.size() * 4);
    return ids;
  }

 private:
  std::string content_;
  std::vector<std::pair<std::size_t, std::size_t>> records_;
};

// The folder of the cases; empty, with `why`, if there is no Python to make them.
struct Cases {
  std::filesystem::path folder;
  std::string why;
  std::map<std::string, std::size_t> steps;    // kind -> every how manieth line
  std::map<std::string, std::string> missing;  // kind -> why
};

inline const Cases& cases() {
  static const Cases made = [] {
    Cases c;
    const char* ready = std::getenv("HONE_TEST_TOKENIZER_CASES");  // a folder made before
    if (ready != nullptr) {
      c.folder = ready;
    } else {
      const char* python = std::getenv("HONE_TEST_PYTHON");
      if (python == nullptr) {
        c.why = "HONE_TEST_PYTHON names no Python with the tokenizers package";
        return c;
      }
      c.folder = std::filesystem::current_path() / "tokenizer_cases";
      const std::string command = "'" + std::string(python) + "' '" +
                                  (goldens() / "make_cases.py").string() + "' '" +
                                  c.folder.string() + "'";
      const int status = std::system(command.c_str());
      hone::require(status == 0, command, " failed with status ", status);
    }
    std::istringstream kinds(hone::text::read_file(c.folder / "kinds.txt"));
    for (std::string line; std::getline(kinds, line);) {
      std::istringstream words(line);
      std::string kind;
      std::size_t step = 0;
      words >> kind >> step;
      if (step == 0)
        c.missing[kind] = line;
      else
        c.steps[kind] = step;
    }
    return c;
  }();
  return made;
}

}  // namespace reference
