// One forward and backward pass of a token objective over a forest.
//
// loss = sum over rows of weight * f(row). Gradients are added to the decoder's parameters. The
// objective and its derivative are evaluated between the head's forward and backward product, block
// by block: logits are never stored beyond a block, and no second pass is needed.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/core/inputs.hpp"
#include "hone/core/order_free_sum.hpp"
#include "hone/core/reads.hpp"
#include "hone/kernel/head_pass.hpp"
#include "hone/loss/evaluate.hpp"
#include "hone/loss/nll.hpp"
#include "hone/model/native.hpp"
#include "hone/train/head_rows.hpp"
#include "hone/train/trunk.hpp"

namespace hone {
inline namespace v0 {
namespace train {

struct PassSettings {
  float temperature = 1.0f;  // divides the logits, as in the rollout
  bool checkpoint_activations = false;
  bool adapters = true;
  Trunk trunk = {};  // of the forest that the pass runs over
};

// What a pass has seen of each row; empty spans are not wanted.
struct RowResults {
  std::span<float> logprobs = {};   // [n]
  std::span<float> entropies = {};  // [n]; filled if the objective reads the entropy
  std::span<float> kls = {};        // [n]; filled if the objective reads the exact KL
};

namespace detail {

template <class Decoder>
kernel::HeadShape head_shape(const Decoder& decoder, const HeadRows& rows, float temperature) {
  return {.rows = rows.size(),
          .dim = decoder.width(),
          .vocab = decoder.config().vocab,
          .temperature = temperature,
          .softcap = decoder.config().final_softcap};
}

inline std::span<const float> part(std::span<const float> column, std::int64_t begin,
                                   std::int64_t count) {
  if (column.empty()) return {};
  return column.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count));
}

// The reference that an objective of the exact KL needs, null for any other.
template <bool Needed>
const kernel::HeadReference* wanted(const kernel::HeadReference* reference) {
  require(!Needed || reference,
          "the objective reads the exact KL over the vocabulary: give the pass the reference's "
          "hidden states and head (train::Reference::beside)");
  return Needed ? reference : nullptr;
}

}  // namespace detail

// Adds the gradients; returns the loss. columns.logprob, .entropy and .full_kl are computed here,
// the last with `reference`; the other columns that F reads must have an entry for each row.
template <class Decoder, class F>
OrderFreeSum<> token_pass(Decoder& decoder, const Forest& forest, const HeadRows& rows, const F& f,
                          inputs_of<F, loss::Column> columns, loss::Column weights,
                          const PassSettings& settings = {}, RowResults results = {},
                          const kernel::HeadReference* reference = nullptr) {
  static_assert(
      level_of<F> == Level::token,
      "hone: token_pass takes an objective of single tokens; for sequences and pairs call "
      "sequence_pass or pair_pass");
  constexpr bool entropy = reads<F>.entropy, full_kl = reads<F>.full_kl;
  OrderFreeSum<> total;
  if (rows.size() == 0) return total;
  typename Decoder::Pass pass({.record = true,
                               .checkpoint = settings.checkpoint_activations,
                               .adapters = settings.adapters});
  const auto hidden = hidden_states(decoder, pass, forest, settings.trunk);
  auto& head = decoder.head();
  kernel::head_gradients(
      detail::head_shape(decoder, rows, settings.temperature), hidden.data(), head.value().data(),
      detail::wanted<full_kl>(reference), rows.hidden.data(), rows.targets.data(), entropy,
      [&](std::int64_t begin, std::int64_t count, const kernel::HeadColumns& c) {
        auto block = columns;
        block.each([&](auto& column) { column = detail::part(column, begin, count); }, block);
        const auto n = static_cast<std::size_t>(count);
        block.logprob = {c.logprobs, n};
        if constexpr (entropy) block.entropy = {c.entropies, n};
        if constexpr (full_kl) block.full_kl = {c.kls, n};
        inputs_of<F, loss::Derivative> slopes;
        slopes.logprob = {c.d_logprobs, n};
        if constexpr (entropy) slopes.entropy = {c.d_entropies, n};
        if constexpr (full_kl) slopes.full_kl = {c.d_kls, n};
        total.add(loss::evaluate(f, block, detail::part(weights, begin, count), slopes));
        if (!results.logprobs.empty()) std::copy_n(c.logprobs, n, results.logprobs.begin() + begin);
        if (entropy && !results.entropies.empty())
          std::copy_n(c.entropies, n, results.entropies.begin() + begin);
        if (full_kl && !results.kls.empty()) std::copy_n(c.kls, n, results.kls.begin() + begin);
      },
      hidden.needs_gradient() ? hidden.gradient() : nullptr,
      head.trainable() ? head.accumulator().data() : nullptr);
  pass.backward();
  return total;
}

// Mean next-token loss over a forest and its gradients: plain language modelling. The order of the
// trees changes no bit.
template <class Decoder>
double next_token_loss(Decoder& decoder, const Forest& given, PassSettings settings = {}) {
  const std::vector<std::int64_t> order = given.canonical_order();
  const Forest forest = given.take(order);
  const std::vector<float> states = settings.trunk.take(given, order);
  settings.trunk.states = states;
  const HeadRows rows = all_rows(forest);
  const std::vector<float> weights(static_cast<std::size_t>(rows.size()),
                                   1.0f / static_cast<float>(rows.size()));
  return token_pass(decoder, forest, rows, loss::Nll{}, {}, weights, settings).value();
}

}  // namespace train
}  // namespace v0
}  // namespace hone
