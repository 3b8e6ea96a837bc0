#include "hone/core/pack.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <vector>

#include "hone/core/random.hpp"

namespace {

using hone::pack;
using hone::pack_mask;

std::uint32_t bits_of(float x) {
  std::uint32_t u;
  std::memcpy(&u, &x, 4);
  return u;
}

float float_of(std::uint32_t u) {
  float x;
  std::memcpy(&x, &u, 4);
  return x;
}

bool same(float a, float b) { return bits_of(a) == bits_of(b) || (a != a && b != b); }

// Every kind of float: zeros, denormals, infinities, NaN, halves of rounding, random patterns.
std::vector<float> specimens(std::size_t n) {
  const float inf = std::numeric_limits<float>::infinity();
  std::vector<float> x = {0.0f,
                          -0.0f,
                          1.0f,
                          -1.0f,
                          inf,
                          -inf,
                          std::nanf(""),
                          1e-45f,
                          -1e-45f,
                          1.17549435e-38f,
                          3.40282347e38f,
                          -3.40282347e38f,
                          1.00000012f,
                          0.99999994f,
                          16777216.0f,
                          0.5f};
  for (std::uint64_t i = 0; x.size() < n; ++i) {
    const std::uint64_t r = hone::mix(i, 7);
    x.push_back(i % 3 ? float_of(static_cast<std::uint32_t>(r))
                      : static_cast<float>(static_cast<std::int32_t>(r)) * 0x1p-28f);
  }
  return x;
}

// Applies `f` to packs and `g` to floats over all pairs drawn from the specimens.
template <class F, class G>
void expect_lanewise(const char* name, F f, G g) {
  const auto x = specimens(1024);
  long compared = 0;
  for (std::size_t shift = 0; shift < x.size(); shift += 7) {
    for (std::size_t i = 0; i + 16 <= x.size(); i += 16) {
      float a[16], b[16], c[16], got[16];
      for (std::size_t l = 0; l < 16; ++l) {
        a[l] = x[i + l];
        b[l] = x[(i + l + shift) % x.size()];
        c[l] = x[(i + 3 * l + 2 * shift) % x.size()];
      }
      f(pack::load(a), pack::load(b), pack::load(c)).store(got);
      for (int l = 0; l < 16; ++l, ++compared)
        ASSERT_TRUE(same(got[l], g(a[l], b[l], c[l])))
            << name << "(" << a[l] << ", " << b[l] << ", " << c[l] << ") = " << got[l]
            << ", expected " << g(a[l], b[l], c[l]);
    }
  }
  std::printf("%s: %ld values equal\n", name, compared);
}

TEST(Pack, ArithmeticIsThatOfFloatsLaneByLane) {
  expect_lanewise(
      "+", [](pack a, pack b, pack) { return a + b; },
      [](float a, float b, float) { return a + b; });
  expect_lanewise(
      "-", [](pack a, pack b, pack) { return a - b; },
      [](float a, float b, float) { return a - b; });
  expect_lanewise(
      "*", [](pack a, pack b, pack) { return a * b; },
      [](float a, float b, float) { return a * b; });
  expect_lanewise(
      "/", [](pack a, pack b, pack) { return a / b; },
      [](float a, float b, float) { return a / b; });
  expect_lanewise(
      "fma", [](pack a, pack b, pack c) { return fma(a, b, c); },
      [](float a, float b, float c) { return std::fma(a, b, c); });
  expect_lanewise(
      "negate", [](pack a, pack, pack) { return -a; }, [](float a, float, float) { return -a; });
  expect_lanewise(
      "abs", [](pack a, pack, pack) { return abs(a); },
      [](float a, float, float) { return std::fabs(a); });
  expect_lanewise(
      "sqrt", [](pack a, pack, pack) { return sqrt(a); },
      [](float a, float, float) { return std::sqrt(a); });
  expect_lanewise(
      "copysign", [](pack a, pack b, pack) { return copysign(a, b); },
      [](float a, float b, float) { return std::copysign(a, b); });
}

TEST(Pack, MinAndMaxReturnTheSecondForNanAndZeros) {
  expect_lanewise(
      "min", [](pack a, pack b, pack) { return min(a, b); },
      [](float a, float b, float) { return a < b ? a : b; });
  expect_lanewise(
      "max", [](pack a, pack b, pack) { return max(a, b); },
      [](float a, float b, float) { return a > b ? a : b; });
  EXPECT_EQ(bits_of(min(pack(0.0f), pack(-0.0f))[3]), bits_of(-0.0f));
  EXPECT_EQ(bits_of(max(pack(-0.0f), pack(0.0f))[3]), bits_of(0.0f));
  EXPECT_EQ(min(pack(std::nanf("")), pack(2.0f))[15], 2.0f);
  EXPECT_TRUE(std::isnan(clamp(pack(std::nanf("")), pack(0.0f), pack(1.0f))[0]));
  EXPECT_EQ(clamp(pack(3.0f), 0.0f, 1.0f)[9], 1.0f);
}

TEST(Pack, ComparisonsAreFalseForNanExceptUnequal) {
  const auto as_float = [](pack_mask m) { return select(m, pack(1.0f), pack(0.0f)); };
  expect_lanewise(
      "<", [&](pack a, pack b, pack) { return as_float(a < b); },
      [](float a, float b, float) { return a < b ? 1.0f : 0.0f; });
  expect_lanewise(
      "<=", [&](pack a, pack b, pack) { return as_float(a <= b); },
      [](float a, float b, float) { return a <= b ? 1.0f : 0.0f; });
  expect_lanewise(
      ">", [&](pack a, pack b, pack) { return as_float(a > b); },
      [](float a, float b, float) { return a > b ? 1.0f : 0.0f; });
  expect_lanewise(
      ">=", [&](pack a, pack b, pack) { return as_float(a >= b); },
      [](float a, float b, float) { return a >= b ? 1.0f : 0.0f; });
  expect_lanewise(
      "==", [&](pack a, pack b, pack) { return as_float(a == b); },
      [](float a, float b, float) { return a == b ? 1.0f : 0.0f; });
  expect_lanewise(
      "!=", [&](pack a, pack b, pack) { return as_float(a != b); },
      [](float a, float b, float) { return a != b ? 1.0f : 0.0f; });
  expect_lanewise(
      "masks", [&](pack a, pack b, pack c) { return as_float((a < b) & !(b < c)); },
      [](float a, float b, float c) { return a < b && !(b < c) ? 1.0f : 0.0f; });
}

TEST(Pack, MasksCount) {
  for (int n = 0; n <= 17; ++n) {
    const unsigned expected = n >= 16 ? 0xFFFFu : (1u << n) - 1u;
    EXPECT_EQ(bits(pack_mask::first(n)), expected);
  }
  EXPECT_FALSE(any(pack(1.0f) < pack(1.0f)));
  EXPECT_TRUE(all(pack(1.0f) == pack(1.0f)));
  EXPECT_TRUE(any(pack_mask::first(1) | pack_mask::first(0)));
  EXPECT_FALSE(all(pack_mask::first(15)));
  EXPECT_TRUE(pack_mask::first(3)[2]);
  EXPECT_FALSE(pack_mask::first(3)[3]);
}

TEST(Pack, PartialLoadsAndStoresTouchNothingElse) {
  for (int n = 0; n <= 16; ++n) {
    std::vector<float> in(static_cast<std::size_t>(n));  // exactly n floats: ASan sees an overrun
    for (int l = 0; l < n; ++l) in[static_cast<std::size_t>(l)] = static_cast<float>(l + 1);
    const pack x = pack::load(in.data(), n);
    for (int l = 0; l < 16; ++l) EXPECT_EQ(x[l], l < n ? static_cast<float>(l + 1) : 0.0f);
    float out[18];
    for (float& o : out) o = -7.0f;
    (x + 1.0f).store(out + 1, n);
    for (int l = -1; l < 17; ++l)
      EXPECT_EQ(out[l + 1], l >= 0 && l < n ? static_cast<float>(l + 2) : -7.0f) << n << " " << l;
  }
}

TEST(Pack, ProductsAreRoundedBeforeTheyAreAdded) {
  // 1 + 2^-12 squared is 1 + 2^-11 + 2^-24: a fused multiply-add of -(1 + 2^-11) gives 2^-24, a
  // rounded product gives 0.
  float one = 1.0f + 0x1p-12f, minus = -(1.0f + 0x1p-11f);
  asm("" : "+m"(one), "+m"(minus));
  const pack a(one), c(minus);
  EXPECT_EQ((a * a + c)[5], 0.0f);
  EXPECT_EQ((c + a * a)[5], 0.0f);
  EXPECT_EQ((a * a - (-c))[5], 0.0f);
  EXPECT_EQ(fma(a, a, c)[5], 0x1p-24f);
  pack accumulated = c;
  accumulated += a * a;
  EXPECT_EQ(accumulated[5], 0.0f);
  EXPECT_EQ(hone::detail::rounded_product(one, one) + minus, 0.0f);
}

TEST(Pack, SumAndMaxRunOverOneTree) {
  for (std::uint64_t trial = 0; trial < 1000; ++trial) {
    float x[16];
    for (std::uint64_t l = 0; l < 16; ++l)
      x[l] = static_cast<float>(static_cast<std::int32_t>(hone::mix(trial, l))) * 0x1p-20f;
    float tree[16];
    std::memcpy(tree, x, sizeof x);
    for (int half = 8; half > 0; half /= 2)
      for (int l = 0; l < half; ++l) tree[l] = tree[l] + tree[l + half];
    float top = x[0];
    for (float v : x) top = v > top ? v : top;
    EXPECT_EQ(bits_of(sum(pack::load(x))), bits_of(tree[0]));
    EXPECT_EQ(max_lane(pack::load(x)), top);
  }
}

TEST(Pack, IntegersWrapAndShift) {
  using hone::pack_int;
  const pack x = from_bits(hone::shift_left<23>(pack_int(127)));
  EXPECT_EQ(x[0], 1.0f);
  EXPECT_EQ(to_float(hone::shift_right<23>(to_bits(pack(-1.0f))))[4],
            static_cast<float>(static_cast<std::int32_t>(0xBF800000u) >> 23));
  EXPECT_EQ(to_float((pack_int(INT32_MAX) + 1) - pack_int(INT32_MIN))[0], 0.0f);
  EXPECT_EQ(to_float((pack_int(12) & 10) | (pack_int(1) ^ 3))[0], 10.0f);
}

// Every build prints the same number here; a build that fuses, reorders or flushes prints another.
TEST(Pack, FingerprintIsThatOfEveryBuild) {
  std::uint64_t fingerprint = 0;
  pack x;
  float start[16];
  for (int l = 0; l < 16; ++l) start[l] = static_cast<float>(3 * l + 2) * 0x1p-6f;
  x = pack::load(start);
  for (int i = 0; i < 10000; ++i) {
    const pack y = x * 3.7f - x * x * 3.7f;  // the logistic map forgets nothing
    x = clamp(fma(y, 0.99f, (x + 0.5f) / 251.0f), 0.001f, 0.999f);
    fingerprint = hone::mix(fingerprint, bits_of(sum(sqrt(x))));
  }
  std::printf("%s: %016llx\n", hone::simd_name, static_cast<unsigned long long>(fingerprint));
  EXPECT_EQ(fingerprint, 0x39139b3477d3ce0au);
}

}  // namespace
