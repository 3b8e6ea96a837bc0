// Number formats of checkpoints, and their exact conversion to and from float.
//
// Own integer code instead of the compiler's or the processor's half-precision conversions: all
// builds give the same bits, whatever the flush-to-zero mode.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

static_assert(std::endian::native == std::endian::little,
              "hone's checkpoint formats are little-endian, and read without swapping bytes");

// IEEE binary16 to float, exact; a NaN keeps its bits.
constexpr float half_to_float(std::uint16_t h) {
  const std::uint32_t sign = static_cast<std::uint32_t>(h & 0x8000u) << 16;
  const std::uint32_t exponent = (h >> 10) & 31u;
  std::uint32_t fraction = h & 1023u;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  if (fraction == 0) return std::bit_cast<float>(sign);
  const auto shift = static_cast<std::uint32_t>(std::countl_zero(fraction)) - 21;  // to bit 10
  fraction = fraction << shift & 1023u;
  return std::bit_cast<float>(sign | (113 - shift) << 23 | fraction << 13);
}

// Nearest binary16, ties to even; too large becomes infinity, NaN stays NaN.
constexpr std::uint16_t float_to_half(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u)
    return static_cast<std::uint16_t>(sign | 0x7e00u | (magnitude >> 13 & 0x3ffu));
  if (magnitude >= 0x47800000u) return sign | 0x7c00u;  // 65536 and more
  // A normal result rounds at bit 13; a subnormal one is a multiple of 2^-24.
  std::uint32_t value = magnitude - (112u << 23);
  int drop = 13;
  if (magnitude < 0x38800000u) {
    drop = 126 - static_cast<int>(magnitude >> 23);
    if (drop > 24) return sign;  // below half of 2^-24
    value = (magnitude & 0x7fffffu) | 0x800000u;
  }
  const std::uint32_t kept = value >> drop;
  const std::uint32_t rest = value & ((1u << drop) - 1);
  const std::uint32_t half = 1u << (drop - 1);
  const std::uint32_t up = rest > half || (rest == half && (kept & 1)) ? 1 : 0;
  return static_cast<std::uint16_t>(sign | (kept + up));  // a carry reaches the exponent, rightly
}

constexpr float bfloat16_to_float(std::uint16_t b) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(b) << 16);
}

// Nearest bfloat16, ties to even; NaN stays NaN.
constexpr std::uint16_t float_to_bfloat16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>(bits >> 16 | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

// Formats that a safetensors file may hold. Only the first three can be read and written.
enum class DType : std::uint8_t {
  f32,
  f16,
  bf16,
  f64,
  f8_e4m3,
  f8_e5m2,
  f8_e8m0,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  f6_e2m3,
  f6_e3m2,
  f4,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean,
  c64
};

namespace detail {

struct DTypeRow {
  std::string_view name;   // in a safetensors header
  std::string_view torch;  // in config.json; empty where hone does not write it
  int bits;
};

inline constexpr std::array<DTypeRow, 22> dtypes = {{
    {"F32", "float32", 32}, {"F16", "float16", 16}, {"BF16", "bfloat16", 16},
    {"F64", "", 64},        {"F8_E4M3", "", 8},     {"F8_E5M2", "", 8},
    {"F8_E8M0", "", 8},     {"F8_E4M3FNUZ", "", 8}, {"F8_E5M2FNUZ", "", 8},
    {"F6_E2M3", "", 6},     {"F6_E3M2", "", 6},     {"F4", "", 4},
    {"I64", "", 64},        {"I32", "", 32},        {"I16", "", 16},
    {"I8", "", 8},          {"U64", "", 64},        {"U32", "", 32},
    {"U16", "", 16},        {"U8", "", 8},          {"BOOL", "", 8},
    {"C64", "", 64},
}};

inline constexpr const DTypeRow& row_of(DType t) { return dtypes[static_cast<std::size_t>(t)]; }

}  // namespace detail

constexpr std::string_view name_of(DType t) { return detail::row_of(t).name; }
constexpr std::string_view torch_name_of(DType t) { return detail::row_of(t).torch; }
constexpr int bits_of(DType t) { return detail::row_of(t).bits; }
constexpr bool is_readable(DType t) { return t <= DType::bf16; }

// By the name in a safetensors header, "BF16".
constexpr std::optional<DType> find_dtype(std::string_view name) {
  for (std::size_t i = 0; i < detail::dtypes.size(); ++i)
    if (detail::dtypes[i].name == name) return static_cast<DType>(i);
  return std::nullopt;
}

// Reads numbers of a readable format; bytes.size() == out.size() * bits_of(type) / 8.
inline void decode(DType type, std::span<const std::byte> bytes, std::span<float> out) {
  require(
      is_readable(type) && bytes.size() == out.size() * static_cast<std::size_t>(bits_of(type)) / 8,
      "decode: ", bytes.size(), " bytes of ", name_of(type), " for ", out.size(), " numbers");
  if (out.empty()) return;
  if (type == DType::f32) {
    std::memcpy(out.data(), bytes.data(), bytes.size());
    return;
  }
  const std::byte* from = bytes.data();
  auto each = [&](auto convert) {
    for (float& x : out) {
      std::uint16_t bits;
      std::memcpy(&bits, from, 2);
      from += 2;
      x = convert(bits);
    }
  };
  if (type == DType::f16)
    each([](std::uint16_t bits) { return half_to_float(bits); });
  else
    each([](std::uint16_t bits) { return bfloat16_to_float(bits); });
}

// Writes numbers in a readable format. Returns the index of the first finite number that the
// format cannot hold (it became infinity), or -1.
inline std::ptrdiff_t encode(DType type, std::span<const float> values,
                             std::span<std::byte> bytes) {
  require(is_readable(type) &&
              bytes.size() == values.size() * static_cast<std::size_t>(bits_of(type)) / 8,
          "encode: ", bytes.size(), " bytes of ", name_of(type), " for ", values.size(),
          " numbers");
  if (values.empty()) return -1;
  if (type == DType::f32) {
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return -1;
  }
  std::ptrdiff_t lost = -1;
  auto each = [&](auto convert, std::uint16_t infinity) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::uint16_t bits = convert(values[i]);
      std::memcpy(bytes.data() + 2 * i, &bits, 2);
      const bool finite = (std::bit_cast<std::uint32_t>(values[i]) & 0x7f800000u) != 0x7f800000u;
      if (finite && (bits & 0x7fffu) == infinity && lost < 0) lost = static_cast<std::ptrdiff_t>(i);
    }
  };
  if (type == DType::f16)
    each([](float x) { return float_to_half(x); }, 0x7c00);
  else
    each([](float x) { return float_to_bfloat16(x); }, 0x7f80);
  return lost;
}

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
