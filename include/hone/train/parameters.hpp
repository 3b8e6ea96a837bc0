// The trainable parameters of one or more models, in a fixed order, as optimisers see them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/pack.hpp"
#include "hone/core/parallel.hpp"
#include "hone/model/lora.hpp"
#include "hone/model/parameter.hpp"

namespace hone {
inline namespace v0 {
namespace train {

using ParameterList = std::vector<model::Parameter*>;

// A model's parameters that learn now, its adapters' among them.
template <class Decoder>
ParameterList trainable_parameters(Decoder& decoder) {
  ParameterList out;
  auto take = [&out](model::Parameter& p) {
    if (p.trainable()) out.push_back(&p);
  };
  decoder.for_each_parameter(take);
  model::for_each_adapter_parameter(decoder, take);
  return out;
}

namespace detail {

// Elements that one thread handles at a time; also the unit of the sum of squares, so it is fixed.
inline constexpr std::int64_t chunk = 1 << 16;

// Calls f(chunk, parameter's index, begin, end) for chunks of all parameters, in parallel.
template <class F>
void for_each_chunk(const ParameterList& parameters, F&& f) {
  struct Piece {
    std::size_t parameter;
    std::int64_t begin, end;
  };
  std::vector<Piece> pieces;
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    const auto n = static_cast<std::int64_t>(parameters[p]->value().size());
    for (std::int64_t i = 0; i < n; i += chunk) pieces.push_back({p, i, std::min(n, i + chunk)});
  }
  parallel_for(static_cast<std::int64_t>(pieces.size()), [&](std::int64_t i) {
    const Piece& piece = pieces[static_cast<std::size_t>(i)];
    f(i, piece.parameter, piece.begin, piece.end);
  });
}

inline std::int64_t chunks_of(const ParameterList& parameters) {
  std::int64_t n = 0;
  for (const model::Parameter* p : parameters)
    n += (static_cast<std::int64_t>(p->value().size()) + chunk - 1) / chunk;
  return n;
}

}  // namespace detail

// Of the next minibatch; their memory is free for others.
inline void zero_gradients(const ParameterList& parameters) {
  for (model::Parameter* p : parameters) p->zero_gradient();
}

// sqrt(sum of squares of all gradients), summed in double by chunks of a fixed size. Throws an
// Error that names the first parameter with a gradient that is not finite.
inline double gradient_norm(const ParameterList& parameters) {
  for (model::Parameter* p : parameters) p->gradient();  // complete before threads ask for it
  std::vector<double> sums(static_cast<std::size_t>(detail::chunks_of(parameters)));
  detail::for_each_chunk(parameters, [&](std::int64_t i, std::size_t parameter, std::int64_t begin,
                                         std::int64_t end) {
    const float* g = parameters[parameter]->gradient().data();
    double lanes[16] = {};
    for (std::int64_t j = begin; j < end; j += 16)
      for (std::int64_t l = 0; l < std::min<std::int64_t>(16, end - j); ++l)
        lanes[l] = std::fma(static_cast<double>(g[j + l]), static_cast<double>(g[j + l]), lanes[l]);
    for (int width = 8; width > 0; width /= 2)
      for (int l = 0; l < width; ++l) lanes[l] += lanes[l + width];
    sums[static_cast<std::size_t>(i)] = lanes[0];
  });
  double total = 0.0;
  for (double s : sums) total += s;
  if (!(total <= 1e300)) {
    for (model::Parameter* p : parameters) {
      std::vector<float> rows(static_cast<std::size_t>(p->count()));
      p->gradient_to_file(rows);
      for (std::size_t i = 0; i < rows.size(); ++i)
        require(std::isfinite(rows[i]), "gradient of ", p->name(), ": element ", i, " is ", rows[i],
                ", expected a finite number; the weights are unchanged");
    }
    fail("gradient norm: ", total, ", expected a finite number; the weights are unchanged");
  }
  return std::sqrt(total);
}

}  // namespace train
}  // namespace v0
}  // namespace hone
