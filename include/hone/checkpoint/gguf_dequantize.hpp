// Numbers of a GGUF file to float: F32, F16, BF16 and the block formats Q8_0, Q4_0, Q4_1.
//
// A block holds 32 weights w under a scale d (and an offset m), both binary16:
//   Q8_0   w_i = d q_i          34 bytes: d, then 32 signed bytes q
//   Q4_0   w_i = d (q_i - 8)    18 bytes: d, then 16 bytes; q_i is the low half of byte i, q_(i+16)
//   Q4_1   w_i = d q_i + m      20 bytes: d, m, then 16 bytes likewise         its high half
// Each product is exact in float (11 bits times at most 8), so only Q4_1's sum rounds, once.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "hone/checkpoint/dtype.hpp"
#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

// The formats that a GGUF file may name, by number.
enum class GgmlType : std::uint32_t { f32 = 0, f16 = 1, q4_0 = 2, q4_1 = 3, q8_0 = 8, bf16 = 30 };

struct GgmlFormat {
  std::uint32_t id;
  std::string_view name;
  std::uint32_t block;  // weights in a block
  std::uint32_t bytes;  // bytes in a block
};

namespace detail {

inline constexpr std::array<GgmlFormat, 34> ggml_formats = {{
    {0, "F32", 1, 4},         {1, "F16", 1, 2},         {2, "Q4_0", 32, 18},
    {3, "Q4_1", 32, 20},      {6, "Q5_0", 32, 22},      {7, "Q5_1", 32, 24},
    {8, "Q8_0", 32, 34},      {9, "Q8_1", 32, 40},      {10, "Q2_K", 256, 84},
    {11, "Q3_K", 256, 110},   {12, "Q4_K", 256, 144},   {13, "Q5_K", 256, 176},
    {14, "Q6_K", 256, 210},   {15, "Q8_K", 256, 292},   {16, "IQ2_XXS", 256, 66},
    {17, "IQ2_XS", 256, 74},  {18, "IQ3_XXS", 256, 98}, {19, "IQ1_S", 256, 50},
    {20, "IQ4_NL", 32, 18},   {21, "IQ3_S", 256, 110},  {22, "IQ2_S", 256, 82},
    {23, "IQ4_XS", 256, 136}, {24, "I8", 1, 1},         {25, "I16", 1, 2},
    {26, "I32", 1, 4},        {27, "I64", 1, 8},        {28, "F64", 1, 8},
    {29, "IQ1_M", 256, 56},   {30, "BF16", 1, 2},       {34, "TQ1_0", 256, 54},
    {35, "TQ2_0", 256, 66},   {39, "MXFP4", 32, 17},    {40, "NVFP4", 64, 36},
    {41, "Q1_0", 128, 18},
}};

inline float half_at(const std::byte* from) {
  std::uint16_t bits;
  std::memcpy(&bits, from, 2);
  return half_to_float(bits);
}

}  // namespace detail

// The format of a number, or nullptr.
constexpr const GgmlFormat* find_ggml_format(std::uint32_t id) {
  for (const GgmlFormat& format : detail::ggml_formats)
    if (format.id == id) return &format;
  return nullptr;
}

constexpr bool is_dequantizable(std::uint32_t id) { return id <= 3 || id == 8 || id == 30; }

// Whole blocks: out.size() is a multiple of the format's block, bytes.size() the blocks' length.
inline void dequantize(std::uint32_t id, std::span<const std::byte> bytes, std::span<float> out) {
  const GgmlFormat* format = find_ggml_format(id);
  require(format && is_dequantizable(id), "dequantize: format ", id,
          ", expected F32, F16, BF16, Q8_0, Q4_0 or Q4_1");
  require(
      out.size() % format->block == 0 && bytes.size() == out.size() / format->block * format->bytes,
      "dequantize: ", bytes.size(), " bytes of ", format->name, " for ", out.size(), " numbers");
  const std::byte* from = bytes.data();
  float* to = out.data();
  const std::size_t blocks = out.size() / format->block;
  switch (static_cast<GgmlType>(id)) {
    case GgmlType::f32:
      return decode(DType::f32, bytes, out);
    case GgmlType::f16:
      return decode(DType::f16, bytes, out);
    case GgmlType::bf16:
      return decode(DType::bf16, bytes, out);
    case GgmlType::q8_0:
      for (std::size_t b = 0; b < blocks; ++b, from += 34, to += 32) {
        const float d = detail::half_at(from);
        for (int i = 0; i < 32; ++i)
          to[i] = d * static_cast<float>(static_cast<std::int8_t>(from[2 + i]));
      }
      return;
    case GgmlType::q4_0:
      for (std::size_t b = 0; b < blocks; ++b, from += 18, to += 32) {
        const float d = detail::half_at(from);
        for (int i = 0; i < 16; ++i) {
          const auto pair = static_cast<std::uint8_t>(from[2 + i]);
          to[i] = d * static_cast<float>((pair & 15) - 8);
          to[i + 16] = d * static_cast<float>((pair >> 4) - 8);
        }
      }
      return;
    case GgmlType::q4_1:
      for (std::size_t b = 0; b < blocks; ++b, from += 20, to += 32) {
        const float d = detail::half_at(from);
        const float m = detail::half_at(from + 2);
        for (int i = 0; i < 16; ++i) {
          const auto pair = static_cast<std::uint8_t>(from[4 + i]);
          to[i] = d * static_cast<float>(pair & 15) + m;
          to[i + 16] = d * static_cast<float>(pair >> 4) + m;
        }
      }
      return;
  }
}

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
