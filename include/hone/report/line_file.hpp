// A text file that grows by whole lines and survives a kill at any moment.
#pragma once

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "hone/checkpoint/atomic_file.hpp"
#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace report {

// Each line reaches the operating system before write() returns. A resumed run keeps the lines of
// earlier steps: those whose step number, which follows `mark` at the line's beginning, is smaller
// than first_step; half a line at the end goes.
class LineFile {
 public:
  LineFile() = default;

  // Opens for appending. first_step 0 begins an empty file.
  void open(const std::filesystem::path& path, std::int64_t first_step, std::string_view mark) {
    path_ = path;
    if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
    std::string kept;
    if (first_step > 0)
      for_each_line(path, [&](std::string_view line) {
        if (step_of(line, mark) < first_step) kept.append(line).append("\n");
      });
    replace(kept);
  }

  void write(std::string line) {
    line += '\n';
    require(file_ != nullptr, path_.string(), ": was not opened: call begin() first");
    if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size() ||
        std::fflush(file_.get()) != 0)
      fail(path_.string(), ": cannot be written: ", std::strerror(errno));
  }

  // The whole file anew, atomically; appending goes on after it.
  void replace(std::string_view text) {
    file_.reset();
    checkpoint::write_file(path_, text);
    file_.reset(std::fopen(path_.c_str(), "ab"));
    if (!file_) fail(path_.string(), ": cannot be opened: ", std::strerror(errno));
  }

  void close() { file_.reset(); }
  const std::filesystem::path& path() const { return path_; }

  // Calls f with every line that ends; a file that does not exist has none.
  template <class F>
  static void for_each_line(const std::filesystem::path& path, F&& f) {
    std::ifstream in(path, std::ios::binary);
    std::string line;
    while (std::getline(in, line))
      if (!in.eof()) f(std::string_view(line));
  }

  // The number after `mark`; without one the line belongs to all steps (a header).
  static std::int64_t step_of(std::string_view line, std::string_view mark) {
    std::int64_t step = -1;
    if (line.starts_with(mark))
      std::from_chars(line.data() + mark.size(), line.data() + line.size(), step);
    return step;
  }

 private:
  struct Close {
    void operator()(std::FILE* f) const { std::fclose(f); }
  };
  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace report
}  // namespace v0
}  // namespace hone
