// Files as hone treats them: read through a memory map, written beside their place and renamed.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {

// The bytes of a file, mapped for reading. Pages come from the file when they are touched and are
// shared between processes.
class MappedFile {
 public:
  MappedFile() = default;
  explicit MappedFile(const std::filesystem::path& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) fail(path.string(), ": cannot be opened: ", std::strerror(errno));
    struct ::stat info {};
    const bool regular = ::fstat(file, &info) == 0 && S_ISREG(info.st_mode);
    size_ = regular ? static_cast<std::size_t>(info.st_size) : 0;
    if (size_ > 0) data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
    const int error = errno;
    ::close(file);
    require(regular, path.string(), ": is a folder or a device, expected a file");
    if (data_ == MAP_FAILED) {
      data_ = nullptr;
      fail(path.string(), ": cannot be mapped: ", std::strerror(error));
    }
  }
  MappedFile(MappedFile&& from) noexcept
      : data_(std::exchange(from.data_, nullptr)), size_(std::exchange(from.size_, 0)) {}
  MappedFile& operator=(MappedFile&& from) noexcept {
    std::swap(data_, from.data_);
    std::swap(size_, from.size_);
    return *this;
  }
  ~MappedFile() {
    if (data_) ::munmap(data_, size_);
  }

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }
  std::string_view text() const { return {static_cast<const char*>(data_), size_}; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

// A file that appears whole or not at all: bytes go to a neighbour `<path>.<process>.part`;
// commit() brings them to the disk and renames the neighbour over the path. Without commit(), or
// when an error is thrown on the way (a full disk), the old file stays and the neighbour goes.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path)
      : path_(std::move(path)), part_(path_.string() + "." + std::to_string(::getpid()) + ".part") {
    file_ = std::fopen(part_.c_str(), "wb");
    if (!file_) fail(part_.string(), ": cannot be written: ", std::strerror(errno));
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() { discard(); }

  void write(std::span<const std::byte> bytes) {
    if (!bytes.empty() && std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size())
      refuse("cannot be written");
  }
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

  void commit() {
    if (std::fflush(file_) != 0 || ::fsync(::fileno(file_)) != 0) refuse("cannot be written");
    const bool closed = std::fclose(std::exchange(file_, nullptr)) == 0;
    if (!closed || std::rename(part_.c_str(), path_.c_str()) != 0) refuse("cannot be put in place");
    sync_folder();
  }

 private:
  [[noreturn]] void refuse(const char* what) {
    const int error = errno;
    discard();
    std::remove(part_.c_str());
    fail(path_.string(), ": ", what, ": ", std::strerror(error));
  }

  // The new name itself must survive a power cut; file systems without folder syncs ignore this.
  void sync_folder() const {
    const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
    const int handle = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (handle < 0) return;
    ::fsync(handle);
    ::close(handle);
  }

  void discard() {
    if (!file_) return;
    std::fclose(std::exchange(file_, nullptr));
    std::remove(part_.c_str());
  }

  std::filesystem::path path_, part_;
  std::FILE* file_ = nullptr;
};

// Replaces the file with this text, atomically.
inline void write_file(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace v0
}  // namespace hone
