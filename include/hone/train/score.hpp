// Log-probabilities and entropies without gradients: what a reference model or an evaluation needs.
#pragma once

#include <vector>

#include "hone/core/forest.hpp"
#include "hone/kernel/head_pass.hpp"
#include "hone/train/head_rows.hpp"
#include "hone/train/token_pass.hpp"

namespace hone {
inline namespace v0 {
namespace train {

struct Scored {
  std::vector<float> logprobs;   // [n] log pi(target | before), at the temperature
  std::vector<float> entropies;  // [n]; empty unless asked for
};

template <class Decoder>
Scored score(Decoder& decoder, const Forest& forest, const HeadRows& rows,
             const PassSettings& settings = {}, bool entropies = false) {
  Scored out;
  const auto n = static_cast<std::size_t>(rows.size());
  out.logprobs.resize(n);
  if (entropies) out.entropies.resize(n);
  if (n == 0) return out;
  typename Decoder::Pass pass({.adapters = settings.adapters});
  const auto hidden = hidden_states(decoder, pass, forest, settings.trunk);
  kernel::head_scores(detail::head_shape(decoder, rows, settings.temperature), hidden.data(),
                      decoder.head().value().data(), rows.hidden.data(), rows.targets.data(),
                      out.logprobs.data(), entropies ? out.entropies.data() : nullptr);
  return out;
}

}  // namespace train
}  // namespace v0
}  // namespace hone
