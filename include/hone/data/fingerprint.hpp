// A name for everything that shaped a prepared data set.
//
// Two preparations with one fingerprint give the same bytes: it is made of the source files'
// contents, the settings and the identity of the tokenizer. 128 bits, mixed, not cryptographic.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <ranges>
#include <string>
#include <string_view>

#include "hone/checkpoint/mapped_file.hpp"
#include "hone/core/random.hpp"

namespace hone {
inline namespace v0 {
namespace data {

class Fingerprint {
 public:
  // Each part has a name and a value; the order counts. A value is text, a number, a range of
  // these, or anything with `void describe(Fingerprint&) const`.
  template <class T>
  Fingerprint& add(std::string_view name, const T& value) {
    bytes(name);
    if constexpr (requires { value.describe(*this); })
      value.describe(*this);
    else if constexpr (std::convertible_to<const T&, std::string_view>)
      bytes(value);
    else if constexpr (std::floating_point<T>)
      word(std::bit_cast<std::uint64_t>(static_cast<double>(value)));
    else if constexpr (std::integral<T> || std::is_enum_v<T>)
      word(static_cast<std::uint64_t>(value));
    else
      range(value);
    return *this;
  }

  // The bytes of a file, not its name or its date.
  Fingerprint& add_file(const std::filesystem::path& path) {
    bytes(checkpoint::MappedFile(path).text());
    return *this;
  }

  std::array<std::uint64_t, 2> value() const { return {mix(a_), mix(b_)}; }
  // 32 hexadecimal digits.
  std::string name() const {
    std::string out;
    for (const std::uint64_t half : value())
      for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[(half >> shift) & 15];
    return out;
  }

 private:
  void word(std::uint64_t w) {
    a_ = mix(a_ ^ w);
    b_ = (std::rotl(b_, 23) ^ w) * 0x9FB21C651E98DF25u + a_;
  }
  void bytes(std::string_view text) {
    word(text.size());
    for (std::size_t i = 0; i < text.size(); i += 8) {
      std::uint64_t w = 0;
      std::memcpy(&w, text.data() + i, std::min<std::size_t>(8, text.size() - i));
      word(w);
    }
  }
  template <class Range>
  void range(const Range& values) {
    word(static_cast<std::uint64_t>(std::ranges::distance(values)));
    for (const auto& v : values) add("", v);
  }

  std::uint64_t a_ = 0x243F6A8885A308D3u, b_ = 0x13198A2E03707344u;
};

}  // namespace data
}  // namespace v0
}  // namespace hone
