// Reads safetensors: 8 bytes of header length, a JSON header, the numbers.
//
//     Safetensors file("model.safetensors");
//     std::vector<float> norm(576);
//     file.read("model.norm.weight", Shape{576}, norm);
//
// The file is mapped; nothing is copied but what is read. The whole header is checked on opening:
// its length against the file's, its JSON against the format (no key twice, nothing missing), every
// shape against its bytes, and the tensors' places, which must cover the data without gap or
// overlap. No size that the file claims is believed, and nothing is allocated by one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "hone/checkpoint/dtype.hpp"
#include "hone/checkpoint/json.hpp"
#include "hone/checkpoint/mapped_file.hpp"
#include "hone/checkpoint/tensor_source.hpp"
#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

struct TensorInfo {
  DType dtype = DType::f32;
  Shape shape = {};
  std::uint64_t begin = 0;  // bytes, from the first one after the header
  std::uint64_t end = 0;
};

namespace detail {

// Takes the header's JSON apart as it is parsed. The format is flat: an object of objects, with
// lists of numbers in them; anything deeper is refused, so the size of the text bounds the work.
class SafetensorsHeader : public nlohmann::json_sax<Json> {
 public:
  explicit SafetensorsHeader(const std::string& where) : where_(where) {}

  std::map<std::string, TensorInfo, std::less<>> tensors;
  std::map<std::string, std::string> metadata;

  bool start_object(std::size_t) override {
    if (++depth_ == 2) {
      in_metadata_ = tensor_ == "__metadata__";
      seen_ = 0;
      info_ = {};
    } else if (depth_ != 1 || list_) {
      unexpected("an object");
    }
    return true;
  }

  bool key(std::string& name) override {
    if (depth_ == 1) {
      tensor_ = name;
      const bool fresh =
          name == "__metadata__" ? !std::exchange(has_metadata_, true) : !tensors.contains(name);
      require(fresh, where_, ": tensor ", in_quotes(name), " is listed twice");
    } else {
      field_ = name;
      if (!in_metadata_) {
        const int bit = name == "dtype" ? 1 : name == "shape" ? 2 : name == "data_offsets" ? 4 : 0;
        require(bit != 0, where_, ": tensor ", in_quotes(tensor_), " has a field ", in_quotes(name),
                ", expected dtype, shape or data_offsets");
        require((seen_ & bit) == 0, where_, ": tensor ", in_quotes(tensor_), " has ", name,
                " twice");
        seen_ |= bit;
      }
    }
    return true;
  }

  bool end_object() override {
    if (depth_-- == 2 && !in_metadata_) {
      require(seen_ == 7, where_, ": tensor ", in_quotes(tensor_), " lacks ",
              !(seen_ & 1)   ? "dtype"
              : !(seen_ & 2) ? "shape"
                             : "data_offsets");
      require(offsets_ == 2, where_, ": tensor ", in_quotes(tensor_), " has ", offsets_,
              " data_offsets, expected 2");
      tensors.emplace(tensor_, std::move(info_));
    }
    return true;
  }

  bool start_array(std::size_t) override {
    if (depth_ != 2 || in_metadata_ || list_ || field_ == "dtype") unexpected("a list");
    list_ = true;
    if (field_ == "data_offsets") offsets_ = 0;
    return true;
  }
  bool end_array() override {
    list_ = false;
    return true;
  }

  bool number_unsigned(std::uint64_t value) override {
    if (!list_) unexpected("a number");
    if (field_ == "shape") {
      require(value <= INT64_MAX, where_, ": tensor ", in_quotes(tensor_), " has a size of ",
              value);
      info_.shape.push_back(static_cast<std::int64_t>(value));
    } else {
      require(offsets_ < 2, where_, ": tensor ", in_quotes(tensor_),
              " has more than 2 data_offsets");
      (offsets_++ == 0 ? info_.begin : info_.end) = value;
    }
    return true;
  }

  bool string(std::string& value) override {
    if (depth_ != 2 || list_ || (!in_metadata_ && field_ != "dtype")) unexpected("a string");
    if (in_metadata_) {
      metadata[field_] = value;
    } else {
      const auto dtype = find_dtype(value);
      require(dtype.has_value(), where_, ": tensor ", in_quotes(tensor_), " has dtype ",
              in_quotes(value), ", which is unknown");
      info_.dtype = *dtype;
    }
    return true;
  }

  bool null() override { unexpected("null"); }
  bool boolean(bool) override { unexpected("a boolean"); }
  bool number_integer(std::int64_t) override { unexpected("a negative number"); }
  bool number_float(double, const std::string&) override { unexpected("a fraction"); }
  bool binary(Json::binary_t&) override { unexpected("binary data"); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    fail(where_, ": byte ", 8 + (position > 0 ? position - 1 : 0),
         ": the header is not valid JSON (", error.what(), ")");
  }

 private:
  [[noreturn]] void unexpected(const char* what) const {
    fail(where_, ": the header has ", what, " at tensor ", in_quotes(tensor_), ", field ",
         in_quotes(field_), ", expected a map of dtype, shape and data_offsets");
  }

  const std::string& where_;
  int depth_ = 0;
  bool list_ = false;
  bool in_metadata_ = false;
  bool has_metadata_ = false;
  int seen_ = 0;  // fields of the current tensor: 1 dtype, 2 shape, 4 data_offsets
  int offsets_ = 0;
  std::string tensor_, field_;
  TensorInfo info_;
};

}  // namespace detail

class Safetensors {
 public:
  // The reference implementation refuses longer headers too.
  static constexpr std::uint64_t max_header_bytes = 100'000'000;

  explicit Safetensors(const std::filesystem::path& path) : Safetensors(MappedFile(path)) {}

  explicit Safetensors(MappedFile file) : file_(std::move(file)) {
    const std::span<const std::byte> bytes = file_.bytes();
    require(bytes.size() >= 8, where(), ": is ", bytes.size(),
            " bytes long, too short for a safetensors file");
    std::uint64_t length;
    std::memcpy(&length, bytes.data(), 8);
    require(length <= max_header_bytes && length <= bytes.size() - 8, where(), ": byte 0: claims ",
            length, " bytes of header, but ", bytes.size() - 8, " bytes follow",
            length > max_header_bytes ? " and 100000000 are allowed" : "");
    const std::string_view header = file_.text().substr(8, static_cast<std::size_t>(length));
    require(header.starts_with('{'), where(), ": byte 8: the header does not begin with '{'");
    detail::SafetensorsHeader parsed(file_.name());
    Json::sax_parse(header.begin(), header.end(), &parsed);
    tensors_ = std::move(parsed.tensors);
    metadata_ = std::move(parsed.metadata);
    data_ = bytes.subspan(8 + static_cast<std::size_t>(length));
    check_layout();
  }

  const std::vector<std::string>& names() const { return names_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  bool has(std::string_view name) const { return tensors_.contains(name); }
  const Shape& shape(std::string_view name) const { return info(name).shape; }
  std::string_view where() const { return file_.name(); }

  const TensorInfo& info(std::string_view name) const {
    const auto it = tensors_.find(name);
    require(it != tensors_.end(), where(), ": holds no tensor ", in_quotes(name));
    return it->second;
  }

  // A tensor's bytes, as they lie in the file; not aligned.
  std::span<const std::byte> bytes(std::string_view name) const {
    const TensorInfo& t = info(name);
    return data_.subspan(static_cast<std::size_t>(t.begin),
                         static_cast<std::size_t>(t.end - t.begin));
  }

  void check_readable(std::string_view name) const {
    const DType dtype = info(name).dtype;
    require(is_readable(dtype), where(), ": tensor ", in_quotes(name), " has dtype ",
            name_of(dtype), ", expected F32, F16 or BF16");
  }

  // The numbers of a tensor of this shape, as float. F32, F16 and BF16 are read.
  void read(std::string_view name, std::span<const std::int64_t> expected,
            std::span<float> out) const {
    const TensorInfo& t = info(name);
    check_read(where(), name, t.shape, expected, out.size());
    check_readable(name);
    decode(t.dtype, bytes(name), out);
    file_.let_go(bytes(name));
  }

 private:
  void check_layout() {
    std::vector<std::pair<const std::string*, const TensorInfo*>> order;
    for (const auto& [name, t] : tensors_) {
      require(t.begin <= t.end && t.end <= data_.size(), where(), ": tensor ", in_quotes(name),
              " lies at bytes ", t.begin, " to ", t.end, " of ", data_.size());
      const std::int64_t count = count_of(t.shape);
      const auto bits = static_cast<std::uint64_t>(bits_of(t.dtype));
      require(count >= 0 && static_cast<std::uint64_t>(count) <= UINT64_MAX / bits &&
                  static_cast<std::uint64_t>(count) * bits % 8 == 0 &&
                  static_cast<std::uint64_t>(count) * bits / 8 == t.end - t.begin,
              where(), ": tensor ", in_quotes(name), " has ", t.end - t.begin,
              " bytes, which is not ", shape_text(t.shape), " of ", name_of(t.dtype));
      order.emplace_back(&name, &t);
    }
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
      return std::tie(a.second->begin, a.second->end, *a.first) <
             std::tie(b.second->begin, b.second->end, *b.first);
    });
    std::uint64_t at = 0;
    for (const auto& [name, t] : order) {
      require(t->begin == at, where(), ": tensor ", in_quotes(*name), " begins at byte ", t->begin,
              " of the data, expected ", at, t->begin < at ? " (it overlaps another)" : "");
      at = t->end;
      names_.push_back(*name);
    }
    require(at == data_.size(), where(), ": the tensors end at byte ", at,
            " of the data, which has ", data_.size());
  }

  MappedFile file_;
  std::span<const std::byte> data_;
  std::map<std::string, TensorInfo, std::less<>> tensors_;
  std::map<std::string, std::string> metadata_;
  std::vector<std::string> names_;  // in the order of the data
};

static_assert(TensorSource<Safetensors>);

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
