// Reads the GGUF container, versions 2 and 3: typed metadata, then tensors.
//
//     Gguf file("SmolLM2-135M-Instruct.Q4_1.gguf");
//     file.integer("llama.block_count");                 // 30
//     file.read("blk.0.attn_norm.weight", Shape{576}, out);
//
// The file is mapped and checked whole on opening. Counts and lengths are held against the bytes
// that are left before anything is made of them; values stay in the file until they are asked for.
// Names and layouts are the file's own; model names are GgufModel's business.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/checkpoint/gguf_cursor.hpp"
#include "hone/checkpoint/gguf_dequantize.hpp"
#include "hone/checkpoint/json.hpp"
#include "hone/checkpoint/mapped_file.hpp"
#include "hone/checkpoint/tensor_source.hpp"
#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

struct GgufTensor {
  std::string name;
  Shape shape;  // row-major: the last size is the contiguous one
  std::uint32_t format = 0;
  std::span<const std::byte> bytes;
};

class Gguf {
 public:
  explicit Gguf(const std::filesystem::path& path) : Gguf(MappedFile(path)) {}

  explicit Gguf(MappedFile file) : file_(std::move(file)) {
    detail::GgufCursor cursor(file_.bytes(), where());
    const auto magic = cursor.take(4, "the magic number");
    require(std::memcmp(magic.data(), "GGUF", 4) == 0, where(), ": byte 0: is no GGUF file");
    const auto version = cursor.number<std::uint32_t>("the version");
    require(version == 2 || version == 3, where(), ": byte 4: GGUF version ", version,
            (version & 0xffffu) == 0 ? " (big-endian?)" : "", ", expected 2 or 3");
    const auto tensors = cursor.number<std::uint64_t>("the tensor count");
    const auto values = cursor.number<std::uint64_t>("the metadata count");
    read_metadata(cursor, values);
    read_tensors(cursor, tensors);
  }

  std::string_view where() const { return file_.name(); }
  const std::map<std::string, GgufValue, std::less<>>& metadata() const { return metadata_; }

  bool has_key(std::string_view key) const { return metadata_.contains(key); }

  // A whole number of any integer type; absent: nothing.
  std::optional<std::int64_t> integer(std::string_view key) const {
    const GgufValue* v = find(key);
    if (!v) return std::nullopt;
    return as_integer(v->type, v->payload.data(), key);
  }
  std::int64_t integer(std::string_view key, std::int64_t absent) const {
    return integer(key).value_or(absent);
  }

  std::optional<double> number(std::string_view key) const {
    const GgufValue* v = find(key);
    if (!v) return std::nullopt;
    return as_number(v->type, v->payload.data(), key);
  }
  double number(std::string_view key, double absent) const { return number(key).value_or(absent); }

  std::optional<bool> boolean(std::string_view key) const {
    const GgufValue* v = find(key);
    if (!v) return std::nullopt;
    if (v->type != GgufType::boolean) wrong(key, v->type, "bool");
    return v->payload[0] != std::byte{0};
  }

  // Bytes as they are; nothing promises that they are UTF-8.
  std::optional<std::string_view> text(std::string_view key) const {
    const GgufValue* v = find(key);
    if (!v) return std::nullopt;
    if (v->type != GgufType::text) wrong(key, v->type, "string");
    return std::string_view(reinterpret_cast<const char*>(v->payload.data()), v->payload.size());
  }

  // The elements of an array; absent: none.
  std::vector<std::string> texts(std::string_view key) const {
    std::vector<std::string> out;
    const GgufValue* v = array(key);
    if (!v) return out;
    if (v->element != GgufType::text) wrong(key, v->element, "an array of strings");
    detail::GgufCursor cursor(v->payload, where());
    for (std::uint64_t i = 0; i < v->count; ++i) out.emplace_back(cursor.text(key));
    return out;
  }
  std::vector<std::int64_t> integers(std::string_view key) const {
    return elements<std::int64_t>(
        key, [&](GgufType t, const std::byte* p) { return as_integer(t, p, key); });
  }
  std::vector<double> numbers(std::string_view key) const {
    return elements<double>(key,
                            [&](GgufType t, const std::byte* p) { return as_number(t, p, key); });
  }

  const std::vector<GgufTensor>& tensors() const { return tensors_; }
  const std::vector<std::string>& names() const { return names_; }
  bool has(std::string_view name) const { return index_.contains(name); }
  const Shape& shape(std::string_view name) const { return tensor(name).shape; }

  const GgufTensor& tensor(std::string_view name) const {
    const auto it = index_.find(name);
    require(it != index_.end(), where(), ": holds no tensor ", in_quotes(name));
    return tensors_[it->second];
  }

  void check_readable(std::string_view name) const { check_readable(tensor(name)); }
  void check_readable(const GgufTensor& t) const {
    require(is_dequantizable(t.format), where(), ": tensor ", in_quotes(t.name), " is ",
            find_ggml_format(t.format)->name, ", expected F32, F16, BF16, Q8_0, Q4_0 or Q4_1");
  }

  // Rows [first, first + rows) of a tensor (of its last size each) as float.
  void read_rows(const GgufTensor& t, std::int64_t first, std::int64_t rows,
                 std::span<float> out) const {
    const GgmlFormat& format = *find_ggml_format(t.format);
    check_readable(t);
    const auto width = static_cast<std::size_t>(t.shape.empty() ? 1 : t.shape.back());
    const std::size_t row = width / format.block * format.bytes;
    dequantize(t.format,
               t.bytes.subspan(static_cast<std::size_t>(first) * row,
                               static_cast<std::size_t>(rows) * row),
               out.first(static_cast<std::size_t>(rows) * width));
  }

  void read(std::string_view name, std::span<const std::int64_t> expected,
            std::span<float> out) const {
    const GgufTensor& t = tensor(name);
    check_read(where(), name, t.shape, expected, out.size());
    if (out.empty()) return;
    read_rows(t, 0, static_cast<std::int64_t>(out.size()) / (t.shape.empty() ? 1 : t.shape.back()),
              out);
    file_.let_go(t.bytes);
  }

 private:
  void read_metadata(detail::GgufCursor& cursor, std::uint64_t count) {
    require(count <= cursor.left() / 13, where(), ": byte 16: claims ", count,
            " metadata values, but the file ends after ", cursor.left(), " bytes");
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t at = cursor.at();
      const std::string key(cursor.text("a metadata key"));
      const std::string what = "metadata " + in_quotes(key);
      const GgufType type = cursor.type(what);
      const bool fresh = metadata_.emplace(key, cursor.value(type, what)).second;
      require(fresh, where(), ": byte ", at, ": ", what, " appears twice");
    }
  }

  void read_tensors(detail::GgufCursor& cursor, std::uint64_t count) {
    require(count <= cursor.left() / 24, where(), ": byte 8: claims ", count,
            " tensors, but the file ends after ", cursor.left(), " bytes");
    std::vector<std::uint64_t> offsets;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t at = cursor.at();
      GgufTensor t;
      t.name = std::string(cursor.text("a tensor's name"));
      const std::string what = "tensor " + in_quotes(t.name);
      const auto dimensions = cursor.number<std::uint32_t>(what);
      require(dimensions <= 4, where(), ": byte ", at, ": ", what, " has ", dimensions,
              " dimensions, expected at most 4");
      for (std::uint32_t d = 0; d < dimensions; ++d) {
        const auto size = cursor.number<std::uint64_t>(what);
        require(size <= INT64_MAX, where(), ": byte ", at, ": ", what, " has a size of ", size);
        t.shape.insert(t.shape.begin(), static_cast<std::int64_t>(size));
      }
      t.format = cursor.number<std::uint32_t>(what);
      require(find_ggml_format(t.format), where(), ": byte ", at, ": ", what, " has format ",
              t.format, ", which is unknown");
      offsets.push_back(cursor.number<std::uint64_t>(what));
      const bool fresh = index_.emplace(t.name, tensors_.size()).second;
      require(fresh, where(), ": byte ", at, ": ", what, " appears twice");
      names_.push_back(t.name);
      tensors_.push_back(std::move(t));
    }
    place_tensors(cursor, offsets);
  }

  void place_tensors(detail::GgufCursor& cursor, std::span<const std::uint64_t> offsets) {
    const std::int64_t alignment = integer("general.alignment", 32);
    require(alignment > 0 && alignment <= 1 << 20 && (alignment & (alignment - 1)) == 0, where(),
            ": general.alignment is ", alignment, ", expected a power of two");
    const auto step = static_cast<std::uint64_t>(alignment);
    if (tensors_.empty()) return;
    cursor.take((step - cursor.at() % step) % step, "the padding before the data");
    const auto data = cursor.take(cursor.left(), "the data");
    std::vector<std::pair<std::uint64_t, std::size_t>> order;
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      GgufTensor& t = tensors_[i];
      const GgmlFormat& format = *find_ggml_format(t.format);
      const std::int64_t count = count_of(t.shape);
      const std::int64_t width = t.shape.empty() ? 1 : t.shape.back();
      require(count >= 0 && width % format.block == 0, where(), ": tensor ", in_quotes(t.name),
              " has shape ", shape_text(t.shape), ", which is no whole number of ", format.name,
              " blocks");
      const auto blocks = static_cast<std::uint64_t>(count) / format.block;
      require(blocks <= data.size() / format.bytes && offsets[i] % step == 0 &&
                  offsets[i] <= data.size() - blocks * format.bytes,
              where(), ": tensor ", in_quotes(t.name), " of ", blocks, " x ", format.bytes,
              " bytes lies at byte ", offsets[i], " of the data, which has ", data.size(),
              ", and begins at a multiple of ", step);
      t.bytes = data.subspan(static_cast<std::size_t>(offsets[i]),
                             static_cast<std::size_t>(blocks * format.bytes));
      if (!t.bytes.empty()) order.emplace_back(offsets[i], i);
    }
    std::sort(order.begin(), order.end());
    for (std::size_t i = 1; i < order.size(); ++i) {
      const GgufTensor& before = tensors_[order[i - 1].second];
      require(order[i - 1].first + before.bytes.size() <= order[i].first, where(), ": tensors ",
              in_quotes(before.name), " and ", in_quotes(tensors_[order[i].second].name),
              " overlap");
    }
  }

  const GgufValue* find(std::string_view key) const {
    const auto it = metadata_.find(key);
    return it == metadata_.end() ? nullptr : &it->second;
  }
  const GgufValue* array(std::string_view key) const {
    const GgufValue* v = find(key);
    if (v && v->type != GgufType::array) wrong(key, v->type, "an array");
    return v;
  }

  [[noreturn]] void wrong(std::string_view key, GgufType found, const char* expected) const {
    fail(where(), ": metadata ", in_quotes(key), " is ",
         detail::gguf_type_names[static_cast<std::size_t>(found)], ", expected ", expected);
  }

  std::int64_t as_integer(GgufType type, const std::byte* p, std::string_view key) const {
    std::int64_t value = 0;
    if (!detail::load_integer(type, p, value)) wrong(key, type, "a whole number");
    require(value >= 0 || type != GgufType::u64, where(), ": metadata ", in_quotes(key), " is ",
            static_cast<std::uint64_t>(value), ", too large");
    return value;
  }

  double as_number(GgufType type, const std::byte* p, std::string_view key) const {
    if (type == GgufType::f32) return detail::load<float>(p);
    if (type == GgufType::f64) return detail::load<double>(p);
    return static_cast<double>(as_integer(type, p, key));
  }

  template <class T, class Convert>
  std::vector<T> elements(std::string_view key, Convert convert) const {
    std::vector<T> out;
    const GgufValue* v = array(key);
    if (!v) return out;
    const std::size_t step = detail::bytes_of(v->element);
    if (step == 0) wrong(key, v->element, "an array of numbers");
    for (std::size_t at = 0; at < v->payload.size(); at += step)
      out.push_back(convert(v->element, v->payload.data() + at));
    return out;
  }

  MappedFile file_;
  std::map<std::string, GgufValue, std::less<>> metadata_;
  std::vector<GgufTensor> tensors_;
  std::vector<std::string> names_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

static_assert(TensorSource<Gguf>);

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
