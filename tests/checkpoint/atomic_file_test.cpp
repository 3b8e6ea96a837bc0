#include "hone/checkpoint/atomic_file.hpp"

#include <sys/resource.h>
#include <csignal>

#include "support.hpp"

namespace {

using namespace checkpoint_test;

std::vector<std::string> listing(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

// No file may grow beyond `bytes`: writes fail as on a full disk.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_ = {};
};

TEST(AtomicFile, AppearsAtCommit) {
  const Scratch scratch;
  put(scratch / "a", "old");
  {
    AtomicFile file(scratch / "a");
    file.write_at(3, std::as_bytes(std::span<const char>("def", 3)));
    file.write_at(0, std::as_bytes(std::span<const char>("abc", 3)));
    EXPECT_EQ(hone_test::read_text(scratch / "a"), "old");
    file.commit();
  }
  EXPECT_EQ(hone_test::read_text(scratch / "a"), "abcdef");
  EXPECT_EQ(listing(scratch.path()), std::vector<std::string>{"a"});
}

TEST(AtomicFile, LeavesNothingWithoutCommit) {
  const Scratch scratch;
  put(scratch / "a", "old");
  {
    AtomicFile file(scratch / "a");
    file.write_at(0, std::as_bytes(std::span<const char>("abc", 3)));
  }
  EXPECT_EQ(hone_test::read_text(scratch / "a"), "old");
  EXPECT_EQ(listing(scratch.path()), std::vector<std::string>{"a"});
}

TEST(AtomicFile, AFullDiskLeavesTheOldFile) {
  const Scratch scratch;
  put(scratch / "a", "old");
  {
    const FullDisk full(4096);
    const std::string large(10000, 'x');
    EXPECT_ERROR(write_file(scratch / "a", large), "a: cannot be written: File too large");
  }
  EXPECT_EQ(hone_test::read_text(scratch / "a"), "old");
  EXPECT_EQ(listing(scratch.path()), std::vector<std::string>{"a"});
}

TEST(AtomicFile, NamesAFolderThatIsNotThere) {
  const Scratch scratch;
  EXPECT_ERROR(write_file(scratch / "no/a", "x"), "cannot be created: No such file");
}

TEST(AtomicFolder, AppearsAtCommit) {
  const Scratch scratch;
  {
    AtomicFolder folder(scratch / "deep/er/model", false, "config.json");
    put(folder.path() / "config.json", "{}");
    EXPECT_FALSE(fs::exists(scratch / "deep/er/model"));
    folder.commit();
  }
  EXPECT_EQ(listing(scratch / "deep/er"), std::vector<std::string>{"model"});
  EXPECT_EQ(listing(scratch / "deep/er/model"), std::vector<std::string>{"config.json"});
}

TEST(AtomicFolder, GoesWithoutCommit) {
  const Scratch scratch;
  {
    AtomicFolder folder(scratch / "model", false, "config.json");
    put(folder.path() / "config.json", "{}");
  }
  EXPECT_TRUE(listing(scratch.path()).empty());
}

TEST(AtomicFolder, ReplacesAFolderOnlyOnRequestAndOnlyOneOfItsKind) {
  const Scratch scratch;
  put(scratch / "model/config.json", "old");
  put(scratch / "model/stale.txt", "old");
  put(scratch / "home/letters.txt", "dear");
  put(scratch / "file", "x");
  EXPECT_ERROR(AtomicFolder(scratch / "model", false, "config.json"), "exists and is not empty");
  EXPECT_ERROR(AtomicFolder(scratch / "home", true, "config.json"), "it holds no config.json");
  EXPECT_ERROR(AtomicFolder(scratch / "file", true, "config.json"), "is a file, expected a folder");
  {
    AtomicFolder folder(scratch / "model/", true, "config.json");
    put(folder.path() / "config.json", "new");
    EXPECT_EQ(hone_test::read_text(scratch / "model/config.json"), "old");
    folder.commit();
  }
  EXPECT_EQ(listing(scratch / "model"), std::vector<std::string>{"config.json"});
  EXPECT_EQ(hone_test::read_text(scratch / "model/config.json"), "new");
  EXPECT_EQ(listing(scratch.path()), (std::vector<std::string>{"file", "home", "model"}));
}

TEST(AtomicFolder, FillsAnEmptyFolder) {
  const Scratch scratch;
  fs::create_directory(scratch / "model");
  AtomicFolder folder(scratch / "model", false, "config.json");
  put(folder.path() / "config.json", "new");
  folder.commit();
  EXPECT_EQ(hone_test::read_text(scratch / "model/config.json"), "new");
}

}  // namespace
