// A decoder pass whose loss is known only when all its log-probabilities are.
//
// The decoder runs once, its head twice: first for the log-probabilities; then, with the loss's
// derivative by each of them, for the gradients.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/kernel/head_pass.hpp"
#include "hone/train/head_rows.hpp"
#include "hone/train/token_pass.hpp"

namespace hone {
inline namespace v0 {
namespace train {

// A decoder's forward pass that waits for the gradients of its rows' log-probabilities.
template <class Decoder>
class TwoStagePass {
 public:
  TwoStagePass(Decoder& decoder, const Forest& forest, const HeadRows& rows,
               const PassSettings& settings, bool entropies,
               const kernel::HeadReference* reference = nullptr)
      : decoder_(&decoder),
        rows_(&rows),
        settings_(settings),
        reference_(reference),
        pass_({.record = true,
               .checkpoint = settings.checkpoint_activations,
               .adapters = settings.adapters}),
        hidden_(hidden_states(decoder, pass_, forest, settings.trunk)),
        logprobs_(static_cast<std::size_t>(rows.size())),
        entropies_(entropies ? logprobs_.size() : 0),
        kls_(reference ? logprobs_.size() : 0) {
    if (rows.size() == 0) return;
    kernel::head_scores(detail::head_shape(decoder, rows, settings.temperature), hidden_.data(),
                        decoder.head().value().data(), reference, rows.hidden.data(),
                        rows.targets.data(), logprobs_.data(),
                        entropies ? entropies_.data() : nullptr, reference ? kls_.data() : nullptr);
  }

  std::span<const float> logprobs() const { return logprobs_; }    // [n]
  std::span<const float> entropies() const { return entropies_; }  // [n] or empty
  std::span<const float> kls() const { return kls_; }              // [n]; empty: no reference

  // Adds the gradients that follow from the loss's derivative by each row.
  void backward(std::span<const float> d_logprobs, std::span<const float> d_entropies = {},
                std::span<const float> d_kls = {}) {
    if (rows_->size() == 0) return;
    auto& head = decoder_->head();
    kernel::head_gradients(
        detail::head_shape(*decoder_, *rows_, settings_.temperature), hidden_.data(),
        head.value().data(), d_kls.empty() ? nullptr : reference_, rows_->hidden.data(),
        rows_->targets.data(), !d_entropies.empty(),
        [&](std::int64_t begin, std::int64_t count, const kernel::HeadColumns& c) {
          std::copy_n(d_logprobs.begin() + begin, count, c.d_logprobs);
          if (!d_entropies.empty()) std::copy_n(d_entropies.begin() + begin, count, c.d_entropies);
          if (!d_kls.empty()) std::copy_n(d_kls.begin() + begin, count, c.d_kls);
        },
        hidden_.needs_gradient() ? hidden_.gradient() : nullptr,
        head.trainable() ? head.accumulator().data() : nullptr);
    pass_.backward();
  }

 private:
  Decoder* decoder_;
  const HeadRows* rows_;
  PassSettings settings_;
  const kernel::HeadReference* reference_;
  typename Decoder::Pass pass_;
  typename Decoder::Tensor hidden_;
  std::vector<float> logprobs_, entropies_, kls_;
};

}  // namespace train
}  // namespace v0
}  // namespace hone
