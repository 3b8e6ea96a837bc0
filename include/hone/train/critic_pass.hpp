// The critic's forward and backward pass over experience.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "hone/core/inputs.hpp"
#include "hone/core/order_free_sum.hpp"
#include "hone/loss/aggregation.hpp"
#include "hone/loss/evaluate.hpp"
#include "hone/train/experience.hpp"
#include "hone/train/scalar_pass.hpp"
#include "hone/train/value_metrics.hpp"

namespace hone {
inline namespace v0 {
namespace train {

// Adds the gradients; returns the loss, a mean over the sampled tokens of the optimiser batch that
// `counts` describes.
template <class Decoder, class A, class ValueLoss>
OrderFreeSum<> critic_pass(const ScalarModel<Decoder>& critic, const Experience<A>& e,
                           const ValueLoss& value_loss, const loss::Counts& counts,
                           const PassSettings& settings, ValueMetrics& metrics) {
  const HeadRows rows = answer_rows(e.rollouts);
  const auto n = static_cast<std::size_t>(e.rollouts.rows());
  std::vector<float> weights(n), values(n), slopes(n);
  loss::token_weights(loss::TokenMean{}, counts, e.rollouts.offsets, e.rollouts.mask, weights);
  OrderFreeSum<> total;
  scalar_pass(critic, e.rollouts.forest,
              [&](std::span<const float> scalar, std::span<float> d_scalar) {
                for (std::size_t r = 0; r < n; ++r)
                  values[r] = scalar[static_cast<std::size_t>(rows.hidden[r])];
                ValueInputs<loss::Column> columns;
                columns.value = values;
                columns.old_value = e.values;
                columns.ret = e.returns;
                ValueInputs<loss::Derivative> d;
                d.value = slopes;
                total = loss::evaluate(value_loss, columns, weights, d);
                if constexpr (ClipsValues<ValueLoss>)
                  metrics.add(value_loss, columns, e.rollouts.mask);
                for (std::size_t r = 0; r < n; ++r)
                  d_scalar[static_cast<std::size_t>(rows.hidden[r])] += slopes[r];
              },
              {.checkpoint_activations = settings.checkpoint_activations, .trunk = settings.trunk});
  return total;
}

}  // namespace train
}  // namespace v0
}  // namespace hone
