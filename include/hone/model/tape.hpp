// The record of a forward pass from which the backward pass runs.
//
// Each operation of the Native backend leaves one closure, which adds to the gradients of its
// inputs what the gradient of its output implies. The tape runs them last to first and drops each
// when it has run, so an activation's memory is free as soon as its last reader is done.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "hone/model/buffer.hpp"

namespace hone {
inline namespace v0 {
namespace model {

// One array of activations [rows, cols] and, while a backward pass needs it, its gradient.
struct Node {
  Node(std::int64_t r, std::int64_t c, bool learns)
      : rows(r), cols(c), needs_gradient(learns), data(r * c) {}
  std::int64_t rows, cols;
  bool needs_gradient;
  Buffer data;      // empty while forgotten
  Buffer gradient;  // empty until something flows in
  // Computes the data again, bit for bit; empty for what is cheaper to keep.
  std::function<void(float*)> remake = {};
};

// A handle to a node, or to a range of its columns.
class Tensor {
 public:
  Tensor() = default;
  Tensor(std::int64_t rows, std::int64_t cols, bool needs_gradient)
      : node_(std::make_shared<Node>(rows, cols, needs_gradient)), cols_(cols) {}

  std::int64_t rows() const { return node_->rows; }
  std::int64_t cols() const { return cols_; }
  std::int64_t stride() const { return node_->cols; }  // floats from one row to the next
  bool contiguous() const { return cols_ == node_->cols; }
  bool needs_gradient() const { return node_->needs_gradient; }
  void set_needs_gradient(bool on) const { node_->needs_gradient = on; }
  explicit operator bool() const { return node_ != nullptr; }

  // Whoever may write has to be believed to: what is written cannot be made again.
  float* data() {
    remember();
    node_->remake = nullptr;
    return node_->data.data() + first_;
  }
  const float* data() const {
    remember();
    return node_->data.data() + first_;
  }

  // From here on forget() gives the data's memory back, and the next reader has f(data) fill new
  // memory.
  void remake_by(std::function<void(float*)> f) const { node_->remake = std::move(f); }
  void forget() const {
    if (node_->remake) node_->data = Buffer();
  }

  // The gradient, zero before anything has flowed in. Kernels add to it.
  float* gradient() const {
    if (!node_->gradient) {
      node_->gradient = Buffer(node_->rows * node_->cols);
      std::memset(node_->gradient.data(), 0,
                  static_cast<std::size_t>(node_->rows * node_->cols) * sizeof(float));
    }
    return node_->gradient.data() + first_;
  }

  // The gradient for a kernel that can overwrite: `fresh` tells that nothing has flowed in yet, and
  // then the memory is uninitialised.
  float* gradient(bool& fresh) const {
    fresh = contiguous() && !node_->gradient;
    if (fresh) node_->gradient = Buffer(node_->rows * node_->cols);
    return gradient();
  }

  bool has_gradient() const { return static_cast<bool>(node_->gradient); }
  void drop_gradient() const { node_->gradient = Buffer(); }
  void drop_data() const { node_->data = Buffer(); }

  // Passes the gradient of `this` on to `to`, which has none yet, without copying it.
  void move_gradient(const Tensor& to) const { to.node_->gradient = std::move(node_->gradient); }

  // Columns [first, first + count) of the same rows; shares data and gradient.
  Tensor columns(std::int64_t first, std::int64_t count) const {
    Tensor out = *this;
    out.first_ += first;
    out.cols_ = count;
    return out;
  }

 private:
  void remember() const {
    if (node_->data || !node_->remake) return;
    node_->data = Buffer(node_->rows * node_->cols);
    node_->remake(node_->data.data());
  }

  std::shared_ptr<Node> node_;
  std::int64_t first_ = 0;
  std::int64_t cols_ = 0;
};

class Tape {
 public:
  void push(std::function<void()> backward) { closures_.push_back(std::move(backward)); }
  bool empty() const { return closures_.empty(); }
  void clear() { closures_.clear(); }

  void backward() {
    while (!closures_.empty()) {
      const std::function<void()> f = std::move(closures_.back());
      closures_.pop_back();
      f();
    }
  }

 private:
  std::vector<std::function<void()>> closures_;
};

}  // namespace model
}  // namespace v0
}  // namespace hone
