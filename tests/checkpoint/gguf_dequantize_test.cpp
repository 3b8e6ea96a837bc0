#include "hone/checkpoint/gguf_dequantize.hpp"

#include "support.hpp"

namespace {

using namespace checkpoint_test;

void put_half(std::vector<std::byte>& bytes, float value) {
  const std::uint16_t bits = float_to_half(value);
  bytes.push_back(static_cast<std::byte>(bits & 255));
  bytes.push_back(static_cast<std::byte>(bits >> 8));
}

TEST(Dequantize, FollowsTheFormulas) {
  const float d = 0.12347412109375f, m = -0.75f;  // exact halves
  std::vector<std::byte> q8, q4, q41;
  put_half(q8, d);
  put_half(q4, d);
  put_half(q41, d);
  put_half(q41, m);
  for (int i = 0; i < 32; ++i)
    q8.push_back(static_cast<std::byte>(static_cast<std::int8_t>(i * 8 - 128)));
  for (int i = 0; i < 16; ++i) {
    const auto pair = static_cast<std::byte>(i | (15 - i) << 4);
    q4.push_back(pair);
    q41.push_back(pair);
  }
  std::vector<float> out(32);
  dequantize(8, q8, out);
  for (int i = 0; i < 32; ++i)
    EXPECT_EQ(out[static_cast<std::size_t>(i)], d * static_cast<float>(i * 8 - 128)) << i;
  dequantize(2, q4, out);
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(out[static_cast<std::size_t>(i)], d * static_cast<float>(i - 8)) << i;
    EXPECT_EQ(out[static_cast<std::size_t>(i + 16)], d * static_cast<float>(7 - i)) << i;
  }
  dequantize(3, q41, out);
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(out[static_cast<std::size_t>(i)], d * static_cast<float>(i) + m) << i;
    EXPECT_EQ(out[static_cast<std::size_t>(i + 16)], d * static_cast<float>(15 - i) + m) << i;
  }
}

TEST(Dequantize, RefusesPartialBlocksAndOtherFormats) {
  std::vector<std::byte> bytes(34);
  std::vector<float> out(32), less(31);
  EXPECT_ERROR(dequantize(8, bytes, less), "34 bytes of Q8_0 for 31 numbers");
  EXPECT_ERROR(dequantize(2, bytes, out), "34 bytes of Q4_0 for 32 numbers");
  EXPECT_ERROR(dequantize(12, bytes, out), "format 12, expected F32");
  EXPECT_ERROR(dequantize(99, bytes, out), "format 99, expected F32");
}

}  // namespace
