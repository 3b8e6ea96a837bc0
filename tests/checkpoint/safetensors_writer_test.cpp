#include "hone/checkpoint/safetensors_writer.hpp"

#include <sys/resource.h>
#include <csignal>
#include <random>

#include "support.hpp"

namespace {

using namespace checkpoint_test;

std::vector<float> noise(std::size_t count) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> out(count);
  for (float& x : out) x = normal(random);
  return out;
}

TEST(SafetensorsWriter, WhatIsWrittenIsReadBack) {
  const Scratch scratch;
  const fs::path path = scratch / "a.safetensors";
  const auto large = noise(300000), small = noise(6);
  {
    SafetensorsWriter file(path, {{"half", {2, 3}, DType::f16},
                                  {"large", {300, 1000}},
                                  {"b\u00e9 \"quoted\"", {6}, DType::bf16},
                                  {"empty", {0, 3}},
                                  {"scalar", {}}});
    file.write("scalar", std::vector<float>{2.5f});
    file.write("half", small);
    file.write("b\u00e9 \"quoted\"", small);
    file.write("large", large);
    file.commit();
  }
  const Safetensors file(path);
  EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"format", "pt"}}));
  EXPECT_EQ(file.names(),
            (std::vector<std::string>{"large", "empty", "scalar", "half", "b\u00e9 \"quoted\""}));
  EXPECT_TRUE(same_bits(values_of(file, "large"), large));
  EXPECT_EQ(values_of(file, "scalar"), std::vector<float>{2.5f});
  const auto half = values_of(file, "half"), bfloat = values_of(file, "b\u00e9 \"quoted\"");
  for (std::size_t i = 0; i < small.size(); ++i) {
    EXPECT_EQ(half[i], half_to_float(float_to_half(small[i])));
    EXPECT_EQ(bfloat[i], bfloat16_to_float(float_to_bfloat16(small[i])));
  }
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file.bytes("large").data()) % 8, 0u);
}

TEST(SafetensorsWriter, RefusesWhatDoesNotFit) {
  const Scratch scratch;
  const fs::path path = scratch / "a.safetensors";
  SafetensorsWriter file(path, {{"a", {2}, DType::f16}, {"b", {2}}});
  EXPECT_ERROR(file.write("c", std::vector<float>(2)), "tensor \"c\" was not announced");
  EXPECT_ERROR(file.write("b", std::vector<float>(3)), "tensor \"b\" has 3 numbers, expected 2");
  EXPECT_ERROR(file.write("a", std::vector<float>{1, 1e6f}),
               "holds 1e+06 at element 1, too large for F16");
  file.write("b", std::vector<float>(2));
  EXPECT_ERROR(file.write("b", std::vector<float>(2)), "tensor \"b\" is written twice");
  EXPECT_ERROR(file.commit(), "tensor \"a\" was announced but not written");
  EXPECT_FALSE(fs::exists(path));
  EXPECT_ERROR(SafetensorsWriter(path, {{"a", {1}}, {"a", {2}}}), "two tensors are called \"a\"");
  EXPECT_ERROR(SafetensorsWriter(path, {{"a", {-1}}}), "has shape [-1]");
  EXPECT_ERROR(SafetensorsWriter(path, {{"a", {1}, DType::i64}}), "has dtype I64");
  EXPECT_ERROR(SafetensorsWriter(path, {{"\xff", {1}}}), "not valid UTF-8");
}

TEST(SafetensorsWriter, AFullDiskLeavesTheOldFileReadable) {
  const Scratch scratch;
  const fs::path path = scratch / "a.safetensors";
  const auto save = [&](std::size_t count, float value) {
    SafetensorsWriter file(path, {{"w", {static_cast<std::int64_t>(count)}}});
    file.write("w", std::vector<float>(count, value));
    file.commit();
  };
  save(3, 1.0f);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before, limit;
  ::getrlimit(RLIMIT_FSIZE, &before);
  limit = before;
  limit.rlim_cur = 1 << 16;
  ::setrlimit(RLIMIT_FSIZE, &limit);
  const std::string said = error_of([&] { save(100000, 2.0f); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_NE(said.find("a.safetensors: cannot be written: File too large"), std::string::npos)
      << said;
  EXPECT_EQ(values_of(Safetensors(path), "w"), (std::vector<float>{1, 1, 1}));
  EXPECT_EQ(std::distance(fs::directory_iterator(scratch.path()), fs::directory_iterator()), 1);
}

}  // namespace
