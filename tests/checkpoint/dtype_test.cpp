#include "hone/checkpoint/dtype.hpp"

#include "support.hpp"

namespace {

using namespace checkpoint_test;

template <class T>
std::vector<T> raw(const Safetensors& file, const char* name) {
  const auto bytes = file.bytes(name);
  std::vector<T> out(bytes.size() / sizeof(T));
  std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

TEST(DType, HalfAndBfloatReadAsInTorch) {
  HONE_GOLDENS(golden, goldens);
  const Safetensors file(golden / "numbers.safetensors");
  for (const char* kind : {"half", "bfloat"}) {
    const auto bits = raw<std::uint16_t>(file, kind);
    const auto wanted = raw<float>(file, (std::string(kind) + ".float").c_str());
    ASSERT_EQ(bits.size(), 65536u);
    int different = 0;
    for (std::size_t i = 0; i < bits.size(); ++i) {
      const float found = kind[0] == 'h' ? half_to_float(bits[i]) : bfloat16_to_float(bits[i]);
      const bool same = std::isnan(wanted[i]) ? std::isnan(found)
                                              : std::bit_cast<std::uint32_t>(found) ==
                                                    std::bit_cast<std::uint32_t>(wanted[i]);
      if (!same && different++ < 5)
        ADD_FAILURE() << kind << " " << bits[i] << ": " << found << ", expected " << wanted[i];
    }
    EXPECT_EQ(different, 0) << kind;
  }
}

TEST(DType, FloatsRoundAsInTorch) {
  HONE_GOLDENS(golden, goldens);
  const Safetensors file(golden / "numbers.safetensors");
  const auto floats = raw<float>(file, "floats");
  const auto halves = raw<std::uint16_t>(file, "floats.half");
  const auto bfloats = raw<std::uint16_t>(file, "floats.bfloat");
  EXPECT_GT(floats.size(), 400000u);
  int different = 0;
  for (std::size_t i = 0; i < floats.size(); ++i) {
    if (float_to_half(floats[i]) != halves[i] && different++ < 5)
      ADD_FAILURE() << floats[i] << ": half " << float_to_half(floats[i]) << ", expected "
                    << halves[i];
    if (float_to_bfloat16(floats[i]) != bfloats[i] && different++ < 5)
      ADD_FAILURE() << floats[i] << ": bfloat " << float_to_bfloat16(floats[i]) << ", expected "
                    << bfloats[i];
  }
  EXPECT_EQ(different, 0);
}

TEST(DType, RoundTripsKeepEveryHalfAndBfloat) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const auto b = static_cast<std::uint16_t>(bits);
    const float h = half_to_float(b), f = bfloat16_to_float(b);
    if (std::isnan(h)) {
      EXPECT_TRUE(std::isnan(half_to_float(float_to_half(h))));
    } else {
      EXPECT_EQ(float_to_half(h), b);
    }
    if (std::isnan(f)) {
      EXPECT_TRUE(std::isnan(bfloat16_to_float(float_to_bfloat16(f))));
    } else {
      EXPECT_EQ(float_to_bfloat16(f), b);
    }
  }
}

TEST(DType, ConstantsAreKnownToTheCompiler) {
  static_assert(half_to_float(0x3c00) == 1.0f);
  static_assert(half_to_float(0x0001) == 0x1p-24f);
  static_assert(half_to_float(0x03ff) == 1023 * 0x1p-24f);
  static_assert(float_to_half(65519.0f) == 0x7bff);
  static_assert(float_to_half(65520.0f) == 0x7c00);
  static_assert(float_to_half(0x1p-25f) == 0);    // a tie, to even
  static_assert(float_to_half(0x1.8p-24f) == 2);  // likewise
  static_assert(float_to_bfloat16(1.00390625f) == 0x3f80);
  SUCCEED();
}

TEST(DType, NamesGoBothWays) {
  for (int i = 0; i < 22; ++i) {
    const auto type = static_cast<DType>(i);
    EXPECT_EQ(find_dtype(name_of(type)), type);
    EXPECT_GT(bits_of(type), 0);
  }
  EXPECT_FALSE(find_dtype("F33").has_value());
  EXPECT_FALSE(find_dtype("").has_value());
}

TEST(DType, EncodeTellsWhichNumberDoesNotFit) {
  std::vector<std::byte> bytes(6);
  const std::vector<float> fine = {1.0f, INFINITY, -65504.0f};
  EXPECT_EQ(encode(DType::f16, fine, bytes), -1);
  const std::vector<float> large = {1.0f, 2.0f, -70000.0f};
  EXPECT_EQ(encode(DType::f16, large, bytes), 2);
  EXPECT_EQ(encode(DType::bf16, large, bytes), -1);
  const std::vector<float> larger = {3.4e38f, 2.0f, 1.0f};
  EXPECT_EQ(encode(DType::bf16, larger, bytes), 0);
  EXPECT_ERROR(encode(DType::f32, large, bytes), "6 bytes of F32 for 3 numbers");
  EXPECT_ERROR(decode(DType::i32, bytes, std::span<float>()), "I32");
}

}  // namespace
