// Models that show what a trainer does with them: one without values, one that counts its passes.
#pragma once

#include <span>
#include <utility>

#include "hone/model/decoder.hpp"
#include "hone/model/scalar_head.hpp"

namespace hone::test {

struct NoScalars {};

}  // namespace hone::test

namespace hone::model {

// Whatever is asked of this head does not compile.
template <>
struct ScalarHead<test::NoScalars> {
  template <class Pass, class Tensor>
  Tensor operator()(Pass&, const Tensor& hidden) {
    static_assert(sizeof(Tensor) == 0, "value code was instantiated");
    return hidden;
  }
  template <class... F>
  void for_each_parameter(F&&...) {
    static_assert(sizeof...(F) > 99, "value code was instantiated");
  }
};

}  // namespace hone::model

namespace hone::test {

// A model on which a scalar head cannot sit.
struct Valueless : model::Decoder<model::Llama> {
  using Base = model::Decoder<model::Llama>;
  using Base::Base;
  using Parameter = NoScalars;
};

struct PassCounts {
  int models = 0, copy_passes = 0, own_passes = 0;
};

// Counts the forward passes over forests of all models, and the models that were made. A model is
// a copy of another unless its maker says that it is not.
struct Counting : model::Decoder<model::Llama> {
  using Base = model::Decoder<model::Llama>;
  static inline PassCounts counts;

  explicit Counting(const model::Config& config) : Base(config) { ++counts.models; }

  template <class... X>
  Tensor run(Pass& pass, const Forest& forest, X&&... x) {
    ++(copy ? counts.copy_passes : counts.own_passes);
    return Base::run(pass, forest, std::forward<X>(x)...);
  }
  template <class... X>
  Tensor run(Pass& pass, std::span<const Token> tokens, X&&... x) {
    return Base::run(pass, tokens, std::forward<X>(x)...);
  }

  bool copy = true;
};

}  // namespace hone::test
