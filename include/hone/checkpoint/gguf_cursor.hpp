// The pieces that a GGUF file is made of: typed values, and a cursor that cannot leave the file.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

enum class GgufType : std::uint32_t {
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  f32,
  boolean,
  text,
  array,
  u64,
  i64,
  f64
};

// One metadata value: its type and where its bytes lie in the file.
struct GgufValue {
  GgufType type = GgufType::u8;
  GgufType element = GgufType::u8;          // of an array
  std::uint64_t count = 1;                  // elements of an array
  std::span<const std::byte> payload = {};  // a text's characters; an array's elements
};

namespace detail {

inline constexpr std::array<std::string_view, 13> gguf_type_names = {
    "u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "string", "array", "u64", "i64", "f64"};
inline constexpr std::array<std::uint8_t, 13> gguf_type_bytes = {1, 1, 2, 2, 4, 4, 4,
                                                                 1, 0, 0, 8, 8, 8};
constexpr std::size_t bytes_of(GgufType t) { return gguf_type_bytes[static_cast<std::size_t>(t)]; }

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

// A whole number of any integer type; a large u64 wraps to a negative number. False: no integer.
inline bool load_integer(GgufType type, const std::byte* p, std::int64_t& out) {
  switch (type) {
    case GgufType::u8:
      return out = load<std::uint8_t>(p), true;
    case GgufType::i8:
      return out = load<std::int8_t>(p), true;
    case GgufType::u16:
      return out = load<std::uint16_t>(p), true;
    case GgufType::i16:
      return out = load<std::int16_t>(p), true;
    case GgufType::u32:
      return out = load<std::uint32_t>(p), true;
    case GgufType::i32:
      return out = load<std::int32_t>(p), true;
    case GgufType::u64:
    case GgufType::i64:
      return out = load<std::int64_t>(p), true;
    default:
      return false;
  }
}

// Walks through bytes and throws where they end.
class GgufCursor {
 public:
  GgufCursor(std::span<const std::byte> bytes, std::string_view where)
      : bytes_(bytes), where_(where) {}

  std::uint64_t at() const { return at_; }
  std::uint64_t left() const { return bytes_.size() - at_; }

  std::span<const std::byte> take(std::uint64_t n, std::string_view what) {
    if (n > left()) [[unlikely]]
      fail(where_, ": byte ", at_, ": ", what, " needs ", n, " bytes, but the file ends after ",
           left());
    const auto part = bytes_.subspan(static_cast<std::size_t>(at_), static_cast<std::size_t>(n));
    at_ += n;
    return part;
  }

  template <class T>
  T number(std::string_view what) {
    return load<T>(take(sizeof(T), what).data());
  }

  std::string_view text(std::string_view what) {
    const auto part = take(number<std::uint64_t>(what), what);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }

  GgufType type(std::string_view what) {
    const auto id = number<std::uint32_t>(what);
    if (id > 12)
      fail(where_, ": byte ", at_ - 4, ": ", what, " has type ", id, ", expected 0 to 12");
    return static_cast<GgufType>(id);
  }

  // Passes over a value of this type.
  GgufValue value(GgufType type, std::string_view what, int depth = 0) {
    GgufValue v{.type = type};
    if (type == GgufType::text) {
      v.payload = take(number<std::uint64_t>(what), what);
    } else if (type != GgufType::array) {
      v.payload = take(bytes_of(type), what);
    } else {
      if (depth == 4) fail(where_, ": byte ", at_, ": ", what, " nests arrays deeper than 4");
      v.element = this->type(what);
      v.count = number<std::uint64_t>(what);
      const std::uint64_t least = v.element == GgufType::text    ? 8
                                  : v.element == GgufType::array ? 12
                                                                 : bytes_of(v.element);
      if (v.count > left() / least)
        fail(where_, ": byte ", at_ - 8, ": ", what, " claims ", v.count,
             " elements, but the file ends after ", left(), " bytes");
      const std::uint64_t begin = at_;
      if (least == bytes_of(v.element))
        take(v.count * least, what);
      else
        for (std::uint64_t i = 0; i < v.count; ++i) value(v.element, what, depth + 1);
      v.payload =
          bytes_.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(at_ - begin));
    }
    return v;
  }

 private:
  std::span<const std::byte> bytes_;
  std::string_view where_;
  std::uint64_t at_ = 0;
};

}  // namespace detail

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
