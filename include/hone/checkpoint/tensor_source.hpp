// What a loader asks of a checkpoint, whatever its format.
//
//     source.read("model.norm.weight", std::array<std::int64_t, 1>{576}, out);
//
// Names and layouts are those of a Hugging Face checkpoint of the family (GPT-2's linear layers as
// [in, out], say); numbers come as float. Safetensors, TensorFiles, HfFolder, GgufModel and
// PeftFolder are sources.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hone/checkpoint/json.hpp"
#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

using Shape = std::vector<std::int64_t>;

// names()       every tensor, in the order of the file
// has(name)     whether it is there
// shape(name)   its shape; throws if it is not there
// check_readable(name)  throws unless its numbers are in a format that read() knows
// read(...)     the numbers of a tensor of just this shape into out, row-major; throws otherwise
// where()       what to call the checkpoint in a message
template <class S>
concept TensorSource = requires(const S& source, std::string_view name,
                                std::span<const std::int64_t> expected, std::span<float> out) {
  { source.names() } -> std::convertible_to<std::vector<std::string>>;
  { source.has(name) } -> std::same_as<bool>;
  { source.shape(name) } -> std::convertible_to<Shape>;
  source.check_readable(name);
  source.read(name, expected, out);
  { source.where() } -> std::convertible_to<std::string_view>;
};

// Tensors that checkpoints carry beside the backbone's weights. Heads: language model,
// classification, value (two spellings).
inline bool is_head(std::string_view name) {
  return name.starts_with("lm_head.") || name.starts_with("score.") || name.starts_with("v_head.");
}

// Attention masks and rotary tables of old exports.
inline bool is_buffer(std::string_view name) {
  return name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias") ||
         name.ends_with("rotary_emb.inv_freq");
}

inline std::string shape_text(std::span<const std::int64_t> shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) out += (i ? ", " : "") + std::to_string(shape[i]);
  return out + "]";
}

// The number of elements, or -1 where a size is negative or the product does not fit.
constexpr std::int64_t count_of(std::span<const std::int64_t> shape) {
  std::int64_t count = 1;
  for (std::int64_t size : shape)
    if (size == 0) count = 0;
  for (std::int64_t size : shape) {
    if (size < 0) return -1;
    if (count > 0 && size > std::numeric_limits<std::int64_t>::max() / count) return -1;
    count *= size;
  }
  return count;
}

// Throws unless a tensor may be read into `room` floats as `expected`.
inline void check_read(std::string_view where, std::string_view name,
                       std::span<const std::int64_t> found, std::span<const std::int64_t> expected,
                       std::size_t room) {
  require(std::equal(found.begin(), found.end(), expected.begin(), expected.end()), where,
          ": tensor ", in_quotes(name), " has shape ", shape_text(found), ", expected ",
          shape_text(expected));
  const std::int64_t count = count_of(expected);
  require(count >= 0 && static_cast<std::uint64_t>(count) == room, where, ": tensor ",
          in_quotes(name), " has ", count, " elements, but there is room for ", room);
}

// A tensor that a model needs, or may have.
struct ExpectedTensor {
  std::string name;
  Shape shape = {};
  bool optional = false;
};

// Throws unless the source holds every expected tensor in its shape and in a format that can be
// read, and no other. All missing, misshapen and unexpected tensors are counted, the first few are
// named. `ignore(name)` tells which surplus tensors to pass over: buffers that old checkpoints
// carry, a head that is not wanted.
template <TensorSource Source, class Ignore>
void check_tensors(const Source& source, std::span<const ExpectedTensor> expected,
                   Ignore&& ignore) {
  std::vector<std::string> problems;
  std::set<std::string_view> known;
  for (const ExpectedTensor& tensor : expected) {
    known.insert(tensor.name);
    if (!source.has(tensor.name)) {
      if (!tensor.optional)
        problems.push_back("tensor " + in_quotes(tensor.name) + " is missing, expected shape " +
                           shape_text(tensor.shape));
    } else if (const Shape found = source.shape(tensor.name); found != tensor.shape) {
      problems.push_back("tensor " + in_quotes(tensor.name) + " has shape " + shape_text(found) +
                         ", expected " + shape_text(tensor.shape));
    }
  }
  for (const std::string& name : source.names())
    if (!known.contains(name) && !ignore(name))
      problems.push_back("tensor " + in_quotes(name) + " of shape " +
                         shape_text(source.shape(name)) + " is not part of the model");
  if (problems.empty()) {
    for (const ExpectedTensor& tensor : expected)
      if (source.has(tensor.name)) source.check_readable(tensor.name);
    return;
  }
  constexpr std::size_t shown = 5;
  std::string message;
  for (std::size_t i = 0; i < std::min(shown, problems.size()); ++i)
    message += (i ? "; " : "") + problems[i];
  if (problems.size() > shown)
    message += "; and " + std::to_string(problems.size() - shown) + " more tensors do not fit";
  fail(source.where(), ": ", message);
}

template <TensorSource Source>
void check_tensors(const Source& source, std::span<const ExpectedTensor> expected) {
  check_tensors(source, expected, [](std::string_view) { return false; });
}

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
