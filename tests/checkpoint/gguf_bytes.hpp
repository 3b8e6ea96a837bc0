// Builds small GGUF files byte by byte, broken ones too.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace checkpoint_test {

class GgufBytes {
 public:
  explicit GgufBytes(std::uint32_t version = 3) : version_(version) {}

  // Overrides the counts of tensors and of metadata values.
  GgufBytes& counts(std::uint64_t tensors, std::uint64_t values) {
    tensors_ = tensors;
    values_ = values;
    return *this;
  }
  GgufBytes& word(std::uint32_t value) { return raw(&value, 4); }
  GgufBytes& number(std::uint64_t value) { return raw(&value, 8); }
  GgufBytes& bytes(const std::string& text) { return raw(text.data(), text.size()); }
  GgufBytes& text(const std::string& text) { return number(text.size()).bytes(text); }
  GgufBytes& real(float value) { return raw(&value, 4); }

  // A key and the type of its value, which follows.
  GgufBytes& key(const std::string& name, std::uint32_t type) {
    ++values_;
    return text(name).word(type);
  }
  GgufBytes& set(const std::string& name, const std::string& value) {
    return key(name, 8).text(value);
  }
  GgufBytes& set(const std::string& name, std::uint32_t value) { return key(name, 4).word(value); }
  GgufBytes& set(const std::string& name, float value) { return key(name, 6).real(value); }

  GgufBytes& tensor(const std::string& name, const std::vector<std::uint64_t>& dims,
                    std::uint32_t format, std::uint64_t offset) {
    ++tensors_;
    text(name).word(static_cast<std::uint32_t>(dims.size()));
    for (std::uint64_t d : dims) number(d);
    return word(format).number(offset);
  }
  GgufBytes& align() {
    while ((body_.size() + 24) % 32) body_ += '\0';
    return *this;
  }

  std::string finish() const {
    std::string out = "GGUF";
    out.append(reinterpret_cast<const char*>(&version_), 4);
    out.append(reinterpret_cast<const char*>(&tensors_), 8);
    out.append(reinterpret_cast<const char*>(&values_), 8);
    return out + body_;
  }

 private:
  GgufBytes& raw(const void* from, std::size_t count) {
    body_.append(static_cast<const char*>(from), count);
    return *this;
  }

  std::uint32_t version_;
  std::uint64_t tensors_ = 0, values_ = 0;
  std::string body_;
};

// zlib's CRC-32 of the bytes of floats.
inline std::uint32_t crc32_of(std::span<const float> values) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      t[i] = i;
      for (int bit = 0; bit < 8; ++bit) t[i] = t[i] & 1 ? t[i] >> 1 ^ 0xedb88320u : t[i] >> 1;
    }
    return t;
  }();
  std::uint32_t crc = ~0u;
  for (std::byte b : std::as_bytes(values))
    crc = crc >> 8 ^ table[(crc ^ static_cast<std::uint32_t>(b)) & 255];
  return ~crc;
}

}  // namespace checkpoint_test
