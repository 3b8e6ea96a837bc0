// Event files that TensorBoard reads: TFRecords of hand-encoded protocol buffers.
#pragma once

#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "hone/core/error.hpp"
#include "hone/report/record.hpp"
#include "hone/report/text.hpp"

namespace hone {
inline namespace v0 {
namespace report {

namespace detail {

constexpr std::array<std::uint32_t, 256> crc32c_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82F63B78u : 0u);
    table[i] = crc;
  }
  return table;
}

}  // namespace detail

// The Castagnoli cyclic redundancy check (RFC 3720, appendix B.4).
constexpr std::uint32_t crc32c(std::string_view bytes) {
  constexpr auto table = detail::crc32c_table();
  std::uint32_t crc = ~0u;
  for (const char c : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xFF];
  return ~crc;
}

namespace detail {

// Fields of a protocol buffer, appended one after the other.
class Proto {
 public:
  Proto& varint(int field, std::uint64_t value) {
    tag(field, 0);
    number(value);
    return *this;
  }
  Proto& real(int field, double value) {
    tag(field, 1);
    return raw(&value, sizeof value);
  }
  Proto& single(int field, float value) {
    tag(field, 5);
    return raw(&value, sizeof value);
  }
  Proto& bytes(int field, std::string_view value) {
    tag(field, 2);
    number(value.size());
    return raw(value.data(), value.size());
  }
  const std::string& text() const { return text_; }

 private:
  void tag(int field, unsigned wire) { number(static_cast<std::uint64_t>(field) << 3 | wire); }
  void number(std::uint64_t n) {
    for (; n >= 0x80; n >>= 7) text_ += static_cast<char>(n | 0x80);
    text_ += static_cast<char>(n);
  }
  Proto& raw(const void* data, std::size_t size) {
    text_.append(static_cast<const char*>(data), size);
    return *this;
  }
  std::string text_;
};

// length, masked crc of the length, the bytes, masked crc of the bytes
inline std::string tf_record(std::string_view bytes) {
  std::string out(12, '\0');
  const std::uint64_t size = bytes.size();
  const auto masked = [](std::string_view b) {
    const std::uint32_t crc = crc32c(b);
    return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
  };
  std::memcpy(out.data(), &size, 8);
  const std::uint32_t head = masked(std::string_view(out).substr(0, 8)), body = masked(bytes);
  std::memcpy(out.data() + 8, &head, 4);
  out += bytes;
  out.append(reinterpret_cast<const char*>(&body), 4);
  return out;
}

}  // namespace detail

// Writes metrics as scalars, settings and samples as text tables, into a new event file of
// `folder`. A resumed run begins another file, which tells TensorBoard to forget the steps from
// first_step on.
class TensorBoard {
 public:
  explicit TensorBoard(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void begin(const Run& run) {
    std::filesystem::create_directories(folder_);
    static std::atomic<int> count{0};
    char host[256] = "localhost";
    ::gethostname(host, sizeof host - 1);
    path_ =
        folder_ / ("events.out.tfevents." + std::to_string(static_cast<std::int64_t>(now())) + "." +
                   host + "." + std::to_string(::getpid()) + "." + std::to_string(count++));
    file_.reset(std::fopen(path_.c_str(), "wb"));
    if (!file_) fail(path_.string(), ": cannot be written: ", std::strerror(errno));
    write(detail::Proto().real(1, now()).bytes(3, "brain.Event:2"));
    if (run.first_step > 0) {
      constexpr std::uint64_t session_start = 1;
      write(detail::Proto()
                .real(1, now())
                .varint(2, static_cast<std::uint64_t>(run.first_step))
                .bytes(7, detail::Proto().varint(1, session_start).text()));
    }
    if (!run.settings.empty()) {
      std::string table = "| setting | value |\n|---|---|\n";
      for (const auto& [name, value] : run.settings)
        table += "| " + cell(name) + " | " + cell(value) + " |\n";
      summary(run.first_step, text_value("settings", table));
    }
  }

  void metrics(std::int64_t step, Metrics values) {
    detail::Proto all;
    for (const auto& [name, value] : values)
      all.bytes(1, detail::Proto().bytes(1, name).single(2, static_cast<float>(value)).text());
    summary(step, all);
  }

  void samples(std::int64_t step, std::span<const Sample> rows) {
    std::string table = "| prompt | completion | score |\n|---|---|---|\n";
    for (const Sample& s : rows)
      table += "| " + cell(s.prompt) + " | " + cell(s.text) + " | " + brief(s.score) + " |\n";
    summary(step, text_value("samples", table));
  }

  void end() { file_.reset(); }

  const std::filesystem::path& path() const { return path_; }

 private:
  static double now() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }

  // Markdown that cannot leave its cell.
  static std::string cell(std::string_view raw) {
    std::string out;
    for (const char c : html_text(raw)) {
      if (c == '|')
        out += "&#124;";
      else if (c == '\n')
        out += "<br>";
      else
        out += c;
    }
    return out;
  }

  static detail::Proto text_value(std::string_view tag, std::string_view text) {
    constexpr std::uint64_t dt_string = 7;
    const detail::Proto shape = detail::Proto().bytes(2, detail::Proto().varint(1, 1).text());
    const detail::Proto tensor =
        detail::Proto().varint(1, dt_string).bytes(2, shape.text()).bytes(8, text);
    const detail::Proto plugin = detail::Proto().bytes(1, detail::Proto().bytes(1, "text").text());
    return detail::Proto().bytes(
        1, detail::Proto().bytes(1, tag).bytes(8, tensor.text()).bytes(9, plugin.text()).text());
  }

  void summary(std::int64_t step, const detail::Proto& values) {
    write(detail::Proto()
              .real(1, now())
              .varint(2, static_cast<std::uint64_t>(step))
              .bytes(5, values.text()));
  }

  void write(const detail::Proto& event) {
    require(file_ != nullptr, folder_.string(), ": no event file is open: call begin() first");
    const std::string record = detail::tf_record(event.text());
    if (std::fwrite(record.data(), 1, record.size(), file_.get()) != record.size() ||
        std::fflush(file_.get()) != 0)
      fail(path_.string(), ": cannot be written: ", std::strerror(errno));
  }

  struct Close {
    void operator()(std::FILE* f) const { std::fclose(f); }
  };
  std::filesystem::path folder_, path_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace report
}  // namespace v0
}  // namespace hone
