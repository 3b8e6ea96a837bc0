// The fused head on LibTorch tensors on the CPU: logits exist for one block of rows at a time.
//
// The contracts are those of kernel/head_pass.hpp, and the same objective callback serves both:
//   torch_head_scores     log-probabilities, and entropies and exact KLs if they are asked for
//   torch_head_gradients  the same, an objective of them between, and the gradients of hidden
//                         states [states, dim] and head [vocab, dim]: three products
// An objective of sequences or pairs takes the scores, then the gradients with its derivative by
// each row's log-probability given: four products. Products, softmax and gradients are LibTorch's,
// in fp32, so results agree with the Native backend to rounding, not bit for bit.
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cstdint>
#include <span>

#include "hone/core/error.hpp"
#include "hone/core/forest.hpp"
#include "hone/kernel/head_shape.hpp"
#include "hone/model/torch/head_block.hpp"

namespace hone {
inline namespace v0 {
namespace model {

struct TorchHeadScores {
  at::Tensor logprobs;   // [rows]
  at::Tensor entropies;  // [rows], 0 unless they were asked for
  at::Tensor kls;        // [rows], 0 without a reference
};

struct TorchHeadGradients {
  at::Tensor hidden;  // [states, dim], zero where no row reads
  at::Tensor weight;  // [vocab, dim]
};

namespace detail {

// Calls visit(begin, block, rows) for one block after the other; rows [count] names its states.
template <class Visit>
void each_torch_block(const kernel::HeadShape& shape, const at::Tensor& hidden,
                      const at::Tensor& weight, const TorchHeadReference* reference,
                      std::span<const std::int64_t> index, std::span<const Token> targets,
                      bool entropy, const Visit& visit) {
  require(index.size() == targets.size(), "head: ", index.size(), " rows and ", targets.size(),
          " targets, expected as many");
  require(shape.temperature > 0.0f, "head: temperature is ", shape.temperature,
          ", expected above 0");
  const at::Tensor states = hidden.detach(), head = weight.detach();
  const auto all = static_cast<std::int64_t>(index.size());
  const std::int64_t bytes = reference ? shape.block_bytes / 2 : shape.block_bytes;
  const std::int64_t most = std::max<std::int64_t>(16, bytes / (head.size(0) * 4) / 16 * 16);
  for (std::int64_t begin = 0; begin < all; begin += most) {
    const std::int64_t count = std::min(most, all - begin);
    const at::Tensor rows = at::empty({count}, at::kLong), ids = at::empty({count}, at::kLong);
    std::copy_n(index.begin() + begin, count, rows.data_ptr<std::int64_t>());
    std::copy_n(targets.begin() + begin, count, ids.data_ptr<std::int64_t>());
    visit(begin, TorchHeadBlock(shape, states, head, reference, rows, ids, entropy), rows);
  }
}

}  // namespace detail

// Of `shape`, temperature, softcap and block_bytes are read, here and below.
inline TorchHeadScores torch_head_scores(const kernel::HeadShape& shape, const at::Tensor& hidden,
                                         const at::Tensor& weight,
                                         std::span<const std::int64_t> index,
                                         std::span<const Token> targets, bool entropy,
                                         const TorchHeadReference* reference = nullptr) {
  const at::NoGradGuard guard;
  const auto rows = static_cast<std::int64_t>(index.size());
  TorchHeadScores out{at::zeros({rows}), at::zeros({rows}), at::zeros({rows})};
  detail::each_torch_block(
      shape, hidden, weight, reference, index, targets, entropy,
      [&](std::int64_t begin, const detail::TorchHeadBlock& block, const at::Tensor&) {
        const std::int64_t count = block.logprobs.size(0);
        out.logprobs.narrow(0, begin, count).copy_(block.logprobs);
        out.entropies.narrow(0, begin, count).copy_(block.entropies);
        out.kls.narrow(0, begin, count).copy_(block.kls);
      });
  return out;
}

// For each block of rows it calls objective(begin, count, columns) with the block's HeadColumns.
template <class Objective>
TorchHeadGradients torch_head_gradients(const kernel::HeadShape& shape, const at::Tensor& hidden,
                                        const at::Tensor& weight,
                                        const TorchHeadReference* reference,
                                        std::span<const std::int64_t> index,
                                        std::span<const Token> targets, bool entropy,
                                        const Objective& objective) {
  const at::NoGradGuard guard;
  TorchHeadGradients out{at::zeros_like(hidden), at::zeros_like(weight)};
  detail::each_torch_block(
      shape, hidden, weight, reference, index, targets, entropy,
      [&](std::int64_t begin, const detail::TorchHeadBlock& block, const at::Tensor& rows) {
        const std::int64_t count = rows.size(0);
        const at::Tensor by_logprob = at::zeros({count}), by_entropy = at::zeros({count}),
                         by_kl = at::zeros({count});
        objective(
            begin, count,
            kernel::HeadColumns{block.logprobs.data_ptr<float>(), block.entropies.data_ptr<float>(),
                                block.kls.data_ptr<float>(), by_logprob.data_ptr<float>(),
                                by_entropy.data_ptr<float>(), by_kl.data_ptr<float>()});
        const at::Tensor dz = block.gradient(by_logprob, by_entropy, by_kl);
        out.hidden.index_add_(0, rows, at::mm(dz, weight.detach()));
        out.weight.addmm_(dz.t(), block.inputs());
      });
  return out;
}
// The same without a reference, for an objective that is called with (begin, count, logprobs,
// entropies, d_logprobs, d_entropies).
template <class Objective>
TorchHeadGradients torch_head_gradients(const kernel::HeadShape& shape, const at::Tensor& hidden,
                                        const at::Tensor& weight,
                                        std::span<const std::int64_t> index,
                                        std::span<const Token> targets, bool entropy,
                                        const Objective& objective) {
  return torch_head_gradients(
      shape, hidden, weight, nullptr, index, targets, entropy,
      [&](std::int64_t begin, std::int64_t count, const kernel::HeadColumns& c) {
        objective(begin, count, c.logprobs, c.entropies, c.d_logprobs, c.d_entropies);
      });
}

}  // namespace model
}  // namespace v0
}  // namespace hone
