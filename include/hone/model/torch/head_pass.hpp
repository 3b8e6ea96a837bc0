// The fused head on LibTorch tensors: logits exist for one block of rows at a time.
//
// The contract is that of kernel/head_pass.hpp, the same objective callback serves both:
//   objective(begin, count, logprobs, entropies, d_logprobs, d_entropies)
// Products, softmax and gradients are LibTorch's, in fp32, so results agree with the Native backend
// to rounding, not bit for bit.
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/forest.hpp"
#include "hone/kernel/head_shape.hpp"

namespace hone {
inline namespace v0 {
namespace model {

// What the head's block gives back, rows in the order of `index`.
struct TorchHeadGradients {
  at::Tensor hidden;  // [T, dim], zero where no row reads
  at::Tensor weight;  // [vocab, dim]
};

// Log-probabilities of `targets` predicted from hidden[index], the objective's derivative by them,
// and the gradients of hidden states [T, dim] and head [vocab, dim]. Of `shape`, temperature,
// softcap and block_bytes are read.
template <class Objective>
TorchHeadGradients torch_head_gradients(const kernel::HeadShape& shape, const at::Tensor& hidden,
                                        const at::Tensor& weight,
                                        std::span<const std::int64_t> index,
                                        std::span<const Token> targets, bool entropy,
                                        Objective&& objective) {
  require(index.size() == targets.size(), "torch_head_gradients: ", index.size(), " rows and ",
          targets.size(), " targets, expected as many");
  const at::NoGradGuard guard;
  const at::Tensor states = hidden.detach(), head = weight.detach();
  TorchHeadGradients out{at::zeros_like(states), at::zeros_like(head)};
  const auto rows = static_cast<std::int64_t>(index.size());
  const std::int64_t vocab = head.size(0);
  const std::int64_t block = std::max<std::int64_t>(16, shape.block_bytes / (vocab * 4) / 16 * 16);
  const double t = static_cast<double>(shape.temperature), cap = static_cast<double>(shape.softcap);
  for (std::int64_t begin = 0; begin < rows; begin += block) {
    const std::int64_t count = std::min(block, rows - begin);
    const at::Tensor at_rows = at::empty({count}, at::kLong),
                     at_targets = at::empty({count}, at::kLong);
    for (std::int64_t r = 0; r < count; ++r) {
      at_rows.data_ptr<std::int64_t>()[r] = index[static_cast<std::size_t>(begin + r)];
      at_targets.data_ptr<std::int64_t>()[r] = targets[static_cast<std::size_t>(begin + r)];
    }
    const at::Tensor x = states.index_select(0, at_rows);  // [count, dim]
    at::Tensor z = at::mm(x, head.t());                    // [count, vocab]
    if (cap > 0) z.div_(cap).tanh_();                      // tanh(z / cap), the cap follows
    const at::Tensor capped = cap > 0 ? z.clone() : at::Tensor();
    if (cap > 0) z.mul_(cap);
    const at::Tensor logp = at::log_softmax(z.div_(t), -1);
    const at::Tensor p = logp.exp();
    const at::Tensor picked = logp.gather(1, at_targets.unsqueeze(1)).squeeze(1).contiguous();
    at::Tensor h = at::zeros({count});
    if (entropy) h = -(p * logp.masked_fill(p == 0, 0.0)).sum(-1);
    const at::Tensor by_logprob = at::zeros({count}), by_entropy = at::zeros({count});
    objective(begin, count, picked.data_ptr<float>(), h.data_ptr<float>(),
              by_logprob.data_ptr<float>(), by_entropy.data_ptr<float>());
    at::Tensor dz = p * -by_logprob.unsqueeze(1);
    dz.scatter_add_(1, at_targets.unsqueeze(1), by_logprob.unsqueeze(1));
    if (entropy)
      dz.sub_(by_entropy.unsqueeze(1) * p * (logp + h.unsqueeze(1)).masked_fill(p == 0, 0.0));
    dz.div_(t);
    if (cap > 0) dz.mul_(1 - capped.square());
    out.hidden.index_add_(0, at_rows, at::mm(dz, head));
    out.weight.addmm_(dz.t(), x);
  }
  return out;
}

}  // namespace model
}  // namespace v0
}  // namespace hone
