// A file's bytes, memory-mapped read-only, or borrowed bytes under a name.
//
//     MappedFile file("model.safetensors");
//     std::span<const std::byte> all = file.bytes();
//
// The bytes stay where they are when the object moves. Another process that shortens a mapped file
// makes later reads of the lost part fault (SIGBUS): writers that rename a new file into place, as
// hone's own do, are safe.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

class MappedFile {
 public:
  // Maps a whole regular file. Throws if it cannot be opened or is no regular file.
  explicit MappedFile(const std::filesystem::path& path) : name_(path.string()) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) fail(name_, ": cannot be opened: ", std::strerror(errno));
    struct ::stat status = {};
    const bool known = ::fstat(fd, &status) == 0;
    if (!known || !S_ISREG(status.st_mode)) {
      ::close(fd);
      fail(name_, ": is not a regular file");
    }
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size > 0) {
      void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
      const int error = errno;
      ::close(fd);
      if (address == MAP_FAILED) fail(name_, ": cannot be mapped: ", std::strerror(error));
      mapping_ = {static_cast<const std::byte*>(address), size};
      bytes_ = mapping_;
    } else {
      ::close(fd);
    }
  }

  // Bytes that somebody else keeps alive; `name` stands for the path in messages.
  static MappedFile borrow(std::span<const std::byte> bytes, std::string name) {
    MappedFile file;
    file.name_ = std::move(name);
    file.bytes_ = bytes;
    return file;
  }

  MappedFile(MappedFile&& other) noexcept
      : name_(std::move(other.name_)),
        mapping_(std::exchange(other.mapping_, {})),
        bytes_(std::exchange(other.bytes_, {})) {}

  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(name_, other.name_);
    std::swap(mapping_, other.mapping_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  ~MappedFile() {
    if (!mapping_.empty()) ::munmap(const_cast<std::byte*>(mapping_.data()), mapping_.size());
  }

  std::span<const std::byte> bytes() const { return bytes_; }

  // Tells the system that a part of bytes() was read and copied: its pages need not stay in memory.
  // It can be read again, from the file.
  void let_go(std::span<const std::byte> part) const {
    if (mapping_.empty() || part.empty()) return;
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const auto offset = static_cast<std::size_t>(part.data() - mapping_.data());
    const std::size_t begin = offset / page * page;
    ::madvise(const_cast<std::byte*>(mapping_.data()) + begin, offset + part.size() - begin,
              MADV_DONTNEED);
  }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  const std::string& name() const { return name_; }

 private:
  MappedFile() = default;

  std::string name_;
  std::span<const std::byte> mapping_;  // what to unmap
  std::span<const std::byte> bytes_;
};

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
