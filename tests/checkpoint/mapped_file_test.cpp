#include "hone/checkpoint/mapped_file.hpp"

#include "support.hpp"

namespace {

using namespace checkpoint_test;

TEST(MappedFile, HoldsTheBytesOfAFile) {
  const Scratch scratch;
  put(scratch / "a", "some bytes");
  MappedFile a(scratch / "a");
  EXPECT_EQ(a.text(), "some bytes");
  EXPECT_EQ(a.name(), (scratch / "a").string());
  const std::byte* where = a.bytes().data();
  MappedFile b(std::move(a));
  EXPECT_EQ(b.bytes().data(), where);
  EXPECT_EQ(b.text(), "some bytes");
  put(scratch / "b", "others");
  MappedFile c(scratch / "b");
  c = std::move(b);
  EXPECT_EQ(c.text(), "some bytes");
}

TEST(MappedFile, WhatWasLetGoCanBeReadAgain) {
  const Scratch scratch;
  std::string text;
  for (int i = 0; i < 5000; ++i) text += std::to_string(i);
  put(scratch / "a", text);
  const MappedFile file(scratch / "a");
  EXPECT_EQ(file.text(), text);
  file.let_go(file.bytes().subspan(4000, 9000));
  file.let_go(file.bytes().last(1));
  file.let_go({});
  EXPECT_EQ(file.text(), text);
  const MappedFile borrowed = MappedFile::borrow(file.bytes(), "borrowed");
  borrowed.let_go(borrowed.bytes());
  EXPECT_EQ(borrowed.text(), text);
}

TEST(MappedFile, AnEmptyFileHasNoBytes) {
  const Scratch scratch;
  put(scratch / "empty", "");
  EXPECT_TRUE(MappedFile(scratch / "empty").bytes().empty());
}

TEST(MappedFile, KeepsTheOldBytesWhenTheFileIsReplaced) {
  const Scratch scratch;
  put(scratch / "a", "old");
  const MappedFile file(scratch / "a");
  put(scratch / "b", "new");
  fs::rename(scratch / "b", scratch / "a");
  EXPECT_EQ(file.text(), "old");
}

TEST(MappedFile, RefusesWhatIsNoFile) {
  const Scratch scratch;
  EXPECT_ERROR(MappedFile(scratch / "absent"), "absent: cannot be opened: No such file");
  EXPECT_ERROR(MappedFile(scratch.path()), ": is not a regular file");
  EXPECT_ERROR(MappedFile("/dev/null"), "/dev/null: is not a regular file");
}

}  // namespace
