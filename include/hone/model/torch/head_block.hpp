// One block of rows of a head on LibTorch tensors: log-probabilities, entropies and exact KLs of
// the rows, and what a loss of these gives back to the logits. Its logits are the only ones that
// exist.
//
// The formulas are those of kernel/head_block.hpp; products and softmax are LibTorch's, in fp32.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <limits>
#include <utility>

#include "hone/kernel/head_shape.hpp"

namespace hone {
inline namespace v0 {
namespace model {

// A frozen model beside the head, under the same indices, vocabulary and temperature.
struct TorchHeadReference {
  at::Tensor hidden;  // [states, dim]
  at::Tensor weight;  // [vocab, dim]
  float softcap = 0.0f;
};

namespace detail {

// softmax(cap tanh(X W^T / cap) / temperature), as logarithms, and the way back through it.
class TorchDistribution {
 public:
  at::Tensor x;     // [count, dim]
  at::Tensor logp;  // [count, vocab]

  TorchDistribution() = default;
  TorchDistribution(const at::Tensor& hidden, const at::Tensor& weight, const at::Tensor& rows,
                    float temperature, float softcap)
      : x(hidden.index_select(0, rows)),
        temperature_(static_cast<double>(temperature)),
        cap_(static_cast<double>(softcap)) {
    at::Tensor z = at::mm(x, weight.t());
    if (cap_ > 0) {
      z.div_(cap_).tanh_();
      capped_ = z.clone();
      z.mul_(cap_);
    }
    logp = at::log_softmax(z.div_(temperature_), -1);
  }

  // The derivative by X W^T from the one by what goes into the softmax, in its place.
  at::Tensor through_scale(at::Tensor d) const {
    d.div_(temperature_);
    if (cap_ > 0) d.mul_(1 - capped_.square());
    return d;
  }

 private:
  double temperature_ = 1, cap_ = 0;
  at::Tensor capped_;  // [count, vocab] tanh(z / cap), if there is a cap
};

class TorchHeadBlock {
 public:
  // [count] each; 0 where they were not asked for.
  at::Tensor logprobs, entropies, kls;

  // Row r predicts targets[r] from hidden[rows[r]].
  TorchHeadBlock(const kernel::HeadShape& shape, const at::Tensor& hidden, const at::Tensor& weight,
                 const TorchHeadReference* reference, const at::Tensor& rows,
                 const at::Tensor& targets, bool entropy)
      : own_(hidden, weight, rows, shape.temperature, shape.softcap),
        targets_(targets.unsqueeze(1)) {
    p_ = own_.logp.exp();
    logprobs = own_.logp.gather(1, targets_).squeeze(1).contiguous();
    entropies = at::zeros({rows.size(0)});
    kls = at::zeros({rows.size(0)});
    // Where p is 0, its logarithm counts for nothing.
    const at::Tensor never = p_ == 0;
    if (entropy) {
      surprise_ = -own_.logp.masked_fill(never, 0.0);
      entropies = (p_ * surprise_).sum(-1);
    }
    if (reference) {
      const TorchDistribution q(reference->hidden.detach(), reference->weight.detach(), rows,
                                shape.temperature, reference->softcap);
      const auto lowest = static_cast<double>(std::numeric_limits<float>::lowest());
      log_ratio_ = (own_.logp - q.logp.clamp_min(lowest)).masked_fill(never, 0.0);
      kls = (p_ * log_ratio_).sum(-1);
    }
  }

  // [count, vocab] dL / d(X W^T), from dL by the three columns.
  at::Tensor gradient(const at::Tensor& by_logprob, const at::Tensor& by_entropy,
                      const at::Tensor& by_kl) const {
    const auto column = [](const at::Tensor& x) { return x.unsqueeze(1); };  // [count, 1]
    at::Tensor slope = column(by_logprob);
    if (surprise_.defined()) slope = slope + column(by_entropy) * (column(entropies) - surprise_);
    if (log_ratio_.defined()) slope = slope - column(by_kl) * (log_ratio_ - column(kls));
    at::Tensor d = -p_ * slope;
    d.scatter_add_(1, targets_, column(by_logprob));
    return own_.through_scale(std::move(d));
  }

  const at::Tensor& inputs() const { return own_.x; }  // [count, dim]

 private:
  TorchDistribution own_;
  at::Tensor targets_;    // [count, 1]
  at::Tensor p_;          // [count, vocab]
  at::Tensor surprise_;   // [count, vocab] -log p, if the entropy is asked for
  at::Tensor log_ratio_;  // [count, vocab] log p - log q, if there is a reference
};

}  // namespace detail
}  // namespace model
}  // namespace v0
}  // namespace hone
