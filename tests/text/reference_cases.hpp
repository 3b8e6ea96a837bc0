// Reads what tests/goldens/tokenizer/make_cases.py has written.
#pragma once

#include <cctype>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../support/goldens.hpp"
#include "../support/source_folder.hpp"
#include "hone/core/forest.hpp"
#include "hone/text/json_view.hpp"

namespace reference {

inline constexpr const char* script = "tokenizer/make_cases.py";

// The golden files in the source tree.
inline std::filesystem::path committed() {
  return hone_test::tests_folder() / "goldens" / "tokenizer" / "golden";
}

// Text with everything but printable ASCII as \xNN.
inline std::string printable(std::string_view s) {
  std::string out;
  for (const char c : s.substr(0, 400)) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    if (std::isprint(byte) && c != '\\')
      out += c;
    else
      out += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
  }
  return out;
}

// A count, then records of a length and so many bytes.
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
    if (!ids.empty()) std::memcpy(ids.data(), (*this)[i].data(), ids.size() * 4);
    return ids;
  }

 private:
  std::string content_;
  std::vector<std::pair<std::size_t, std::size_t>> records_;
};

// Which tokenizers were run, and on every how manieth line; or why they were not.
struct Kinds {
  std::map<std::string, std::size_t> steps;
  std::map<std::string, std::string> missing;

  explicit Kinds(const std::filesystem::path& folder) {
    std::istringstream lines(hone::text::read_file(folder / "kinds.txt"));
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string kind;
      std::size_t step = 0;
      words >> kind >> step;
      if (step == 0)
        missing[kind] = line;
      else
        steps[kind] = step;
    }
  }
};

}  // namespace reference
