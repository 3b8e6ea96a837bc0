// Files and folders that appear whole or not at all.
//
// The new content is written beside its target under a temporary name, flushed to the disk and
// renamed. A full disk, an exception or a killed process leaves whatever was there before.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

namespace detail {

// `path` with a suffix that no other process and no other call uses; nor did one that was killed,
// whose number may be given out again.
inline std::filesystem::path temporary_beside(std::filesystem::path path) {
  static std::atomic<unsigned> count{0};
  static const auto start = std::chrono::system_clock::now().time_since_epoch().count();
  if (!path.has_filename()) path = path.parent_path();
  path += ".partial-" + std::to_string(::getpid()) + "-" + std::to_string(start) + "-" +
          std::to_string(count++);
  return path;
}

// Makes renames inside `folder` durable. Some file systems cannot; that is not an error.
inline void sync_folder(const std::filesystem::path& folder) {
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

}  // namespace detail

class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target)
      : target_(std::move(target)), temporary_(detail::temporary_beside(target_)) {
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ < 0) fail(temporary_.string(), ": cannot be created: ", std::strerror(errno));
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  ~AtomicFile() {
    if (fd_ >= 0) ::close(fd_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }

  // Writes at a place of its own, in any order. Throws if the disk is full.
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0)
        fail(target_.string(), ": cannot be written: ", std::strerror(n < 0 ? errno : EIO));
      bytes = bytes.subspan(static_cast<std::size_t>(n));
      offset += static_cast<std::uint64_t>(n);
    }
  }

  // Flushes to the disk and puts the file in its place. Nothing may be written afterwards.
  void commit() {
    const bool flushed = ::fsync(fd_) == 0;
    const int error = errno;
    const bool closed = ::close(std::exchange(fd_, -1)) == 0;
    if (!flushed || !closed)
      fail(target_.string(), ": cannot be written: ", std::strerror(flushed ? errno : error));
    if (::rename(temporary_.c_str(), target_.c_str()) != 0)
      fail(target_.string(), ": cannot be replaced: ", std::strerror(errno));
    temporary_.clear();
    detail::sync_folder(target_.parent_path());
  }

 private:
  std::filesystem::path target_;
  std::filesystem::path temporary_;  // empty once renamed
  int fd_ = -1;
};

inline void write_file(const std::filesystem::path& target, std::string_view text) {
  AtomicFile file(target);
  file.write_at(0, std::as_bytes(std::span<const char>(text)));
  file.commit();
}

// A folder that is filled under a temporary name, `path()`, and then takes its place. A folder that
// already holds something is replaced only on request, and only if it holds `marker`, a file that
// tells that it is one of ours; where the system can exchange two names, no moment lacks the
// target.
class AtomicFolder {
 public:
  AtomicFolder(std::filesystem::path target, bool overwrite, const std::string& marker)
      : target_(std::move(target)) {
    namespace fs = std::filesystem;
    if (!target_.has_filename()) target_ = target_.parent_path();
    std::error_code error;
    if (fs::exists(target_, error)) {
      require(fs::is_directory(target_, error), target_.string(), ": is a file, expected a folder");
      if (!fs::is_empty(target_, error)) {
        require(overwrite, target_.string(),
                ": the folder exists and is not empty; choose another or ask to overwrite it");
        require(fs::exists(target_ / marker, error), target_.string(),
                ": will not be overwritten: it holds no ", marker);
      }
    }
    if (target_.has_parent_path()) fs::create_directories(target_.parent_path(), error);
    temporary_ = detail::temporary_beside(target_);
    if (!fs::create_directory(temporary_, error))
      fail(temporary_.string(), ": cannot be created: ", error.message());
  }
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  ~AtomicFolder() {
    std::error_code ignored;
    if (!temporary_.empty()) std::filesystem::remove_all(temporary_, ignored);
  }

  const std::filesystem::path& path() const { return temporary_; }
  const std::filesystem::path& target() const { return target_; }

  void commit() {
    detail::sync_folder(temporary_);
    if (::rename(temporary_.c_str(), target_.c_str()) == 0) {
      temporary_.clear();
    } else {
      exchange();
    }
    detail::sync_folder(target_.parent_path());
  }

 private:
  // Puts the new folder in place of a full one; the old one is removed last.
  void exchange() {
    std::error_code ignored;
#ifdef RENAME_EXCHANGE
    if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) ==
        0) {
      std::filesystem::remove_all(std::exchange(temporary_, {}), ignored);
      return;
    }
#endif
    const auto old = detail::temporary_beside(target_);
    if (::rename(target_.c_str(), old.c_str()) != 0)
      fail(target_.string(), ": cannot be replaced: ", std::strerror(errno));
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
      const int error = errno;
      if (::rename(old.c_str(), target_.c_str()) != 0)
        fail(target_.string(), ": cannot be replaced, and now lies at ", old.string());
      fail(target_.string(), ": cannot be replaced: ", std::strerror(error));
    }
    temporary_.clear();
    std::filesystem::remove_all(old, ignored);
  }

  std::filesystem::path target_;
  std::filesystem::path temporary_;  // empty once renamed
};

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
