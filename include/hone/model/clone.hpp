// A copy of a decoder's weights, frozen: the reference model of a fully trained actor.
#pragma once

#include <cstddef>
#include <vector>

namespace hone {
inline namespace v0 {
namespace model {

// Adapters are not copied: the copy is the model that they were added to.
template <class Decoder>
Decoder clone(const Decoder& decoder) {
  using Weights = typename Decoder::Parameter;
  Decoder out{decoder.config()};
  std::vector<const Weights*> from;
  decoder.for_each_parameter([&from](const Weights& p) { from.push_back(&p); });
  std::size_t next = 0;
  out.for_each_parameter([&](Weights& p) { p.copy_values(*from[next++]); });
  return out;
}

// Whether a decoder carries adapters.
template <class Decoder>
bool has_adapters(const Decoder& decoder) {
  bool any = false;
  decoder.for_each_linear([&any](const auto& linear) { any = any || linear.adapter.has_value(); });
  return any;
}

}  // namespace model
}  // namespace v0
}  // namespace hone
