// What rewards want to know of a prompt, as bytes beside its tokens.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "hone/core/columns.hpp"
#include "hone/core/error.hpp"
#include "hone/core/message.hpp"

namespace hone {
inline namespace v0 {
namespace data {

struct PromptInfo {
  std::string text = {};               // the prompt as the model reads it, before any cut
  std::vector<Message> messages = {};  // the conversation that it came from, if any
  Columns columns = {};                // the record's other fields
  bool operator==(const PromptInfo&) const = default;
};

namespace detail {

static_assert(std::endian::native == std::endian::little, "hone's files are little-endian");

inline void put_number(std::string& out, std::uint64_t n) {
  char bytes[8];
  std::memcpy(bytes, &n, 8);
  out.append(bytes, 8);
}

inline void put_text(std::string& out, std::string_view text) {
  put_number(out, text.size());
  out += text;
}

// Takes values off the front of a run of bytes; refuses what does not fit.
class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : rest_(bytes) {}
  std::uint64_t number() {
    std::uint64_t n;
    std::memcpy(&n, take(8).data(), 8);
    return n;
  }
  std::string text() { return std::string(take(number())); }
  // A count of things of at least `smallest` bytes each.
  std::uint64_t count(std::uint64_t smallest) {
    const std::uint64_t n = number();
    require(n <= rest_.size() / smallest, "prepared data: a record claims ", n,
            " entries, expected at most ", rest_.size() / smallest);
    return n;
  }

 private:
  std::string_view take(std::uint64_t size) {
    require(size <= rest_.size(), "prepared data: a record claims ", size,
            " more bytes, expected at most ", rest_.size());
    const std::string_view out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }
  std::string_view rest_;
};

}  // namespace detail

inline std::string encode(const PromptInfo& info) {
  std::string out;
  detail::put_text(out, info.text);
  detail::put_number(out, info.messages.size());
  for (const Message& m : info.messages) {
    detail::put_text(out, m.role);
    detail::put_text(out, m.content);
  }
  detail::put_number(out, info.columns.size());
  for (const auto& [name, cell] : info.columns) {
    detail::put_text(out, name);
    detail::put_number(out, cell.index());
    if (const auto* b = std::get_if<bool>(&cell)) detail::put_number(out, *b);
    if (const auto* i = std::get_if<std::int64_t>(&cell))
      detail::put_number(out, static_cast<std::uint64_t>(*i));
    if (const auto* d = std::get_if<double>(&cell))
      detail::put_number(out, std::bit_cast<std::uint64_t>(*d));
    if (const auto* s = std::get_if<std::string>(&cell)) detail::put_text(out, *s);
    if (const auto* j = std::get_if<JsonText>(&cell)) detail::put_text(out, j->text);
  }
  return out;
}

// No bytes stand for a prompt of which nothing is known.
inline PromptInfo decode(std::string_view bytes) {
  PromptInfo info;
  if (bytes.empty()) return info;
  detail::Unpacker in(bytes);
  info.text = in.text();
  for (std::uint64_t n = in.count(16); n > 0; --n) {
    Message m{.role = in.text()};
    m.content = in.text();
    info.messages.push_back(std::move(m));
  }
  for (std::uint64_t n = in.count(16); n > 0; --n) {
    const std::string name = in.text();
    const std::uint64_t kind = in.number();
    Cell cell;
    switch (kind) {
      case 0:
        break;
      case 1:
        cell = in.number() != 0;
        break;
      case 2:
        cell = static_cast<std::int64_t>(in.number());
        break;
      case 3:
        cell = std::bit_cast<double>(in.number());
        break;
      case 4:
        cell = in.text();
        break;
      case 5:
        cell = JsonText{in.text()};
        break;
      default:
        fail("prepared data: a column has kind ", kind, ", expected 0 to 5");
    }
    info.columns.set(name, std::move(cell));
  }
  return info;
}

}  // namespace data
}  // namespace v0
}  // namespace hone
