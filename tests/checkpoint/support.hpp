// What the tests of checkpoints share: golden tensors, scratch folders, bytes that must not be
// left.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../support/goldens.hpp"
#include "hone/checkpoint/json.hpp"
#include "hone/checkpoint/safetensors.hpp"

namespace checkpoint_test {

namespace fs = std::filesystem;
using namespace hone::checkpoint;

inline constexpr const char* goldens = "checkpoint/make.py";

// A folder of its own, removed in the end.
class Scratch {
 public:
  Scratch() {
    std::string name = (fs::temp_directory_path() / "hone-checkpoint-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

inline void put(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

// Bytes that end where a page begins that may not be touched: reading on crashes in any build.
class GuardedBytes {
 public:
  explicit GuardedBytes(std::string_view bytes) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    size_ = (bytes.size() + page - 1) / page * page + page;
    base_ = static_cast<char*>(
        ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    char* begin = base_ + size_ - page - bytes.size();
    if (!bytes.empty()) std::memcpy(begin, bytes.data(), bytes.size());
    ::mprotect(base_ + size_ - page, page, PROT_NONE);
    bytes_ = std::as_bytes(std::span<const char>(begin, bytes.size()));
  }
  GuardedBytes(const GuardedBytes&) = delete;
  ~GuardedBytes() { ::munmap(base_, size_); }

  MappedFile file() const { return MappedFile::borrow(bytes_, "guarded"); }

 private:
  char* base_ = nullptr;
  std::size_t size_ = 0;
  std::span<const std::byte> bytes_;
};

// What an action's hone::Error says; "" if it throws none.
template <class Action>
std::string error_of(Action&& action) {
  try {
    action();
  } catch (const hone::Error& error) {
    return error.what();
  }
  return "";
}

// Whether an action fails with a message that holds `part`.
template <class Action>
::testing::AssertionResult says(Action&& action, std::string_view part) {
  const std::string said = error_of(action);
  if (said.find(part) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "said:     " << said << "\nexpected: " << part;
}

#define EXPECT_ERROR(action, part) EXPECT_TRUE(checkpoint_test::says([&] { (void)(action); }, part))

template <class Source>
std::vector<float> values_of(const Source& source, std::string_view name) {
  const Shape shape = source.shape(name);
  std::vector<float> out(static_cast<std::size_t>(count_of(shape)));
  source.read(name, shape, out);
  return out;
}

// Same bits; NaN equals NaN of the same bits.
inline bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

// Expects a source to hold just the tensors of a golden file, bit for bit.
template <class Source>
void expect_same(const Source& source, const fs::path& golden) {
  const Safetensors wanted(golden);
  EXPECT_EQ(source.names().size(), wanted.names().size()) << golden;
  for (const std::string& name : wanted.names()) {
    ASSERT_TRUE(source.has(name)) << golden << ": " << name;
    EXPECT_EQ(source.shape(name), wanted.shape(name)) << golden << ": " << name;
    EXPECT_TRUE(same_bits(values_of(source, name), values_of(wanted, name)))
        << golden << ": " << name;
  }
}

// Bytes of a safetensors file with this header.
inline std::string safetensors_bytes(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &length, 8);
  return out + header + data;
}

}  // namespace checkpoint_test
