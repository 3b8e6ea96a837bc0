// The forward and backward pass of the pretraining text in a policy update: see ptx.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/order_free_sum.hpp"
#include "hone/data/batch.hpp"
#include "hone/loss/nll.hpp"
#include "hone/train/experience.hpp"
#include "hone/train/head_rows.hpp"
#include "hone/train/token_pass.hpp"

namespace hone {
inline namespace v0 {
namespace train {

// Adds the gradients of coef, which is not 0, times the mean next-token loss of a batch; returns
// that mean.
template <class Decoder>
double ptx_pass(Decoder& decoder, const data::Batch& given, float coef,
                std::int64_t microbatch_tokens, PassSettings settings) {
  const data::Batch batch = given.canonical();
  const std::int64_t tokens = batch.trained_tokens();
  require(tokens > 0, "Ptx: a batch of ", batch.forest.trees(),
          " trees holds no token that carries loss");
  settings.temperature = 1.0f;
  const float weight = coef / static_cast<float>(tokens);
  OrderFreeSum<> total;
  for_each_microbatch(batch.forest, microbatch_tokens, [&](auto first, auto last) {
    const data::Batch part = batch.slice(first, last);
    const HeadRows rows = rows_of(part.forest, part.trained);
    const std::vector<float> weights(static_cast<std::size_t>(rows.size()), weight);
    total.add(token_pass(decoder, part.forest, rows, loss::Nll{}, {}, weights, settings));
  });
  return total.value() / static_cast<double>(coef);
}

}  // namespace train
}  // namespace v0
}  // namespace hone
