// Writes safetensors, tensor by tensor, in any order.
//
//     SafetensorsWriter file("model.safetensors", {{"model.norm.weight", {576}, DType::f32}, ...});
//     file.write("model.norm.weight", norm);
//     file.commit();
//
// The header says what will come, so only one tensor need be in memory at a time. Until commit()
// the file lies under a temporary name; without it, or when the disk is full, nothing changes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/checkpoint/atomic_file.hpp"
#include "hone/checkpoint/dtype.hpp"
#include "hone/checkpoint/json.hpp"
#include "hone/checkpoint/tensor_source.hpp"
#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

// What a file will hold under one name.
struct TensorSpec {
  std::string name;
  Shape shape = {};
  DType dtype = DType::f32;
};

class SafetensorsWriter {
 public:
  // Tensors lie in the given order, wider formats first so that each is aligned.
  SafetensorsWriter(const std::filesystem::path& target, const std::vector<TensorSpec>& tensors,
                    const std::map<std::string, std::string>& metadata = {{"format", "pt"}})
      : where_(target.string()), file_(target) {
    for (const TensorSpec& t : tensors)
      require(is_readable(t.dtype), where_, ": tensor ", in_quotes(t.name), " has dtype ",
              name_of(t.dtype), ", expected F32, F16 or BF16");
    const auto wide = [](const TensorSpec& t) { return bits_of(t.dtype) == 32; };
    std::vector<TensorSpec> ordered;
    for (bool first : {true, false})
      for (const TensorSpec& t : tensors)
        if (wide(t) == first) ordered.push_back(t);
    std::string header = "{";
    if (!metadata.empty()) header += "\"__metadata__\":" + json_text(metadata, where_);
    std::uint64_t at = 0;
    for (const TensorSpec& spec : ordered) {
      const std::int64_t count = count_of(spec.shape);
      require(count >= 0 && count < std::int64_t{1} << 56, where_, ": tensor ",
              in_quotes(spec.name), " has shape ", shape_text(spec.shape));
      const std::uint64_t end = at + static_cast<std::uint64_t>(count * bits_of(spec.dtype) / 8);
      header += (header.size() > 1 ? "," : "") + json_text(spec.name, where_) + ":{\"dtype\":\"" +
                std::string(name_of(spec.dtype)) + "\",\"shape\":" + json_text(spec.shape, where_) +
                ",\"data_offsets\":[" + std::to_string(at) + "," + std::to_string(end) + "]}";
      const bool fresh =
          places_.emplace(spec.name, Place{at, static_cast<std::uint64_t>(count), spec.dtype})
              .second;
      require(fresh && spec.name != "__metadata__", where_, ": two tensors are called ",
              in_quotes(spec.name));
      at = end;
    }
    header += "}";
    header.append((8 - header.size() % 8) % 8, ' ');  // the data begin at a multiple of 8
    const std::uint64_t length = header.size();
    data_ = 8 + length;
    file_.write_at(0, std::as_bytes(std::span(&length, 1)));
    file_.write_at(8, std::as_bytes(std::span<const char>(header)));
  }

  // All numbers of one tensor, row-major. A finite number that its format cannot hold is an error.
  void write(std::string_view name, std::span<const float> values) {
    const auto it = places_.find(name);
    require(it != places_.end(), where_, ": tensor ", in_quotes(name), " was not announced");
    Place& place = it->second;
    require(!place.written, where_, ": tensor ", in_quotes(name), " is written twice");
    require(values.size() == place.count, where_, ": tensor ", in_quotes(name), " has ",
            values.size(), " numbers, expected ", place.count);
    const auto width = static_cast<std::size_t>(bits_of(place.dtype)) / 8;
    std::uint64_t at = data_ + place.begin;
    constexpr std::size_t block = std::size_t{1} << 16;
    for (std::size_t i = 0; i < values.size(); i += block) {
      const auto part = values.subspan(i, std::min(block, values.size() - i));
      buffer_.resize(part.size() * width);
      const std::ptrdiff_t lost = encode(place.dtype, part, buffer_);
      if (lost >= 0)
        fail(where_, ": tensor ", in_quotes(name), " holds ", part[static_cast<std::size_t>(lost)],
             " at element ", i + static_cast<std::size_t>(lost), ", too large for ",
             name_of(place.dtype));
      file_.write_at(at, buffer_);
      at += buffer_.size();
    }
    place.written = true;
  }

  // Puts the file in its place; every tensor must have been written.
  void commit() {
    for (const auto& [name, place] : places_)
      require(place.written || place.count == 0, where_, ": tensor ", in_quotes(name),
              " was announced but not written");
    file_.commit();
  }

 private:
  struct Place {
    std::uint64_t begin = 0;
    std::uint64_t count = 0;
    DType dtype = DType::f32;
    bool written = false;
  };

  std::string where_;
  AtomicFile file_;
  std::uint64_t data_ = 0;  // byte of the file where the data begin
  std::map<std::string, Place, std::less<>> places_;
  std::vector<std::byte> buffer_;
};

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
