// A trainable array of the Native backend: its name, shape, values and gradient.
//
// A matrix lies in panels of 16 outputs, [ceil(out / 16)][in][16], the layout that every kernel
// reads; there is no second copy. A vector lies as it is. Padding outputs are zero and stay zero.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/random.hpp"
#include "hone/kernel/elementwise.hpp"
#include "hone/kernel/linear.hpp"
#include "hone/model/buffer.hpp"

namespace hone {
inline namespace v0 {
namespace model {

struct ParameterSpec {
  std::string name;              // in a Hugging Face checkpoint
  std::int64_t out = 0;          // outputs, or the length of a vector
  std::int64_t in = 0;           // inputs; 0 for a vector
  bool transposed_file = false;  // the checkpoint stores [in, out]
  bool decay = false;            // weight decay applies (matrices; never norms and biases)

  // Shape in the checkpoint.
  std::vector<std::int64_t> file_shape() const {
    if (in == 0) return {out};
    if (transposed_file) return {in, out};
    return {out, in};
  }
};

class Parameter {
 public:
  Parameter() = default;
  explicit Parameter(ParameterSpec spec) : spec_(std::move(spec)), value_(storage_size()) {
    std::memset(value_.data(), 0, bytes());
  }

  const std::string& name() const { return spec_.name; }
  const ParameterSpec& spec() const { return spec_; }
  bool is_matrix() const { return spec_.in > 0; }
  std::int64_t out() const { return spec_.out; }
  std::int64_t in() const { return spec_.in; }
  std::int64_t count() const { return spec_.out * (is_matrix() ? spec_.in : 1); }

  // [in storage order] with padding; what kernels and optimisers work on.
  std::span<float> value() { return {value_.data(), static_cast<std::size_t>(storage_size())}; }
  std::span<const float> value() const {
    return {value_.data(), static_cast<std::size_t>(storage_size())};
  }

  // Same layout; empty unless trainable. Complete: both uses of a tied matrix are in it.
  std::span<float> gradient() {
    settle();
    return accumulator();
  }
  // Empty where nothing has flowed in since zero_gradient(), too.
  std::span<const float> gradient() const {
    require(!lookup_gradient_, spec_.name, ": settle the gradient before reading it");
    return {gradient_.data(), gradient_ ? static_cast<std::size_t>(storage_size()) : 0};
  }

  // Where a backward pass adds: products with the matrix, and look-ups of its rows. An embedding
  // that is the head as well has one chain of sums for each use, so that splitting a batch does not
  // weave them into each other; settle() adds them up. Memory is taken when it is first asked for.
  std::span<float> accumulator() { return from_zero(gradient_); }
  std::span<float> lookup_accumulator() { return from_zero(lookup_gradient_); }
  void settle() {
    if (!lookup_gradient_) return;
    if (gradient_)
      kernel::add(storage_size(), gradient_.data(), lookup_gradient_.data(), gradient_.data());
    else
      std::swap(gradient_, lookup_gradient_);
    lookup_gradient_ = Buffer();
  }

  bool trainable() const { return trainable_; }
  void set_trainable(bool on) {
    trainable_ = on;
    if (!on) zero_gradient();
  }
  // The gradient's memory goes back to where the next one takes it from: of several networks that
  // learn in turn, one has a gradient at a time.
  void zero_gradient() {
    gradient_ = Buffer();
    lookup_gradient_ = Buffer();
  }

  // Shape in the checkpoint.
  std::vector<std::int64_t> file_shape() const { return spec_.file_shape(); }

  // From and to the order of the checkpoint, `file_shape()` row-major.
  void from_file(std::span<const float> rows) { scatter(rows, value_.data()); }
  void to_file(std::span<float> rows) const { gather(value_.data(), rows); }
  // The same for another array in the layout of value(): a moment, an average.
  void from_file(std::span<const float> rows, std::span<float> storage) const {
    check_storage(storage.size());
    scatter(rows, storage.data());
  }
  void to_file(std::span<float> rows, std::span<const float> storage) const {
    check_storage(storage.size());
    gather(storage.data(), rows);
  }
  void gradient_to_file(std::span<float> rows) { gather(gradient().data(), rows); }

  // Normal values with the given deviation, a function of the seed and the name.
  void randomise(std::uint64_t seed, float deviation) {
    std::uint64_t id = 0;
    for (char c : spec_.name) id = mix(id, static_cast<unsigned char>(c));
    RandomStream stream({.seed = seed, .sequence = id});
    std::vector<float> rows(static_cast<std::size_t>(count()));
    // The sum of twelve uniforms: near enough to a normal, and free of libm.
    for (float& x : rows) {
      double sum = -6.0;
      for (int i = 0; i < 12; ++i) sum += stream.uniform();
      x = static_cast<float>(sum * deviation);
    }
    from_file(rows);
  }

  void copy_values(const Parameter& other) {
    require(other.out() == out() && other.in() == in(), name(), ": shape [", other.out(), ", ",
            other.in(), "], expected [", out(), ", ", in(), "]");
    std::memcpy(value_.data(), other.value_.data(), bytes());
  }

 private:
  std::int64_t storage_size() const {
    return is_matrix() ? (spec_.out + 15) / 16 * 16 * spec_.in : spec_.out;
  }
  std::size_t bytes() const { return static_cast<std::size_t>(storage_size()) * sizeof(float); }

  std::span<float> from_zero(Buffer& buffer) const {
    if (!trainable_) return {};
    if (!buffer) {
      buffer = Buffer(storage_size());
      std::memset(buffer.data(), 0, bytes());
    }
    return {buffer.data(), static_cast<std::size_t>(storage_size())};
  }

  void check_storage(std::size_t size) const {
    require(static_cast<std::int64_t>(size) == storage_size(), name(), ": an array of ", size,
            " elements beside it, expected ", storage_size());
  }

  // Index in storage of element (o, i).
  std::int64_t at(std::int64_t o, std::int64_t i) const {
    return (o / 16 * spec_.in + i) * 16 + o % 16;
  }

  void scatter(std::span<const float> rows, float* to) const {
    require(static_cast<std::int64_t>(rows.size()) == count(), name(), ": ", rows.size(),
            " values, expected ", count());
    if (!is_matrix()) {
      std::memcpy(to, rows.data(), bytes());
    } else if (spec_.transposed_file) {
      for (std::int64_t i = 0; i < spec_.in; ++i)
        for (std::int64_t o = 0; o < spec_.out; ++o)
          to[at(o, i)] = rows[static_cast<std::size_t>(i * spec_.out + o)];
    } else {
      kernel::pack_panels(rows.data(), spec_.out, spec_.in, to);
    }
  }

  void gather(const float* from, std::span<float> rows) const {
    require(static_cast<std::int64_t>(rows.size()) == count(), name(), ": room for ", rows.size(),
            " values, expected ", count());
    if (!is_matrix()) {
      std::memcpy(rows.data(), from, bytes());
    } else if (spec_.transposed_file) {
      for (std::int64_t i = 0; i < spec_.in; ++i)
        for (std::int64_t o = 0; o < spec_.out; ++o)
          rows[static_cast<std::size_t>(i * spec_.out + o)] = from[at(o, i)];
    } else {
      kernel::unpack_panels(from, spec_.out, spec_.in, rows.data());
    }
  }

  ParameterSpec spec_;
  Buffer value_;
  bool trainable_ = false;
  Buffer gradient_;         // empty until something flows in
  Buffer lookup_gradient_;  // empty unless rows have been looked up since settle()
};

}  // namespace model
}  // namespace v0
}  // namespace hone
